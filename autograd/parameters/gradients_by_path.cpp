// Gradients given by path; see gradients.hpp.
#include <xgrad/autograd/gradients.hpp>

#include <xgrad/autograd/numbers/instantiate.hpp>
#include <xgrad/autograd/parameters.hpp>

namespace xgrad {

template <class T>
Gradients<T>::Gradients(const Parameters<T>& parameters, const std::map<std::string, Array<T>>& by_path,
                        Unreached unreached)
    : Gradients() {
  unreached_ = unreached;
  for (const auto& [path, values] : by_path) {
    const Variable<T> parameter = parameters[path];  // throws, with the paths that there are
    if (values.shape() != parameter.shape())
      throw Error("gradient", "the gradient given for '" + parameter.parameter()->path + "' has shape " +
                                  to_string(values.shape()) + ", expected that of the parameter, " +
                                  to_string(parameter.shape()));
    if (parameter.parameter()->frozen()) continue;
    // Not one that somebody will write to.
    add(parameter.parameter_, values.exposed() || values.in_parameter() ? values.copy() : values);
  }
}

#define XGRAD_INSTANTIATE(T) \
  template Gradients<T>::Gradients(const Parameters<T>&, const std::map<std::string, Array<T>>&, Unreached);
XGRAD_FOR_SCALARS(XGRAD_INSTANTIATE)

}  // namespace xgrad
