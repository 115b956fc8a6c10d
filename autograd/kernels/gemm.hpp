// Matrix products on row-major storage, by the BLAS that xtensor-blas binds.
#pragma once

#include <cstddef>
#include <cstdint>

namespace xgrad::kernels {

enum class Trans { no, yes };

/// C = alpha op(A) op(B) + beta C with op(A): (m, k), op(B): (k, n), C: (m, n); the ld are elements per
/// stored row. beta = 0 does not read C. Throws Error if a size does not fit BLAS's int.
template <class T>
void gemm(Trans trans_a, Trans trans_b, std::size_t m, std::size_t n, std::size_t k, T alpha, const T* a,
          std::size_t lda, const T* b, std::size_t ldb, T beta, T* c, std::size_t ldc);

}  // namespace xgrad::kernels
