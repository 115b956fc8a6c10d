// The least matrix work of a training step of a word model, in bare OpenBLAS: what any implementation has to
// compute, and nothing else. Start with BareProducts::operator() in bare_products.cpp, which is the list of
// products.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace xgrad {

/// N: sequences   T: steps   V: vocabulary   D: embedding   H: hidden   layers: recurrent ones
struct Dimensions {
  std::size_t N, T, V, D, H, layers = 1;
};

/// What a cell multiplies at each step: its input x: (N, D) by matrices of `from_x` columns in all, which
/// does not depend on the state, and vectors of the size of its state, one after the other, by matrices of so
/// many columns.
struct CellProducts {
  std::size_t from_x;
  std::vector<std::size_t> recurrent;
};

/// For T = float and double.
template <class T>
class BareProducts {
 public:
  BareProducts(const Dimensions& dimensions, const CellProducts& cell);

  /// All of a step.
  void operator()();
  /// Floating-point operations of a step, an addition and a multiplication being two.
  double flops() const;

 private:
  using Numbers = std::vector<T>;
  struct Layer {
    std::size_t D = 0;                      // width of the input
    Numbers xs, zs, Wx, dWx, dxs;           // (T N, D), (T N, from_x), ...
    std::vector<Numbers> hs, dhs, Wh, dWh;  // for each recurrent product: (T N, H), (H, columns)
    std::vector<Numbers> dzs;               // (T N, columns)
  };

  Dimensions d_;
  CellProducts cell_;
  std::vector<Layer> layers_;
  Numbers logits_, A_, dA_, ys_, dys_;
};

/// y = W x at N = 1: the products of one generated token.
class BareToken {
 public:
  BareToken(const Dimensions& dimensions, const CellProducts& cell);
  void operator()();
  /// Of the weights, each of which is read once.
  std::size_t bytes() const;

 private:
  Dimensions d_;
  CellProducts cell_;
  std::vector<float> x_, y_, Wx_, A_;
  std::vector<std::vector<float>> Wh_;
};

/// y = x B by BLAS's product of a matrix and a vector, for x: (k,) and B: (k, n), or its transpose in rows if
/// `transposed`.
template <class T>
void bare_row(bool transposed, std::size_t n, std::size_t k, const T* x, const T* B, T* y);

/// One product of n x n matrices of floats.
class SquareProduct {
 public:
  explicit SquareProduct(std::size_t n);
  void operator()();

 private:
  std::size_t n_;
  std::vector<float> a_, b_, c_;
};

}  // namespace xgrad
