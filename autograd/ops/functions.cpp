// The ops of the elementwise functions. Their values and slopes are in kernels/functions.hpp.
#include <xgrad/autograd/ops/activation.hpp>
#include <xgrad/autograd/ops/choice.hpp>
#include <xgrad/autograd/ops/define.hpp>
#include <xgrad/autograd/ops/elementwise.hpp>
#include <xgrad/autograd/ops/function_op.hpp>

namespace xgrad {

#define XGRAD_DEFINE(name, Function)                      \
  template <class T>                                      \
  Variable<T> name(const Variable<T>& x) {                \
    return detail::elementwise(functions::Function(), x); \
  }                                                       \
  XGRAD_INSTANTIATE_OPS(name)
XGRAD_FUNCTIONS(XGRAD_DEFINE)
#undef XGRAD_DEFINE

template <class T>
Variable<T> pow(const Variable<T>& x, const Variable<T>& p) {
  return detail::elementwise(functions::Pow(), x, p);
}
template <class T>
Variable<T> pow(const Variable<T>& x, double p) {
  return detail::elementwise(functions::PowOf<T>{{}, static_cast<scalar::Real<T>>(p)}, x);
}
template <class T>
Variable<T> leaky_relu(const Variable<T>& x, double slope) {
  return detail::elementwise(functions::LeakyRelu<T>{{}, static_cast<scalar::Real<T>>(slope)}, x);
}
template <class T>
Variable<T> elu(const Variable<T>& x, double alpha) {
  return detail::elementwise(functions::Elu<T>{{}, static_cast<scalar::Real<T>>(alpha)}, x);
}
template <class T>
Variable<T> maximum(const Variable<T>& a, const Variable<T>& b) {
  return detail::elementwise(functions::Maximum(), a, b);
}
template <class T>
Variable<T> minimum(const Variable<T>& a, const Variable<T>& b) {
  return detail::elementwise(functions::Minimum(), a, b);
}
template <class T>
Variable<T> clip(const Variable<T>& x, double low, double high) {
  if (!(low <= high))
    detail::refuse(functions::Clip<T>::op, "needs bounds low <= high, got low {} and high {}", low, high);
  using Real = scalar::Real<T>;
  return detail::elementwise(functions::Clip<T>{{}, static_cast<Real>(low), static_cast<Real>(high)}, x);
}

XGRAD_INSTANTIATE_OPS(leaky_relu, elu, clip)
#define XGRAD_INSTANTIATE(T)                                            \
  template Variable<T> pow(const Variable<T>&, const Variable<T>&);     \
  template Variable<T> pow(const Variable<T>&, double);                 \
  template Variable<T> maximum(const Variable<T>&, const Variable<T>&); \
  template Variable<T> minimum(const Variable<T>&, const Variable<T>&);
XGRAD_FOR_SCALARS(XGRAD_INSTANTIATE)

}  // namespace xgrad
