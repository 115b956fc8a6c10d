// The kernels compiled for AVX2 and FMA; see kernels.hpp.
#include <xgrad/autograd/kernels/compiled/kernels.hpp>

namespace xgrad::kernels {

constinit const Table<float> avx2_float = make_table<float>(InstructionSet::avx2);
constinit const Table<double> avx2_double = make_table<double>(InstructionSet::avx2);

}  // namespace xgrad::kernels
