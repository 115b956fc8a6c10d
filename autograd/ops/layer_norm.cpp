// One pass over each row forward and one back. The normalized rows and their scales are saved.
#include <xgrad/autograd/ops/layer_norm.hpp>

#include <fmt/format.h>

#include <xgrad/autograd/kernels/row.hpp>
#include <xgrad/autograd/numbers/instantiate.hpp>
#include <xgrad/autograd/ops/identities.hpp>
#include <xgrad/autograd/tape.hpp>

namespace xgrad {

namespace {

using kernels::map_row;
using kernels::row_dot;
using kernels::row_sum;
namespace formulas = kernels::formulas;

// n = s (x - m), y = g n + b for a row of H numbers; returns s.
template <class T>
T normalize(const T* x, const T* g, const T* b, scalar::Real<T> epsilon, std::size_t H, T* n, T* y) {
  const auto count = static_cast<scalar::Real<T>>(H);
  const T mean = row_sum(x, H) / count;
  const auto scale_of = [&](const T& squares) { return T(1) / scalar::sqrt(squares / count + epsilon); };
  if constexpr (kernels::Vectorized<T>) {
    map_row(formulas::Shift<T>{-mean}, n, H, x);
    const T scale = scale_of(row_dot(n, n, H));
    map_row(formulas::Scale<T>{scale}, n, H, n);
    map_row(formulas::AddProduct(), y, H, b, g, n);
    return scale;
  } else {
    for (std::size_t j = 0; j < H; ++j) n[j] = x[j] - mean;
    const T scale = scale_of(row_dot(n, n, H));
    for (std::size_t j = 0; j < H; ++j) {
      n[j] *= scale;
      y[j] = g[j] * n[j] + b[j];
    }
    return scale;
  }
}

// dx = s (e - mean e - n mean(e n)), e = dy g
template <class T>
void flow_back(const T* dy, const T* g, const T* n, T s, std::size_t H, T* dx) {
  const auto count = static_cast<scalar::Real<T>>(H);
  map_row(formulas::Multiply(), dx, H, dy, g);
  const T e_mean = row_sum(dx, H) / count, en_mean = row_dot(dx, n, H) / count;
  if constexpr (kernels::Vectorized<T>) {
    map_row(formulas::AddScaled<T>{-en_mean}, dx, H, dx, n);
    map_row(formulas::ScaleShift<T>{s, -s * e_mean}, dx, H, dx);
  } else {
    for (std::size_t j = 0; j < H; ++j) dx[j] = s * (dx[j] - e_mean - n[j] * en_mean);
  }
}

}  // namespace

// y = g n + b, n = s (x - m), s = 1 / sqrt(v + epsilon)
// dx = s (e - mean e - n mean(e n)) with e = dy g           dg = dy n               db = dy
template <class T>
Variable<T> layer_norm(const Variable<T>& x, const Variable<T>& gain, const Variable<T>& bias,
                       double epsilon) {
  const char* const op = ops::layer_norm.name();
  if (x.rank() == 0 || x.shape().back() == 0)
    throw Error(op, fmt::format("needs x: (..., H) with H > 0, got shape {}", describe(x)));
  const std::size_t H = x.shape().back(), rows = x.size() / H;
  if (gain.shape() != Shape{H} || bias.shape() != Shape{H})
    throw Error(op, fmt::format("needs gain and bias of shape ({},) for x of shape {}, got {} and {}", H,
                                describe(x), describe(gain), describe(bias)));
  if (!(epsilon >= 0)) throw Error(op, fmt::format("needs epsilon >= 0, got {}", epsilon));

  const auto eps = static_cast<scalar::Real<T>>(epsilon);
  auto n = Array<T>::uninitialized(x.shape()), y = Array<T>::uninitialized(x.shape());
  auto s = Array<T>::uninitialized({rows});
  T *const normalized = n.mutable_data(), *const out = y.mutable_data(), *const scales = s.mutable_data();
  const T *const g = gain.value().data(), *const b = bias.value().data();
  for (std::size_t r = 0; r < rows; ++r)
    scales[r] = normalize(x.value().data() + r * H, g, b, eps, H, normalized + r * H, out + r * H);
  return record(ops::layer_norm, y,
                wrt(x,
                    [=, gain = gain.value()](const Array<T>& dy) {
                      auto dx = Array<T>::uninitialized(dy.shape());
                      T* const d = dx.mutable_data();
                      for (std::size_t r = 0; r < rows; ++r)
                        flow_back(dy.data() + r * H, gain.data(), n.data() + r * H, s.data()[r], H,
                                  d + r * H);
                      return dx;
                    }),
                wrt(gain, [n](const Array<T>& dy) { return dy * n; }),
                wrt(bias, [](const Array<T>& dy) { return dy; }));
}

#define XGRAD_INSTANTIATE(T) \
  template Variable<T> layer_norm(const Variable<T>&, const Variable<T>&, const Variable<T>&, double);
XGRAD_FOR_SCALARS(XGRAD_INSTANTIATE)

}  // namespace xgrad
