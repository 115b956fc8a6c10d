// The code of the kernels, written in xsimd's batches. The .cpp files beside this one include it, each
// compiled for another instruction set, and nothing else that defines a function: a `std::vector` member
// compiled there might be the copy that the linker keeps for everyone, on processors without those
// instructions. For the same reason all of it is in an anonymous namespace. Start with `make_table`, at the
// end.
#pragma once

#include <utility>

#include <xgrad/autograd/kernels/simd.hpp>
#include <xgrad/autograd/kernels/table.hpp>

namespace xgrad::kernels {

namespace {

using Arch = xsimd::default_arch;
template <class T>
using Batch = xsimd::batch<T, Arch>;
template <class T>
constexpr std::size_t width = Batch<T>::size;

// How many arguments each formula takes.
template <class F, class B>
constexpr std::size_t arguments = std::is_invocable_v<const F&, B>      ? 1
                                  : std::is_invocable_v<const F&, B, B> ? 2
                                                                        : 3;

template <class T, class F, std::size_t... I>
void apply(const F& f, T* y, const T* const* x, const std::size_t* steps, std::size_t n,
           std::index_sequence<I...>) {
  if (((steps[I] != 0) && ...)) {
    for_each_pack<T, Arch>(n, [&](const auto& pack) { pack.store(y, f(pack.load(x[I])...)); });
  } else {
    for_each_pack<T, Arch>(n, [&](const auto& pack) {
      pack.store(y, f((steps[I] == 0 ? Batch<T>(*x[I]) : pack.load(x[I]))...));
    });
  }
}

template <class T, class F>
void row(const void* f, T* y, const T* const* x, const std::size_t* steps, std::size_t n) {
  apply<T>(*static_cast<const F*>(f), y, x, steps, n, std::make_index_sequence<arguments<F, Batch<T>>>());
}

template <class T>
T max(const T* x, std::size_t n) {
  if (n < width<T>) {
    T largest = x[0];
    for (std::size_t i = 1; i < n; ++i) largest = x[i] > largest ? x[i] : largest;
    return largest;
  }
  Batch<T> best = Batch<T>::load_unaligned(x);
  for (std::size_t i = 0; i + width<T> <= n; i += width<T>)
    best = larger(best, Batch<T>::load_unaligned(x + i));
  best = larger(best, Batch<T>::load_unaligned(x + n - width<T>));
  alignas(64) T lanes[width<T>];
  best.store_aligned(lanes);
  T largest = lanes[0];
  for (const T lane : lanes) largest = lane > largest ? lane : largest;
  return largest;
}

// The sum of f of all packs, whose lanes past the end count as 0.
template <class T, class F>
T sum_of(std::size_t n, F f) {
  Batch<T> total(T(0));
  std::size_t i = 0;
  for (; i + width<T> <= n; i += width<T>) total += f(FullPack<T, Arch>{i});
  T result = sum_lanes(total);
  if (i < n) {
    alignas(64) T lanes[width<T>];
    f(TailPack<T, Arch>{i, n - i}).store_aligned(lanes);
    for (std::size_t k = 0; k < n - i; ++k) result += lanes[k];
  }
  return result;
}

template <class T>
T exp_shifted(const T* x, T* y, std::size_t n, T shift) {
  const Batch<T> shifts(shift);
  return sum_of<T>(n, [&](const auto& pack) {
    const Batch<T> e = scalar::exp(pack.load(x) - shifts);
    pack.store(y, e);
    return e;
  });
}

template <class T>
T sum_exp_shifted(const T* x, std::size_t n, T shift) {
  const Batch<T> shifts(shift);
  return sum_of<T>(n, [&](const auto& pack) -> Batch<T> { return scalar::exp(pack.load(x) - shifts); });
}

// Pairwise for long rows, so that rounding grows with log n; four chains of additions are in flight at once.
template <class T>
T sum(const T* x, std::size_t n) {
  if (n > 4096) return sum(x, n / 2) + sum(x + n / 2, n - n / 2);
  T total = T(0);
  std::size_t i = 0;
  if (n >= 4 * width<T>) {
    Batch<T> part[4] = {Batch<T>(T(0)), Batch<T>(T(0)), Batch<T>(T(0)), Batch<T>(T(0))};
    for (; i + 4 * width<T> <= n; i += 4 * width<T>)
#pragma GCC unroll 4
      for (std::size_t k = 0; k < 4; ++k) part[k] += Batch<T>::load_unaligned(x + i + k * width<T>);
    total = sum_lanes((part[0] + part[1]) + (part[2] + part[3]));
  }
  return total + sum_of<T>(n - i, [&](const auto& pack) { return pack.load(x + i); });
}

template <class T>
T dot(const T* x, const T* y, std::size_t n) {
  return sum_of<T>(n, [&](const auto& pack) -> Batch<T> { return pack.load(x) * pack.load(y); });
}

// The registers hold a tile of c, beside two vectors of b and a number of a.
template <class T>
constexpr std::size_t tile_rows = sizeof(Batch<T>) == 64 ? 12 : 6;
template <class T>
constexpr std::size_t tile_columns = 2 * width<T>;

// GCC keeps the accumulators in memory unless all loops over them are unrolled: 55 instead of 150 GFLOP/s.
template <class T, std::size_t rows, std::size_t vectors>
void tile_of(const Tile<T>& t) {
  Batch<T> sums[rows][vectors];
#pragma GCC unroll 16
  for (std::size_t i = 0; i < rows; ++i)
#pragma GCC unroll 2
    for (std::size_t v = 0; v < vectors; ++v) sums[i][v] = Batch<T>(T(0));
  if (t.base == t.c) {  // what is added to may be far away: it comes while the sums are made
#pragma GCC unroll 16
    for (std::size_t i = 0; i < rows; ++i)
#pragma GCC unroll 2
      for (std::size_t v = 0; v < vectors; ++v) __builtin_prefetch(t.c + i * t.c_row + v * width<T>, 1);
  }
  const T *a = t.a, *b = t.b;
  for (std::size_t p = 0; p < t.depth; ++p) {
    Batch<T> b_p[vectors];
#pragma GCC unroll 2
    for (std::size_t v = 0; v < vectors; ++v) b_p[v] = Batch<T>::load_unaligned(b + v * width<T>);
    const T* a_i = a;
#pragma GCC unroll 16
    for (std::size_t i = 0; i < rows; ++i) {
      const Batch<T> a_ip(*a_i);
      a_i += t.a_row;
#pragma GCC unroll 2
      for (std::size_t v = 0; v < vectors; ++v) sums[i][v] = xsimd::fma(a_ip, b_p[v], sums[i][v]);
    }
    a += t.a_column;
    b += t.b_row;
  }
  const std::size_t last = t.columns - (vectors - 1) * width<T>;  // numbers in the last vector
#pragma GCC unroll 16
  for (std::size_t i = 0; i < rows; ++i)
#pragma GCC unroll 2
    for (std::size_t v = 0; v < vectors; ++v) {
      T* const c = t.c + i * t.c_row + v * width<T>;
      const T* const base = t.base == nullptr ? nullptr : t.base + i * t.base_row + v * width<T>;
      if (v + 1 < vectors || last == width<T>) {
        (base == nullptr ? sums[i][v] : sums[i][v] + Batch<T>::load_unaligned(base)).store_unaligned(c);
      } else {
        store_lanes(c, last, base == nullptr ? sums[i][v] : sums[i][v] + load_lanes<Arch>(base, last, T(0)));
      }
    }
}

template <class T, std::size_t vectors, std::size_t... i>
void tile_of_rows(const Tile<T>& t, std::index_sequence<i...>) {
  static constexpr void (*by_rows[])(const Tile<T>&) = {&tile_of<T, i + 1, vectors>...};
  by_rows[t.rows - 1](t);
}

template <class T>
void tile(const Tile<T>& t) {
  const auto rows = std::make_index_sequence<tile_rows<T>>();
  if (t.columns > width<T>)
    tile_of_rows<T, 2>(t, rows);
  else
    tile_of_rows<T, 1>(t, rows);
}

// A square of numbers, a register for each row, transposed: in step s the off-diagonal s x s squares of each
// 2s x 2s square change places.
template <class T>
using Lanes [[gnu::vector_size(sizeof(T) * width<T>)]] = T;

template <std::size_t s, class V, std::size_t... j>
void exchange(V& a, V& b, std::index_sequence<j...>) {
  constexpr std::size_t n = sizeof...(j);
  const V upper = __builtin_shufflevector(a, b, ((j & s) == 0 ? j : n + j - s)...);
  b = __builtin_shufflevector(a, b, ((j & s) == 0 ? j + s : n + j)...);
  a = upper;
}

template <class T, std::size_t s = 1>
void transpose(Lanes<T> (&rows)[width<T>]) {
  if constexpr (s < width<T>) {
#pragma GCC unroll 16
    for (std::size_t i = 0; i < width<T>; ++i)
      if ((i & s) == 0) exchange<s>(rows[i], rows[i + s], std::make_index_sequence<width<T>>());
    transpose<T, 2 * s>(rows);
  }
}

// The numbers at p of which only `present` are there, with zeros in their place; of a whole register or less.
template <class T>
Batch<T> load_present(const T* p, std::size_t present) {
  if (present >= width<T>) return Batch<T>::load_unaligned(p);
  return present == 0 ? Batch<T>(T(0)) : load_lanes<Arch>(p, present, T(0));
}

// Row by row of b through all panels, as it lies in memory: a panel alone is a short piece of many rows, and
// b may be far away. Four rows ahead it is asked for.
template <class T>
void pack_rows(std::size_t depth, std::size_t columns, const T* b, std::size_t b_row, T* packed) {
  const std::size_t full = columns - columns % tile_columns<T>;
  for (std::size_t p = 0; p < depth; ++p, b += b_row, packed += tile_columns<T>) {
    T* to = packed;
    const T* const later = b + 4 * b_row;
    for (std::size_t j = 0; j < full; j += tile_columns<T>, to += depth * tile_columns<T>) {
      __builtin_prefetch(later + j);
      __builtin_prefetch(later + j + width<T>);
      Batch<T>::load_unaligned(b + j).store_unaligned(to);
      Batch<T>::load_unaligned(b + j + width<T>).store_unaligned(to + width<T>);
    }
    if (full < columns) {
      const std::size_t rest = columns - full, first = rest < width<T> ? rest : width<T>;
      load_present(b + full, first).store_unaligned(to);
      load_present(b + full + first, rest - first).store_unaligned(to + width<T>);
    }
  }
}

template <class T>
void pack_transposed_panel(std::size_t depth, std::size_t columns, const T* b, std::size_t b_row, T* packed) {
  for (std::size_t j = 0; j < tile_columns<T>; j += width<T>) {
    const std::size_t rows = j >= columns ? 0 : columns - j < width<T> ? columns - j : width<T>;
    for (std::size_t p = 0; p < depth; p += width<T>) {
      const std::size_t present = depth - p < width<T> ? depth - p : width<T>;
      Lanes<T> square[width<T>];
#pragma GCC unroll 16
      for (std::size_t i = 0; i < width<T>; ++i) {
        const Batch<T> row = i < rows ? load_present(b + (j + i) * b_row + p, present) : Batch<T>(T(0));
        __builtin_memcpy(&square[i], &row, sizeof row);
      }
      transpose<T>(square);
      for (std::size_t i = 0; i < present; ++i)
        __builtin_memcpy(packed + (p + i) * tile_columns<T> + j, &square[i], sizeof square[i]);
    }
  }
}

template <class T>
void pack(bool transposed, std::size_t depth, std::size_t columns, const T* b, std::size_t b_row, T* packed) {
  if (!transposed) return pack_rows(depth, columns, b, b_row, packed);
  for (std::size_t j = 0; j < columns; j += tile_columns<T>) {
    const std::size_t present = columns - j < tile_columns<T> ? columns - j : tile_columns<T>;
    pack_transposed_panel(depth, present, b + j * b_row, b_row, packed + j * depth);
  }
}

template <class T, class... F>
constexpr Table<T> make_table(InstructionSet set, FormulaList<F...>) {
  return {set,          {&row<T, F>...}, &max<T>,  &exp_shifted<T>, &sum_exp_shifted<T>, &sum<T>, &dot<T>,
          tile_rows<T>, tile_columns<T>, &tile<T>, &pack<T>};
}

}  // namespace

}  // namespace xgrad::kernels
