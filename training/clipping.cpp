// See clipping.hpp. Squares are summed in double, whatever the scalar: a float would overflow at 1e19.
#include <xgrad/training/clipping.hpp>

#include <cmath>

namespace xgrad {

namespace {

template <class T>
double squared_norm(const Array<T>& x) {
  double total = 0;
  for (const T value : x) total += static_cast<double>(value) * static_cast<double>(value);
  return total;
}

}  // namespace

template <class T>
double clip_global_norm(Gradients<T>& gradients, const Parameters<T>& parameters, double max_norm) {
  if (!(max_norm > 0)) throw Error("clip_global_norm", "needs a norm > 0, got " + std::to_string(max_norm));
  double total = 0;
  for (const Variable<T>& parameter : parameters.list()) {
    const Gradient<T>* gradient = gradients.stored(parameter);
    if (gradient == nullptr) continue;  // zeros
    const auto* sparse = std::get_if<RowSparse<T>>(gradient);
    total += squared_norm(sparse != nullptr ? sparse->values : std::get<Array<T>>(*gradient));
  }
  const double norm = std::sqrt(total);
  if (norm > max_norm && std::isfinite(norm))
    for (const Variable<T>& parameter : parameters.list()) gradients.scale(parameter, max_norm / norm);
  return norm;
}

template double clip_global_norm(Gradients<float>&, const Parameters<float>&, double);
template double clip_global_norm(Gradients<double>&, const Parameters<double>&, double);

}  // namespace xgrad
