// The built-in corpus: that its text is the same everywhere, that its probabilities are probabilities and
// those of the text, that it asks for memory, and that foreign text and unfit rules are refused. `tiny` below
// is a grammar small enough to work out by hand.

#include "grammar.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <xgrad/autograd/error.hpp>
#include <xgrad/training/ngram.hpp>

namespace {

constexpr std::string_view tiny = R"(
n in sg pl
sentence -> 3 one <noun.sg> <verb.sg> | 1 two <noun.pl>
  <verb.pl> | 4
noun.sg noun.pl = cat/cats dog/dogs
verb.{n} -> <sleep.{n}> | 1
sleep.sg sleep.pl = sleeps/sleep
)";

const xgrad::Grammar& corpus() {
  static const xgrad::Grammar grammar;
  return grammar;
}

doctest::Approx close_to(double value) { return doctest::Approx(value).epsilon(1e-12); }

template <class Call>
std::string message_of(Call call) {
  try {
    call();
  } catch (const xgrad::Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

std::string message_of_rules(std::string_view rules) {
  return message_of([&] { xgrad::Grammar{rules}; });
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

double probability(const xgrad::Grammar& grammar, std::string_view prefix, std::string_view word) {
  for (const auto& choice : grammar.next_words(prefix)) {
    if (choice.word == word) return choice.probability;
  }
  return 0.0;
}

// Calls visit(prefix, word) for every word of a line, its end included.
template <class Visit>
void for_each_word(const std::string& line, Visit visit) {
  std::istringstream stream(line);
  std::string prefix;
  for (std::string word; stream >> word;) {
    visit(prefix, word);
    prefix += (prefix.empty() ? "" : " ") + word;
  }
  visit(prefix, std::string(xgrad::Grammar::end_of_sentence));
}

std::vector<std::int64_t> ids_of(const xgrad::Grammar& grammar, const std::string& text) {
  std::unordered_map<std::string, std::int64_t> ids;
  for (const auto& word : grammar.words()) ids.emplace(word, static_cast<std::int64_t>(ids.size()));
  std::vector<std::int64_t> result;
  for (const auto& line : lines_of(text)) {
    for_each_word(line, [&](const std::string&, const std::string& word) { result.push_back(ids.at(word)); });
  }
  return result;
}

// FNV-1a, a hash that is the same everywhere.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 14695981039346656037U;
  for (const char letter : text) hash = (hash ^ static_cast<unsigned char>(letter)) * 1099511628211U;
  return hash;
}

}  // namespace

TEST_CASE("a small grammar has the probabilities of its rules") {
  const xgrad::Grammar grammar(tiny);
  CHECK(grammar.words() ==
        std::vector<std::string>{"<eos>", "cat", "cats", "dog", "dogs", "one", "sleep", "sleeps", "two"});
  CHECK(probability(grammar, "", "one") == close_to(3.0 / 8.0));
  CHECK(probability(grammar, "", "<eos>") == close_to(4.0 / 8.0));
  CHECK(probability(grammar, "two", "cats") == close_to(5.0 / 9.0));  // 1/4 : 1/5
  CHECK(probability(grammar, "two", "cat") == 0.0);
  CHECK(probability(grammar, "one dog", "<eos>") == close_to(1.0 / 2.0));
  CHECK(probability(grammar, "two dogs sleep", "<eos>") == close_to(1.0));
  CHECK(probability(grammar, "two dogs sleep\n\none", "dog") == close_to(4.0 / 9.0));
}

TEST_CASE("the floor of a small text is what hand computation gives") {
  const xgrad::Grammar grammar(tiny);
  const double expected = std::pow(3.0 / 8.0 * 5.0 / 9.0 * 1.0 / 2.0 * 1.0 * 4.0 / 8.0, -1.0 / 5.0);
  CHECK(grammar.perplexity("one cat sleeps\n\n") == close_to(expected));
  CHECK(grammar.perplexity("  one  cat sleeps \n <eos>") == close_to(std::pow(5.0 / 96.0 / 2.0, -1.0 / 6.0)));
  CHECK(grammar.perplexity("one cat sleeps") == close_to(std::pow(5.0 / 48.0, -1.0 / 4.0)));
}

TEST_CASE("a sentence may end in another, and an ending may be shared") {
  const xgrad::Grammar grammar("sentence -> 3 a <sentence> | 1 c <x> d\nx -> 1 e | 1 f | 1 g | 1");
  CHECK(probability(grammar, "a a a", "a") == close_to(3.0 / 4.0));
  CHECK(probability(grammar, "a c f", "d") == close_to(1.0));
  CHECK(probability(grammar, "c", "d") == close_to(1.0 / 4.0));
  CHECK(grammar.perplexity(grammar.sample(8, 300)) > 1.0);
}

TEST_CASE("the corpus is the same text on every platform") {
  const auto text = corpus().sample(1, 100000);
  CHECK(lines_of(text)[0] == "once Max raked strange roses and trimmed other roses");
  CHECK(hash_of(text) == 1421745292156465455U);
  CHECK(text == xgrad::Grammar().sample(1, 100000));
  CHECK(text != corpus().sample(2, 100000));
  CHECK(corpus().sample(1, 110000).starts_with(text));
}

TEST_CASE("a sample is whole sentences, as few as hold the tokens asked for") {
  for (const std::size_t tokens : {1U, 17U, 500U}) {
    const auto text = corpus().sample(3, tokens);
    CHECK(text.back() == '\n');
    const auto last_line = text.substr(text.find_last_of('\n', text.size() - 2) + 1);
    const auto size = ids_of(corpus(), text).size();
    CHECK(size >= tokens);
    CHECK(size - ids_of(corpus(), last_line).size() < tokens);
  }
  CHECK(corpus().sample(3, 0).empty());
}

TEST_CASE("the vocabulary is a few hundred words, sorted, all of them in use") {
  const auto& words = corpus().words();
  CHECK(words.size() >= 250);
  CHECK(words.size() <= 350);
  CHECK(std::is_sorted(words.begin(), words.end()));
  CHECK(std::adjacent_find(words.begin(), words.end()) == words.end());
  std::vector<bool> is_met(words.size());
  for (const auto id : ids_of(corpus(), corpus().sample(4, 50000)))
    is_met[static_cast<std::size_t>(id)] = true;
  CHECK(std::count(is_met.begin(), is_met.end(), true) == static_cast<std::ptrdiff_t>(words.size()));
}

TEST_CASE("next-word probabilities sum to one, and the floor is their geometric mean") {
  const auto text = corpus().sample(5, 3000);
  double worst = 0.0;
  double loss = 0.0;
  double words = 0.0;
  for (const auto& line : lines_of(text)) {
    for_each_word(line, [&](const std::string& prefix, const std::string& word) {
      double sum = 0.0;
      for (const auto& choice : corpus().next_words(prefix)) sum += choice.probability;
      worst = std::max(worst, std::abs(sum - 1.0));
      loss -= std::log(probability(corpus(), prefix, word));
      words += 1.0;
    });
  }
  CHECK(worst < 1e-12);
  CHECK(corpus().perplexity(text) == close_to(std::exp(loss / words)));
}

TEST_CASE("sampled frequencies agree with the probabilities") {
  std::map<std::string, std::map<std::string, double>> counts = {{"", {}}, {"the", {}}, {"yesterday", {}}};
  for (const auto& line : lines_of(corpus().sample(6, 400000))) {
    for_each_word(line, [&](const std::string& prefix, const std::string& word) {
      if (const auto at = counts.find(prefix); at != counts.end()) at->second[word] += 1.0;
    });
  }
  for (auto& entry : counts) {
    auto& [prefix, followers] = entry;
    double total = 0.0;
    for (const auto& follower : followers) total += follower.second;
    REQUIRE(total > 1000.0);
    for (const auto& choice : corpus().next_words(prefix)) {
      const double expected = total * choice.probability;
      const double deviation = std::sqrt(expected * (1.0 - choice.probability));
      CAPTURE(entry.first);
      CAPTURE(choice.word);
      CHECK(std::abs(followers[std::string(choice.word)] - expected) < 4.5 * deviation);
    }
  }
}

TEST_CASE("number, tense and world reach across a clause") {
  const auto follows = [](std::string_view prefix, std::string_view word) {
    return probability(corpus(), prefix, word) > 0.0;
  };
  const std::string aside = " who thanked two young pirates";
  CHECK(follows("every sailor" + aside, "hauls"));
  CHECK_FALSE(follows("every sailor" + aside, "haul"));
  CHECK(follows("these sailors" + aside, "haul"));
  CHECK_FALSE(follows("these sailors" + aside, "hauls"));
  CHECK(follows("yesterday every sailor" + aside, "hauled"));
  CHECK_FALSE(follows("yesterday every sailor" + aside, "hauls"));
  CHECK(follows("tomorrow every sailor" + aside, "will"));
  CHECK_FALSE(follows("tomorrow every sailor" + aside, "hauls"));
  CHECK(follows("every sailor" + aside + " hauls nets for Anna until noon\nAnna", "bakes"));
  CHECK_FALSE(follows("every sailor" + aside, "bakes"));
  CHECK_FALSE(follows("every sailor" + aside + " greets the", "cook"));
}

TEST_CASE("the corpus asks for memory: far below word frequencies, well below what four words tell") {
  const auto train = ids_of(corpus(), corpus().sample(1, 500000));
  const auto text = corpus().sample(2, 50000);
  const auto heldout = ids_of(corpus(), text);
  const double floor = corpus().perplexity(text);
  CHECK(floor > 13.0);
  CHECK(floor < 16.0);
  const auto kneser_ney = [&](std::size_t order) {
    return xgrad::KneserNey(order, train, corpus().words().size()).perplexity(heldout);
  };
  CHECK(kneser_ney(1) > 10.0 * floor);
  CHECK(kneser_ney(3) > 1.8 * floor);
  CHECK(kneser_ney(5) > 1.8 * floor);
}

TEST_CASE("foreign text is refused with line and word") {
  const xgrad::Grammar grammar(tiny);
  const auto of = [&](std::string_view text) { return message_of([&] { (void)grammar.perplexity(text); }); };
  CHECK(of("one cat\ntwo dogs sleeps\n") ==
        "[grammar] line 2, word 3 is \"sleeps\", expected one of 2 such as \"sleep\"");
  CHECK(of("one cat\n\none") == "[grammar] line 3, word 2 is \"<eos>\", expected one of 2 such as \"cat\"");
  CHECK(of("") == "[grammar] the text is empty, expected at least one sentence");
  CHECK(message_of([&] { (void)grammar.next_words("one\tcat"); }) ==
        "[grammar] line 1, word 1 is \"one\tcat\", expected one of 3 such as \"<eos>\"");
  CHECK(message_of([&] {
          (void)corpus().perplexity("yesterday the cooks bake bread\n");
        }).starts_with("[grammar] line 1, word 4 is \"bake\", expected one of "));
}

TEST_CASE("unfit rules are refused") {
  CHECK(message_of_rules("") == "[grammar] <sentence> has no rule");
  CHECK(message_of_rules("sentence -> a <b>") == "[grammar] <b> has no rule");
  CHECK(message_of_rules("sentence -> a b | a c") ==
        "[grammar] \"a\" may come next in two ways, one of them followed by \"c\"");
  CHECK(message_of_rules("sentence -> 1 <x> | 1\nx -> a | 1") ==
        "[grammar] \"<eos>\" may come next in two ways, one of them followed by \"<sentence>\"");
  CHECK(message_of_rules("sentence -> a |  | b") ==
        "[grammar] <sentence> has an alternative without weight and symbols");
  CHECK(message_of_rules("sentence -> a\nsentence -> b") ==
        "[grammar] <sentence> has two rules, expected one");
  CHECK(message_of_rules("sentence other = a/b c") == "[grammar] \"c\" has 1 forms, expected 2");
  CHECK(message_of_rules("sentence a") ==
        "[grammar] \"sentence a\" is no rule; expected a line with \" -> \", \" = \" or \" in \"");
  CHECK(message_of_rules("sentence -> 1 <sentence> a | 1 b") ==
        "[grammar] <sentence> leads to itself before any word");
  CHECK(message_of_rules("sentence -> 1 a <sentence> b | 1 c") ==
        "[grammar] the rules have no end; a sentence must leave finitely much to say");
}
