// See clipping.hpp. Squares are summed in double, whatever the scalar: a float would overflow at 1e19. A
// double does at 1e154, and vanishes at 1e-162: then they are summed once more, in long double.
#include <xgrad/training/clipping.hpp>

#include <cmath>
#include <limits>

#include <xgrad/autograd/numbers/sum.hpp>

namespace xgrad {

namespace {

// Calls f on the stored numbers of every gradient that is not zero as a whole.
template <class T, class F>
void for_each_gradient(const Gradients<T>& gradients, const Parameters<T>& parameters, F f) {
  for (const Variable<T>& parameter : parameters.list(Which::trained)) {
    const Gradient<T>* gradient = gradients.stored(parameter);
    if (gradient == nullptr) continue;  // zeros
    const auto* sparse = std::get_if<RowSparse<T>>(gradient);
    f(sparse != nullptr ? sparse->values : std::get<Array<T>>(*gradient));
  }
}

}  // namespace

template <class T>
double global_norm(const Gradients<T>& gradients, const Parameters<T>& parameters) {
  double total = 0;
  for_each_gradient(gradients, parameters, [&](const Array<T>& x) { total += kernels::sum_of_squares(x); });
  // Far enough above the smallest double that what has vanished of it does not count.
  constexpr double low = std::numeric_limits<double>::min() / std::numeric_limits<double>::epsilon();
  if (total >= low && std::isfinite(total)) return std::sqrt(total);
  long double precise = 0;
  for_each_gradient(gradients, parameters, [&](const Array<T>& x) {
    for (const long double value : x) precise += value * value;
  });
  return static_cast<double>(std::sqrt(precise));
}

template <class T>
double clip_global_norm(Gradients<T>& gradients, const Parameters<T>& parameters, double max_norm) {
  if (!(max_norm > 0)) throw Error("clip_global_norm", "needs a norm > 0, got " + std::to_string(max_norm));
  const double norm = global_norm(gradients, parameters);
  if (norm > max_norm && std::isfinite(norm))
    for (const Variable<T>& parameter : parameters.list(Which::trained))
      gradients.scale(parameter, max_norm / norm);
  return norm;
}

template double global_norm(const Gradients<float>&, const Parameters<float>&);
template double global_norm(const Gradients<double>&, const Parameters<double>&);
template double clip_global_norm(Gradients<float>&, const Parameters<float>&, double);
template double clip_global_norm(Gradients<double>&, const Parameters<double>&, double);

}  // namespace xgrad
