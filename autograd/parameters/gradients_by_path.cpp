// Gradients that are given, by path or by parameter; see gradients.hpp.
#include <xgrad/autograd/gradients.hpp>

#include <xgrad/autograd/numbers/instantiate.hpp>
#include <xgrad/autograd/parameters.hpp>

namespace xgrad {

namespace {

template <class T>
void check_shape(const Variable<T>& parameter, const Shape& shape) {
  if (shape != parameter.shape())
    throw Error("gradient", "the gradient given for '" + parameter.parameter()->path + "' has shape " +
                                to_string(shape) + ", expected that of the parameter, " +
                                to_string(parameter.shape()));
}

// An array that nobody will write to.
template <class T>
Array<T> owned(const Array<T>& values) {
  return values.exposed() || values.in_parameter() ? values.copy() : values;
}

}  // namespace

template <class T>
Gradients<T>::Gradients(const Parameters<T>& parameters, const std::map<std::string, Array<T>>& by_path,
                        Unreached unreached)
    : Gradients() {
  unreached_ = unreached;
  for (const auto& [path, values] : by_path) {
    const Variable<T> parameter = parameters[path];  // throws, with the paths that there are
    check_shape(parameter, values.shape());
    if (parameter.parameter()->frozen()) continue;
    add(parameter.parameter_, owned(values));
  }
}

template <class T>
Gradients<T>::Gradients(const std::vector<std::pair<Variable<T>, Gradient<T>>>& of_parameters) : Gradients() {
  mixed_ = true;
  for (const auto& [x, gradient] : of_parameters) {
    if (x.parameter() == nullptr)
      throw Error("gradient",
                  "a gradient is given for a variable of shape " + describe(x) + ", expected a parameter");
    if (reached(x)) throw Error("gradient", "two gradients are given for '" + x.parameter()->path + "'");
    const auto* const sparse = std::get_if<RowSparse<T>>(&gradient);
    check_shape(x, sparse != nullptr ? sparse->shape : std::get<Array<T>>(gradient).shape());
    if (sparse != nullptr)
      add(x.parameter_, RowSparse<T>{sparse->shape, sparse->rows, owned(sparse->values)});
    else
      add(x.parameter_, owned(std::get<Array<T>>(gradient)));
  }
}

#define XGRAD_INSTANTIATE(T)                                                                                 \
  template Gradients<T>::Gradients(const Parameters<T>&, const std::map<std::string, Array<T>>&, Unreached); \
  template Gradients<T>::Gradients(const std::vector<std::pair<Variable<T>, Gradient<T>>>&);
XGRAD_FOR_SCALARS(XGRAD_INSTANTIATE)

}  // namespace xgrad
