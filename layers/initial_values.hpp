// Initial values by option: CellOptions, the options that every cell of the library has, some with others of
// their own; and how layers declare the parameters that an option may draw.
#pragma once

#include <cstddef>
#include <string_view>

#include <xgrad/autograd/parameters.hpp>

namespace xgrad {

/// How a cell's parameters are drawn; what is left empty is drawn as the cell says.
///     Gru cell(p, D, H, {.Wx = glorot_uniform(), .Wh = orthogonal()});
/// Matrices of several gates that are kept side by side are drawn gate by gate, see `blocks`: each gate of an
/// LSTM has an orthogonal matrix of its own, and Glorot's bound is that of one gate.
struct CellOptions {
  Initializer Wx{};  ///< of each gate's matrix for the input, (D, H), whatever its parameter's name
  Initializer Wh{};  ///< of each gate's matrix for the state, (H, H), whatever its parameter's name
  Initializer b{};   ///< of the gates' biases, each parameter as a whole, its gates in the cell's order
};

namespace detail {

/// A parameter that `given` draws, or `otherwise` if that is empty.
template <class T>
Variable<T> weight(const Parameters<T>& p, std::string_view name, const Shape& shape,
                   const Initializer& given, const Initializer& otherwise) {
  return p.weight(name, shape, given ? given : otherwise);
}
/// The same with the default of Parameters::weight.
template <class T>
Variable<T> weight(const Parameters<T>& p, std::string_view name, const Shape& shape,
                   const Initializer& given) {
  return given ? p.weight(name, shape, given) : p.weight(name, shape);
}
/// The matrices of n gates, side by side.     (rows, n H)
template <class T>
Variable<T> gates(const Parameters<T>& p, std::string_view name, std::size_t rows, std::size_t H,
                  std::size_t n, const Initializer& given) {
  return weight(p, name, {rows, n * H}, given ? blocks(n, given) : given);
}
/// A bias, zeros unless it is given.
template <class T>
Variable<T> bias(const Parameters<T>& p, std::string_view name, std::size_t n, const Initializer& given) {
  return weight(p, name, {n}, given, constant(0));
}

}  // namespace detail

}  // namespace xgrad
