// The loops that ceilings.hpp times. Nothing else stands here: ceiling_loops.cpp is compiled for instruction
// sets that this processor may not have, and so would be whatever it shares with the program.
#pragma once

#include <cstddef>

namespace xgrad {

/// The loops to be timed, compiled for one instruction set each; see ceiling_loops.cpp.
struct CeilingLoops {
  /// So many floating-point operations, at least, in registers; returns how many they were.
  double (*multiply_adds)(double wanted);
  double (*multiply_adds_in_double)(double wanted);
  /// The sum of n floats, a whole number of KiB, at an address that is a multiple of 64.
  float (*read)(const float* data, std::size_t n);
};
CeilingLoops ceiling_loops_baseline();
CeilingLoops ceiling_loops_avx2();
CeilingLoops ceiling_loops_avx512();

}  // namespace xgrad
