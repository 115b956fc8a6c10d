// Table: the kernels of one instruction set, as pointers. `table<T>()` is that of the set in use. Kernels
// know rows of numbers, no arrays: what calls them (map.hpp, product.hpp, the ops) has checked the shapes.
// Their code is in compiled/kernels.hpp. Internal.
#pragma once

#include <array>
#include <cstddef>

#include <xgrad/autograd/kernels/formulas.hpp>
#include <xgrad/autograd/kernels/instruction_set.hpp>

namespace xgrad::kernels {

/// Part of a matrix product, small enough for the registers:
///   c[i][j] = base[i][j] + sum over p of a[i][p] b[p][j]     i < rows, j < columns, p < depth
template <class T>
struct Tile {
  std::size_t rows, columns, depth;
  const T* a;
  std::size_t a_row, a_column;  ///< how far apart the entries of a are along i and p
  const T* b;                   ///< at least as wide as the registers that `columns` fill
  std::size_t b_row;            ///< the width of the widest tile if b is packed
  const T* base;                ///< null for zeros; may be c
  std::size_t base_row;         ///< 0 for one row that serves all i
  T* c;
  std::size_t c_row;
};

template <class T>
struct Table {
  InstructionSet set;

  /// y[i] = f(x[0][i steps[0]], ...) for i < n: one kernel for each of Formulas<T>, called with the formula.
  /// The steps are 0 or 1. y may be one of the x.
  using Row = void (*)(const void* f, T* y, const T* const* x, const std::size_t* steps, std::size_t n);
  std::array<Row, Formulas<T>::size> rows;

  T (*max)(const T* x, std::size_t n);                         ///< n > 0
  T (*exp_shifted)(const T* x, T* y, std::size_t n, T shift);  ///< y = e^(x - shift); returns the sum of y
  T (*sum_exp_shifted)(const T* x, std::size_t n, T shift);    ///< only the sum
  T (*sum)(const T* x, std::size_t n);
  T (*dot)(const T* x, const T* y, std::size_t n);

  std::size_t tile_rows, tile_columns;  ///< of the widest tile
  void (*tile)(const Tile<T>&);
  /// Lays b: (depth, columns), or its transpose if `transposed`, out for `tile`: panels of tile_columns
  /// columns one after the other, each row by row, the last filled up with zeros.
  void (*pack)(bool transposed, std::size_t depth, std::size_t columns, const T* b, std::size_t b_row,
               T* packed);
};

extern const Table<float> baseline_float;
extern const Table<double> baseline_double;
#if defined(__x86_64__)
extern const Table<float> avx2_float, avx512_float;
extern const Table<double> avx2_double, avx512_double;
#endif

/// The kernels of a set that this processor has; for T = float and double.
template <class T>
const Table<T>& table(InstructionSet set);

/// Those of the set in use.
template <class T>
const Table<T>& table() {
  static const Table<T>& chosen = table<T>(instruction_set());
  return chosen;
}

}  // namespace xgrad::kernels
