// The kernels compiled for every processor; see kernels.hpp.
#include <xgrad/autograd/kernels/compiled/kernels.hpp>

namespace xgrad::kernels {

constinit const Table<float> baseline_float = make_table<float>(InstructionSet::baseline);
constinit const Table<double> baseline_double = make_table<double>(InstructionSet::baseline);

}  // namespace xgrad::kernels
