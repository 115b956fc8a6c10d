// The kernels compiled for AVX2 and FMA; see kernels.hpp.
#include <xgrad/autograd/kernels/compiled/kernels.hpp>

namespace xgrad::kernels {

constinit const Tables avx2_tables = make_tables();

}  // namespace xgrad::kernels
