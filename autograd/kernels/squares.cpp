// Compiled for the processor's widest registers and chosen at run time, as baseline x86-64 code reads 67,000
// floats, the gradients of a small model, in some 40 us, and this in 3 to 5. Only functions of this file are
// compiled for other processors: an inline function of std:: would be too, and the linker might keep that
// copy for the whole program. So nothing is included here that defines one. Built without contraction of a *
// b + c, so that no processor rounds otherwise.
#include <xgrad/autograd/kernels/squares.hpp>

#include <xgrad/autograd/kernels/instruction_set.hpp>

namespace xgrad::kernels {

namespace {

using Doubles = double __attribute__((vector_size(64)));
using Floats = float __attribute__((vector_size(32)));
constexpr std::size_t width = 8, chains = 4;  // four chains of additions are in flight at once

// The registers' type does not leave this function: how it is passed would differ between processors.
template <class T, class Pack>
[[gnu::always_inline]] inline double sum(const T* x, std::size_t n) {
  Doubles part[chains] = {};
  std::size_t i = 0;
  for (; i + chains * width <= n; i += chains * width)
#pragma GCC unroll 4  // else GCC keeps the sums in memory
    for (std::size_t k = 0; k < chains; ++k) {
      Pack pack;
      __builtin_memcpy(&pack, x + i + k * width, sizeof pack);
      const Doubles wide = __builtin_convertvector(pack, Doubles);
      part[k] += wide * wide;
    }
  const Doubles parts = (part[0] + part[1]) + (part[2] + part[3]);
  double total = 0;
  for (std::size_t lane = 0; lane < width; ++lane) total += parts[lane];
  for (; i < n; ++i) total += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return total;
}

template <class T, class Pack>
double sum_baseline(const T* x, std::size_t n) {
  return sum<T, Pack>(x, n);
}

#if defined(__x86_64__)
template <class T, class Pack>
[[gnu::target("avx2")]] double sum_avx2(const T* x, std::size_t n) {
  return sum<T, Pack>(x, n);
}
template <class T, class Pack>
[[gnu::target("avx512f")]] double sum_avx512(const T* x, std::size_t n) {
  return sum<T, Pack>(x, n);
}
#endif

template <class T, class Pack>
double dispatch(const T* x, std::size_t n) {
#if defined(__x86_64__)
  if (instruction_set() == InstructionSet::avx512) return sum_avx512<T, Pack>(x, n);
  if (instruction_set() == InstructionSet::avx2) return sum_avx2<T, Pack>(x, n);
#endif
  return sum_baseline<T, Pack>(x, n);
}

}  // namespace

double sum_of_squares(const float* x, std::size_t n) { return dispatch<float, Floats>(x, n); }
double sum_of_squares(const double* x, std::size_t n) { return dispatch<double, Doubles>(x, n); }

}  // namespace xgrad::kernels
