// Must not compile: a safetensors file has no complex double.
#include <complex>

#include <xgrad/autograd/parameters.hpp>

void f(const xgrad::Parameters<std::complex<double>>& p) { p.save("model.safetensors"); }
