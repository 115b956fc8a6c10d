// gemm against three nested loops: all transpositions, leading dimensions wider than a row, empty sizes, and
// the promise that beta = 0 does not read C.
#include <xgrad/autograd/kernels/gemm.hpp>

#include <doctest/doctest.h>

#include <limits>

#include "../errors.hpp"

using xgrad::Array;
using xgrad::kernels::gemm;
using xgrad::kernels::Trans;
using namespace xgrad::testing;

namespace {

constexpr std::size_t pad = 3;  // unused numbers behind each stored row

template <class T>
void check(Trans trans_a, Trans trans_b, std::size_t m, std::size_t n, std::size_t k, T alpha, T beta) {
  CAPTURE(static_cast<int>(trans_a));
  CAPTURE(static_cast<int>(trans_b));
  CAPTURE(m);
  CAPTURE(n);
  CAPTURE(k);
  const bool ta = trans_a == Trans::yes, tb = trans_b == Trans::yes;
  const std::size_t lda = (ta ? m : k) + pad, ldb = (tb ? k : n) + pad, ldc = n + pad;
  // Small integers: every sum is exact, so results must be equal.
  auto a = Array<T>::full({(ta ? k : m) * lda + 1}, 0), b = Array<T>::full({(tb ? n : k) * ldb + 1}, 0);
  for (std::size_t i = 0; i < a.size(); ++i) a.mutable_data()[i] = static_cast<T>(i * 7 % 11) - 5;
  for (std::size_t i = 0; i < b.size(); ++i) b.mutable_data()[i] = static_cast<T>(i * 5 % 13) - 6;
  const T untouched = beta == T(0) ? std::numeric_limits<T>::quiet_NaN() : T(2);
  auto c = Array<T>::full({m * ldc + 1}, untouched);
  gemm<T>(trans_a, trans_b, m, n, k, alpha, a.data(), lda, b.data(), ldb, beta, c.mutable_data(), ldc);
  bool right = true, padding = true;
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      T sum = 0;
      for (std::size_t l = 0; l < k; ++l)
        sum += a.data()[ta ? l * lda + i : i * lda + l] * b.data()[tb ? j * ldb + l : l * ldb + j];
      right = right && c.data()[i * ldc + j] == alpha * sum + (beta == T(0) ? T(0) : beta * untouched);
    }
    for (std::size_t j = n; j < ldc; ++j) {
      const T x = c.data()[i * ldc + j];
      padding = padding && (beta == T(0) ? x != x : x == untouched);
    }
  }
  CHECK(right);
  CHECK(padding);
}

}  // namespace

TEST_CASE_TEMPLATE("gemm: agrees with three loops", T, float, double) {
  for (const Trans trans_a : {Trans::no, Trans::yes})
    for (const Trans trans_b : {Trans::no, Trans::yes})
      for (const std::size_t m : {0, 1, 2, 17, 40})
        for (const std::size_t n : {0, 1, 3, 33})
          for (const std::size_t k : {0, 1, 5, 64})
            for (const T beta : {T(0), T(1), T(-0.5)}) {
              check<T>(trans_a, trans_b, m, n, k, T(1), beta);
              check<T>(trans_a, trans_b, m, n, k, T(-2), beta);
            }
}

TEST_CASE("gemm: rows without padding and single rows") {
  const double a[] = {1, 2, 3}, b[] = {4, 5, 6};
  double c = 1;
  gemm<double>(Trans::no, Trans::no, 1, 1, 3, 1, a, 3, b, 1, 1, &c, 1);
  CHECK(c == 33);
  gemm<double>(Trans::yes, Trans::yes, 1, 1, 3, 1, a, 1, b, 3, 0, &c, 1);
  CHECK(c == 32);
  double outer[9];
  gemm<double>(Trans::no, Trans::no, 3, 3, 1, 1, a, 1, b, 3, 0, outer, 3);
  CHECK(std::vector<double>(outer, outer + 9) == std::vector<double>{4, 5, 6, 8, 10, 12, 12, 15, 18});
}

TEST_CASE("gemm: a side that BLAS cannot count is refused") {
  float c = 0;
  CHECK(message_of([&] {
          gemm<float>(Trans::no, Trans::no, std::size_t{1} << 31, 1, 1, 1, &c, 1, &c, 1, 0, &c, 1);
        }) == "[matmul] a matrix side of 2147483648 does not fit BLAS, expected less than 2^31");
}
