// The one file that sees BLAS: cxxblas::gemm is xtensor-blas' raw interface. (Its headers and the system's
// <cblas.h> clash, so no other file includes either.)
#include <xgrad/autograd/kernels/gemm.hpp>

#include <algorithm>
#include <limits>
#include <string>

#include <xgrad/autograd/error.hpp>
#include <xgrad/autograd/kernels/xtensor_blas.hpp>
#include <xgrad/autograd/scalar.hpp>

namespace xgrad::kernels {

namespace {

int blas_int(std::size_t n) {
  if (n > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    throw Error("matmul",
                "a matrix side of " + std::to_string(n) + " does not fit BLAS, expected less than 2^31");
  return static_cast<int>(n);
}

cxxblas::Transpose flag(Trans trans) { return trans == Trans::no ? cxxblas::NoTrans : cxxblas::Trans; }

}  // namespace

template <class T>
void gemm(Trans trans_a, Trans trans_b, std::size_t m, std::size_t n, std::size_t k, T alpha, const T* a,
          std::size_t lda, const T* b, std::size_t ldb, T beta, T* c, std::size_t ldc) {
  if (m == 0 || n == 0) return;
  if (k == 0) {  // an empty sum; BLAS refuses leading dimensions of 0
    for (std::size_t i = 0; i < m; ++i)
      for (std::size_t j = 0; j < n; ++j) c[i * ldc + j] = beta == T(0) ? T(0) : beta * c[i * ldc + j];
    return;
  }
  cxxblas::gemm<int>(cxxblas::RowMajor, flag(trans_a), flag(trans_b), blas_int(m), blas_int(n), blas_int(k),
                     alpha, a, blas_int(lda), b, blas_int(ldb), beta, c, blas_int(ldc));
}

template decltype(gemm<float>) gemm<float>;
template decltype(gemm<double>) gemm<double>;
template decltype(gemm<Complex>) gemm<Complex>;

}  // namespace xgrad::kernels
