// The proof of a tape, op by op. The function runs once in complex numbers whose imaginary parts carry a
// random direction v into every op, so that the op's value y holds its own derivative, Im(y)/h = J v, exact
// to rounding, beside it. For a random cotangent u, <u, J v> must then be what the op's vjps say, the sum of
// <vjp_j(u), v_j>. After that y gets a fresh direction, and the next op is judged by itself: an error is
// named where it is and cannot hide behind its neighbours. Start with prove_ops; one op is judged in
// probe.hpp.
#pragma once

#include <xgrad/autograd/checks/direction.hpp>
#include <xgrad/autograd/checks/gradcheck/report.hpp>

namespace xgrad {

/// Adds to `report` what the proof of `f` at `values` finds: ops, saturated, failures (located by more runs
/// of f), kinks and the worst error. The same seed draws the same directions and cotangents.
void prove_ops(const ParameterFunction<Complex>& f, const Values& values, std::uint32_t seed,
               GradcheckReport& report);

/// Adds to `report` the ops whose vjps give NaN or infinity on plain numbers, as in training. A direction can
/// hide that: x + ihv is not 0 where x is, so x / x is 1.
void find_undefined(const ParameterFunction<Complex>& f, const Values& values, std::uint32_t seed,
                    GradcheckReport& report);

}  // namespace xgrad
