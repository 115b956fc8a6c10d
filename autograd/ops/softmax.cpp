// The softmax family works on rows of the last axis; another axis is moved there and back. Rows use vector
// registers.
#include <xgrad/autograd/ops/softmax.hpp>

#include <numeric>

#include <xgrad/autograd/kernels/simd.hpp>
#include <xgrad/autograd/ops/shape.hpp>
#include <xgrad/autograd/tape.hpp>

namespace xgrad {

namespace {

using kernels::for_each_pack;
using kernels::Vectorized;

// The largest real part of a row.
template <class T>
scalar::Real<T> row_max(const T* x, std::size_t n) {
  auto largest = scalar::real(x[0]);
  std::size_t i = 0;
  if constexpr (Vectorized<T>) {
    using Batch = xsimd::batch<T>;
    if (n >= Batch::size) {
      Batch best = Batch::load_unaligned(x);
      for (; i + Batch::size <= n; i += Batch::size) best = xsimd::max(best, Batch::load_unaligned(x + i));
      T lanes[Batch::size];
      best.store_unaligned(lanes);
      for (const T lane : lanes) largest = lane > largest ? lane : largest;
    }
  }
  for (; i < n; ++i)
    if (scalar::real(x[i]) > largest) largest = scalar::real(x[i]);
  return largest;
}

// y = e^(x - shift); returns the sum of y.
template <class T>
T exp_shifted(const T* x, T* y, std::size_t n, scalar::Real<T> shift) {
  T total = T(0);
  std::size_t i = 0;
  if constexpr (Vectorized<T>) {
    using Batch = xsimd::batch<T>;
    Batch sums(T(0));
    for_each_pack<T>(n, [&](const auto& pack) {
      const Batch e = scalar::exp(pack.load(x) - Batch(shift));
      pack.store(y, e);
      if constexpr (std::same_as<std::remove_cvref_t<decltype(pack)>, kernels::FullPack<T>>) sums += e;
    });
    total = xsimd::hadd(sums);
    i = n - n % Batch::size;  // the lanes of the last, partial pack are left
    for (; i < n; ++i) total += y[i];
  } else {
    for (; i < n; ++i) total += y[i] = scalar::exp(x[i] - shift);
  }
  return total;
}

// y = factor x
template <class T>
void scale(const T* x, T* y, std::size_t n, T factor) {
  if constexpr (Vectorized<T>) {
    for_each_pack<T>(n, [&](const auto& pack) { pack.store(y, pack.load(x) * xsimd::batch<T>(factor)); });
  } else {
    for (std::size_t i = 0; i < n; ++i) y[i] = factor * x[i];
  }
}

template <class T>
T dot(const T* a, const T* b, std::size_t n) {
  return std::inner_product(a, a + n, b, T(0));
}

// Applies `rows(x)`, which works on the last axis, along another one.
template <class T, class F>
Variable<T> along(const char* op, const Variable<T>& x, std::ptrdiff_t axis, F rows) {
  const std::size_t a = normalize_axis(op, axis, x.shape());
  if (x.shape()[a] == 0)
    throw Error(op, "axis " + std::to_string(a) + " of shape " + describe(x) + " is empty");
  if (a + 1 == x.rank()) return rows(x);
  std::vector<std::ptrdiff_t> swap(x.rank());
  std::iota(swap.begin(), swap.end(), 0);
  std::swap(swap[a], swap.back());
  return transpose(rows(transpose(x, swap)), swap);
}

// y = softmax x                     dx = y (dy - <dy, y>)
template <class T>
Variable<T> softmax_rows(const Variable<T>& x) {
  const std::size_t V = x.shape().back(), rows = x.size() / V;
  auto y = Array<T>::uninitialized(x.shape());
  T* const out = y.mutable_data();
  for (std::size_t r = 0; r < rows; ++r) {
    const T* row = x.value().data() + r * V;
    const T total = exp_shifted(row, out + r * V, V, row_max(row, V));
    scale(out + r * V, out + r * V, V, T(1) / total);
  }
  return record("softmax", y, wrt(x, [=](const Array<T>& dy) {
                  auto dx = Array<T>::uninitialized(y.shape());
                  T* const d = dx.mutable_data();
                  for (std::size_t i = 0; i < y.size(); i += V) {
                    const T mean = dot(dy.data() + i, y.data() + i, V);
                    for (std::size_t v = i; v < i + V; ++v) d[v] = y.data()[v] * (dy.data()[v] - mean);
                  }
                  return dx;
                }));
}

// y = x - log sum e^x               dx = dy - e^y sum dy
template <class T>
Variable<T> log_softmax_rows(const Variable<T>& x) {
  const std::size_t V = x.shape().back();
  auto y = Array<T>::uninitialized(x.shape());
  T* const out = y.mutable_data();
  for (std::size_t i = 0; i < x.size(); i += V) {
    const T* row = x.value().data() + i;
    const auto shift = row_max(row, V);
    const T log_total = scalar::log(exp_shifted(row, out + i, V, shift));
    for (std::size_t v = 0; v < V; ++v) out[i + v] = (row[v] - shift) - log_total;
  }
  return record("log_softmax", y, wrt(x, [=](const Array<T>& dy) {
                  auto dx = Array<T>::uninitialized(y.shape());
                  T* const d = dx.mutable_data();
                  for (std::size_t i = 0; i < y.size(); i += V) {
                    const T total = std::accumulate(dy.data() + i, dy.data() + i + V, T(0));
                    exp_shifted(y.data() + i, d + i, V, 0);
                    for (std::size_t v = i; v < i + V; ++v) d[v] = dy.data()[v] - d[v] * total;
                  }
                  return dx;
                }));
}

}  // namespace

template <class T>
Variable<T> softmax(const Variable<T>& x, std::ptrdiff_t axis) {
  return along("softmax", x, axis, [](const Variable<T>& moved) { return softmax_rows(moved); });
}

template <class T>
Variable<T> log_softmax(const Variable<T>& x, std::ptrdiff_t axis) {
  return along("log_softmax", x, axis, [](const Variable<T>& moved) { return log_softmax_rows(moved); });
}

// L_r = log sum e^x_r - x_r[t_r]    dx_r = (softmax(x_r) - onehot(t_r)) dL_r
template <class T>
Variable<T> softmax_cross_entropy(const Variable<T>& logits, const Ids& targets, Reduction reduction) {
  const char* const op = "softmax_cross_entropy";
  if (logits.rank() == 0 || Shape(logits.shape().begin(), logits.shape().end() - 1) != targets.shape())
    throw Error(op, "targets of shape " + to_string(targets.shape()) +
                        " must have the axes of logits of shape " + to_string(logits.shape()) +
                        " except the last");
  const std::size_t V = logits.shape().back(), rows = targets.size();
  targets.check_range(op, "target", V);
  if (reduction == Reduction::mean && rows == 0) throw Error(op, "the mean over no targets");

  auto losses = Array<T>::uninitialized(targets.shape());
  auto totals = Array<T>::uninitialized(targets.shape());
  auto e = Array<T>::uninitialized(logits.shape());  // e^(x - max x); divided by its row's total, the softmax
  T* const loss = losses.mutable_data();
  T sum = T(0);
  for (std::size_t r = 0; r < rows; ++r) {
    const T* x = logits.value().data() + r * V;
    const auto shift = row_max(x, V);
    const T total = totals.mutable_data()[r] = exp_shifted(x, e.mutable_data() + r * V, V, shift);
    loss[r] = scalar::log(total) - (x[targets[r]] - shift);
    sum += loss[r];
  }
  const auto weight =
      static_cast<scalar::Real<T>>(reduction == Reduction::mean ? 1 / static_cast<double>(rows) : 1.0);
  const Array<T> y = reduction == Reduction::none ? losses : Array<T>::full({}, weight * sum);
  return record(op, y, wrt(logits, [=](const Array<T>& dy) {
                  auto dx = Array<T>::uninitialized(e.shape());
                  T* const d = dx.mutable_data();
                  for (std::size_t r = 0; r < rows; ++r) {
                    const T dL = reduction == Reduction::none ? dy.data()[r] : weight * *dy.data();
                    scale(e.data() + r * V, d + r * V, V, dL / totals.data()[r]);
                    d[r * V + static_cast<std::size_t>(targets[r])] -= dL;
                  }
                  return dx;
                }));
}

template Variable<float> softmax(const Variable<float>&, std::ptrdiff_t);
template Variable<double> softmax(const Variable<double>&, std::ptrdiff_t);
template Variable<Complex> softmax(const Variable<Complex>&, std::ptrdiff_t);
template Variable<float> log_softmax(const Variable<float>&, std::ptrdiff_t);
template Variable<double> log_softmax(const Variable<double>&, std::ptrdiff_t);
template Variable<Complex> log_softmax(const Variable<Complex>&, std::ptrdiff_t);
template Variable<float> softmax_cross_entropy(const Variable<float>&, const Ids&, Reduction);
template Variable<double> softmax_cross_entropy(const Variable<double>&, const Ids&, Reduction);
template Variable<Complex> softmax_cross_entropy(const Variable<Complex>&, const Ids&, Reduction);

}  // namespace xgrad
