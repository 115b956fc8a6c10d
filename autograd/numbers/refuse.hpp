// refuse(): throws what an op has to say about operands that it cannot take. Internal.
#pragma once

#include <string>
#include <utility>

#include <fmt/format.h>

#include <xgrad/autograd/error.hpp>
#include <xgrad/autograd/op.hpp>
#include <xgrad/autograd/shape.hpp>

namespace xgrad::detail {

/// What stands for x in a text: the description of a variable, a shape as a tuple, anything else as it is.
template <class X>
decltype(auto) in_text(const X& x) {
  if constexpr (requires { describe(x); })
    return describe(x);
  else if constexpr (std::is_same_v<X, Shape>)
    return to_string(x);
  else
    return (x);
}

/// Throws Error naming `op`, with x... in the places of the text.
template <class... X>
[[noreturn]] void refuse(const Op& op,
                         fmt::format_string<decltype(in_text(std::declval<const X&>()))...> text,
                         const X&... x) {
  throw Error(op.name(), fmt::format(text, in_text(x)...));
}

}  // namespace xgrad::detail
