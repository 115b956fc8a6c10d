// The softmax family works on rows of the last axis; another axis is moved there and back. Rows are
// loops of kernels/row.hpp.
#include <xgrad/autograd/ops/softmax.hpp>

#include <numeric>

#include <xgrad/autograd/kernels/row.hpp>
#include <xgrad/autograd/ops/identities.hpp>
#include <xgrad/autograd/ops/shape.hpp>
#include <xgrad/autograd/tape.hpp>

namespace xgrad {

namespace {

using kernels::exp_shifted;
using kernels::row_max;
using kernels::scale;

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
  return record(ops::softmax, y, wrt(x, [=](const Array<T>& dy) {
                  auto dx = Array<T>::uninitialized(y.shape());
                  T* const d = dx.mutable_data();
                  for (std::size_t i = 0; i < y.size(); i += V) {
                    const T mean = kernels::row_dot(dy.data() + i, y.data() + i, V);
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
  return record(ops::log_softmax, y, wrt(x, [=](const Array<T>& dy) {
                  auto dx = Array<T>::uninitialized(y.shape());
                  T* const d = dx.mutable_data();
                  for (std::size_t i = 0; i < y.size(); i += V) {
                    const T total = kernels::row_sum(dy.data() + i, V);
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

template Variable<float> softmax(const Variable<float>&, std::ptrdiff_t);
template Variable<double> softmax(const Variable<double>&, std::ptrdiff_t);
template Variable<Complex> softmax(const Variable<Complex>&, std::ptrdiff_t);
template Variable<float> log_softmax(const Variable<float>&, std::ptrdiff_t);
template Variable<double> log_softmax(const Variable<double>&, std::ptrdiff_t);
template Variable<Complex> log_softmax(const Variable<Complex>&, std::ptrdiff_t);

}  // namespace xgrad
