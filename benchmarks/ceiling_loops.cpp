// The loops for one instruction set, XGRAD_SET, for which this file is compiled.
#include "ceiling_loops.hpp"

#include <cstddef>
#include <cstring>
#include <utility>

namespace xgrad {

namespace {

#if defined(__AVX512F__)
constexpr std::size_t vector_bytes = 64;
#elif defined(__AVX__)
constexpr std::size_t vector_bytes = 32;
#else
constexpr std::size_t vector_bytes = 16;
#endif

template <class T>
struct Vector {
  using type [[gnu::vector_size(vector_bytes)]] = T;
};

// Has the compiler believe that x is read and written here, in a register.
template <class V>
[[gnu::always_inline]] inline void keep(V& x) {
#if defined(__x86_64__)
  asm volatile("" : "+x"(x));
#else
  asm volatile("" : "+w"(x));
#endif
}

// Chains that do not wait for each other: more than a multiply-add's latency times how many begin in a cycle.
constexpr std::size_t chains = 12;

template <class T, std::size_t... i>
[[gnu::always_inline]] inline double multiply_adds(double wanted, std::index_sequence<i...>) {
  using V = typename Vector<T>::type;
  V sums[chains]{}, factor = V{} + T(0.999), term = V{} + T(0.001);
  const double a_turn = static_cast<double>(2 * chains * vector_bytes / sizeof(T));
  double done = 0;
  for (; done < wanted; done += 4 * a_turn)
    for (int turn = 0; turn < 4; ++turn) ((sums[i] = sums[i] * factor + term, keep(sums[i])), ...);
  return done;
}

template <std::size_t... i>
[[gnu::always_inline]] inline float read(const float* data, std::size_t n, std::index_sequence<i...>) {
  using V = Vector<float>::type;
  constexpr std::size_t width = vector_bytes / sizeof(float);
  V sums[sizeof...(i)]{};
  for (const float* from = data; from != data + n; from += width * sizeof...(i)) {
    V read[sizeof...(i)];
    ((std::memcpy(&read[i], from + i * width, vector_bytes), sums[i] += read[i]), ...);
  }
  float sum = 0;
  for (const V& part : sums)
    for (std::size_t j = 0; j < width; ++j) sum += part[j];
  return sum;
}

}  // namespace

#define XGRAD_JOINED(a, b) a##b
#define XGRAD_LOOPS_OF(set) XGRAD_JOINED(ceiling_loops_, set)

CeilingLoops XGRAD_LOOPS_OF(XGRAD_SET)() {
  return {[](double wanted) { return multiply_adds<float>(wanted, std::make_index_sequence<chains>()); },
          [](double wanted) { return multiply_adds<double>(wanted, std::make_index_sequence<chains>()); },
          [](const float* data, std::size_t n) { return read(data, n, std::make_index_sequence<8>()); }};
}

}  // namespace xgrad
