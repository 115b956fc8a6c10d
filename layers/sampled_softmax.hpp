// SampledSoftmax: an output layer for large vocabularies whose loss, while it trains, is that of a few
// sampled tokens beside the targets; evaluation is exact. Only the rows of the matrix that were used have a
// gradient. Start with `loss`.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/parameters.hpp>
#include <xgrad/layers/adaptive_softmax.hpp>
#include <xgrad/layers/initial_values.hpp>

namespace xgrad {

/// Draws different tokens with given probabilities, for SampledSoftmax.
class TokenSampler {
 public:
  /// Token k of V with a probability proportional to log((k + 2) / (k + 1)), which is nearly Zipf's law: for
  /// tokens that are numbered by falling frequency. Throws Error for V = 0.
  static TokenSampler log_uniform(std::size_t V);
  /// Token k with a probability proportional to counts[k], in any order. Throws Error for no counts and for
  /// one that is not above 0.
  static TokenSampler unigram(const std::vector<double>& counts);

  /// What was drawn.
  struct Sample {
    std::vector<Ids::value_type> tokens;  ///< different ones, in the order of the draws
    double tries;                         ///< how many draws that took, those of tokens drawn before included
  };
  /// `count` different tokens by `key`: draws one after the other, leaving out what was drawn before. Throws
  /// Error for a count that is 0 or above V, and for one below V that is not reached in 1,000 V draws, as too
  /// few tokens have a probability.
  Sample operator()(std::size_t count, RandomKey key) const;
  /// The natural logarithm of the probability that token k is among those of a Sample of so many tries,
  /// log(1 - (1 - p_k)^tries).
  double log_inclusion(Ids::value_type k, double tries) const;
  /// Number of tokens, V.
  std::size_t size() const { return cumulative_.size(); }

 private:
  explicit TokenSampler(std::vector<double> weights);

  std::vector<double> cumulative_;  // the sums of the probabilities up to each token; the last is 1
};

/// Options of SampledSoftmax.
struct SampledSoftmaxOptions {
  std::size_t samples = 1024;    ///< tokens sampled for a loss, shared by all its targets; at most V
  std::vector<double> counts{};  ///< of the tokens, (V,), for a unigram sampler; empty: a log-uniform one
  Initializer W{};               ///< how W is drawn, if not uniform in +-1/sqrt(D)
  Initializer b{};               ///< how b is drawn, if not zeros
};

/// A softmax over V tokens whose training loss is sampled, Jean et al. 2015 (arXiv:1412.2007): with s the
/// sampled tokens and q(k) the probability that k is among them, the cross entropy of the target among itself
/// and s with logits y W_k + b_k - log q(k). A sampled token that is the target counts once.
///     y: (..., D)   W: (V, D)   b: (V,)
/// Parameters "W" and "b". The gradient of a sampled loss is row-sparse in both.
template <class T>
struct SampledSoftmax {
  Variable<T> W,         ///< (V, D)
      b;                 ///< (V,)
  TokenSampler sampler;  ///< what is drawn
  std::size_t samples;   ///< how many

  /// Declares the parameters in the scope of `p`, for inputs of width D. Throws Error for counts that are not
  /// V, or not above 0.
  SampledSoftmax(const Parameters<T>& p, std::size_t D, std::size_t V,
                 const SampledSoftmaxOptions& options = {})
      : SampledSoftmax(
            detail::weight(checked(p, V, options), "W", {V, D}, options.W, uniform(-bound(D), bound(D))), p,
            options) {}
  /// The same with the matrix E: (V, D) of another layer, such as an embedding's; only "b" is declared.
  static SampledSoftmax tied(const Parameters<T>& p, const Variable<T>& E,
                             const SampledSoftmaxOptions& options = {}) {
    if (options.W)
      throw Error("SampledSoftmax", "is tied to the matrix of another layer, which is drawn there");
    return SampledSoftmax(E, checked(p, E.shape()[0], options), options);
  }

  /// Logits of all tokens.     ys: (..., D)   result: (..., V)
  Variable<T> operator()(const Variable<T>& ys) const { return matmul(ys, W, Transpose::second) + b; }

  /// Cross entropy of the targets in nats: by tokens that are sampled with `key` or, without one, exactly.
  ///     ys: (..., D)   targets: (...)   result: (), or (...) for none
  /// Throws Error for targets outside [0, V), shapes that do not fit, and the mean of nothing.
  Variable<T> loss(const Variable<T>& ys, const Ids& targets, Reduction reduction = Reduction::mean,
                   const std::optional<RandomKey>& key = {}) const {
    targets.check_range("SampledSoftmax", "target", b.size());
    detail::check_targets("SampledSoftmax", ys.shape(), targets.shape());
    if (!key) return softmax_cross_entropy((*this)(ys), targets, reduction);
    const std::size_t n = targets.size(), D = ys.shape().back();
    const auto sample = sampler(samples, *key);
    const Variable<T> rows = reshape(ys, {n, D});
    const Ids flat = targets.reshaped({n}), drawn({samples}, sample.tokens);
    // Of the targets, a column each; and of the sampled tokens, but where one is the target.
    const Variable<T> own =
        sum(rows * take(W, flat), {-1}) + take(b, flat) - log_inclusions(flat, sample.tries);
    const Variable<T> others = matmul(rows, take(W, drawn), Transpose::second) + take(b, drawn) -
                               log_inclusions(drawn, sample.tries) + hits(flat, sample.tokens);
    const Variable<T> logits = concat({reshape(own, {n, 1}), others}, 1);
    const Variable<T> loss =
        softmax_cross_entropy(logits, Ids({n}, std::vector<Ids::value_type>(n, 0)), reduction);
    return reduction == Reduction::none ? reshape(loss, targets.shape()) : loss;
  }

 private:
  SampledSoftmax(const Variable<T>& matrix, const Parameters<T>& p, const SampledSoftmaxOptions& options)
      : W(matrix),
        b(detail::bias(p, "b", W.shape()[0], options.b)),
        sampler(options.counts.empty() ? TokenSampler::log_uniform(W.shape()[0])
                                       : TokenSampler::unigram(options.counts)),
        samples(std::min(options.samples, W.shape()[0])) {}

  // `p`, for what declares parameters after this check.
  static const Parameters<T>& checked(const Parameters<T>& p, std::size_t V,
                                      const SampledSoftmaxOptions& options) {
    if (!options.counts.empty() && options.counts.size() != V)
      throw Error("SampledSoftmax", "needs a count for each of " + std::to_string(V) + " tokens, got " +
                                        std::to_string(options.counts.size()));
    if (options.samples == 0) throw Error("SampledSoftmax", "needs at least one sample, got 0");
    return p;
  }

  static double bound(std::size_t D) { return 1 / std::sqrt(static_cast<double>(D)); }

  Array<T> log_inclusions(const Ids& tokens, double tries) const {
    std::vector<T> values;
    for (const auto token : tokens) values.push_back(static_cast<T>(sampler.log_inclusion(token, tries)));
    return Array<T>(tokens.shape(), values);
  }

  // -inf where a sampled token is the target of a row, else 0.     (n, samples)
  static Array<T> hits(const Ids& targets, const std::vector<Ids::value_type>& drawn) {
    std::unordered_map<Ids::value_type, std::size_t> column;
    for (std::size_t i = 0; i < drawn.size(); ++i) column[drawn[i]] = i;
    std::vector<T> values(targets.size() * drawn.size(), T(0));
    std::size_t row = 0;
    for (const auto target : targets) {
      if (const auto at = column.find(target); at != column.end())
        values[row * drawn.size() + at->second] = T(-std::numeric_limits<double>::infinity());
      ++row;
    }
    return Array<T>({targets.size(), drawn.size()}, values);
  }
};

/// T is that of the parameters.
template <class T>
SampledSoftmax(Parameters<T>, std::size_t, std::size_t) -> SampledSoftmax<T>;
/// T is that of the parameters.
template <class T>
SampledSoftmax(Parameters<T>, std::size_t, std::size_t, SampledSoftmaxOptions) -> SampledSoftmax<T>;

}  // namespace xgrad
