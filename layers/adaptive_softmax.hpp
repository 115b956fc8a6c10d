// AdaptiveSoftmax: an output layer for large vocabularies, exact and a fraction of the work of a full one.
// The frequent tokens stand in the head; the others in clusters, each of which is one more class of the head
// and has narrower vectors. Most targets need the head alone. Start with `loss`.
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/parameters.hpp>
#include <xgrad/layers/affine.hpp>

namespace xgrad {

namespace detail {

// Throws Error unless there is a target for each row.     ys: S + (D,)   targets: S
inline void check_targets(const char* op, const Shape& ys, const Shape& targets) {
  if (ys.rank() == 0 || targets != Shape(ys.begin(), ys.end() - 1))
    throw Error(op, "needs a target for each row of the outputs " + to_string(ys) +
                        ", got targets of shape " + to_string(targets));
}

}  // namespace detail

/// Options of AdaptiveSoftmax.
struct AdaptiveSoftmaxOptions {
  /// The first token of each cluster, increasing, in (0, V); tokens before the first of them are in the head.
  /// Empty: those of adaptive_cutoffs(V).
  std::vector<std::size_t> cutoffs{};
  /// Clusters whose first token is below `wide` have vectors as wide as the outputs, D; one whose first token
  /// t is above has D (wide / t)^narrowing dimensions, but at least 8 where D is.
  std::size_t wide = 10'000;
  double narrowing = 0.5;  ///< 0 makes all as wide as the outputs
  Initializer W{};         ///< how the matrices are drawn, if not by the default
};

/// Cutoffs for V tokens that are numbered by falling frequency: the first at 2,000, or at V / 4 if that is
/// less, each of the others 1.35 times the one before, or 1.15 times beyond 10,000, where a cluster has many
/// logits for few targets; none for fewer than 1,000 tokens. The head, which is most of the work, is as large
/// for 200,000 tokens as for 10,000.
inline std::vector<std::size_t> adaptive_cutoffs(std::size_t V) {
  std::vector<std::size_t> cutoffs;
  if (V < 1000) return cutoffs;
  const auto size = static_cast<double>(V);
  for (double at = std::min(2000.0, size / 4); at < 0.9 * size; at *= at < 10'000 ? 1.35 : 1.15)
    cutoffs.push_back(static_cast<std::size_t>(at));
  return cutoffs;
}

/// The adaptive softmax of Grave et al. 2017 (arXiv:1609.04309), in PyTorch AdaptiveLogSoftmaxWithLoss; here
/// head and clusters have biases, and clusters of rather frequent tokens are as wide as the outputs: with c
/// the cluster of token t, or none,
///   log p(t) = log softmax(head)[t]   or   log softmax(head)[class of c] + log softmax(cluster c)[t].
///     y: (..., D)   targets: (...), in [0, V), numbered by falling frequency
/// Tokens that are too rare in the training text to be ordered, those seen twice or less, are best shuffled:
/// a cluster of tokens that were never seen ends with a probability near 0, and held-out text has them.
/// Parameters "head/W" (D, first cutoff + clusters), "head/b", and of each cluster, counted from 1, "1/P" (D,
/// K) if it is narrower than the outputs, "1/W" (K, its tokens) and "1/b"; matrices are uniform in
/// +-1/sqrt(rows) unless an option says otherwise, biases zeros.
template <class T>
struct AdaptiveSoftmax {
  /// The tokens [first, last), which share a class of the head.
  struct Cluster {
    std::size_t first,             ///< its most frequent token
        last;                      ///< the first token after it
    std::optional<Variable<T>> P;  ///< (D, K), if its vectors are narrower than the outputs
    Affine<T> out;                 ///< W: (K, last - first)   b: (last - first,)
  };

  std::size_t V;                  ///< how many tokens there are
  Affine<T> head;                 ///< logits of the frequent tokens, then of the clusters
  std::vector<Cluster> clusters;  ///< by falling frequency

  /// Declares the parameters in the scope of `p`, for inputs of width D. Throws Error for cutoffs that do not
  /// increase or are outside (0, V), and for a narrowing below 0.
  AdaptiveSoftmax(const Parameters<T>& p, std::size_t D, std::size_t tokens,
                  const AdaptiveSoftmaxOptions& options = {})
      : AdaptiveSoftmax(p, D, tokens, options, checked(tokens, options)) {}

  /// Cross entropy of the targets in nats. Only the clusters that have a target are computed, each for its
  /// own targets; the others have a gradient of no rows.
  ///     ys: (..., D)   targets: (...)   result: (), or (...) for none
  /// Throws Error for targets outside [0, V), shapes that do not fit, and the mean of nothing.
  Variable<T> loss(const Variable<T>& ys, const Ids& targets, Reduction reduction = Reduction::mean) const {
    const std::size_t n = targets.size();
    targets.check_range("AdaptiveSoftmax", "target", V);
    detail::check_targets("AdaptiveSoftmax", ys.shape(), targets.shape());
    const Variable<T> rows = reshape(ys, {n, ys.shape().back()});
    if (reduction == Reduction::mean && n == 0) throw Error("AdaptiveSoftmax", "the mean over no targets");
    const Reduction of_parts = reduction == Reduction::none ? Reduction::none : Reduction::sum;
    const std::size_t frequent = head.b.size() - clusters.size();
    std::vector<Ids::value_type> classes(targets.begin(), targets.end());
    struct Members {
      std::vector<Ids::value_type> rows, tokens;  // counted from the cluster's first
    };
    std::vector<Members> members(clusters.size());
    for (std::size_t i = 0; i < n; ++i) {
      const auto token = static_cast<std::size_t>(classes[i]);
      const auto after =
          std::upper_bound(clusters.begin(), clusters.end(), token,
                           [](std::size_t t, const Cluster& cluster) { return t < cluster.first; });
      if (after == clusters.begin()) continue;
      const auto c = static_cast<std::size_t>(after - clusters.begin()) - 1;
      classes[i] = static_cast<Ids::value_type>(frequent + c);
      members[c].rows.push_back(static_cast<Ids::value_type>(i));
      members[c].tokens.push_back(static_cast<Ids::value_type>(token - clusters[c].first));
    }
    Variable<T> total = softmax_cross_entropy(head(rows), Ids({n}, std::move(classes)), of_parts);
    for (std::size_t c = 0; c < clusters.size(); ++c) {
      const Shape shape{members[c].rows.size()};
      const Ids places(shape, std::move(members[c].rows));
      if (places.size() == 0) {  // 0, of which every parameter has a gradient, for optimizers
        if (clusters[c].P) total = total + sum(take(*clusters[c].P, places));
        total = total + sum(take(clusters[c].out.W, places)) + sum(take(clusters[c].out.b, places));
        continue;
      }
      const Variable<T> part = softmax_cross_entropy(logits(clusters[c], take(rows, places)),
                                                     Ids(shape, std::move(members[c].tokens)), of_parts);
      total = reduction == Reduction::none ? scatter_add(total, places, part, 0) : total + part;
    }
    if (reduction == Reduction::mean) return total / static_cast<double>(n);
    return reduction == Reduction::none ? reshape(total, targets.shape()) : total;
  }

  /// log p of all tokens.     ys: (..., D)   result: (..., V)
  Variable<T> operator()(const Variable<T>& ys) const {
    const std::size_t frequent = head.b.size() - clusters.size();
    const Variable<T> of_head = log_softmax(head(ys));
    const auto part = [&](std::size_t first, std::size_t last) {
      return slice(of_head, static_cast<std::ptrdiff_t>(first), static_cast<std::ptrdiff_t>(last), -1);
    };
    std::vector<Variable<T>> parts{part(0, frequent)};
    for (std::size_t c = 0; c < clusters.size(); ++c)
      parts.push_back(log_softmax(logits(clusters[c], ys)) + part(frequent + c, frequent + c + 1));
    return parts.size() == 1 ? parts[0] : concat(parts, -1);
  }

 private:
  AdaptiveSoftmax(const Parameters<T>& p, std::size_t D, std::size_t tokens,
                  const AdaptiveSoftmaxOptions& options, const std::vector<std::size_t>& cutoffs)
      : V(tokens),
        head(p / "head", D, (cutoffs.empty() ? V : cutoffs[0]) + cutoffs.size(), {.W = options.W}) {
    for (std::size_t c = 0; c < cutoffs.size(); ++c) {
      const std::size_t first = cutoffs[c], last = c + 1 < cutoffs.size() ? cutoffs[c + 1] : V;
      std::size_t K = D;
      if (first > options.wide) {
        const double ratio = static_cast<double>(options.wide) / static_cast<double>(first);
        K = static_cast<std::size_t>(static_cast<double>(D) * std::pow(ratio, options.narrowing));
        K = std::max(std::min<std::size_t>(D, 8), K);
      }
      const Parameters<T> scope = p / std::to_string(c + 1);
      std::optional<Variable<T>> P;
      if (K < D) P = detail::weight(scope, "P", {D, K}, options.W);
      clusters.push_back({first, last, P, Affine<T>(scope, K, last - first, {.W = options.W})});
    }
  }

  static std::vector<std::size_t> checked(std::size_t V, const AdaptiveSoftmaxOptions& options) {
    const std::vector<std::size_t> cutoffs = options.cutoffs.empty() ? adaptive_cutoffs(V) : options.cutoffs;
    std::size_t before = 0;
    for (const std::size_t cutoff : cutoffs) {
      if (cutoff <= before || cutoff >= V)
        throw Error("AdaptiveSoftmax", "needs cutoffs that increase, in (0, " + std::to_string(V) +
                                           "), got " + std::to_string(cutoff) + " after " +
                                           std::to_string(before));
      before = cutoff;
    }
    if (!(options.narrowing >= 0))
      throw Error("AdaptiveSoftmax", "needs a narrowing >= 0, got " + std::to_string(options.narrowing));
    return cutoffs;
  }

  static Variable<T> logits(const Cluster& cluster, const Variable<T>& ys) {
    return cluster.out(cluster.P ? matmul(ys, *cluster.P) : ys);
  }
};

/// T is that of the parameters.
template <class T>
AdaptiveSoftmax(Parameters<T>, std::size_t, std::size_t) -> AdaptiveSoftmax<T>;
/// T is that of the parameters.
template <class T>
AdaptiveSoftmax(Parameters<T>, std::size_t, std::size_t, AdaptiveSoftmaxOptions) -> AdaptiveSoftmax<T>;

}  // namespace xgrad
