// The code of the kernels, written in xsimd's batches. The .cpp files beside this one include it, each
// compiled for another instruction set, and nothing else that defines a function: a `std::vector` member
// compiled there might be the copy that the linker keeps for everyone, on processors without those
// instructions. For the same reason all of it is in an anonymous namespace. Start with `make_tables`, at the
// end.
#pragma once

#include <bit>
#include <utility>

#include <xgrad/autograd/kernels/simd.hpp>
#include <xgrad/autograd/kernels/table.hpp>

// Everything that is called is inlined; but for a sanitizer, which would take many minutes to compile it.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define XGRAD_FLAT
#else
#define XGRAD_FLAT gnu::flatten
#endif

namespace xgrad::kernels {

namespace {

using Arch = xsimd::default_arch;
template <class T>
using Batch = xsimd::batch<T, Arch>;
template <class T>
constexpr std::size_t width = Batch<T>::size;

// Loads a register once. GCC would load it again for each use, as part of the instruction that uses it, and
// two loads take longer than one multiply-add.
template <class T>
Batch<T> load_once(const T* p) {
  auto x = Batch<T>::load_unaligned(p);
#if defined(__x86_64__)
  asm("" : "+v"(x.data));
#elif defined(__aarch64__)
  asm("" : "+w"(x.data));
#endif
  return x;
}

// The last registers of a row: full ones, then the rest, from copies that are filled up with ones, which are
// in every function's domain. Elements here and in `apply` go through the same formula: no value depends on
// its position.
template <class T, class F, std::size_t... I>
[[gnu::noinline, XGRAD_FLAT]] void finish(const F& f, T* y, const T** from, const std::size_t* step,
                                          std::size_t n, std::index_sequence<I...>) {
  alignas(64) T filled[sizeof...(I)][width<T>], result[width<T>];
  const bool full = n >= width<T>;
  if (!full) {
    ((step[I] == 0 ? void() : load_lanes<Arch>(from[I], n, T(1)).store_aligned(filled[I])), ...);
    ((from[I] = step[I] == 0 ? from[I] : filled[I]), ...);
  }
  f(Batch<T>::load_unaligned(from[I])...).store_unaligned(full ? y : result);
  if (!full) return store_lanes(y, n, Batch<T>::load_aligned(result));
  ((from[I] += step[I]), ...);
  if (n > width<T>) finish<T>(f, y + width<T>, from, step, n - width<T>, std::index_sequence<I...>());
}

// Two registers at a time, which do not wait for each other. An operand of step 0 is copied to every lane of
// a register. Flat, as a call for each register takes longer than a short formula.
template <class T, class F, std::size_t... I>
[[XGRAD_FLAT]] void apply(const F& f, T* y, const T* const* x, const std::size_t* steps, std::size_t n,
                          std::index_sequence<I...> all) {
  alignas(64) T repeated[sizeof...(I)][width<T>];
  const T* from[] = {(steps[I] == 0 ? repeated[I] : x[I])...};
  const std::size_t step[] = {steps[I] * width<T>...};
  if (n > 0) ((steps[I] == 0 ? Batch<T>(*x[I]).store_aligned(repeated[I]) : void()), ...);
  for (; n >= 2 * width<T>; n -= 2 * width<T>, y += 2 * width<T>) {
    const Batch<T> y0 = f(Batch<T>::load_unaligned(from[I])...),
                   y1 = f(Batch<T>::load_unaligned(from[I] + step[I])...);
    y0.store_unaligned(y);
    y1.store_unaligned(y + width<T>);
    ((from[I] += 2 * step[I]), ...);
  }
  if (n > 0) finish<T>(f, y, from, step, n, all);
}

template <class T, class F>
void row(const void* f, T* y, const T* const* x, const std::size_t* steps, std::size_t n) {
  apply<T>(*static_cast<const F*>(f), y, x, steps, n, std::make_index_sequence<arguments<F, Batch<T>>>());
}

template <class T, class Rule>
[[XGRAD_FLAT]] void update(const void* rule, T* w, T* const* slots, const T* g, std::size_t n) {
  const Rule r = *static_cast<const Rule*>(rule);  // a copy, which no store below can change
  for_each_pack<T, Arch>(n, [&](const auto& pack) {
    const Batch<T> zero(T(0));
    Batch<T> slot[Rule::slots], weight = pack.load(w);
#pragma GCC unroll 4  // so that slots are registers
    for (std::size_t k = 0; k < Rule::slots; ++k) slot[k] = slots[k] == nullptr ? zero : pack.load(slots[k]);
    r(weight, slot, g == nullptr ? zero : pack.load(g));
#pragma GCC unroll 4
    for (std::size_t k = 0; k < Rule::slots; ++k)
      if (slots[k] != nullptr) pack.store(slots[k], slot[k]);
    pack.store(w, weight);
  });
}

template <class T>
[[XGRAD_FLAT]] T max(const T* x, std::size_t n) {
  constexpr std::size_t chains = 4;
  Batch<T> best[chains] = {Batch<T>(x[0]), Batch<T>(x[0]), Batch<T>(x[0]), Batch<T>(x[0])};
  std::size_t i = 0;
  for (; i + chains * width<T> <= n; i += chains * width<T>)
#pragma GCC unroll 4
    for (std::size_t k = 0; k < chains; ++k)
      best[k] = larger(best[k], Batch<T>::load_unaligned(x + i + k * width<T>));
  for (; i + width<T> <= n; i += width<T>) best[0] = larger(best[0], Batch<T>::load_unaligned(x + i));
  if (i < n)  // some of them once more, if there are as many
    best[1] = larger(
        best[1], n < width<T> ? load_lanes<Arch>(x, n, x[0]) : Batch<T>::load_unaligned(x + n - width<T>));
  const Batch<T> all = larger(larger(best[0], best[1]), larger(best[2], best[3]));
  alignas(64) T lanes[width<T>];
  all.store_aligned(lanes);
  T largest = lanes[0];
  for (const T lane : lanes) largest = lane > largest ? lane : largest;
  return largest;
}

// Longer rows are added up in halves, so that rounding grows with log n: four chains of registers of 8 floats
// make 16 additions one after another.
constexpr std::size_t long_row = 512;

// The sum of f of all packs, whose lanes past the end count as 0. Four chains of additions are in flight at
// once.
template <class T, class F>
T sum_of(std::size_t n, F f) {
  Batch<T> part[4] = {Batch<T>(T(0)), Batch<T>(T(0)), Batch<T>(T(0)), Batch<T>(T(0))};
  std::size_t i = 0;
  for (; i + 4 * width<T> <= n; i += 4 * width<T>)
#pragma GCC unroll 4
    for (std::size_t k = 0; k < 4; ++k) part[k] += f(FullPack<T, Arch>{i + k * width<T>});
  for (; i + width<T> <= n; i += width<T>) part[0] += f(FullPack<T, Arch>{i});
  T result = sum_lanes((part[0] + part[1]) + (part[2] + part[3]));
  if (i < n) {
    alignas(64) T lanes[width<T>];
    f(TailPack<T, Arch>{i, n - i}).store_aligned(lanes);
    for (std::size_t k = 0; k < n - i; ++k) result += lanes[k];
  }
  return result;
}

template <class T>
[[XGRAD_FLAT]] T exp_shifted_piece(const T* x, T* y, std::size_t n, T shift) {
  const Batch<T> shifts(shift);
  return sum_of<T>(n, [&](const auto& pack) {
    const Batch<T> e = scalar::exp(pack.load(x) - shifts);
    if (y != nullptr) pack.store(y, e);
    return e;
  });
}

template <class T>
T exp_shifted(const T* x, T* y, std::size_t n, T shift) {
  if (n <= long_row) return exp_shifted_piece(x, y, n, shift);
  const T first = exp_shifted(x, y, n / 2, shift);
  return first + exp_shifted(x + n / 2, y == nullptr ? y : y + n / 2, n - n / 2, shift);
}

template <class T>
T sum(const T* x, std::size_t n) {
  if (n > long_row) return sum(x, n / 2) + sum(x + n / 2, n - n / 2);
  return sum_of<T>(n, [&](const auto& pack) { return pack.load(x); });
}

template <class T>
T dot(const T* x, const T* y, std::size_t n) {
  if (n > long_row) return dot(x, y, n / 2) + dot(x + n / 2, y + n / 2, n - n / 2);
  return sum_of<T>(n, [&](const auto& pack) -> Batch<T> { return pack.load(x) * pack.load(y); });
}

template <class T, std::size_t count>
using Vector [[gnu::vector_size(sizeof(T) * count)]] = T;

// In double, where squares of floats neither overflow nor vanish, and again in four chains. No function takes
// or returns the vectors: how they are passed would differ between processors.
template <class T>
double sum_of_squares(const T* x, std::size_t n) {
  if (n > long_row) return sum_of_squares(x, n / 2) + sum_of_squares(x + n / 2, n - n / 2);
  constexpr std::size_t lanes = 8, chains = 4;
  using Doubles = Vector<double, lanes>;
  Doubles part[chains] = {};
  std::size_t i = 0;
  for (; i + chains * lanes <= n; i += chains * lanes)
#pragma GCC unroll 4  // else GCC keeps the sums in memory
    for (std::size_t k = 0; k < chains; ++k) {
      Vector<T, lanes> numbers;
      __builtin_memcpy(&numbers, x + i + k * lanes, sizeof numbers);
      const Doubles wide = __builtin_convertvector(numbers, Doubles);
      part[k] += wide * wide;
    }
  const Doubles parts = (part[0] + part[1]) + (part[2] + part[3]);
  double total = 0;
  for (std::size_t lane = 0; lane < lanes; ++lane) total += parts[lane];
  for (; i < n; ++i) total += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return total;
}

// Of the registers there are 32 with AVX-512 and on arm64, else 16. They hold a tile of c, beside two vectors
// of b and a number of a.
#if defined(__aarch64__)
constexpr bool many_registers = true;
#else
constexpr bool many_registers = sizeof(Batch<float>) == 64;
#endif
constexpr std::size_t tile_rows = many_registers ? 12 : 6;
template <class T>
constexpr std::size_t tile_columns = 2 * width<T>;

// Half a register and a quarter of one, or a whole one where there are none: for the last columns.
template <class T>
struct Parts {
#if defined(__AVX512F__)
  using Half = xsimd::batch<T, xsimd::fma3<xsimd::avx2>>;
  using Quarter = xsimd::batch<T, xsimd::sse4_2>;
#elif defined(__AVX2__) && defined(__FMA__)
  using Half = xsimd::batch<T, xsimd::sse4_2>;
  using Quarter = Half;
#else
  using Half = Batch<T>;
  using Quarter = Half;
#endif
};

// GCC keeps the accumulators in memory unless all loops over them are unrolled: 55 instead of 150 GFLOP/s.
template <class B, std::size_t rows, std::size_t vectors, class T>
void tile_of(const Tile<T>& tile) {
  constexpr std::size_t lanes = B::size;
  const Tile<T> t = tile;  // a copy, which no store below can change
  // The elements of c may be far away: they come while the sums are made.
  constexpr std::size_t line = 64 / sizeof(T);
#pragma GCC unroll 16
  for (std::size_t i = 0; i < rows; ++i)
#pragma GCC unroll 2
    for (std::size_t j = 0; j < vectors * lanes; j += line) __builtin_prefetch(t.c + i * t.c_row + j, 1);
  B sums[rows][vectors];
#pragma GCC unroll 16
  for (std::size_t i = 0; i < rows; ++i)
#pragma GCC unroll 2
    for (std::size_t v = 0; v < vectors; ++v) sums[i][v] = B(T(0));
  const T *a = t.a, *b = t.b;
  for (std::size_t p = 0; p < t.depth; ++p) {
    B b_p[vectors];
#pragma GCC unroll 2
    for (std::size_t v = 0; v < vectors; ++v) b_p[v] = B::load_unaligned(b + v * lanes);
    const T* a_i = a;
#pragma GCC unroll 16
    for (std::size_t i = 0; i < rows; ++i) {
      const B a_ip(*a_i);
      a_i += t.a_row;
#pragma GCC unroll 2
      for (std::size_t v = 0; v < vectors; ++v) sums[i][v] = multiply_add(a_ip, b_p[v], sums[i][v]);
    }
    a += t.a_column;
    b += t.b_row;
  }
  const std::size_t last = t.columns - (vectors - 1) * lanes;  // elements in the last vector
#pragma GCC unroll 16
  for (std::size_t i = 0; i < rows; ++i)
#pragma GCC unroll 2
    for (std::size_t v = 0; v < vectors; ++v) {
      T* const c = t.c + i * t.c_row + v * lanes;
      const T* const base = t.base == nullptr ? nullptr : t.base + i * t.base_row + v * lanes;
      if (v + 1 < vectors || last == lanes) {
        (base == nullptr ? sums[i][v] : sums[i][v] + B::load_unaligned(base)).store_unaligned(c);
      } else {
        store_lanes(
            c, last,
            base == nullptr ? sums[i][v] : sums[i][v] + load_lanes<typename B::arch_type>(base, last, T(0)));
      }
    }
}

template <class B, std::size_t vectors, class T, std::size_t... i>
void tile_of_rows(const Tile<T>& t, std::index_sequence<i...>) {
  static constexpr void (*by_rows[])(const Tile<T>&) = {&tile_of<B, i + 1, vectors, T>...};
  by_rows[t.rows - 1](t);
}

// Goes on to the next columns, which are so far away in b.
template <class T>
void skip(Tile<T>& t, std::size_t columns, std::size_t in_b) {
  t.b += in_b;
  t.base = t.base == nullptr ? nullptr : t.base + columns;
  t.c += columns;
}

template <class T>
void tile(const Tile<T>& t) {
  using Half = typename Parts<T>::Half;
  using Quarter = typename Parts<T>::Quarter;
  constexpr std::size_t whole = width<T>;
  constexpr auto rows = std::make_index_sequence<tile_rows>();
  const std::size_t in_last = t.columns > whole ? t.columns - whole : t.columns;  // in the last register
  if (Half::size == whole || in_last > Half::size)
    return t.columns > whole ? tile_of_rows<Batch<T>, 2>(t, rows) : tile_of_rows<Batch<T>, 1>(t, rows);
  Tile<T> last = t;
  last.columns = in_last;
  if (t.columns > whole) {
    Tile<T> first = t;
    first.columns = whole;
    tile_of_rows<Batch<T>, 1>(first, rows);
    skip(last, whole, whole);
  }
  in_last > Quarter::size ? tile_of_rows<Half, 1>(last, rows) : tile_of_rows<Quarter, 1>(last, rows);
}

// Tiles of few rows side by side: eight sums, as the next multiply-add of a sum waits for the last. Each
// element is the same sum in the same order as in a tile.
template <std::size_t rows>
constexpr std::size_t panels_of = 4 / rows;

template <class T, std::size_t rows>
void tiles_of(const Tile<T>& t) {
  constexpr std::size_t panels = panels_of<rows>;
  Batch<T> sums[rows][2 * panels];
#pragma GCC unroll 16
  for (std::size_t i = 0; i < rows; ++i)
#pragma GCC unroll 16
    for (std::size_t v = 0; v < 2 * panels; ++v) sums[i][v] = Batch<T>(T(0));
  const T *a = t.a, *b = t.b;
  for (std::size_t p = 0; p < t.depth; ++p) {
#pragma GCC unroll 16
    for (std::size_t v = 0; v < 2 * panels; ++v) {
      const T* const from = b + v / 2 * t.b_panel + v % 2 * width<T>;
      const auto b_p = rows == 1 ? Batch<T>::load_unaligned(from) : load_once(from);
#pragma GCC unroll 16
      for (std::size_t i = 0; i < rows; ++i)
        sums[i][v] = multiply_add(Batch<T>(a[i * t.a_row]), b_p, sums[i][v]);
    }
    a += t.a_column;
    b += t.b_row;
  }
#pragma GCC unroll 16
  for (std::size_t i = 0; i < rows; ++i)
#pragma GCC unroll 16
    for (std::size_t v = 0; v < 2 * panels; ++v) {
      T* const c = t.c + i * t.c_row + v * width<T>;
      if (t.base != nullptr) sums[i][v] += Batch<T>::load_unaligned(t.base + i * t.base_row + v * width<T>);
      sums[i][v].store_unaligned(c);
    }
}

template <class T>
void tiles(const Tile<T>& t) {
  t.rows == 1 ? tiles_of<T, 1>(t) : tiles_of<T, 2>(t);
}

// Few rows, and b as it lies, whose rows are read from end to end, some of them together: as fast as they
// come from memory. The sums wait in the first-level cache meanwhile. Each element is the same sum in the
// same order as in a tile.
template <std::size_t rows>
constexpr std::size_t rows_together = (many_registers ? 16 : 8) / rows;  // as many a as registers hold
template <class T, std::size_t rows>
constexpr std::size_t sums_of_row = (std::size_t{16} << 10) / sizeof(Batch<T>) / rows* width<T>;

template <class T, std::size_t rows, std::size_t together>
void add_rows(const Tile<T>& t, std::size_t p, T* sums) {
  Batch<T> a[together][rows];
#pragma GCC unroll 16
  for (std::size_t q = 0; q < together; ++q)
#pragma GCC unroll 4
    for (std::size_t i = 0; i < rows; ++i) a[q][i] = Batch<T>(t.a[i * t.a_row + (p + q) * t.a_column]);
  const T* const b = t.b + p * t.b_row;
  const auto add = [&](std::size_t j, T* to) {
    Batch<T> sum[rows];
#pragma GCC unroll 4
    for (std::size_t i = 0; i < rows; ++i)
      sum[i] = p == 0 ? Batch<T>(T(0)) : Batch<T>::load_aligned(to + i * sums_of_row<T, rows>);
#pragma GCC unroll 16
    for (std::size_t q = 0; q < together; ++q) {
      const auto b_q = load_once(b + q * t.b_row + j);
#pragma GCC unroll 4
      for (std::size_t i = 0; i < rows; ++i) sum[i] = multiply_add(a[q][i], b_q, sum[i]);
    }
#pragma GCC unroll 4
    for (std::size_t i = 0; i < rows; ++i) sum[i].store_aligned(to + i * sums_of_row<T, rows>);
  };
  std::size_t j = 0;
  for (; j + width<T> <= t.columns; j += width<T>) add(j, sums + j);
  if (j < t.columns) add(t.columns - width<T>, sums + j);  // the last register, some of it once more
}

template <class T, std::size_t rows>
[[XGRAD_FLAT]] void rows_of(Tile<T> t) {
  const std::size_t columns = t.columns;
  constexpr std::size_t together = rows_together<rows>, most = sums_of_row<T, rows>;
  alignas(64) T sums[rows * most];
  for (std::size_t first = 0; first < columns; first += t.columns) {
    const std::size_t rest = columns - first;  // which is a register or more
    t.columns = rest <= most ? rest : rest < most + width<T> ? most - width<T> : most;
    std::size_t p = 0;
    for (; p + together <= t.depth; p += together) add_rows<T, rows, together>(t, p, sums);
    for (; p < t.depth; ++p) add_rows<T, rows, 1>(t, p, sums);
    const std::size_t full = t.columns / width<T> * width<T>;
    for (std::size_t i = 0; i < rows; ++i) {
      const T* const sum = sums + i * most;
      const T* const base = t.base == nullptr ? nullptr : t.base + i * t.base_row;
      T* const c = t.c + i * t.c_row;
      for (std::size_t j = 0; j < full; j += width<T>) {
        const auto x = Batch<T>::load_aligned(sum + j);
        (base == nullptr ? x : x + Batch<T>::load_unaligned(base + j)).store_unaligned(c + j);
      }
      for (std::size_t j = full; j < t.columns; ++j) {
        const T x = sum[j + full + width<T> - t.columns];
        c[j] = base == nullptr ? x : x + base[j];
      }
    }
    skip(t, t.columns, t.columns);
  }
}

template <class T>
void few_rows(const Tile<T>& t) {
  t.rows == 1   ? rows_of<T, 1>(t)
  : t.rows == 2 ? rows_of<T, 2>(t)
  : t.rows == 3 ? rows_of<T, 3>(t)
                : rows_of<T, 4>(t);
}

// A square of numbers, a register for each row, transposed: in step s the off-diagonal s x s squares of each
// 2s x 2s square change places.
template <class T>
using Lanes = Vector<T, width<T>>;

template <class T>
Lanes<T> lanes_of(const Batch<T>& x) {
  Lanes<T> lanes;
  __builtin_memcpy(&lanes, &x, sizeof lanes);
  return lanes;
}

template <std::size_t s, class V, std::size_t... j>
void exchange(V& a, V& b, std::index_sequence<j...>) {
  constexpr std::size_t n = sizeof...(j);
  const V upper = __builtin_shufflevector(a, b, ((j & s) == 0 ? j : n + j - s)...);
  b = __builtin_shufflevector(a, b, ((j & s) == 0 ? j + s : n + j)...);
  a = upper;
}

// With i = 0, 1, ..., n - 1, each a constant: GCC makes registers of arrays whose indices are constants from
// the first, not of those that become so where a loop is unrolled.
template <std::size_t n, class F>
void unrolled(const F& f) {
  [&]<std::size_t... i>(std::index_sequence<i...>) { (f(std::integral_constant<std::size_t, i>()), ...); }
  (std::make_index_sequence<n>());
}

template <class T, std::size_t s = 1>
void transpose(Lanes<T> (&rows)[width<T>]) {
  if constexpr (s < width<T>) {
    unrolled<width<T>>([&](auto i) {
      if constexpr ((i & s) == 0) exchange<s>(rows[i], rows[i + s], std::make_index_sequence<width<T>>());
    });
    transpose<T, 2 * s>(rows);
  }
}

// The sums of the lanes of each of x, one after the other in the first lanes of x[0]: in step s each lane is
// the sum of two lanes, s apart, of one of two registers; at last of the one that is left.
template <std::size_t s, class V, std::size_t... j>
V add_lanes(const V& a, const V& b, std::index_sequence<j...>) {
  constexpr std::size_t n = sizeof...(j);
  const V lower = __builtin_shufflevector(a, b, ((j & s) == 0 ? j : n + j - s)...),
          upper = __builtin_shufflevector(a, b, ((j & s) == 0 ? j + s : n + j)...);
  return lower + upper;
}

template <class T, std::size_t s = 1, std::size_t count>
void sums_of_lanes(Lanes<T> (&x)[count]) {
  if constexpr (s < width<T>) {
    constexpr auto all = std::make_index_sequence<width<T>>();
    if constexpr (s < count) {
      unrolled<count / (2 * s)>([&](auto i) { x[i] = add_lanes<s>(x[2 * i], x[2 * i + 1], all); });
    } else {
      x[0] = add_lanes<s>(x[0], x[0], all);
    }
    sums_of_lanes<T, 2 * s>(x);
  }
}

// Scalar products of rows of a and rows of b, where b is given transposed and its entries are wanted too few
// times to be laid out anew:
//   c[i][j] = base[i][j] + sum over p of a[i][p] b[j][p]
constexpr std::size_t dots_rows = many_registers ? 4 : 3;

template <class T, std::size_t rows, std::size_t columns>
[[XGRAD_FLAT]] void dots_of(const Tile<T>& t) {
  Batch<T> sums[rows][columns];
#pragma GCC unroll 4
  for (std::size_t i = 0; i < rows; ++i)
#pragma GCC unroll 8
    for (std::size_t j = 0; j < columns; ++j) sums[i][j] = Batch<T>(T(0));
  const auto add = [&](auto load) {
    Batch<T> a[rows];
#pragma GCC unroll 4
    for (std::size_t i = 0; i < rows; ++i) a[i] = load(t.a + i * t.a_row);
#pragma GCC unroll 8
    for (std::size_t j = 0; j < columns; ++j) {
      const Batch<T> b = load(t.b + j * t.b_row);
#pragma GCC unroll 4
      for (std::size_t i = 0; i < rows; ++i) sums[i][j] = multiply_add(a[i], b, sums[i][j]);
    }
  };
  std::size_t p = 0;
  for (; p + width<T> <= t.depth; p += width<T>) add([p](const T* x) { return load_once(x + p); });
  if (p < t.depth) {
    const std::size_t rest = t.depth - p;
    add([=](const T* x) { return load_lanes<Arch>(x + p, rest, T(0)); });
  }
  // As many at once as a register has lanes.
  constexpr std::size_t count = std::bit_ceil(rows * columns), part = count < width<T> ? count : width<T>;
  alignas(64) T dots[count < width<T> ? width<T> : count];
  unrolled<count / part>([&](auto n) {
    Lanes<T> some[part];
    unrolled<part>([&](auto k) {
      constexpr std::size_t which = (n * part + k) % (rows * columns);
      some[k] = lanes_of<T>(sums[which / columns][which % columns]);
    });
    sums_of_lanes<T>(some);
    __builtin_memcpy(dots + n * part, &some[0], sizeof some[0]);
  });
#pragma GCC unroll 4
  for (std::size_t i = 0; i < rows; ++i) {
    T* const c = t.c + i * t.c_row;
    if (t.base == nullptr) {
      __builtin_memcpy(c, dots + i * columns, columns * sizeof(T));
      continue;
    }
    const T* const base = t.base + i * t.base_row;
    for (std::size_t j = 0; j < columns; ++j) c[j] = dots[i * columns + j] + base[j];
  }
}

template <class T, std::size_t columns>
void dots_by_rows(const Tile<T>& tile) {
  Tile<T> t = tile;
  for (std::size_t i = 0; i < tile.rows; i += dots_rows) {
    t.a = tile.a + i * t.a_row;
    t.base = tile.base == nullptr ? nullptr : tile.base + i * t.base_row;
    t.c = tile.c + i * t.c_row;
    const std::size_t rows = tile.rows - i;
    if (rows == 1)
      dots_of<T, 1, columns>(t);
    else if (rows == 2)
      dots_of<T, 2, columns>(t);
    else if (rows == 3 || dots_rows == 3)
      dots_of<T, 3, columns>(t);
    else
      dots_of<T, dots_rows, columns>(t);
  }
}

template <class T>
void dots(const Tile<T>& tile) {
  Tile<T> t = tile;
  std::size_t j = 0;
  if (tile.rows == 1)
    for (; j + 8 <= tile.columns; j += 8, skip(t, 8, 8 * t.b_row)) dots_of<T, 1, 8>(t);
  for (; j + 4 <= tile.columns; j += 4, skip(t, 4, 4 * t.b_row)) dots_by_rows<T, 4>(t);
  for (; j < tile.columns; ++j, skip(t, 1, t.b_row)) dots_by_rows<T, 1>(t);
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

// y[j][i] = x[i][j] for i < rows and j < columns, as far as they fit in a register. Rows of y are written
// whole if they are `padded`, with zeros.
template <bool padded, class T>
[[XGRAD_FLAT]] void transpose_square(std::size_t rows, std::size_t columns, const T* x, std::size_t x_row,
                                     T* y, std::size_t y_row) {
  Lanes<T> square[width<T>];
  unrolled<width<T>>([&](auto i) {
    square[i] = lanes_of<T>(i < rows ? load_present(x + i * x_row, columns) : Batch<T>(T(0)));
  });
  transpose<T>(square);
  unrolled<width<T>>([&](auto j) {
    if (j >= columns) return;
    Batch<T> column;
    __builtin_memcpy(&column, &square[j], sizeof column);
    if (padded || rows >= width<T>)
      column.store_unaligned(y + j * y_row);
    else
      store_lanes(y + j * y_row, rows, column);
  });
}

template <class T>
void pack(bool transposed, std::size_t depth, std::size_t columns, const T* b, std::size_t b_row, T* packed) {
  if (!transposed) return pack_rows(depth, columns, b, b_row, packed);
  for (std::size_t panel = 0; panel < columns; panel += tile_columns<T>)
    for (std::size_t j = panel; j < panel + tile_columns<T>; j += width<T>)
      for (std::size_t p = 0; p < depth; p += width<T>)
        transpose_square<true>(j < columns ? columns - j : 0, depth - p, b + j * b_row + p, b_row,
                               packed + panel * depth + p * tile_columns<T> + (j - panel), tile_columns<T>);
}

// By four squares at a time, so that what is read and what is written are whole cache lines, and within 64
// columns, so that both lie in few pages of memory.
template <class T>
void transpose_matrix(std::size_t rows, std::size_t columns, const T* x, std::size_t x_row, T* y,
                      std::size_t y_row) {
  constexpr std::size_t step = 2 * width<T>, block = 64;
  for (std::size_t from = 0; from < columns; from += block) {
    const std::size_t to = columns - from < block ? columns : from + block;
    for (std::size_t i = 0; i < rows; i += step)
      for (std::size_t j = from; j < to; j += step) {
        const T* const later = x + (i + step) * x_row + j;
        for (std::size_t k = 0; k < step; ++k) __builtin_prefetch(later + k * x_row);
        for (std::size_t i1 = i; i1 < rows && i1 < i + step; i1 += width<T>)
          for (std::size_t j1 = j; j1 < to && j1 < j + step; j1 += width<T>)
            transpose_square<false>(rows - i1, to - j1, x + i1 * x_row + j1, x_row, y + j1 * y_row + i1,
                                    y_row);
      }
  }
}

// Complex numbers: as many as a register holds real ones are two registers in memory, and two others in which
// real and imaginary parts are apart.
using Z = ComplexRegister<Arch>;
using Doubles = Lanes<double>;

template <std::size_t... i>
Z apart(Doubles low, Doubles high, std::index_sequence<i...>) {
  const Doubles re = __builtin_shufflevector(low, high, (2 * i)...),
                im = __builtin_shufflevector(low, high, (2 * i + 1)...);
  Batch<double> x, y;
  __builtin_memcpy(&x, &re, sizeof re);
  __builtin_memcpy(&y, &im, sizeof im);
  return {x, y};
}
template <std::size_t... i>
void together(Batch<double> x, Batch<double> y, double* p, std::index_sequence<i...>) {
  constexpr std::size_t w = sizeof...(i);
  Doubles re, im;
  __builtin_memcpy(&re, &x, sizeof re);
  __builtin_memcpy(&im, &y, sizeof im);
  const Doubles low = __builtin_shufflevector(re, im, (i / 2 + w * (i % 2))...),
                high = __builtin_shufflevector(re, im, (w / 2 + i / 2 + w * (i % 2))...);
  __builtin_memcpy(p, &low, sizeof low);
  __builtin_memcpy(p + w, &high, sizeof high);
}
inline Z load_complex(const double* p) {
  Doubles low, high;
  __builtin_memcpy(&low, p, sizeof low);
  __builtin_memcpy(&high, p + width<double>, sizeof high);
  return apart(low, high, std::make_index_sequence<width<double>>());
}
inline void store_complex(double* p, const Z& z) {
  together(z.re, z.im, p, std::make_index_sequence<width<double>>());
}
const double* parts(const Complex* x) { return reinterpret_cast<const double*>(x); }
double* parts(Complex* x) { return reinterpret_cast<double*>(x); }

// Fewer than w numbers, with ones in the other lanes.
Z load_complex(const double* p, std::size_t lanes) {
  double filled[2 * width<double>];
  for (std::size_t k = 0; k < 2 * width<double>; ++k) filled[k] = k < 2 * lanes ? p[k] : k % 2 == 0 ? 1 : 0;
  return load_complex(filled);
}
void store_complex(double* p, const Z& z, std::size_t lanes) {
  double filled[2 * width<double>];
  store_complex(filled, z);
  for (std::size_t k = 0; k < 2 * lanes; ++k) p[k] = filled[k];
}

template <class F, std::size_t... I>
[[XGRAD_FLAT]] void apply_complex(const F& f, double* y, const Complex* const* x, const std::size_t* steps,
                                  std::size_t n, std::index_sequence<I...>) {
  constexpr std::size_t w = width<double>;
  const double* from[] = {parts(x[I])...};
  const Z repeated[] = {Z(Batch<double>(n > 0 ? from[I][0] : 0), Batch<double>(n > 0 ? from[I][1] : 0))...};
  std::size_t i = 0;
  for (; i + w <= n; i += w)
    store_complex(y + 2 * i, f((steps[I] == 0 ? repeated[I] : load_complex(from[I] + 2 * i))...));
  if (i < n)
    store_complex(y + 2 * i, f((steps[I] == 0 ? repeated[I] : load_complex(from[I] + 2 * i, n - i))...),
                  n - i);
}

template <class F>
void complex_row(const void* f, Complex* y, const Complex* const* x, const std::size_t* steps,
                 std::size_t n) {
  apply_complex(*static_cast<const F*>(f), parts(y), x, steps, n,
                std::make_index_sequence<arguments<F, Z>>());
}

double complex_max(const Complex* x, std::size_t n) {
  const double* const p = parts(x);
  Batch<double> best(p[0]);
  std::size_t i = 0;
  for (; i + width<double> <= n; i += width<double>) best = larger(best, load_complex(p + 2 * i).re);
  alignas(64) double lanes[width<double>];
  best.store_aligned(lanes);
  double largest = lanes[0];
  for (const double lane : lanes) largest = lane > largest ? lane : largest;
  for (; i < n; ++i) largest = p[2 * i] > largest ? p[2 * i] : largest;
  return largest;
}

void complex_exp_shifted(const double* x, double* y, std::size_t n, double shift, double* sum) {
  constexpr std::size_t w = width<double>;
  if (n > long_row) {
    double rest[2];
    complex_exp_shifted(x, y, n / 2, shift, sum);
    complex_exp_shifted(x + 2 * (n / 2), y == nullptr ? y : y + 2 * (n / 2), n - n / 2, shift, rest);
    sum[0] += rest[0];
    sum[1] += rest[1];
    return;
  }
  const Z shifts(Batch<double>(shift), Batch<double>(0.0));
  Z total(0.0);
  std::size_t i = 0;
  for (; i + w <= n; i += w) {
    const Z e = scalar::exp(load_complex(x + 2 * i) - shifts);
    if (y != nullptr) store_complex(y + 2 * i, e);
    total = total + e;
  }
  sum[0] = sum_lanes(total.re);
  sum[1] = sum_lanes(total.im);
  if (i == n) return;
  double last[2 * w];
  store_complex(last, scalar::exp(load_complex(x + 2 * i, n - i) - shifts));
  for (std::size_t k = 0; k < 2 * (n - i); ++k) {
    if (y != nullptr) y[2 * i + k] = last[k];
    sum[k % 2] += last[k];
  }
}

Complex complex_exp_shifted(const Complex* x, Complex* y, std::size_t n, double shift) {
  double sum[2];
  complex_exp_shifted(parts(x), parts(y), n, shift, sum);
  return {sum[0], sum[1]};
}

double split(std::size_t rows, std::size_t columns, const Complex* x, std::size_t x_row, double* re,
             double* im) {
  constexpr std::size_t w = width<double>;
  Batch<double> sums(0.0);
  double sum = 0;
  for (std::size_t r = 0; r < rows; ++r, x += x_row, re += columns, im += columns) {
    const double* const p = parts(x);
    std::size_t i = 0;
    for (; i + w <= columns; i += w) {
      const Z z = load_complex(p + 2 * i);
      z.re.store_unaligned(re + i);
      z.im.store_unaligned(im + i);
      sums += xsimd::abs(z.im);
    }
    for (; i < columns; ++i) {
      re[i] = p[2 * i];
      im[i] = p[2 * i + 1];
      sum += im[i] < 0 ? -im[i] : im[i];
    }
  }
  return sum + sum_lanes(sums);
}

void join(std::size_t rows, std::size_t columns, const double* re, const double* im, Complex* y,
          std::size_t y_row) {
  constexpr std::size_t w = width<double>;
  for (std::size_t r = 0; r < rows; ++r, y += y_row, re += columns, im += columns) {
    double* const p = parts(y);
    std::size_t i = 0;
    for (; i + w <= columns; i += w)
      store_complex(p + 2 * i,
                    {Batch<double>::load_unaligned(re + i), Batch<double>::load_unaligned(im + i)});
    for (; i < columns; ++i) {
      p[2 * i] = re[i];
      p[2 * i + 1] = im[i];
    }
  }
}

template <class... F>
constexpr Table<Complex> make_complex_table(FormulaList<F...>) {
  return {{&complex_row<F>...}, &complex_max, &complex_exp_shifted, &split, &join};
}

template <class T, class... F, class... Rule>
constexpr Table<T> make_table(FormulaList<F...>, FormulaList<Rule...>) {
  return {{&row<T, F>...},
          {&update<T, Rule>...},
          &max<T>,
          &exp_shifted<T>,
          &sum<T>,
          &dot<T>,
          &sum_of_squares<T>,
          tile_rows,
          tile_columns<T>,
          {Parts<T>::Quarter::size, Parts<T>::Half::size, width<T>},
          &tile<T>,
          {panels_of<1>, panels_of<2>},
          &tiles<T>,
          &few_rows<T>,
          &dots<T>,
          &pack<T>,
          &transpose_matrix<T>};
}

/// The tables of this file's instruction set.
constexpr Tables make_tables() {
  return {make_table<float>(Formulas<float>(), Updates<float>()),
          make_table<double>(Formulas<double>(), Updates<double>()), make_complex_table(ComplexFormulas())};
}

}  // namespace

}  // namespace xgrad::kernels
