// The kernels compiled for every processor; see kernels.hpp.
#include <xgrad/autograd/kernels/compiled/kernels.hpp>

namespace xgrad::kernels {

constinit const Tables baseline_tables = make_tables();

}  // namespace xgrad::kernels
