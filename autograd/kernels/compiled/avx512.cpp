// The kernels compiled for AVX-512; see kernels.hpp.
#include <xgrad/autograd/kernels/compiled/kernels.hpp>

namespace xgrad::kernels {

constinit const Tables avx512_tables = make_tables();

}  // namespace xgrad::kernels
