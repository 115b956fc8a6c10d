// Which tables belong to which instruction set; see table.hpp.
#include <xgrad/autograd/kernels/table.hpp>

namespace xgrad::kernels {

namespace {

const Tables& tables([[maybe_unused]] InstructionSet set) {
#if defined(__x86_64__)
  if (set == InstructionSet::avx512) return avx512_tables;
  if (set == InstructionSet::avx2) return avx2_tables;
#endif
  return baseline_tables;
}

}  // namespace

template <>
const Table<float>& table(InstructionSet set) {
  return tables(set).of_float;
}
template <>
const Table<double>& table(InstructionSet set) {
  return tables(set).of_double;
}

}  // namespace xgrad::kernels
