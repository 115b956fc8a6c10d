// The counting baselines: packing n-grams into sorted keys, and the search for the best k.
//
// The search evaluates one text for dozens of k. Since p depends on the text only through the two counts of
// each target, a `Tally` first sorts the text by these pairs, of which there are few; `NGram::best_fit` shows
// the use.

#include <xgrad/training/ngram.hpp>

#include <algorithm>
#include <cmath>
#include <compare>
#include <map>
#include <numbers>
#include <numeric>
#include <string>

#include <xgrad/autograd/error.hpp>

namespace xgrad {
namespace {

constexpr unsigned bits = 21;  // three words to a 64-bit key
constexpr std::uint64_t word_mask = (std::uint64_t{1} << bits) - 1;

std::size_t checked_vocabulary(std::size_t vocabulary) {
  if (vocabulary < 1 || vocabulary > NGram::max_vocabulary) {
    throw Error("ngram", "vocabulary is " + std::to_string(vocabulary) + ", expected 1 ... " +
                             std::to_string(NGram::max_vocabulary));
  }
  return vocabulary;
}

std::size_t checked_order(std::size_t order) {
  if (order < 1 || order > 3) {
    throw Error("ngram", "order is " + std::to_string(order) + ", expected 1, 2 or 3");
  }
  return order;
}

void check_k(double k) {
  if (!(k > 0.0) || !std::isfinite(k)) {
    throw Error("ngram", "k is " + std::to_string(k) + ", expected a positive finite number");
  }
}

void check_ids(const std::string& name, std::span<const std::int64_t> ids, std::size_t vocabulary) {
  const auto is_foreign = [&](std::int64_t id) {
    return id < 0 || static_cast<std::size_t>(id) >= vocabulary;
  };
  const auto bad = std::find_if(ids.begin(), ids.end(), is_foreign);
  if (bad != ids.end()) {
    throw Error("ngram", name + "[" + std::to_string(bad - ids.begin()) + "] is " + std::to_string(*bad) +
                             ", expected an id in [0, " + std::to_string(vocabulary) + ")");
  }
}

void check_text(const std::string& name, std::span<const std::int64_t> ids, std::size_t vocabulary) {
  if (ids.empty()) throw Error("ngram", name + " is empty, expected at least one id");
  check_ids(name, ids, vocabulary);
}

double smoothed(std::size_t ngram, std::size_t context, double k, std::size_t vocabulary) {
  return (static_cast<double>(ngram) + k) /
         (static_cast<double>(context) + k * static_cast<double>(vocabulary));
}

}  // namespace

struct NGram::Counts {
  std::size_t ngram;
  std::size_t context;
  auto operator<=>(const Counts&) const = default;
};

// How often each pair of counts is met in a text: all that a perplexity needs to know of it.
class NGram::Tally {
 public:
  Tally(const NGram& model, std::span<const std::int64_t> text)
      : vocabulary_(model.vocabulary_), tokens_(static_cast<double>(text.size())) {
    auto key = model.start_key();
    for (const auto word : text) {
      key = model.next_key(key, word);
      ++met_[model.count(key)];
    }
  }

  double perplexity(double k) const {
    double loss = 0.0;
    for (const auto& [counts, times] : met_) {
      loss -= static_cast<double>(times) * std::log(smoothed(counts.ngram, counts.context, k, vocabulary_));
    }
    return std::exp(loss / tokens_);
  }

 private:
  std::size_t vocabulary_;
  double tokens_;
  std::map<Counts, std::size_t> met_;
};

NGram::NGram(std::size_t order, std::span<const std::int64_t> train, std::size_t vocabulary)
    : order_(checked_order(order)), vocabulary_(checked_vocabulary(vocabulary)) {
  check_text("train", train, vocabulary);
  keys_.reserve(train.size());
  auto key = start_key();
  for (const auto word : train) keys_.push_back(key = next_key(key, word));
  std::sort(keys_.begin(), keys_.end());
}

double NGram::probability(std::span<const std::int64_t> context, std::int64_t word, double k) const {
  check_k(k);
  check_ids("context", context, vocabulary_);
  check_ids("word", {&word, 1}, vocabulary_);
  auto key = start_key();
  for (const auto past : context) key = next_key(key, past);
  const auto counts = count(next_key(key, word));
  return smoothed(counts.ngram, counts.context, k, vocabulary_);
}

double NGram::perplexity(std::span<const std::int64_t> text, double k) const {
  check_k(k);
  check_text("text", text, vocabulary_);
  return Tally(*this, text).perplexity(k);
}

AddKFit NGram::best_fit(std::span<const std::int64_t> text) const {
  check_text("text", text, vocabulary_);
  const Tally tally(*this, text);
  const auto at = [&](double log_k) {
    const double k = std::pow(10.0, log_k);
    return AddKFit{tally.perplexity(k), k};
  };
  const auto is_better = [](const AddKFit& a, const AddKFit& b) { return a.perplexity < b.perplexity; };

  constexpr int per_decade = 4;
  constexpr int lowest = -4 * per_decade;
  AddKFit best = at(-4.0);
  int best_step = lowest;
  for (int step = lowest + 1; step <= 0; ++step) {
    const auto fit = at(static_cast<double>(step) / per_decade);
    if (is_better(fit, best)) best = fit, best_step = step;
  }

  double low = static_cast<double>(std::max(best_step - 1, lowest)) / per_decade;
  double high = static_cast<double>(std::min(best_step + 1, 0)) / per_decade;
  constexpr double golden = std::numbers::phi - 1.0;
  constexpr double tolerance = 1e-7;  // of log10 k; the perplexity is flat there to double precision
  while (high - low > tolerance) {
    const double left = high - golden * (high - low);
    const double right = low + golden * (high - low);
    if (is_better(at(left), at(right))) {
      high = right;
    } else {
      low = left;
    }
  }
  return std::min(best, at(std::midpoint(low, high)), is_better);
}

NGram::Counts NGram::count(std::uint64_t key) const {
  // The context's n-grams run from word 0 to word_mask; there is no word beyond the mask.
  const auto first = std::lower_bound(keys_.begin(), keys_.end(), key & ~word_mask);
  const auto last = std::upper_bound(first, keys_.end(), key | word_mask);
  const auto [begin, end] = std::equal_range(first, last, key);
  return {static_cast<std::size_t>(end - begin), static_cast<std::size_t>(last - first)};
}

std::uint64_t NGram::start_key() const {
  // The start mark is the id after the last word's, so it needs no case of its own.
  auto key = std::uint64_t{0};
  for (std::size_t i = 1; i < order_; ++i) key = key << bits | vocabulary_;
  return key;
}

std::uint64_t NGram::next_key(std::uint64_t key, std::int64_t word) const {
  const auto kept = (std::uint64_t{1} << bits * order_) - 1;
  return (key << bits | static_cast<std::uint64_t>(word)) & kept;
}

namespace {

AddKFit best_fit_of(std::size_t order, std::span<const std::int64_t> train,
                    std::span<const std::int64_t> heldout, std::size_t vocabulary) {
  check_text("heldout", heldout, checked_vocabulary(vocabulary));  // before the training text is counted
  return NGram(order, train, vocabulary).best_fit(heldout);
}

}  // namespace

double unigram_perplexity(std::span<const std::int64_t> train, std::span<const std::int64_t> heldout,
                          std::size_t vocabulary) {
  return best_fit_of(1, train, heldout, vocabulary).perplexity;
}

AddKFit best_trigram(std::span<const std::int64_t> train, std::span<const std::int64_t> heldout,
                     std::size_t vocabulary) {
  return best_fit_of(3, train, heldout, vocabulary);
}

}  // namespace xgrad
