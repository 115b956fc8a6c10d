// OptionCheck: the refusal of an option that is out of its range, for optimizers and schedules. Internal.
#pragma once

#include <cmath>

#include <fmt/format.h>

#include <xgrad/autograd/error.hpp>

namespace xgrad::detail {

/// Checks the options of `op`; each call throws Error, naming op and option, unless it is right.
struct OptionCheck {
  const char* op;

  void operator()(bool right, const char* option, const char* expected, double got) const {
    if (!right) throw Error(op, fmt::format("needs {} for {}, got {}", expected, option, got));
  }
  void positive(const char* option, double x) const {
    (*this)(x > 0 && std::isfinite(x), option, "a positive number", x);
  }
  void not_negative(const char* option, double x) const {
    (*this)(x >= 0 && std::isfinite(x), option, "a number >= 0", x);
  }
  void fraction(const char* option, double x) const {
    (*this)(x >= 0 && x < 1, option, "a number in [0, 1)", x);
  }
};

}  // namespace xgrad::detail
