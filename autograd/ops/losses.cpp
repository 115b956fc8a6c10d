// The cross entropies are one loop over rows of logits, which makes the gradient too; the other losses are
// made of ops and then reduced.
#include <xgrad/autograd/ops/losses.hpp>

#include <limits>
#include <numeric>

#include <xgrad/autograd/fast_paths.hpp>
#include <xgrad/autograd/kernels/parallel.hpp>
#include <xgrad/autograd/kernels/product.hpp>
#include <xgrad/autograd/kernels/row.hpp>
#include <xgrad/autograd/numbers/sum.hpp>
#include <xgrad/autograd/ops/activation.hpp>
#include <xgrad/autograd/ops/choice.hpp>
#include <xgrad/autograd/ops/define.hpp>
#include <xgrad/autograd/ops/elementwise.hpp>
#include <xgrad/autograd/ops/function_op.hpp>
#include <xgrad/autograd/ops/indexing.hpp>
#include <xgrad/autograd/ops/linear.hpp>
#include <xgrad/autograd/ops/reduce.hpp>
#include <xgrad/autograd/ops/shape.hpp>
#include <xgrad/autograd/ops/softmax.hpp>

namespace xgrad {

using detail::refuse;
using kernels::map_row;
using kernels::formulas::Multiply;

namespace {

// Throws Error unless there is a target for each row of x, logits or what they are made of.
template <class T>
void check_targets(const Op& op, const char* what, const Variable<T>& x, const Ids& targets) {
  if (x.rank() == 0 || Shape(x.shape().begin(), x.shape().end() - 1) != targets.shape())
    refuse(op, "targets of shape {} must have the axes of {} of shape {} except the last", targets.shape(),
           what, x);
}

void check_some(const Op& op, Reduction reduction, std::size_t targets) {
  if (reduction == Reduction::mean && targets == 0) refuse(op, "the mean over no targets");
}

template <class T>
Variable<T> reduced(const Variable<T>& losses, Reduction reduction) {
  return reduction == Reduction::none ? losses : reduction == Reduction::sum ? sum(losses) : mean(losses);
}

// What each target's loss counts in the result.
template <class T>
scalar::Real<T> weight_of(Reduction reduction, std::size_t rows) {
  return static_cast<scalar::Real<T>>(reduction == Reduction::mean ? 1 / static_cast<double>(rows) : 1.0);
}

// L_r = log sum e^x_r - x_r[t_r] for rows x_r of V logits, and d_r = weight (softmax(x_r) - onehot(t_r)),
// unless d is null; d may be x.
template <class T>
void softmax_rows(const T* x, std::size_t V, const Ids::value_type* targets, std::size_t rows,
                  scalar::Real<T> weight, T* losses, T* d) {
  kernels::parallel_rows(rows, V, [&](std::size_t first, std::size_t last) {
    for (std::size_t r = first; r < last; ++r) {
      const T* const row = x + r * V;
      T* const d_row = d == nullptr ? nullptr : d + r * V;
      const auto t = static_cast<std::size_t>(targets[r]);
      const auto shift = kernels::row_max(row, V);
      const T target = row[t] - shift, total = kernels::exp_shifted(row, d_row, V, shift);
      losses[r] = scalar::log(total) - target;
      if (d == nullptr) continue;
      map_row(Multiply(), d_row, V, d_row, weight / total);
      d_row[t] -= weight;
    }
  });
}

// dy d, for a number dy.
template <class T>
auto scaled_by(Array<T> d) {
  return [d = std::move(d)](const Array<T>& dy) { return *dy.data() == T(1) ? d : d * dy; };
}

// The same by ops of one step each.     logits: (..., V)   targets: (..., 1)
template <class T>
Variable<T> plain_cross_entropy(const Variable<T>& logits, const Ids& targets, Reduction reduction) {
  return reduced(-squeeze(gather(log_softmax(logits), targets, -1), -1), reduction);
}

// For each row of logits sum_v w_v (-log p_v) on absolute values, for `summing`: the terms of its value, and
// with the slopes of `sizes` those of its gradient. `sizes` are of what the logits add up, or 0 where the
// logits are what the op takes: their rounding is that of e^x, too, and may make of any p another.
template <class T>
Variable<T> size_of_cross_entropy(const Variable<T>& logits, const Variable<T>& sizes,
                                  const Variable<T>& weights) {
  using Floats = std::numeric_limits<float>;
  constexpr double most = std::numeric_limits<scalar::Real<T>>::max(),  // finite, for what counts 0
      rounding = 8 * Floats::epsilon(), least = Floats::min() / Floats::epsilon();
  const Variable<T> log_p = maximum(log_softmax(logits), -most), numbers = minimum(detach(sizes), most),
                    off = rounding * (numbers + max(numbers, -1, keepdims)), p = exp(minimum(log_p + off, 0)),
                    mean_size = sum(p * numbers, -1, keepdims), size_of_log_p = 1 - log_p + numbers,
                    weight = sum(weights, -1, keepdims),
                    slopes = weights + weight * (p * (size_of_log_p + mean_size) + least);
  return sum(weights * (size_of_log_p + mean_size), -1) + sum(slopes * detail::zero_of(sizes), -1);
}

// Throws Error unless there are logits x W + b, or x W^T + b, for all targets, which must be classes.
template <class T>
void check_affine(const Op& op, const Product<T>& p, const Variable<T>& b, const Ids& targets,
                  const AffineCrossEntropyOptions& options) {
  const Shape &x = p.x.shape(), &W = p.W.shape();
  if (options.reduction == Reduction::none) refuse(op, "reduces to the mean or the sum, not to none");
  if (options.transpose != Transpose::none && options.transpose != Transpose::second)
    refuse(op, "can transpose W alone");
  if (options.rows == 0) refuse(op, "needs at least one row of logits at a time, got rows = 0");
  const bool turned = options.transpose == Transpose::second;
  if (x.rank() == 0 || W.rank() != 2 || W[turned ? 1 : 0] != x.back())
    refuse(op, "needs x: (..., K) and W: {}, got {} and {}", turned ? "(V, K)" : "(K, V)", p.x, p.W);
  const std::size_t V = W[turned ? 0 : 1];
  if (b.shape() != Shape{V}) refuse(op, "needs b of shape {}, got {}", Shape{V}, b);
  check_targets(op, "x", p.x, targets);
  targets.check_range(op.name(), "target", V);
  check_some(op, options.reduction, targets.size());
}

void check_options(const Op& op, const CrossEntropyOptions& options, std::size_t V) {
  if (!options.weights.empty() && options.weights.size() != V)
    refuse(op, "{} class weights were given for {} classes", options.weights.size(), V);
  for (std::size_t v = 0; v < options.weights.size(); ++v)
    if (!(options.weights[v] >= 0))
      refuse(op, "the weight of class {} is {}, expected >= 0", v, options.weights[v]);
  if (!(options.label_smoothing >= 0 && options.label_smoothing <= 1))
    refuse(op, "needs a label smoothing in [0, 1], got {}", options.label_smoothing);
}

template <class T>
void check_same(const Op& op, const Variable<T>& y, const Variable<T>& targets, Reduction reduction) {
  if (y.shape() != targets.shape())
    refuse(op, "targets of shape {} do not fit outputs of shape {}, expected the same", targets, y);
  check_some(op, reduction, y.size());
}

}  // namespace

// L_r = log sum e^x_r - x_r[t_r]    dx_r = (softmax(x_r) - onehot(t_r)) dL_r
// The gradient is made in the pass that makes the loss, while a row is at hand, and in place of logits that
// nobody else sees: the largest array of a word model is then there once, and passes through memory once.
template <class T>
Variable<T> softmax_cross_entropy(Variable<T> logits, const Ids& targets, Reduction reduction) {
  const Op& op = ops::softmax_cross_entropy;
  check_targets(op, "logits", logits, targets);
  const std::size_t V = logits.shape().back(), rows = targets.size();
  targets.check_range(op.name(), "target", V);
  check_some(op, reduction, rows);
  Shape column = targets.shape();
  column.push_back(1);
  if (!fast_paths().fused_loss) return plain_cross_entropy(logits, targets.reshaped(column), reduction);

  const Tape<T>* const tape = Tape<T>::current();
  const bool keep = tape == nullptr || tape->watched() || logits.parameter() != nullptr;
  const Array<T> numbers = keep ? logits.value() : std::move(logits).value();
  Array<T> d = tape == nullptr    ? Array<T>()
               : numbers.unique() ? numbers
                                  : Array<T>::uninitialized(numbers.shape());
  T* const gradient = tape == nullptr ? nullptr : const_cast<T*>(d.data());
  const auto weight = weight_of<T>(reduction, rows);
  auto losses = Array<T>::uninitialized(targets.shape());
  softmax_rows(numbers.data(), V, targets.begin(), rows, weight, losses.mutable_data(), gradient);
  const auto summing_op = summing(op, [&] {
    return [targets, V, reduction](const auto& xs) {
      return reduced(size_of_cross_entropy(detach(xs[0]), detail::zero_of(xs[0]), one_hot<T>(targets, V)),
                     reduction);
    };
  });
  if (reduction != Reduction::none)
    return record(summing_op, Array<T>(weight * kernels::row_sum(losses.data(), losses.size())),
                  wrt(logits, scaled_by(d)));
  return record(summing_op, losses, wrt(logits, [=](const Array<T>& dy) { return d * dy.reshaped(column); }));
}

// d = dL/dlogits as above   dx = d W^T   dW = x^T d   db = sum of the rows of d
template <class T>
Variable<T> affine_cross_entropy(const ProductOf<T>& p, const Variable<T>& b, const Ids& targets,
                                 const AffineCrossEntropyOptions& options) {
  using kernels::Addend, kernels::Matrix, kernels::Trans, kernels::product;
  const Op& op = ops::affine_cross_entropy;
  check_affine(op, p, b, targets, options);
  const Array<T>&x = p.x.value(), &W = p.W.value(), &bias = b.value();
  const bool recorded = Tape<T>::current() != nullptr, turned = options.transpose == Transpose::second;
  const std::size_t K = x.shape().back(), V = bias.size(), rows = targets.size(),
                    most = std::min(options.rows, rows);
  const Matrix<T> weights{W.data(), turned ? K : V, turned ? Trans::yes : Trans::no, W.block()};
  const auto weight = weight_of<T>(options.reduction, rows);
  auto logits = Array<T>::uninitialized({most, V}), losses = Array<T>::uninitialized({rows});
  Array<T> dx, dW;
  std::vector<kernels::Wide<T>> db(V);  // of very many rows, some at a time
  if (recorded) {
    dx = Array<T>::uninitialized(x.shape());
    dW = rows == 0 ? Array<T>::zeros(W.shape()) : Array<T>::uninitialized(W.shape());
  }
  for (std::size_t first = 0; first < rows; first += most) {
    const std::size_t n = std::min(most, rows - first);
    const Matrix<T> part{x.data() + first * K, K};
    T* const d = logits.mutable_data();
    product<T>(n, V, K, part, weights, Addend<T>{bias.data(), 0}, d, V);
    softmax_rows(d, V, targets.begin() + first, n, weight, losses.mutable_data() + first,
                 recorded ? d : nullptr);
    if (!recorded) continue;
    const Matrix<T> of_logits{d, V};
    product<T>(n, K, V, of_logits, weights.transposed(), {}, dx.mutable_data() + first * K, K);
    T* const sum = dW.mutable_data();
    const auto so_far = [&](std::size_t width) { return first == 0 ? Addend<T>{} : Addend<T>{sum, width}; };
    if (turned) {
      product<T>(V, K, n, of_logits.transposed(), part, so_far(K), sum, K);
    } else {
      product<T>(K, V, n, part.transposed(), of_logits, so_far(V), sum, V);
    }
    const Array<T> d_sum = kernels::sum_to(logits.rows(0, n), {V});
    for (std::size_t v = 0; v < V; ++v) db[v] += d_sum.data()[v];
  }
  const auto absolute = [&] {
    return [=](const auto& xs) {
      const auto sizes =
          matmul(detail::size_of(xs[0]), detail::size_of(xs[1]), options.transpose) + detail::size_of(xs[2]);
      const auto z = matmul(detach(xs[0]), detach(xs[1]), options.transpose) + detach(xs[2]);
      return reduced(size_of_cross_entropy(z, sizes, one_hot<T>(targets, V)), options.reduction);
    };
  };
  return record(summing(op, absolute), Array<T>(weight * kernels::row_sum(losses.data(), losses.size())),
                wrt(p.x, scaled_by(dx)), wrt(p.W, scaled_by(dW)),
                wrt(b, scaled_by(Array<T>({V}, std::vector<T>(db.begin(), db.end())))));
}

// L = sum_r -a_t log p_t - sum_v c_v log p_v, a = (1 - s) w, c = s w / V
// dx_v = dL [a_t (p_v - [v = t]) + p_v sum c - c_v]
template <class T>
LossSum<T> cross_entropy(const Variable<T>& logits, const Ids& targets, const CrossEntropyOptions& options) {
  const Op& op = ops::cross_entropy;
  check_targets(op, "logits", logits, targets);
  const std::size_t V = logits.shape().back(), rows = targets.size();
  check_options(op, options, V);
  const auto ignored = [ignore = options.ignore](std::int64_t target) { return ignore && target == *ignore; };
  for (std::size_t r = 0; r < rows; ++r)
    if (!ignored(targets[r]) && (targets[r] < 0 || targets[r] >= static_cast<std::int64_t>(V)))
      refuse(op, "target {} at position {} is outside [0, {})", targets[r], index_of(r, targets.shape()), V);

  const std::vector<double> w = options.weights.empty() ? std::vector<double>(V, 1.0) : options.weights;
  const double s = options.label_smoothing, share = V == 0 ? 0 : s / static_cast<double>(V);
  const auto number = [](double x) { return T(static_cast<scalar::Real<T>>(x)); };
  const T share_of_all = number(share * std::accumulate(w.begin(), w.end(), 0.0));
  Array<T> d = Tape<T>::current() == nullptr ? Array<T>() : Array<T>::zeros(logits.shape());
  T* const gradient = d.mutable_data();
  std::vector<T> losses(rows, T(0));
  double count = 0;
  for (std::size_t r = 0; r < rows; ++r) {
    if (ignored(targets[r])) continue;
    const T* const x = logits.value().data() + r * V;
    T* const d_row = gradient == nullptr ? nullptr : gradient + r * V;
    const auto t = static_cast<std::size_t>(targets[r]);
    const auto shift = kernels::row_max(x, V);
    const T total = kernels::exp_shifted(x, d_row, V, shift), log_total = scalar::log(total),
            a = number((1 - s) * w[t]);
    count += w[t];
    const auto counted = [&](T weight, std::size_t v) {  // a logit of -inf has no loss where it has no weight
      return kernels::Wide<T>(scalar::product_or_zero(weight, log_total - (x[v] - shift)));
    };
    auto loss = counted(a, t);
    for (std::size_t v = 0; s > 0 && v < V; ++v) loss += counted(number(share * w[v]), v);
    losses[r] = static_cast<T>(loss);
    if (d_row == nullptr) continue;
    map_row(Multiply(), d_row, V, d_row, (a + share_of_all) / total);
    for (std::size_t v = 0; s > 0 && v < V; ++v) d_row[v] -= number(share * w[v]);
    d_row[t] -= a;
  }
  const auto absolute = [&] {
    auto weights = Array<T>::zeros(logits.shape());  // of -log p_v in each row
    T* const of_rows = weights.mutable_data();
    for (std::size_t r = 0; r < rows; ++r) {
      if (ignored(targets[r])) continue;
      for (std::size_t v = 0; v < V; ++v) of_rows[r * V + v] = number(share * w[v]);
      const auto t = static_cast<std::size_t>(targets[r]);
      of_rows[r * V + t] += number((1 - s) * w[t]);
    }
    return [weights = Variable<T>(weights)](const auto& xs) {
      return sum(size_of_cross_entropy(detach(xs[0]), detail::zero_of(xs[0]), weights));
    };
  };
  return {record(summing(op, absolute), Array<T>(kernels::row_sum(losses.data(), rows)),
                 wrt(logits, scaled_by(d))),
          count};
}

template <class T>
Variable<T> binary_cross_entropy_with_logits(const Variable<T>& logits, const Variable<T>& targets,
                                             Reduction reduction) {
  check_same(functions::BinaryCrossEntropy::op, logits, targets, reduction);
  return reduced(detail::elementwise(functions::BinaryCrossEntropy(), logits, targets), reduction);
}

template <class T>
Variable<T> squared_error(const Variable<T>& y, const Variable<T>& targets, Reduction reduction) {
  check_same("squared_error", y, targets, reduction);
  return reduced(square(y - targets), reduction);
}

template <class T>
Variable<T> absolute_error(const Variable<T>& y, const Variable<T>& targets, Reduction reduction) {
  check_same("absolute_error", y, targets, reduction);
  return reduced(abs(y - targets), reduction);
}

template <class T>
Variable<T> huber(const Variable<T>& y, const Variable<T>& targets, double delta, Reduction reduction) {
  check_same("huber", y, targets, reduction);
  if (!(delta > 0)) refuse("huber", "needs delta > 0, got {}", delta);
  return reduced(
      detail::elementwise(functions::Huber<T>{{}, static_cast<scalar::Real<T>>(delta)}, y - targets),
      reduction);
}

XGRAD_INSTANTIATE_OPS(softmax_cross_entropy, affine_cross_entropy, cross_entropy,
                      binary_cross_entropy_with_logits, squared_error, absolute_error, huber)

}  // namespace xgrad
