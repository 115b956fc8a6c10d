// Explanation: which changes make the sweep give the hand-written gradients. `match` asks it of one sweep and
// one parameter (match.cpp), `explain` searches for the changes (search.cpp), and `add_findings` makes a list
// of them for the report (findings.cpp). Internal to audit.
#pragma once

#include <cmath>
#include <optional>
#include <string>
#include <utility>
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
  /// How far element i is from `model`, whose numbers are of the size `scale`, beside how far it may be; 0 up
  /// to that.
  double excess(std::size_t i, double model, double scale) const {
    const double allowed = tolerance * std::abs(model) + unit() * (sensitivity.data()[i] + 0.3 * scale);
    const double error = std::abs(hand.data()[i] - model);
    return error <= allowed ? 0 : allowed > 0 ? error / allowed : INFINITY;
  }
  /// Equal element by element.
  bool same(const Array<double>& model) const;
  /// True if a factor is `known`, up to the rounding of many numbers.
  bool is(double factor, double known) const { return std::abs(factor - known) <= 10 * tolerance * known; }
  /// What is left of a sum that is zero, in the Frobenius norm.
  double rounding() const { return unit() * norm(sensitivity); }
};

/// Does the sum of the terms give what was written, as it is or up to what a sum over time, a factor or a
/// rearrangement may do to it? The cheapest way, or none.
std::optional<Match> match(const Written& written, const Terms& terms);

struct Explanation {
  Changes changes;
  double cost = 0;
  /// For each of the written gradients, how it follows from the changed sweep; nothing if it does not.
  std::vector<std::optional<Match>> matches;
  std::vector<Terms> terms;  ///< of the changed sweep, by parameter
};

/// The best explanation of all that was written, right ones included.
Explanation explain(const Recording& recording, const std::vector<Written>& written);

/// For each affine sum, z_t = x_t Wx + h_{t-1} Wh + b, the parameters, by number, that share it and were
/// written; none if no common dL/dz_t makes all of their gradients, or any would (signal.cpp).
std::vector<std::vector<std::size_t>> common_signals(const Recording& recording,
                                                     const std::vector<Written>& written);

/// Fills in the report's findings, and to which rows they belong; the rows' verdicts must be there.
void add_findings(const Recording& recording, const std::vector<Written>& written,
                  const Explanation& explanation, AuditReport& report);

}  // namespace xgrad::auditing
