// One pass over each row forward and one back. The normalized rows and their scales are saved.
#include <xgrad/autograd/ops/layer_norm.hpp>

#include <algorithm>
#include <cmath>

#include <xgrad/autograd/kernels/row.hpp>
#include <xgrad/autograd/ops/define.hpp>
#include <xgrad/autograd/ops/reduce.hpp>

namespace xgrad {

namespace {

using detail::refuse;
using kernels::map_row;
using kernels::row_dot;
using kernels::row_sum;
namespace formulas = kernels::formulas;

// n = s (x - m), y = g n + b for a row of H elements; returns s. The mean is subtracted twice, as the first
// one is rounded: of large elements, by more than they differ.
template <class T>
T normalize(const T* x, const T* g, const T* b, scalar::Real<T> epsilon, std::size_t H, T* n, T* y) {
  using Real = scalar::Real<T>;
  const auto count = static_cast<Real>(H);
  map_row(formulas::Subtract(), n, H, x, row_sum(x, H) / count);
  map_row(formulas::Subtract(), n, H, n, row_sum(n, H) / count);
  T variance = row_dot(n, n, H) / count + epsilon;
  Real size = 1;
  if (!std::isnormal(
          scalar::real(variance))) {  // squares that overflow or vanish, unless the row is constant
    size = 0;
    for (std::size_t i = 0; i < H; ++i) size = std::max(size, std::abs(scalar::real(n[i])));
    if (!std::isnormal(size)) size = 1;
    map_row(formulas::Divide(), n, H, n, T(size));
    variance = row_dot(n, n, H) / count + epsilon / size / size;
  }
  const T scale = T(1) / scalar::sqrt(variance);
  map_row(formulas::Multiply(), n, H, n, scale);
  map_row(formulas::AddProduct(), y, H, b, g, n);
  return scale / size;
}

// dx = s (e - mean e - n mean(e n)), e = dy g
template <class T>
void flow_back(const T* dy, const T* g, const T* n, T s, std::size_t H, T* dx) {
  const auto count = static_cast<scalar::Real<T>>(H);
  map_row(formulas::Multiply(), dx, H, dy, g);
  const T e_mean = row_sum(dx, H) / count, en_mean = row_dot(dx, n, H) / count;
  map_row(formulas::AddProduct(), dx, H, dx, n, -en_mean);
  map_row(formulas::AddProduct(), dx, H, -s * e_mean, dx, s);
}

}  // namespace

// y = g n + b, n = s (x - m), s = 1 / sqrt(v + epsilon)
// dx = s (e - mean e - n mean(e n)) with e = dy g           dg = dy n               db = dy
template <class T>
Variable<T> layer_norm(const Variable<T>& x, const Variable<T>& gain, const Variable<T>& bias,
                       double epsilon) {
  if (x.rank() == 0 || x.shape().back() == 0)
    refuse(ops::layer_norm, "needs x: (..., H) with H > 0, got shape {}", x);
  const std::size_t H = x.shape().back(), rows = x.size() / H;
  if (gain.shape() != Shape{H} || bias.shape() != Shape{H})
    refuse(ops::layer_norm, "needs gain and bias of shape {} for x of shape {}, got {} and {}", Shape{H}, x,
           gain, bias);
  if (!(epsilon >= 0)) refuse(ops::layer_norm, "needs epsilon >= 0, got {}", epsilon);

  const auto eps = static_cast<scalar::Real<T>>(epsilon);
  auto n = Array<T>::uninitialized(x.shape()), y = Array<T>::uninitialized(x.shape());
  auto s = Array<T>::uninitialized({rows});
  T *const normalized = n.mutable_data(), *const out = y.mutable_data(), *const scales = s.mutable_data();
  const T *const g = gain.value().data(), *const b = bias.value().data();
  for (std::size_t r = 0; r < rows; ++r)
    scales[r] = normalize(x.value().data() + r * H, g, b, eps, H, normalized + r * H, out + r * H);
  const auto x_vjp = [=, gain = gain.value()](const Array<T>& dy) {
    return kernels::filled<T>(dy.shape(), [&](T* dx) {
      for (std::size_t r = 0; r < rows; ++r)
        flow_back(dy.data() + r * H, gain.data(), n.data() + r * H, s.data()[r], H, dx + r * H);
    });
  };
  const auto absolute = [&] {
    Shape column = x.shape();
    column.set(x.rank() - 1, 1);
    return [n = Variable<T>(n), y = Variable<T>(y), scale = Variable<T>(s.reshaped(column))](const auto& xs) {
      const auto x_size = abs(detach(xs[0])), g_size = abs(detach(xs[1])), n_size = abs(n);
      const auto of_n = scale * (x_size + mean(x_size, -1, keepdims));
      const auto t = detail::zero_of(xs[0]), of_g = detail::zero_of(xs[1]), of_b = detail::zero_of(xs[2]);
      const auto through_mean = mean(t, -1, keepdims), through_scale = mean(n_size * t, -1, keepdims);
      return abs(y) + g_size * of_n + abs(detach(xs[2])) +
             detail::zero_of(g_size * scale * (t + through_mean + n_size * through_scale) + of_n * of_g +
                             of_b);
    };
  };
  return record(summing(ops::layer_norm, absolute), y, wrt(x, x_vjp),
                wrt(gain, [n](const Array<T>& dy) { return dy * n; }),
                wrt(bias, [](const Array<T>& dy) { return dy; }));
}

XGRAD_INSTANTIATE_OPS(layer_norm)

}  // namespace xgrad
