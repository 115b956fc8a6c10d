// See clipping.hpp.
#include <xgrad/training/clipping.hpp>

#include <cmath>

#include <xgrad/autograd/numbers/sum.hpp>
#include <xgrad/autograd/parameters/quote.hpp>

namespace xgrad {

template <class T>
double global_norm(const Gradients<T>& gradients, const Parameters<T>& parameters) {
  if (!parameters.scope().empty() && parameters.list().empty())
    throw Error("global_norm", "there is no parameter below " + quote(parameters.scope()));
  return kernels::euclidean_norm<T>([&](auto f) {
    for (const Variable<T>& parameter : parameters.list(Which::trained)) {
      const Gradient<T>* gradient = gradients.stored(parameter);
      if (gradient == nullptr) continue;  // zeros
      const auto* sparse = std::get_if<RowSparse<T>>(gradient);
      f(sparse != nullptr ? sparse->values : std::get<Array<T>>(*gradient));
    }
  });
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
