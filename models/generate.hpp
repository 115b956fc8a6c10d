// generate: text from a language model, one token at a time, whatever its cell.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <xgrad/autograd/random.hpp>
#include <xgrad/autograd/tape.hpp>
#include <xgrad/models/rnnlm.hpp>

namespace xgrad {

/// How tokens are drawn.
struct GenerateOptions {
  std::uint32_t seed = 0;  ///< of the draws
  double temperature = 1;  ///< divides the logits; towards 0 the likeliest token is always taken
};

namespace detail {

// A token drawn from softmax(logits / temperature) with the uniform number u in [0, 1).
template <class T>
Ids::value_type draw(const Array<T>& logits, double temperature, double u) {
  const auto largest = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
  std::vector<double> cumulative;
  double total = 0;
  for (const T logit : logits)
    cumulative.push_back(total += std::exp((static_cast<double>(logit) - largest) / temperature));
  if (!std::isfinite(total))  // the largest may be finite where another is NaN
    throw Error("generate", "the model's logits are not finite: has its training diverged?");
  const auto it = std::upper_bound(cumulative.begin(), cumulative.end(), u * total);
  return std::min(it - cumulative.begin(), static_cast<std::ptrdiff_t>(cumulative.size()) - 1);
}

}  // namespace detail

/// `count` tokens that follow `prompt`, drawn from the model; nothing is recorded. The same seed gives the
/// same text: the draw of token i depends on (seed, i) alone.
///     prompt: (P,), P >= 1
/// Throws Error for an empty prompt, a token outside the vocabulary, a temperature <= 0, and logits that are
/// not finite.
template <class Model>
std::vector<Ids::value_type> generate(const Model& model, const std::vector<Ids::value_type>& prompt,
                                      std::size_t count, const GenerateOptions& options = {}) {
  if (prompt.empty()) throw Error("generate", "needs a prompt of at least one token");
  if (!(options.temperature > 0))
    throw Error("generate", "needs a temperature > 0, got " + std::to_string(options.temperature));
  const Inference pause;
  auto state = model.zero(1);
  std::vector<Ids::value_type> tokens;
  Ids ids({prompt.size(), 1}, prompt);
  for (std::uint64_t i = 0; i < count; ++i) {
    auto [logits, next] = model(ids, state);
    state = std::move(next);
    const auto last = logits.value().row(logits.shape()[0] - 1);
    const auto word = counter_random(
        {options.seed, 0}, {static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(i >> 32), 0, 0})[0];
    tokens.push_back(detail::draw(last, options.temperature, static_cast<double>(word) / 4294967296.0));
    ids = Ids({1, 1}, {tokens.back()});
  }
  return tokens;
}

}  // namespace xgrad
