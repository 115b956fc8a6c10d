// Losses: what a model's outputs and the targets differ by, as a number to make small. Logits are shifted by
// their maximum, so that none is too large.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <xgrad/autograd/ops/arithmetic.hpp>
#include <xgrad/autograd/ops/linear.hpp>
#include <xgrad/autograd/variable.hpp>

namespace xgrad {

/// How the losses of many targets become one.
enum class Reduction {
  mean,  ///< their mean, ()
  sum,   ///< their sum, ()
  none   ///< not at all: a loss for each target
};

/// -log softmax(logits)[target] in nats, in one pass over the logits that also makes their gradient; logits
/// that are moved in, `softmax_cross_entropy(std::move(logits), targets)`, and seen by nobody else give it
/// their memory.
///     logits: (..., V)   targets: (...)   result: (), or (...) for none
/// Throws Error for targets outside [0, V), naming target and position, for shapes that do not fit, and for
/// the mean of nothing.
template <class T>
Variable<T> softmax_cross_entropy(Variable<T> logits, const Ids& targets,
                                  Reduction reduction = Reduction::mean);

/// Options of affine_cross_entropy().
struct AffineCrossEntropyOptions {
  Reduction reduction = Reduction::mean;  ///< mean or sum
  Transpose transpose = Transpose::none;  ///< none or second: W is (V, K), and the logits x W^T + b
  std::size_t rows = 256;                 ///< of logits that are there at a time, at least 1
};

/// softmax_cross_entropy(affine({x, W}, b), targets), written affine_cross_entropy({x, W}, b, targets),
/// without the logits of all targets at once: some rows of them are made, and their part of all gradients,
/// before the next. That takes memory for V (K + rows) elements instead of V (K + targets), and as many
/// products.
///     x: (..., K)   W: (K, V)   b: (V,)   targets: (...)   result: ()
/// Throws Error like both; also for a reduction or a transposition that it does not know, and for 0 rows.
template <class T>
Variable<T> affine_cross_entropy(const ProductOf<T>& p, const Variable<T>& b, const Ids& targets,
                                 const AffineCrossEntropyOptions& options = {});

/// Options of cross_entropy().
struct CrossEntropyOptions {
  std::optional<std::int64_t> ignore{};  ///< a target that does not count, such as that of padding
  std::vector<double> weights{};         ///< of the classes, (V,); all 1 if empty
  /// That share of each target's probability, in [0, 1], is spread evenly over all classes (Szegedy et al.
  /// 2015, arXiv:1512.00567).
  double label_smoothing = 0;
};

/// A loss that is a sum over targets, and how many there were: sums and counts of several windows or devices
/// add up to the mean over all.
template <class T>
struct LossSum {
  Variable<T> sum;  ///< ()
  double count;     ///< of the targets; with class weights, the sum of their weights

  /// sum / count. Throws Error if nothing counted.
  Variable<T> mean() const {
    if (!(count > 0)) throw Error("LossSum", "the mean over no targets");
    return sum / count;
  }
};

/// Cross entropy with targets that are ignored, class weights and label smoothing, as PyTorch defines them
/// together: with p = softmax(logits), s the smoothing and w the weights, the sum over targets t of
/// -(1 - s) w_t log p_t - s/V (w_1 log p_1 + ... + w_V log p_V).
///     logits: (..., V)   targets: (...)
/// Throws Error for targets outside [0, V) that are not ignored, for shapes that do not fit, and unless there
/// are no weights or V, all >= 0, and s is in [0, 1].
template <class T>
LossSum<T> cross_entropy(const Variable<T>& logits, const Ids& targets,
                         const CrossEntropyOptions& options = {});

/// -t log p - (1 - t) log(1 - p) with p = sigmoid(logit), for targets t in [0, 1].
///     logits, targets: one shape S   result: (), or S for none
/// Throws Error for different shapes and for the mean of nothing.
template <class T>
Variable<T> binary_cross_entropy_with_logits(const Variable<T>& logits, const Variable<T>& targets,
                                             Reduction reduction = Reduction::mean);

/// (y - t)^2.
///     y, targets: one shape S   result: (), or S for none
/// Throws Error for different shapes and for the mean of nothing.
template <class T>
Variable<T> squared_error(const Variable<T>& y, const Variable<T>& targets,
                          Reduction reduction = Reduction::mean);

/// |y - t|; its slope at the kink is taken to be 0.
///     y, targets: one shape S   result: (), or S for none
/// Throws Error for different shapes and for the mean of nothing.
template <class T>
Variable<T> absolute_error(const Variable<T>& y, const Variable<T>& targets,
                           Reduction reduction = Reduction::mean);

/// (y - t)^2 / 2 where |y - t| <= delta, else delta (|y - t| - delta / 2) (Huber 1964).
///     y, targets: one shape S   result: (), or S for none
/// Throws Error for different shapes, for the mean of nothing, and unless delta > 0.
template <class T>
Variable<T> huber(const Variable<T>& y, const Variable<T>& targets, double delta = 1,
                  Reduction reduction = Reduction::mean);

}  // namespace xgrad
