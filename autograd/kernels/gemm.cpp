// The door to xtensor-blas, the one file that sees BLAS: cxxblas::gemm is its raw interface. (Its headers and
// the system's <cblas.h> clash, so no other file includes either.) From 0.21 on xblas.hpp includes cxxblas
// before the configuration that defines HAVE_CBLAS, and without that macro cxxblas::gemm is a plain loop, 20
// to 60 times as slow. The test `gemm_symbols` looks for the calls of BLAS in the object file.
#ifndef HAVE_CBLAS
#define HAVE_CBLAS 1
#endif

#include <limits>
#include <string>

#include <xtensor-blas/xblas.hpp>

#include <xgrad/autograd/error.hpp>
#include <xgrad/autograd/kernels/product.hpp>
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
void gemm(std::size_t m, std::size_t n, std::size_t k, const Matrix<T>& a, const Matrix<T>& b, T beta, T* c,
          std::size_t c_row) {
  cxxblas::gemm<int>(cxxblas::RowMajor, flag(a.trans), flag(b.trans), blas_int(m), blas_int(n), blas_int(k),
                     T(1), a.data, blas_int(a.row), b.data, blas_int(b.row), beta, c, blas_int(c_row));
}

template decltype(gemm<float>) gemm<float>;
template decltype(gemm<double>) gemm<double>;
template decltype(gemm<Complex>) gemm<Complex>;

}  // namespace xgrad::kernels
