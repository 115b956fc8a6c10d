// The sweep back over a recording, with rules changed. Internal to audit.
#pragma once

#include <vector>

#include <xgrad/autograd/checks/audit/change.hpp>
#include <xgrad/autograd/random.hpp>

namespace xgrad::auditing {

/// What each time step contributes to the gradient of one parameter; the last place is for ops outside of all
/// steps. An empty array (rank 1, size 0) is no contribution.
struct Terms {
  std::vector<Array<double>> of_step;

  Array<double> sum(const Shape& shape) const;
};

/// Terms of every parameter, in the order of the recording's paths.
std::vector<Terms> sweep(const Recording& recording, const Changes& changes = {});

/// How much a relative error of one unit in every intermediate result moves each element of each gradient:
/// what rounding is multiplied with. A few random samples, the largest of each.
std::vector<Array<double>> sensitivities(const Recording& recording, Random& random);

}  // namespace xgrad::auditing
