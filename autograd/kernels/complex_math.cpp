// The plain functions for lanes of a register; see complex_math.hpp.
#include <xgrad/autograd/kernels/complex_math.hpp>

namespace xgrad::kernels {

Complex plain_exp(Complex x) { return scalar::exp(x); }
Complex plain_log(Complex x) { return scalar::log(x); }
Complex plain_sqrt(Complex x) { return scalar::sqrt(x); }
Complex plain_tanh(Complex x) { return scalar::tanh(x); }
Complex plain_sigmoid(Complex x) { return scalar::sigmoid(x); }
Complex plain_product(Complex x, Complex y) { return x * y; }
Complex plain_quotient(Complex x, Complex y) { return x / y; }

}  // namespace xgrad::kernels
