// Does a sweep give the hand-written numbers of a parameter, as they are or up to what a sum over time, a
// factor or a rearrangement may do to them? Internal to audit.
#pragma once

#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include <xgrad/autograd/checks/audit/report.hpp>
#include <xgrad/autograd/checks/audit/sweep.hpp>

namespace xgrad::auditing {

/// How the hand-written numbers follow from the terms of the steps.
struct Match {
  /// The mistakes beside those of the sweep, outermost last; none if the sum of all terms is what was
  /// written.
  struct Part {
    AuditDefect defect;
    std::string text;
    double factor = 1;
    std::optional<std::size_t> step{};  ///< whose term stands for the sum
  };
  std::vector<Part> parts;
  double cost = 0;
};

/// The hand-written numbers of one parameter, and what they are compared with.
struct Written {
  std::size_t parameter;
  Array<double> hand, value;  ///< value: of the parameter itself
  double tolerance;
  Array<double> sensitivity;  ///< what a rounding error is multiplied with, in each element
  std::vector<std::pair<std::string, double>> known_factors;  ///< "the number of steps", 10

  /// One rounding error beside numbers of size 1, with room for many of them.
  double unit() const { return tolerance < 1e-7 ? 0x1p-47 : tolerance; }
  /// How far element i may be from `model`, whose numbers are of the size `scale`.
  double allowed(std::size_t i, double model, double scale) const {
    return tolerance * std::abs(model) + unit() * (sensitivity.data()[i] + 0.3 * scale);
  }
  /// Equal element by element.
  bool same(const Array<double>& model) const;
  /// True if a factor is `known`, up to the rounding of many numbers.
  bool is(double factor, double known) const { return std::abs(factor - known) <= 10 * tolerance * known; }
  /// What is left of a sum that is zero, in the Frobenius norm.
  double rounding() const { return unit() * norm(sensitivity); }
};

/// The cheapest way, or none.
std::optional<Match> match(const Written& written, const Terms& terms);

/// The right numbers at other places: transposed, blocks swapped, an axis reversed (rearranged.cpp).
std::optional<Match> rearranged(const Written& written, const Array<double>& sum);

}  // namespace xgrad::auditing
