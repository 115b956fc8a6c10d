// Which table belongs to which instruction set; see table.hpp.
#include <xgrad/autograd/kernels/table.hpp>

namespace xgrad::kernels {

template <>
const Table<float>& table(InstructionSet set) {
#if defined(__x86_64__)
  if (set == InstructionSet::avx512) return avx512_float;
  if (set == InstructionSet::avx2) return avx2_float;
#endif
  (void)set;
  return baseline_float;
}

template <>
const Table<double>& table(InstructionSet set) {
#if defined(__x86_64__)
  if (set == InstructionSet::avx512) return avx512_double;
  if (set == InstructionSet::avx2) return avx2_double;
#endif
  (void)set;
  return baseline_double;
}

}  // namespace xgrad::kernels
