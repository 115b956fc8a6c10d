// How a token is drawn from logits: each has a weight, those that may not be drawn have none, and a uniform
// number chooses among the rest; see generate.hpp.
#include <xgrad/models/generate.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include <xgrad/autograd/random.hpp>

namespace xgrad::detail {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

void check_logits(const std::vector<double>& logits) {
  const auto bad = std::find_if(logits.begin(), logits.end(), [](double x) { return !(x < infinity); });
  if (bad != logits.end())
    throw Error(
        "generate",
        fmt::format("the model's logits are not finite: that of token {} is {}, the first one; has its "
                    "training diverged?",
                    bad - logits.begin(), std::isnan(*bad) ? "NaN" : "inf"));
  if (std::all_of(logits.begin(), logits.end(), [](double x) { return x == -infinity; }))
    throw Error("generate",
                "the model's logits are not finite: all are -inf, and so there is no token to draw");
}

// exp((logit - largest) / temperature), in [0, 1].
double weight(double logit, double largest, double temperature) {
  if (logit == -infinity) return 0;  // at an infinite temperature, too
  const double difference = logit - largest;
  if (std::isfinite(difference)) return std::exp(difference / temperature);
  return std::exp(2 * ((logit / 2 - largest / 2) / temperature));
}

// The weights of the tokens that top_k and top_p choose, and 0 for all others.     logits, weights: (V,)
std::vector<double> chosen(const std::vector<double>& weights, const std::vector<double>& logits,
                           const GenerateOptions& options) {
  const std::size_t k = options.top_k == 0 ? logits.size() : std::min(options.top_k, logits.size());
  if (k == logits.size() && options.top_p == 1) return weights;
  const auto likelier = [&logits](std::size_t a, std::size_t b) {
    return logits[a] > logits[b] || (logits[a] == logits[b] && a < b);
  };
  const auto less_likely = [&likelier](std::size_t a, std::size_t b) { return likelier(b, a); };
  std::vector<std::size_t> tokens(logits.size());
  std::iota(tokens.begin(), tokens.end(), std::size_t{0});
  if (k < tokens.size()) {
    std::partial_sort(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(k), tokens.end(),
                      likelier);
    tokens.resize(k);
  }
  double total = 0, sum = 0;
  for (const std::size_t token : tokens) total += weights[token];
  std::vector<double> result(weights.size(), 0.0);
  // A heap gives the likeliest of a large vocabulary without sorting the rest.
  std::make_heap(tokens.begin(), tokens.end(), less_likely);
  do {
    std::pop_heap(tokens.begin(), tokens.end(), less_likely);
    const std::size_t token = tokens.back();
    tokens.pop_back();
    sum += result[token] = weights[token];
  } while (!tokens.empty() && (options.top_p == 1 || sum < options.top_p * total));
  return result;
}

}  // namespace

const GenerateOptions& checked(const GenerateOptions& options) {
  if (!(options.temperature >= 0))
    throw Error("generate", fmt::format("needs a temperature >= 0, got {}", options.temperature));
  if (!(options.top_p >= 0 && options.top_p <= 1))
    throw Error("generate", fmt::format("needs a top_p in [0, 1], got {}", options.top_p));
  return options;
}

Ids::value_type draw(const std::vector<double>& logits, const GenerateOptions& options, std::uint64_t i) {
  check_logits(logits);
  const auto size = static_cast<Ids::value_type>(logits.size());
  if (options.stop && (*options.stop < 0 || *options.stop >= size))
    throw Error("generate",
                fmt::format("needs a stop in the vocabulary, [0, {}), got {}", size, *options.stop));
  if (!options.never.empty()) {
    GenerateOptions rest = options;
    std::vector<double> allowed = logits;
    for (const auto token : std::exchange(rest.never, {})) {
      if (token < 0 || token >= size)
        throw Error("generate",
                    fmt::format("needs tokens of the vocabulary, [0, {}), for never, got {}", size, token));
      allowed[static_cast<std::size_t>(token)] = -infinity;
    }
    return draw(allowed, rest, i);
  }
  const auto likeliest = std::max_element(logits.begin(), logits.end());
  if (options.temperature == 0) return likeliest - logits.begin();
  std::vector<double> weights(logits.size());
  std::transform(logits.begin(), logits.end(), weights.begin(),
                 [&](double logit) { return weight(logit, *likeliest, options.temperature); });
  std::vector<double> sums = chosen(weights, logits, options);
  std::partial_sum(sums.begin(), sums.end(), sums.begin());
  const auto word = counter_random(
      {options.seed, 0}, {static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(i >> 32), 0, 0})[0];
  // The first sum above a part of the last that is less than all of it: its token has a weight.
  const double part = static_cast<double>(word) / 4294967296.0 * sums.back();
  return std::upper_bound(sums.begin(), sums.end(), part) - sums.begin();
}

}  // namespace xgrad::detail
