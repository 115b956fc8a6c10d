// See clipping.hpp. Squares are summed in double, whatever the scalar: a float would overflow at 1e19. A
// double does at 1e154, so numbers as large as that are summed once more, scaled.
#include <xgrad/training/clipping.hpp>

#include <algorithm>
#include <cmath>

#include <xgrad/autograd/numbers/sum.hpp>

namespace xgrad {

namespace {

// Calls f on the stored numbers of every gradient that is not zero as a whole.
template <class T, class F>
void for_each_gradient(const Gradients<T>& gradients, const Parameters<T>& parameters, F f) {
  for (const Variable<T>& parameter : parameters.list()) {
    const Gradient<T>* gradient = gradients.stored(parameter);
    if (gradient == nullptr) continue;  // zeros
    const auto* sparse = std::get_if<RowSparse<T>>(gradient);
    f(sparse != nullptr ? sparse->values : std::get<Array<T>>(*gradient));
  }
}

// The norm when the sum of squares is not finite: NaN, infinity, or a large number.
template <class T>
double scaled_norm(const Gradients<T>& gradients, const Parameters<T>& parameters) {
  double largest = 0, total = 0;
  for_each_gradient(gradients, parameters, [&](const Array<T>& x) {
    for (const T value : x) largest = std::max(largest, std::abs(static_cast<double>(value)));
  });
  if (std::isinf(largest)) return largest;
  for_each_gradient(gradients, parameters, [&](const Array<T>& x) {
    for (const T value : x) {
      const double scaled = static_cast<double>(value) / largest;
      total += scaled * scaled;
    }
  });
  return largest * std::sqrt(total);
}

}  // namespace

template <class T>
double global_norm(const Gradients<T>& gradients, const Parameters<T>& parameters) {
  double total = 0;
  for_each_gradient(gradients, parameters, [&](const Array<T>& x) { total += kernels::sum_of_squares(x); });
  return std::isfinite(total) ? std::sqrt(total) : scaled_norm(gradients, parameters);
}

template <class T>
double clip_global_norm(Gradients<T>& gradients, const Parameters<T>& parameters, double max_norm) {
  if (!(max_norm > 0)) throw Error("clip_global_norm", "needs a norm > 0, got " + std::to_string(max_norm));
  const double norm = global_norm(gradients, parameters);
  if (norm > max_norm && std::isfinite(norm))
    for (const Variable<T>& parameter : parameters.list()) gradients.scale(parameter, max_norm / norm);
  return norm;
}

template double global_norm(const Gradients<float>&, const Parameters<float>&);
template double global_norm(const Gradients<double>&, const Parameters<double>&);
template double clip_global_norm(Gradients<float>&, const Parameters<float>&, double);
template double clip_global_norm(Gradients<double>&, const Parameters<double>&, double);

}  // namespace xgrad
