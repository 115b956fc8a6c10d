// CheckedCall: a call of the registry as a function of Parameters, which is what gradcheck takes and what the
// tables are made from. Start with operator().
#pragma once

#include <string>

#include <fmt/format.h>

#include <xgrad/autograd/parameters.hpp>

#include "registry/registry.hpp"

namespace registry {

struct CheckedCall {
  const Row& op;
  Call call;
  bool extreme = false;  ///< draw some inputs beyond the usual range

  template <class T>
  Inputs<T> inputs(const xgrad::Parameters<T>& p) const {
    Inputs<T> xs;
    for (std::size_t i = 0; i < call.shapes.size(); ++i)
      xs.push_back(p.input(fmt::format("x{}", i), call.shapes[i], op.domain(i).numbers(extreme)));
    return xs;
  }
  Variable<float> operator()(const xgrad::Parameters<float>& p) const { return call.f(inputs(p)); }
  Variable<double> operator()(const xgrad::Parameters<double>& p) const { return call.f(inputs(p)); }
  Variable<Complex> operator()(const xgrad::Parameters<Complex>& p) const { return call.f(inputs(p)); }

  /// "softmax of (2, 3): torch.softmax(...)".
  std::string text() const {
    std::string shapes;
    for (const Shape& shape : call.shapes) shapes += (shapes.empty() ? "" : ", ") + to_string(shape);
    return op.name + " of " + shapes + ": " + call.python;
  }
};

}  // namespace registry
