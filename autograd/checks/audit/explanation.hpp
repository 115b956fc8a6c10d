// Explanation: which changes make the sweep give the hand-written gradients. `explain` searches for them
// (search.cpp), and `add_findings` makes a list of it for the report (findings.cpp). Internal to audit.
#pragma once

#include <optional>
#include <vector>

#include <xgrad/autograd/checks/audit/match.hpp>

namespace xgrad::auditing {

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
