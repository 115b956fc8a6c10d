// The search for the fewest changes that make the sweep give the hand-written numbers. It works from the loss
// backwards: first the parameters behind which there are few ops, where few changes come into question; what
// explains them is kept for those further up. Where several explanations are equally good, all are kept until
// one is not. Internal to audit. Start with `explain`.
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

/// The best explanation of all that was written, right ones included. At most `budget` sweeps.
Explanation explain(const Recording& recording, const std::vector<Written>& written,
                    std::size_t budget = 60000);

}  // namespace xgrad::auditing
