// The compilation of rules into the automaton behind `Grammar`, and the walks through it.
//
// The compiler names a state by what is still to be said: a string of words and <symbols>. To leave a state
// is to expand its first symbol until a word comes first; what remains names the next state. Read
// sentences.cpp for the language and its notation, then `Grammar::Compiler::expand`, then the walks through
// the automaton at the end.

#include "grammar.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <numeric>
#include <random>
#include <set>
#include <utility>

#include <fmt/format.h>

#include <xgrad/autograd/error.hpp>

namespace xgrad {
namespace {

// The pieces of `text` between separators, empty ones left out.
std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  while (!text.empty()) {
    const auto end = std::min(text.find(separator), text.size());
    if (end > 0) pieces.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return pieces;
}

// The parts of `text` before and after the first `mark`; all of it and nothing if there is none.
std::pair<std::string_view, std::string_view> cut(std::string_view text, std::string_view mark) {
  const auto end = text.find(mark);
  if (end == std::string_view::npos) return {text, {}};
  return {text.substr(0, end), text.substr(end + mark.size())};
}

// Two runs of symbols as one.
std::string joined(std::string_view left, std::string_view right) {
  const auto blank = left.empty() || right.empty() ? "" : " ";
  return fmt::format("{}{}{}", left, blank, right);
}

std::string replaced(std::string text, std::string_view old, std::string_view fresh) {
  for (auto at = text.find(old); at != std::string::npos; at = text.find(old, at + fresh.size())) {
    text.replace(at, old.size(), fresh);
  }
  return text;
}

// The positive whole number that is `text`, or 0.
double number(std::string_view text) {
  const auto* const end = text.data() + text.size();
  unsigned value = 0;
  return std::from_chars(text.data(), end, value).ptr == end ? value : 0;
}

[[noreturn]] void refuse(const std::string& why) { throw Error("grammar", why); }

}  // namespace

class Grammar::Compiler {
 public:
  explicit Compiler(std::string_view rules) {
    std::string line;
    for (const auto piece : split(rules, '\n')) {
      if (piece.front() != ' ') read(std::exchange(line, {}));
      line += piece;
    }
    read(line);
  }

  // The automaton: every state that can be reached from the beginning of a sentence, which is the first.
  std::vector<State> states() {
    std::vector<State> states;
    index_of(sentence);
    while (states.size() < names_.size()) {
      const auto todo = names_[states.size()];  // a copy: to expand it adds names
      State state;
      expand(todo, 1.0, max_depth, state);
      states.push_back(std::move(state));
    }
    return states;
  }

 private:
  static constexpr std::string_view sentence = "<sentence>";
  // Signs of endless recursion, far beyond what a sentence needs.
  static constexpr int max_depth = 100;
  static constexpr std::size_t max_name = 2000;

  struct Alternative {
    double weight;
    std::string body;
  };

  void read(const std::string& line) {
    if (line.empty()) return;
    for (const auto& [variable, values] : variables_) {
      if (line.find(variable) == std::string::npos) continue;
      for (const auto& value : values) read(replaced(line, variable, value));
      return;
    }
    if (const auto [head, bodies] = cut(line, " -> "); !bodies.empty()) {
      read_rule(head, bodies);
    } else if (const auto [heads, words] = cut(line, " = "); !words.empty()) {
      read_words(split(heads, ' '), split(words, ' '));
    } else if (const auto [name, values] = cut(line, " in "); !values.empty()) {
      const auto pieces = split(values, ' ');
      variables_[fmt::format("{{{}}}", name)].assign(pieces.begin(), pieces.end());
    } else {
      refuse(fmt::format("\"{}\" is no rule; expected a line with \" -> \", \" = \" or \" in \"", line));
    }
  }

  void read_rule(std::string_view head, std::string_view bodies) {
    std::vector<Alternative> alternatives;
    for (const auto body : split(bodies, '|')) {
      const auto symbols = split(body, ' ');
      if (symbols.empty()) refuse(fmt::format("<{}> has an alternative without weight and symbols", head));
      const auto weight = number(symbols.front());
      const auto first = symbols.begin() + (weight > 0 ? 1 : 0);
      alternatives.push_back(
          {std::max(weight, 1.0), std::accumulate(first, symbols.end(), std::string(), joined)});
    }
    add(head, std::move(alternatives));
  }

  void read_words(const std::vector<std::string_view>& heads, const std::vector<std::string_view>& words) {
    std::vector<std::vector<Alternative>> columns(heads.size());
    for (std::size_t rank = 1; rank <= words.size(); ++rank) {
      const auto forms = split(words[rank - 1], '/');
      if (forms.size() != heads.size()) {
        refuse(fmt::format("\"{}\" has {} forms, expected {}", words[rank - 1], forms.size(), heads.size()));
      }
      const double weight = 1.0 / static_cast<double>(rank + 3);  // flatter than Zipf's law, for short lists
      for (std::size_t i = 0; i < forms.size(); ++i) columns[i].push_back({weight, std::string(forms[i])});
    }
    for (std::size_t i = 0; i < heads.size(); ++i) add(heads[i], std::move(columns[i]));
  }

  void add(std::string_view head, std::vector<Alternative> alternatives) {
    double total = 0.0;
    for (const auto& alternative : alternatives) total += alternative.weight;
    for (auto& alternative : alternatives) alternative.weight /= total;
    const auto [at, is_new] = rules_.emplace(fmt::format("<{}>", head), std::move(alternatives));
    if (!is_new) refuse(fmt::format("{} has two rules, expected one", at->first));
  }

  // Adds the edges of what is `todo`, which begins with probability `p`, to `state`.
  void expand(std::string_view todo, double p, int depth, State& state) {
    const auto [first, rest] = cut(todo, " ");
    if (depth == 0) refuse(fmt::format("{} leads to itself before any word", first));
    if (first.empty()) {
      add_edge(state, end_of_sentence, p, sentence);
    } else if (first.front() != '<') {
      add_edge(state, first, p, rest);
    } else {
      const auto rule = rules_.find(std::string(first));
      if (rule == rules_.end()) refuse(fmt::format("{} has no rule", first));
      for (const auto& [weight, body] : rule->second) {
        expand(joined(body, rest), p * weight, depth - 1, state);
      }
    }
  }

  void add_edge(State& state, std::string_view word, double p, std::string_view todo) {
    const auto is_same = [&](const Edge& edge) { return edge.word == word; };
    if (std::any_of(state.begin(), state.end(), is_same)) {
      refuse(fmt::format("\"{}\" may come next in two ways, one of them followed by \"{}\"", word, todo));
    }
    state.push_back({std::string(word), p, index_of(todo)});
  }

  std::size_t index_of(std::string_view todo) {
    if (todo.size() > max_name) refuse("the rules have no end; a sentence must leave finitely much to say");
    const auto [at, is_new] = indices_.emplace(todo, names_.size());
    if (is_new) names_.push_back(at->first);
    return at->second;
  }

  std::map<std::string, std::vector<std::string>> variables_;  // their values, by "{name}"
  std::map<std::string, std::vector<Alternative>> rules_;      // by "<head>"
  std::map<std::string, std::size_t> indices_;                 // of the states, by what is still to be said
  std::vector<std::string> names_;                             // the same, by index
};

Grammar::Grammar() : Grammar(built_in_sentences) {}

Grammar::Grammar(std::string_view rules) : states_(Compiler(rules).states()) {
  std::set<std::string> words;
  for (const auto& state : states_) {
    for (const auto& edge : state) words.insert(edge.word);
  }
  words_.assign(words.begin(), words.end());
}

std::string Grammar::sample(std::uint32_t seed, std::size_t tokens) const {
  // The standard fixes the output of the engine but not of the distributions. The added half keeps a draw off
  // the round numbers that sums of probabilities like to meet, so that rounding cannot tip the choice.
  std::mt19937 random(seed);
  const auto draw = [&] { return (static_cast<double>(random()) + 0.5) / 4294967296.0; };

  std::string text;
  const auto is_whole = [&] { return text.empty() || text.back() == '\n'; };
  std::size_t at = 0;
  for (std::size_t said = 0; said < tokens || !is_whole(); ++said) {
    const auto& state = states_[at];
    auto edge = state.begin();
    for (double left = draw(); left >= edge->probability && edge + 1 != state.end(); ++edge) {
      left -= edge->probability;
    }
    if (edge->word == end_of_sentence) {
      text += '\n';
    } else {
      if (!is_whole()) text += ' ';
      text += edge->word;
    }
    at = edge->target;
  }
  return text;
}

template <class Visit>
std::size_t Grammar::walk(std::string_view text, Visit visit) const {
  std::size_t at = 0;
  std::size_t line = 1;
  std::size_t place = 1;
  while (!text.empty()) {
    if (text.front() == ' ') {
      text.remove_prefix(1);
      continue;
    }
    const bool is_end = text.front() == '\n';
    const auto length = is_end ? 1 : std::min(text.find_first_of(" \n"), text.size());
    const auto word = is_end ? end_of_sentence : text.substr(0, length);
    const auto& state = states_[at];
    const auto edge = std::find_if(state.begin(), state.end(), [&](const Edge& e) { return e.word == word; });
    if (edge == state.end()) {
      const auto& likely = *std::max_element(state.begin(), state.end(), [](const Edge& a, const Edge& b) {
        return a.probability < b.probability;
      });
      refuse(fmt::format("line {}, word {} is \"{}\", expected one of {} such as \"{}\"", line, place, word,
                         state.size(), likely.word));
    }
    visit(*edge);
    at = edge->target;
    line += is_end ? 1 : 0;
    place = is_end ? 1 : place + 1;
    text.remove_prefix(length);
  }
  return at;
}

double Grammar::perplexity(std::string_view text) const {
  if (text.empty()) refuse("the text is empty, expected at least one sentence");
  if (text.back() != '\n') return perplexity(std::string(text) + '\n');
  double loss = 0.0;
  std::size_t words = 0;
  walk(text, [&](const Edge& edge) {
    loss -= std::log(edge.probability);
    ++words;
  });
  return std::exp(loss / static_cast<double>(words));
}

std::vector<Grammar::Choice> Grammar::next_words(std::string_view prefix) const {
  const auto& state = states_[walk(prefix, [](const Edge&) {})];
  std::vector<Choice> choices;
  for (const auto& edge : state) choices.push_back({edge.word, edge.probability});
  return choices;
}

}  // namespace xgrad
