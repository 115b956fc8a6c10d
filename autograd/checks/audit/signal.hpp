// Where no hypothesis gives the hand-written gradients of the parameters of one affine sum, z_t = x_t Wx +
// h_{t-1} Wh + b: are they at least the right products with some common dL/dz_t? Then it is that signal which
// is wrong, and not what is done with it. Internal to audit.
#pragma once

#include <cstddef>
#include <vector>

#include <xgrad/autograd/checks/audit/match.hpp>
#include <xgrad/autograd/checks/audit/recording.hpp>

namespace xgrad::auditing {

struct CommonSignal {
  std::vector<std::size_t> parameters;  ///< of the recording, that share the sum and were written
  /// True if one signal explains all of them, although there are more equations than unknowns.
  bool found = false;
};

/// All affine sums, made by affine or of matmul and add.
std::vector<CommonSignal> common_signals(const Recording& recording, const std::vector<Written>& written);

}  // namespace xgrad::auditing
