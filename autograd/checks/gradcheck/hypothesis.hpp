// Hypotheses on what turned the right Jacobian of an op into that of its vjp: the right numbers at the wrong
// places. `diagnose` in defect.cpp asks them in turn, and those that it has itself. Internal to gradcheck.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include <xgrad/autograd/checks/gradcheck/defect.hpp>

namespace xgrad::hypothesis {

/// The largest magnitude; 0 of nothing.
inline double largest(std::span<const double> entries) {
  double result = 0;
  for (const double e : entries) result = std::max(result, std::abs(e));
  return result;
}

/// Equal up to rounding, beside entries of the size `scale`.
inline bool near(double a, double b, double scale) { return std::abs(a - b) <= 1e-10 * scale; }

/// True if every tape(i, m) is `expected(i, m)`.
template <class F>
bool agrees(const Jacobian& tape, const Jacobian& exact, F expected) {
  const double scale = largest(exact.entries);
  for (std::size_t i = 0; i < exact.y.size(); ++i)
    for (std::size_t m = 0; m < exact.x.size(); ++m)
      if (!near(tape.at(i, m), expected(i, m), scale)) return false;
  return true;
}

using Index = std::vector<std::size_t>;
Index unflatten(std::size_t flat, const Shape& shape);

bool is_time_shift(const Jacobian& tape, const Jacobian& exact);
bool is_wrong_reduction(const Jacobian& tape, const Jacobian& exact);
bool is_wrong_direction(const Jacobian& tape, const Jacobian& exact);
bool is_transpose(const Jacobian& tape, const Jacobian& exact);
bool is_wrong_coupling(const Jacobian& tape, const Jacobian& exact);
/// Two axes of equal size are exchanged, in y and in x alike.
bool is_swap(const Jacobian& tape, const Jacobian& exact);

}  // namespace xgrad::hypothesis
