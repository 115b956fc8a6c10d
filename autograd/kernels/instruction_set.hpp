// InstructionSet: which vector registers the kernels use. They are compiled once for each set (compiled/),
// and the widest that the processor has is chosen when the program runs, so that a packaged library is as
// fast as one built for its machine. Internal.
#pragma once

namespace xgrad::kernels {

enum class InstructionSet {
  baseline,  ///< what every processor of the kind has; of x86-64: SSE2
  avx2,      ///< with FMA
  avx512,    ///< F, CD, DQ, BW, VL
};

/// True if this processor has it and it is compiled in.
bool has(InstructionSet set);

/// The one in use: the widest, or, for tests, what the environment variable XGRAD_INSTRUCTION_SET names when
/// a kernel is first called. Throws Error if it names none, or one that this processor has not.
InstructionSet instruction_set();

const char* name(InstructionSet set);

}  // namespace xgrad::kernels
