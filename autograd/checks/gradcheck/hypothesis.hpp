// Hypotheses on what turned the right Jacobian of an op into that of its vjp, one for each kind of defect;
// `diagnose` in defect.cpp asks them in turn. Internal to gradcheck.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <vector>

#include <xgrad/autograd/checks/gradcheck/defect.hpp>

namespace xgrad::hypothesis {

inline double largest(const std::vector<double>& entries) {
  double result = 0;
  for (const double e : entries) result = std::max(result, std::abs(e));
  return result;
}

/// Equal up to rounding, beside entries of the size `scale`.
inline bool near(double a, double b, double scale) { return std::abs(a - b) <= 1e-10 * scale; }

using Index = std::vector<std::size_t>;
Index unflatten(std::size_t flat, const Shape& shape);

// moves.cpp: the right numbers at the wrong places.
bool is_time_shift(const Jacobian& tape, const Jacobian& exact);
bool is_wrong_reduction(const Jacobian& tape, const Jacobian& exact);
bool is_wrong_direction(const Jacobian& tape, const Jacobian& exact);
bool is_transpose(const Jacobian& tape, const Jacobian& exact);
bool is_wrong_coupling(const Jacobian& tape, const Jacobian& exact);
/// The swap of two axes of equal size, in y and in x alike, that turns the one Jacobian into the other.
std::optional<std::array<std::size_t, 2>> swapped_axes(const Jacobian& tape, const Jacobian& exact);

// factors.cpp: the right numbers times something.
/// All derivatives are off by one factor.
std::optional<Diagnosis> scaled(const std::vector<double>& tape, const std::vector<double>& exact);
/// Several derivatives are off by one factor and the others are right: a factor in one branch alone, such as
/// a sign.
std::optional<Diagnosis> scaled_in_part(const std::vector<double>& tape, const std::vector<double>& exact);
/// Along an axis of y or of x, each place has its own factor: a gain, a weight or a norm of each row.
std::optional<Diagnosis> scaled_along_axis(const Jacobian& tape, const Jacobian& exact);

}  // namespace xgrad::hypothesis
