// Kneser-Ney language models: the walk through the trie, the hash table behind it, counting, and smoothing.
// `step` is the heart; `count` is the same walk, which makes the n-grams that it does not find.

#include <xgrad/training/ngram.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <utility>

#include <xgrad/autograd/error.hpp>

namespace xgrad {
namespace {

constexpr std::uint32_t root = 0;  // the empty n-gram
constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

bool is_word(std::int64_t id, std::size_t vocabulary) { return id >= 0 && std::cmp_less(id, vocabulary); }

void check_id(const std::string& name, std::int64_t id, std::size_t vocabulary) {
  if (is_word(id, vocabulary)) return;
  throw Error("kneser_ney", name + " is " + std::to_string(id) + ", expected an id in [0, " +
                                std::to_string(vocabulary) + ")");
}

void check_ids(const std::string& name, std::span<const std::int64_t> ids, std::size_t vocabulary) {
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (!is_word(ids[i], vocabulary)) check_id(name + "[" + std::to_string(i) + "]", ids[i], vocabulary);
  }
}

void check_not_empty(const std::string& name, std::span<const std::int64_t> ids) {
  if (ids.empty()) throw Error("kneser_ney", name + " is empty, expected at least one id");
}

// Where to look first for an n-gram: the finalizer of SplitMix64 (Steele, Lea & Flood 2014).
std::uint64_t hash(std::uint32_t context, std::int64_t word) {
  auto x = static_cast<std::uint64_t>(word) + context * 0x9e3779b97f4a7c15u;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

// D(0) ... D(3) of an order that has n[k] n-grams of count k.
using Discounts = std::array<double, 4>;
Discounts discounts(const std::array<double, 5>& n) {
  const double Y = n[1] / (n[1] + 2 * n[2]);
  Discounts D{};
  bool is_fit = true;
  for (std::size_t k = 1; k <= 3; ++k) {
    const auto count = static_cast<double>(k);
    D[k] = count - (count + 1) * Y * n[k + 1] / n[k];
    is_fit = is_fit && D[k] > 0;  // NaN, of 0 / 0, is not
  }
  if (is_fit) return D;
  if (Y > 0 && Y < 1) return {0, Y, Y, Y};
  return {0, 0.5, 1, 1.5};
}

}  // namespace

KneserNey::KneserNey(std::size_t order, std::span<const std::int64_t> train, std::size_t vocabulary,
                     std::optional<std::int64_t> boundary)
    : order_(order), vocabulary_(vocabulary), boundary_(boundary) {
  if (order < 1 || order > max_order) {
    throw Error("kneser_ney",
                "order is " + std::to_string(order) + ", expected 1 ... " + std::to_string(max_order));
  }
  if (vocabulary < 1) throw Error("kneser_ney", "vocabulary is 0, expected at least one word");
  if (boundary) check_id("boundary", *boundary, vocabulary);
  check_not_empty("train", train);
  check_ids("train", train, vocabulary);
  count(train);
  smooth();
}

KneserNey KneserNey::of_counts(std::span<const std::uint64_t> counts) {
  KneserNey model(counts.size());
  model.count({});
  for (std::size_t id = 0; id < counts.size(); ++id)
    if (counts[id] > 0)
      model.ngrams_[model.insert(root, static_cast<std::int64_t>(id))].share =
          static_cast<double>(counts[id]);
  if (model.ngrams_.size() == 1)
    throw Error("kneser_ney", "there are no counts above 0, expected at least one");
  model.smooth();
  return model;
}

double KneserNey::probability(std::span<const std::int64_t> context, std::int64_t word) const {
  check_ids("context", context, vocabulary_);
  check_id("word", word, vocabulary_);
  State state = no_context();
  for (const auto past : context.last(std::min(context.size(), order_ - 1))) step(state, past);
  return step(state, word);
}

std::vector<double> KneserNey::log_probabilities(std::span<const std::int64_t> text) const {
  check_ids("text", text, vocabulary_);
  std::vector<double> result;
  result.reserve(text.size());
  State state = start();
  for (const auto word : text) result.push_back(std::log(step(state, word)));
  return result;
}

double KneserNey::perplexity(std::span<const std::int64_t> text) const {
  check_not_empty("text", text);
  const auto logs = log_probabilities(text);
  return std::exp(-std::accumulate(logs.begin(), logs.end(), 0.0) / static_cast<double>(logs.size()));
}

KneserNey::State KneserNey::no_context() {
  State state;
  state.fill(none);
  state[0] = root;
  return state;
}

// The state at the beginning of a sentence, or of a text without sentences.
KneserNey::State KneserNey::start() const {
  State state = no_context();
  if (boundary_) state[1] = find(root, *boundary_);
  return state;
}

// p(word | state), from the lowest order to the highest; the state goes on to the next word.
double KneserNey::step(State& state, std::int64_t word) const {
  State next = no_context();
  double p = 1 / static_cast<double>(vocabulary_);
  for (std::size_t n = 0; n < order_ && state[n] != none; ++n) {
    next[n + 1] = find(state[n], word);
    p *= ngrams_[state[n]].weight;
    if (next[n + 1] != none) p += ngrams_[next[n + 1]].share;
  }
  state = next;
  return p;
}

KneserNey::Index KneserNey::find(Index context, std::int64_t word) const {
  const std::size_t mask = table_.size() - 1;
  for (auto slot = hash(context, word) & mask;; slot = (slot + 1) & mask) {
    const Index found = table_[slot];
    if (found == none || (ngrams_[found].word == word && ngrams_[found].context == context)) return found;
  }
}

KneserNey::Index KneserNey::insert(Index context, std::int64_t word) {
  if (const Index found = find(context, word); found != none) return found;
  if (ngrams_.size() == none) throw Error("kneser_ney", "train has more n-grams than 32 bits number");
  ngrams_.push_back(
      {.word = word, .context = context, .order = ngrams_[context].order + 1, .share = 0, .weight = 1});
  const auto enter = [&](std::size_t i) {
    const std::size_t mask = table_.size() - 1;
    auto slot = hash(ngrams_[i].context, ngrams_[i].word) & mask;
    while (table_[slot] != none) slot = (slot + 1) & mask;
    table_[slot] = static_cast<Index>(i);
  };
  if (2 * ngrams_.size() <= table_.size()) {
    enter(ngrams_.size() - 1);
  } else {  // too full to be searched fast
    table_.assign(2 * table_.size(), none);
    for (std::size_t i = 1; i < ngrams_.size(); ++i) enter(i);
  }
  return static_cast<Index>(ngrams_.size() - 1);
}

void KneserNey::count(std::span<const std::int64_t> train) {
  table_.assign(2, none);
  ngrams_.push_back({.word = 0, .context = none, .order = 0, .share = 0, .weight = 1});
  if (boundary_) insert(root, *boundary_);
  State state = start();
  for (const auto word : train) {
    State next = no_context();
    std::size_t longest = 1;
    while (longest < order_ && state[longest] != none) ++longest;
    // The longest n-gram has the full order or begins a sentence, and counts each time. A shorter one counts
    // when the longer one is new, for it then follows a word that it did not follow before.
    bool counts = true;
    for (std::size_t n = longest; n > 0; --n) {
      const std::size_t before = ngrams_.size();
      next[n] = insert(state[n - 1], word);
      if (counts) ++ngrams_[next[n]].share;
      counts = ngrams_.size() > before;
    }
    // No context reaches over a boundary, so the trie ends there, and `step` finds nothing beyond.
    state = word == boundary_ ? start() : next;
  }
}

// From counts to shares and weights.
void KneserNey::smooth() {
  std::array<std::array<double, 5>, max_order + 1> n{};  // by order and count
  for (const auto& ngram : ngrams_) {
    if (ngram.share < 5) ++n[ngram.order][static_cast<std::size_t>(ngram.share)];
  }
  std::array<Discounts, max_order + 1> D;
  for (std::size_t order = 1; order <= order_; ++order) D[order] = discounts(n[order]);
  const auto discount = [&](const Ngram& ngram) {
    return D[ngram.order][static_cast<std::size_t>(std::min(ngram.share, 3.0))];
  };

  struct Sums {
    double count = 0, discount = 0;
  };
  std::vector<Sums> followers(ngrams_.size());
  for (std::size_t i = 1; i < ngrams_.size(); ++i) {
    auto& sums = followers[ngrams_[i].context];
    sums.count += ngrams_[i].share;
    sums.discount += discount(ngrams_[i]);
  }
  for (std::size_t i = 0; i < ngrams_.size(); ++i) {
    auto& ngram = ngrams_[i];
    if (i != root) ngram.share = (ngram.share - discount(ngram)) / followers[ngram.context].count;
    if (followers[i].count > 0) ngram.weight = followers[i].discount / followers[i].count;
  }
}

}  // namespace xgrad
