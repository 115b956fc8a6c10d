// The product of two square matrices by the BLAS that the library calls, and by a plain loop: that it is BLAS
// indeed, in each scalar, shows in the ratio of the two.
#pragma once

#include <cstddef>
#include <vector>

#include <xgrad/autograd/kernels/product.hpp>
#include <xgrad/autograd/scalar.hpp>

namespace xgrad {

template <class T>
class SquareGemm {
 public:
  SquareGemm(std::size_t n, bool by_blas) : n_(n), by_blas_(by_blas), a_(n * n, T(1e-3)), b_(a_), c_(a_) {}

  void operator()() {
    if (by_blas_) {
      kernels::gemm<T>(n_, n_, n_, {a_.data(), n_}, {b_.data(), n_}, T(0), c_.data(), n_);
      return;
    }
    for (std::size_t i = 0; i < n_; ++i)
      for (std::size_t j = 0; j < n_; ++j) {
        T sum = T(0);
        for (std::size_t k = 0; k < n_; ++k) sum += a_[i * n_ + k] * b_[k * n_ + j];
        c_[i * n_ + j] = sum;
      }
  }

 private:
  std::size_t n_;
  bool by_blas_;
  std::vector<T> a_, b_, c_;
};

}  // namespace xgrad
