// xtensor's printing, the second door to xtensor (see xtensor.hpp): apart, because it costs whoever includes
// it 0.2 s to compile, a sixth of all that xtensor costs, and <iostream>.
#pragma once

#include <xgrad/autograd/numbers/xtensor.hpp>

#if __has_include(<xtensor/io/xio.hpp>)
#include <xtensor/io/xio.hpp>
#else
#include <xtensor/xio.hpp>
#endif
