// Asks the processor, once, and knows which tables are whose; see instruction_set.hpp.
#include <xgrad/autograd/kernels/instruction_set.hpp>

#include <cstdlib>
#include <string>

#include <xgrad/autograd/error.hpp>
#include <xgrad/autograd/kernels/table.hpp>

namespace xgrad::kernels {

namespace {

constexpr InstructionSet widest_first[] = {InstructionSet::avx512, InstructionSet::avx2,
                                           InstructionSet::baseline};

InstructionSet choose() {
  const char* const variable = std::getenv("XGRAD_INSTRUCTION_SET");
  const std::string wanted = variable == nullptr ? "" : variable;
  const auto refuse = [&](const char* why) {
    return Error("kernels", "XGRAD_INSTRUCTION_SET is '" + wanted + "', " + why);
  };
  for (const InstructionSet set : widest_first) {
    if (!wanted.empty() && wanted != name(set)) continue;
    if (has(set)) return set;
    if (!wanted.empty()) throw refuse("which this processor does not have");
  }
  throw refuse("expected baseline, avx2 or avx512");
}

const Tables& tables([[maybe_unused]] InstructionSet set) {
#if defined(__x86_64__)
  if (set == InstructionSet::avx512) return avx512_tables;
  if (set == InstructionSet::avx2) return avx2_tables;
#endif
  return baseline_tables;
}

}  // namespace

bool has(InstructionSet set) {
#if defined(__x86_64__)
  if (set == InstructionSet::avx2) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (set == InstructionSet::avx512)
    return has(InstructionSet::avx2) && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
#endif
  return set == InstructionSet::baseline;
}

InstructionSet instruction_set() {
  static const InstructionSet chosen = choose();
  return chosen;
}

const char* name(InstructionSet set) {
  return set == InstructionSet::avx512 ? "avx512" : set == InstructionSet::avx2 ? "avx2" : "baseline";
}

template <>
const Table<float>& table(InstructionSet set) {
  return tables(set).of_float;
}
template <>
const Table<double>& table(InstructionSet set) {
  return tables(set).of_double;
}
template <>
const Table<Complex>& table(InstructionSet set) {
  return tables(set).of_complex;
}

}  // namespace xgrad::kernels
