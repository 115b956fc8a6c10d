// The cross entropies are one loop over rows of logits; the other losses are made of ops and then reduced.
#include <xgrad/autograd/ops/losses.hpp>

#include <fmt/format.h>

#include <xgrad/autograd/fast_paths.hpp>
#include <xgrad/autograd/kernels/parallel.hpp>
#include <xgrad/autograd/kernels/product.hpp>
#include <xgrad/autograd/kernels/row.hpp>
#include <xgrad/autograd/numbers/instantiate.hpp>
#include <xgrad/autograd/numbers/sum.hpp>
#include <xgrad/autograd/ops/activation.hpp>
#include <xgrad/autograd/ops/elementwise.hpp>
#include <xgrad/autograd/ops/function_op.hpp>
#include <xgrad/autograd/ops/identities.hpp>
#include <xgrad/autograd/ops/indexing.hpp>
#include <xgrad/autograd/ops/reduce.hpp>
#include <xgrad/autograd/ops/shape.hpp>
#include <xgrad/autograd/ops/softmax.hpp>
#include <xgrad/autograd/tape.hpp>

namespace xgrad {

namespace {

using kernels::exp_shifted;
using kernels::row_max;

// The number of classes. Throws Error unless there is a target for each row of logits.
template <class T>
std::size_t check_targets(const char* op, const Variable<T>& logits, const Ids& targets) {
  if (logits.rank() == 0 || Shape(logits.shape().begin(), logits.shape().end() - 1) != targets.shape())
    throw Error(op,
                fmt::format("targets of shape {} must have the axes of logits of shape {} except the last",
                            to_string(targets.shape()), describe(logits)));
  return logits.shape().back();
}

template <class T>
Variable<T> reduced(const Variable<T>& losses, Reduction reduction) {
  switch (reduction) {
    case Reduction::mean:
      return mean(losses);
    case Reduction::sum:
      return sum(losses);
    case Reduction::none:
      break;
  }
  return losses;
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
      const auto t = static_cast<std::size_t>(targets[r]);
      const auto shift = row_max(row, V);
      const T target = row[t] - shift;
      T total;
      if (d == nullptr) {
        total = kernels::sum_exp_shifted(row, V, shift);
      } else {
        T* const d_row = d + r * V;
        total = exp_shifted(row, d_row, V, shift);
        kernels::scale(d_row, d_row, V, weight / total);
        d_row[t] -= weight;
      }
      losses[r] = scalar::log(total) - target;
    }
  });
}

// The same by ops of one step each.
template <class T>
Variable<T> plain_cross_entropy(const Variable<T>& logits, const Ids& targets, Reduction reduction) {
  Shape column = targets.shape();
  column.push_back(1);
  return reduced(-squeeze(gather(log_softmax(logits), targets.reshaped(column), -1), -1), reduction);
}

}  // namespace

// L_r = log sum e^x_r - x_r[t_r]    dx_r = (softmax(x_r) - onehot(t_r)) dL_r
// The gradient is made in the pass that makes the loss, while a row is at hand, and in place of logits that
// nobody else sees: the largest array of a word model is then there once, and passes through memory once.
template <class T>
Variable<T> softmax_cross_entropy(Variable<T> logits, const Ids& targets, Reduction reduction) {
  const char* const op = ops::softmax_cross_entropy.name();
  const std::size_t V = check_targets(op, logits, targets), rows = targets.size();
  targets.check_range(op, "target", V);
  if (reduction == Reduction::mean && rows == 0) throw Error(op, "the mean over no targets");
  if (!fast_paths().fused_loss) return plain_cross_entropy(logits, targets, reduction);

  const Tape<T>* const tape = Tape<T>::current();
  const bool keep = tape == nullptr || tape->watched() || logits.parameter() != nullptr;
  const Array<T> numbers = keep ? logits.value() : std::move(logits).value();
  Array<T> d = tape == nullptr    ? Array<T>()
               : numbers.unique() ? numbers
                                  : Array<T>::uninitialized(numbers.shape());
  T* const gradient = tape == nullptr ? nullptr : const_cast<T*>(d.data());
  const auto weight = weight_of<T>(reduction, rows);
  auto losses = Array<T>::uninitialized(targets.shape());
  const T* const loss = losses.data();
  softmax_rows(numbers.data(), V, targets.begin(), rows, weight, losses.mutable_data(), gradient);
  T sum = T(0);
  for (std::size_t r = 0; r < rows; ++r) sum += loss[r];
  Array<T> y = reduction == Reduction::none ? losses : Array<T>::full({}, weight * sum);
  return record(ops::softmax_cross_entropy, y, wrt(logits, [=](const Array<T>& dy) {
                  if (reduction != Reduction::none && *dy.data() == T(1)) return d;
                  auto dx = Array<T>::uninitialized(d.shape());
                  T* const out = dx.mutable_data();
                  for (std::size_t r = 0; r < rows; ++r)
                    kernels::scale(d.data() + r * V, out + r * V, V,
                                   dy.data()[reduction == Reduction::none ? r : 0]);
                  return dx;
                }));
}

namespace {

// Throws Error unless there are logits x W + b, or x W^T + b, for all targets, which must be classes.
template <class T>
void check_affine(const char* op, const Product<T>& p, const Variable<T>& b, const Ids& targets,
                  const AffineCrossEntropyOptions& options) {
  const Shape &x = p.x.shape(), &W = p.W.shape();
  if (options.reduction == Reduction::none) throw Error(op, "reduces to the mean or the sum, not to none");
  if (options.transpose != Transpose::none && options.transpose != Transpose::second)
    throw Error(op, "can transpose W alone");
  if (options.rows == 0) throw Error(op, "needs at least one row of logits at a time, got rows = 0");
  const bool turned = options.transpose == Transpose::second;
  if (x.rank() == 0 || W.rank() != 2 || W[turned ? 1 : 0] != x.back())
    throw Error(op, fmt::format("needs x: (..., K) and W: {}, got {} and {}", turned ? "(V, K)" : "(K, V)",
                                describe(p.x), describe(p.W)));
  const std::size_t V = W[turned ? 0 : 1];
  if (b.shape() != Shape{V})
    throw Error(op, fmt::format("needs b of shape {}, got {}", to_string(Shape{V}), describe(b)));
  if (Shape(x.begin(), x.end() - 1) != targets.shape())
    throw Error(op, fmt::format("targets of shape {} must have the axes of x of shape {} except the last",
                                to_string(targets.shape()), describe(p.x)));
  targets.check_range(op, "target", V);
  if (options.reduction == Reduction::mean && targets.size() == 0)
    throw Error(op, "the mean over no targets");
}

// dy d, for a number dy.
template <class T>
auto scaled_by(Array<T> d) {
  return [d = std::move(d)](const Array<T>& dy) { return *dy.data() == T(1) ? d : d * dy; };
}

}  // namespace

// d = dL/dlogits as above   dx = d W^T   dW = x^T d   db = sum of the rows of d
template <class T>
Variable<T> affine_cross_entropy(const ProductOf<T>& p, const Variable<T>& b, const Ids& targets,
                                 const AffineCrossEntropyOptions& options) {
  using kernels::Addend, kernels::Matrix, kernels::Trans, kernels::product;
  const char* const op = ops::affine_cross_entropy.name();
  check_affine(op, p, b, targets, options);
  const Array<T>&x = p.x.value(), &W = p.W.value(), &bias = b.value();
  const bool recorded = Tape<T>::current() != nullptr, turned = options.transpose == Transpose::second;
  const std::size_t K = x.shape().back(), V = bias.size(), rows = targets.size(),
                    most = std::min(options.rows, rows);
  const Matrix<T> weights{W.data(), turned ? K : V, turned ? Trans::yes : Trans::no, W.block()};
  const auto weight = weight_of<T>(options.reduction, rows);
  auto logits = Array<T>::uninitialized({most, V}), losses = Array<T>::uninitialized({rows});
  Array<T> dx, dW, db;
  if (recorded) {
    dx = Array<T>::uninitialized(x.shape());
    dW = rows == 0 ? Array<T>::zeros(W.shape()) : Array<T>::uninitialized(W.shape());
    db = Array<T>::zeros({V});
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
    db = db + kernels::sum_to(logits.rows(0, n), {V});
  }
  T sum = T(0);
  for (const T loss : losses) sum += loss;
  return record(ops::affine_cross_entropy, Array<T>::full({}, weight * sum), wrt(p.x, scaled_by(dx)),
                wrt(p.W, scaled_by(dW)), wrt(b, scaled_by(db)));
}

namespace {

// The weight of each class in the loss of each target.
template <class T>
class ClassWeights {
 public:
  ClassWeights(const CrossEntropyOptions& options, std::size_t V)
      : weights_(options.weights),
        smoothing_(options.label_smoothing),
        share_(V == 0 ? 0 : smoothing_ / static_cast<double>(V)) {
    for (std::size_t v = 0; v < V; ++v) total_ += of(v);
  }

  double of(std::size_t v) const { return weights_.empty() ? 1 : weights_[v]; }
  // a_t and c_v below, and the sum of all c.
  T of_target(std::size_t t) const { return number((1 - smoothing_) * of(t)); }
  T of_class(std::size_t v) const { return number(share_ * of(v)); }
  T of_classes() const { return number(share_ * total_); }
  bool smooth() const { return smoothing_ > 0; }

 private:
  static T number(double x) { return T(static_cast<scalar::Real<T>>(x)); }
  std::vector<double> weights_;
  double smoothing_, share_, total_ = 0;
};

// What the gradient needs, for each row of logits: e^(x - max x), and its sum.
template <class T>
struct SoftmaxRows {
  std::size_t V, rows;
  Array<T> e, totals;

  SoftmaxRows(const Shape& shape, std::size_t count)
      : V(shape.back()),
        rows(count),
        e(Array<T>::uninitialized(shape)),
        totals(Array<T>::uninitialized({rows})) {}

  // Fills row r; returns what makes log softmax(x)_v = x_v - max x - log of the total: {max x, log of the
  // total}.
  std::pair<scalar::Real<T>, T> fill(std::size_t r, const T* x) {
    const auto shift = row_max(x, V);
    const T total = totals.mutable_data()[r] = exp_shifted(x, e.mutable_data() + r * V, V, shift);
    return {shift, scalar::log(total)};
  }
};

void check_options(const char* op, const CrossEntropyOptions& options, std::size_t V) {
  if (!options.weights.empty() && options.weights.size() != V)
    throw Error(op, fmt::format("{} class weights were given for {} classes", options.weights.size(), V));
  for (std::size_t v = 0; v < options.weights.size(); ++v)
    if (!(options.weights[v] >= 0))
      throw Error(op, fmt::format("the weight of class {} is {}, expected >= 0", v, options.weights[v]));
  if (!(options.label_smoothing >= 0 && options.label_smoothing <= 1))
    throw Error(op, fmt::format("needs a label smoothing in [0, 1], got {}", options.label_smoothing));
}

}  // namespace

// L = sum_r -a_t log p_t - sum_v c_v log p_v, a = (1 - s) w, c = s w / V
// dx_v = dL [a_t (p_v - [v = t]) + p_v sum c - c_v]
template <class T>
LossSum<T> cross_entropy(const Variable<T>& logits, const Ids& targets, const CrossEntropyOptions& options) {
  const char* const op = ops::cross_entropy.name();
  const std::size_t V = check_targets(op, logits, targets), rows = targets.size();
  check_options(op, options, V);
  SoftmaxRows<T> softmax(logits.shape(), rows);
  const ClassWeights<T> weights(options, V);
  const auto ignored = [ignore = options.ignore](std::int64_t target) { return ignore && target == *ignore; };
  for (std::size_t r = 0; r < rows; ++r)
    if (!ignored(targets[r]) && (targets[r] < 0 || targets[r] >= static_cast<std::int64_t>(V)))
      throw Error(op, fmt::format("target {} at position {} is outside [0, {})", targets[r],
                                  index_of(r, targets.shape()), V));

  T sum = T(0);
  double count = 0;
  for (std::size_t r = 0; r < rows; ++r) {
    if (ignored(targets[r])) continue;
    const T* x = logits.value().data() + r * V;
    const auto t = static_cast<std::size_t>(targets[r]);
    const auto [shift, log_total] = softmax.fill(r, x);
    sum += weights.of_target(t) * (log_total - (x[t] - shift));
    if (weights.smooth())
      for (std::size_t v = 0; v < V; ++v) sum += weights.of_class(v) * (log_total - (x[v] - shift));
    count += weights.of(t);
  }
  const auto y = Array<T>::full({}, sum);
  return {record(ops::cross_entropy, y,
                 wrt(logits,
                     [=](const Array<T>& dy) {
                       auto dx = Array<T>::zeros(softmax.e.shape());
                       T* const d = dx.mutable_data();
                       const T dL = *dy.data();
                       for (std::size_t r = 0; r < rows; ++r) {
                         if (ignored(targets[r])) continue;
                         const auto t = static_cast<std::size_t>(targets[r]);
                         T* const row = d + r * V;
                         const T a = dL * weights.of_target(t), total = softmax.totals.data()[r];
                         kernels::scale(softmax.e.data() + r * V, row, V, a / total);
                         row[t] -= a;
                         for (std::size_t v = 0; weights.smooth() && v < V; ++v) {
                           const T p = softmax.e.data()[r * V + v] / total;
                           row[v] += dL * (p * weights.of_classes() - weights.of_class(v));
                         }
                       }
                       return dx;
                     })),
          count};
}

namespace {

template <class T>
void check_same(const char* op, const Variable<T>& y, const Variable<T>& targets, Reduction reduction) {
  if (y.shape() != targets.shape())
    throw Error(op, fmt::format("targets of shape {} do not fit outputs of shape {}, expected the same",
                                describe(targets), describe(y)));
  if (reduction == Reduction::mean && y.size() == 0) throw Error(op, "the mean over no targets");
}

}  // namespace

// L = log(1 + e^x) - t x
template <class T>
Variable<T> binary_cross_entropy_with_logits(const Variable<T>& logits, const Variable<T>& targets,
                                             Reduction reduction) {
  check_same("binary_cross_entropy_with_logits", logits, targets, reduction);
  return reduced(softplus(logits) - targets * logits, reduction);
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
  if (!(delta > 0)) throw Error("huber", fmt::format("needs delta > 0, got {}", delta));
  return reduced(
      detail::elementwise(functions::Huber<T>{{}, static_cast<scalar::Real<T>>(delta)}, y - targets),
      reduction);
}

#define XGRAD_INSTANTIATE(T)                                                                                \
  template Variable<T> softmax_cross_entropy(Variable<T>, const Ids&, Reduction);                           \
  template Variable<T> affine_cross_entropy(const Product<T>&, const Variable<T>&, const Ids&,              \
                                            const AffineCrossEntropyOptions&);                              \
  template LossSum<T> cross_entropy(const Variable<T>&, const Ids&, const CrossEntropyOptions&);            \
  template Variable<T> binary_cross_entropy_with_logits(const Variable<T>&, const Variable<T>&, Reduction); \
  template Variable<T> squared_error(const Variable<T>&, const Variable<T>&, Reduction);                    \
  template Variable<T> absolute_error(const Variable<T>&, const Variable<T>&, Reduction);                   \
  template Variable<T> huber(const Variable<T>&, const Variable<T>&, double, Reduction);
XGRAD_FOR_SCALARS(XGRAD_INSTANTIATE)

}  // namespace xgrad
