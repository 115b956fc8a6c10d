// The sum of squares behind a global norm: one pass over the numbers.
#pragma once

#include <cstddef>

namespace xgrad::kernels {

/// The sum of x_i^2, in double, for float and double. Not finite if a number is not, or, for double, if a
/// square is not. The order of the additions, and so the result, is the same on every processor.
double sum_of_squares(const float* x, std::size_t n);
double sum_of_squares(const double* x, std::size_t n);

}  // namespace xgrad::kernels
