// One pass over each row forward and one back. The normalized rows and their scales are saved.
#include <xgrad/autograd/ops/layer_norm.hpp>

#include <fmt/format.h>

#include <xgrad/autograd/tape.hpp>

namespace xgrad {

// y = g n + b, n = s (x - m), s = 1 / sqrt(v + epsilon)
// dx = s (e - mean e - n mean(e n)) with e = dy g           dg = dy n               db = dy
template <class T>
Variable<T> layer_norm(const Variable<T>& x, const Variable<T>& gain, const Variable<T>& bias,
                       double epsilon) {
  const char* const op = "layer_norm";
  if (x.rank() == 0 || x.shape().back() == 0)
    throw Error(op, fmt::format("needs x: (..., H) with H > 0, got shape {}", describe(x)));
  const std::size_t H = x.shape().back(), rows = x.size() / H;
  if (gain.shape() != Shape{H} || bias.shape() != Shape{H})
    throw Error(op, fmt::format("needs gain and bias of shape ({},) for x of shape {}, got {} and {}", H,
                                describe(x), describe(gain), describe(bias)));
  if (!(epsilon >= 0)) throw Error(op, fmt::format("needs epsilon >= 0, got {}", epsilon));

  using Real = scalar::Real<T>;
  const auto count = static_cast<Real>(H), eps = static_cast<Real>(epsilon);
  auto n = Array<T>::uninitialized(x.shape()), y = Array<T>::uninitialized(x.shape());
  auto s = Array<T>::uninitialized({rows});
  T *const normalized = n.mutable_data(), *const out = y.mutable_data(), *const scales = s.mutable_data();
  const T *const g = gain.value().data(), *const b = bias.value().data();
  for (std::size_t r = 0; r < rows; ++r) {
    const T* row = x.value().data() + r * H;
    T mean(0), variance(0);
    for (std::size_t j = 0; j < H; ++j) mean += row[j];
    mean /= count;
    for (std::size_t j = 0; j < H; ++j) variance += (row[j] - mean) * (row[j] - mean);
    const T scale = scales[r] = T(1) / scalar::sqrt(variance / count + eps);
    for (std::size_t j = 0; j < H; ++j) {
      normalized[r * H + j] = scale * (row[j] - mean);
      out[r * H + j] = g[j] * normalized[r * H + j] + b[j];
    }
  }
  return record(op, y,
                wrt(x,
                    [=, gain = gain.value()](const Array<T>& dy) {
                      auto dx = Array<T>::uninitialized(dy.shape());
                      T* const d = dx.mutable_data();
                      for (std::size_t r = 0; r < rows; ++r) {
                        const T *const dy_r = dy.data() + r * H, *const n_r = n.data() + r * H;
                        T e_mean(0), en_mean(0);
                        for (std::size_t j = 0; j < H; ++j) {
                          const T e = dy_r[j] * gain.data()[j];
                          e_mean += e;
                          en_mean += e * n_r[j];
                        }
                        e_mean /= count;
                        en_mean /= count;
                        for (std::size_t j = 0; j < H; ++j)
                          d[r * H + j] = s.data()[r] * (dy_r[j] * gain.data()[j] - e_mean - n_r[j] * en_mean);
                      }
                      return dx;
                    }),
                wrt(gain, [n](const Array<T>& dy) { return dy * n; }),
                wrt(bias, [](const Array<T>& dy) { return dy; }));
}

template Variable<float> layer_norm(const Variable<float>&, const Variable<float>&, const Variable<float>&,
                                    double);
template Variable<double> layer_norm(const Variable<double>&, const Variable<double>&,
                                     const Variable<double>&, double);
template Variable<Complex> layer_norm(const Variable<Complex>&, const Variable<Complex>&,
                                      const Variable<Complex>&, double);

}  // namespace xgrad
