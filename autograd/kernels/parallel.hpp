// Sharing the work of a kernel among threads; how many is said by threads.hpp. Internal.
#pragma once

#include <cstddef>

namespace xgrad::kernels {

namespace detail {
void run_parallel(std::size_t parts, void (*run)(const void* work, std::size_t part), const void* work);
/// Parts that `size` units of work, of which a part should have at least `least`, are worth cutting into: 1
/// on a thread that works for another one already.
std::size_t parts_for(std::size_t size, std::size_t least);
}  // namespace detail

/// Calls f(first, last) for consecutive ranges that make up [0, n), on several threads if n, times what one
/// unit costs, is worth it: `least` is the number of units that keep a thread busy for some twenty
/// microseconds. Returns when all have returned. If one throws, as where memory ends, others may not be
/// called, and this throws what it has thrown.
template <class F>
void parallel_ranges(std::size_t n, std::size_t least, const F& f) {
  const std::size_t parts = n < 2 * least ? 1 : detail::parts_for(n, least);
  if (parts <= 1) {
    if (n > 0) f(std::size_t{0}, n);
    return;
  }
  const auto work = [&](std::size_t part) { f(n * part / parts, n * (part + 1) / parts); };
  detail::run_parallel(
      parts, [](const void* w, std::size_t part) { (*static_cast<const decltype(work)*>(w))(part); }, &work);
}

/// So many numbers, of little work each, keep a thread busy.
inline constexpr std::size_t enough_numbers = std::size_t{1} << 16;

/// parallel_ranges over rows of `width` numbers.
template <class F>
void parallel_rows(std::size_t rows, std::size_t width, const F& f) {
  parallel_ranges(rows, 1 + enough_numbers / (width + 1), f);
}

}  // namespace xgrad::kernels
