// Probe: how a proof watches a tape. A Tape<Complex> opened with a probe shows it every op as it is recorded, with the
// vjps of all inputs, and goes on with the value that the probe returns; it keeps no vjp and cannot be swept.
// gradcheck/probe_run.hpp is one.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <xgrad/autograd/vjp.hpp>

namespace xgrad {

/// One input of an op under the probe.
struct ProbedInput {
  const Variable<Complex>& x;
  std::uint32_t node;                 ///< its place on the tape; Probe::no_node for a constant
  std::shared_ptr<Vjp<Complex>> vjp;  ///< may be kept
};

class Probe {
 public:
  static constexpr std::uint32_t no_node = ~std::uint32_t{0};

  virtual ~Probe() = default;
  /// Sees that `op` made the value `y`, which gets the place `output` on the tape; returns the value to go on with.
  virtual Array<Complex> see(const char* op, std::uint32_t output, const Array<Complex>& y,
                             const std::vector<ProbedInput>& inputs) = 0;
};

}  // namespace xgrad
