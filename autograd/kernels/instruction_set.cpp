// Asks the processor, once; see instruction_set.hpp.
#include <xgrad/autograd/kernels/instruction_set.hpp>

#include <cstdlib>
#include <string>

#include <xgrad/autograd/error.hpp>

namespace xgrad::kernels {

namespace {

constexpr InstructionSet widest_first[] = {InstructionSet::avx512, InstructionSet::avx2,
                                           InstructionSet::baseline};

InstructionSet choose() {
  const char* const wanted = std::getenv("XGRAD_INSTRUCTION_SET");
  for (const InstructionSet set : widest_first) {
    if (wanted != nullptr && *wanted != '\0' && std::string(wanted) != name(set)) continue;
    if (has(set)) return set;
    if (wanted != nullptr && *wanted != '\0')
      throw Error("kernels", "XGRAD_INSTRUCTION_SET is '" + std::string(wanted) +
                                 "', which this processor does not have");
  }
  throw Error("kernels",
              "XGRAD_INSTRUCTION_SET is '" + std::string(wanted) + "', expected baseline, avx2 or avx512");
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
  switch (set) {
    case InstructionSet::avx512:
      return "avx512";
    case InstructionSet::avx2:
      return "avx2";
    case InstructionSet::baseline:
      break;
  }
  return "baseline";
}

}  // namespace xgrad::kernels
