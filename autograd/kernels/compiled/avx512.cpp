// The kernels compiled for AVX-512; see kernels.hpp.
#include <xgrad/autograd/kernels/compiled/kernels.hpp>

namespace xgrad::kernels {

constinit const Table<float> avx512_float = make_table<float>(InstructionSet::avx512);
constinit const Table<double> avx512_double = make_table<double>(InstructionSet::avx512);

}  // namespace xgrad::kernels
