// Matrix products on row-major storage: the library's own kernels, or BLAS. The own ones cut the product into
// tiles that fit the registers (Goto & van de Geijn 2008, "Anatomy of high-performance matrix
// multiplication") and read the second factor from a packed copy. For the many small products of a
// recurrence, h W and dz W^T at every time step, most of the time of any BLAS goes into making that copy;
// here it is made once and stays with the array until its numbers change. Internal.
#pragma once

#include <cstddef>
#include <cstdint>

#include <xgrad/autograd/kernels/storage.hpp>

namespace xgrad::kernels {

enum class Trans { no, yes };

/// A matrix that may be transposed; `row` is how far apart the stored rows are.
template <class T>
struct Matrix {
  const T* data;
  std::size_t row;
  Trans trans = Trans::no;
  /// The block that the elements lie in, if they are likely to be a second factor again: it then keeps their
  /// packed copy.
  storage::Block* reused = nullptr;

  /// Without its first i rows and j columns, as they are meant.
  Matrix from(std::size_t i, std::size_t j) const {
    return {data + (trans == Trans::no ? i * row + j : j * row + i), row, trans, reused};
  }
  Matrix transposed() const { return {data, row, trans == Trans::no ? Trans::yes : Trans::no, reused}; }
};

/// What a product is added to: nothing, a matrix, or (row = 0) one row for all rows.
template <class T>
struct Addend {
  const T* data = nullptr;
  std::size_t row = 0;

  Addend from(std::size_t i, std::size_t j) const {
    return {data == nullptr ? nullptr : data + i * row + j, row};
  }
};

/// C = base + A B with A: (m, k), B: (k, n), C: (m, n), which may be the base. Rows of C are c_row apart.
/// Throws Error if a size does not fit BLAS's int.
template <class T>
void product(std::size_t m, std::size_t n, std::size_t k, const Matrix<T>& a, const Matrix<T>& b,
             Addend<T> base, T* c, std::size_t c_row);

/// C = A B + beta C for m, n, k > 0, by the BLAS that xtensor-blas binds. beta = 0 does not read C. Throws
/// Error as `product` does, which calls it.
template <class T>
void gemm(std::size_t m, std::size_t n, std::size_t k, const Matrix<T>& a, const Matrix<T>& b, T beta, T* c,
          std::size_t c_row);

/// Floating-point operations of all products that this thread has computed: 2 m n k for each, whatever the
/// scalar. To count those of a piece of work, subtract.
std::uint64_t flops();

}  // namespace xgrad::kernels
