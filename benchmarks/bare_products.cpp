// The products one by one, by cblas; see bare_products.hpp. This file alone includes <cblas.h>.
#include "bare_products.hpp"

#include <algorithm>

#include <cblas.h>

namespace xgrad {

namespace {

int size(std::size_t n) { return static_cast<int>(n); }

// C (m, n) = op(A) op(B), all rows without gaps
template <class T>
void gemm(CBLAS_TRANSPOSE op_a, CBLAS_TRANSPOSE op_b, std::size_t m, std::size_t n, std::size_t k, const T* a,
          const T* b, T* c) {
  const int lda = size(op_a == CblasNoTrans ? k : m), ldb = size(op_b == CblasNoTrans ? n : k);
  if constexpr (sizeof(T) == sizeof(float))
    cblas_sgemm(CblasRowMajor, op_a, op_b, size(m), size(n), size(k), 1, a, lda, b, ldb, 0, c, size(n));
  else
    cblas_dgemm(CblasRowMajor, op_a, op_b, size(m), size(n), size(k), 1, a, lda, b, ldb, 0, c, size(n));
}

template <class T = float>
std::vector<T> matrix(std::size_t rows, std::size_t columns) {
  return std::vector<T>(rows * columns, T(1e-3));
}

constexpr auto plain = CblasNoTrans, turned = CblasTrans;

}  // namespace

template <class T>
BareProducts<T>::BareProducts(const Dimensions& dimensions, const CellProducts& cell)
    : d_(dimensions), cell_(cell) {
  const std::size_t rows = d_.T * d_.N;
  for (std::size_t i = 0; i < d_.layers; ++i) {
    Layer layer;
    layer.D = i == 0 ? d_.D : d_.H;
    layer.xs = layer.dxs = matrix<T>(rows, layer.D);
    layer.zs = matrix<T>(rows, cell.from_x);
    layer.Wx = layer.dWx = matrix<T>(layer.D, cell.from_x);
    for (const std::size_t columns : cell.recurrent) {
      layer.hs.push_back(matrix<T>(rows, d_.H));
      layer.dhs.push_back(layer.hs.back());
      layer.Wh.push_back(matrix<T>(d_.H, columns));
      layer.dWh.push_back(layer.Wh.back());
      layer.dzs.push_back(matrix<T>(rows, columns));
    }
    layers_.push_back(std::move(layer));
  }
  logits_ = matrix<T>(rows, d_.V);
  A_ = dA_ = matrix<T>(d_.H, d_.V);
  ys_ = dys_ = matrix<T>(rows, d_.H);
}

// Everything that does not wait for the state is one product over all T N rows. No elementwise function, no
// softmax, no update, no sum of gradients.
template <class T>
void BareProducts<T>::operator()() {
  const std::size_t N = d_.N, H = d_.H, rows = d_.T * N;
  for (Layer& l : layers_) {
    gemm<T>(plain, plain, rows, cell_.from_x, l.D, l.xs.data(), l.Wx.data(), l.zs.data());
    for (std::size_t t = 0; t < d_.T; ++t)
      for (std::size_t k = 0; k < l.Wh.size(); ++k) {
        const std::size_t columns = cell_.recurrent[k];
        gemm<T>(plain, plain, N, columns, H, &l.hs[k][t * N * H], l.Wh[k].data(), &l.dzs[k][t * N * columns]);
      }
  }
  gemm<T>(plain, plain, rows, d_.V, H, ys_.data(), A_.data(), logits_.data());
  gemm<T>(turned, plain, H, d_.V, rows, ys_.data(), logits_.data(), dA_.data());
  gemm<T>(plain, turned, rows, H, d_.V, logits_.data(), A_.data(), dys_.data());
  for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer) {
    Layer& l = *layer;
    for (std::size_t t = d_.T; t-- > 0;)  // those of the first step lead to the state that was carried in
      for (std::size_t k = l.Wh.size(); t > 0 && k-- > 0;) {
        const std::size_t columns = cell_.recurrent[k];
        gemm<T>(plain, turned, N, H, columns, &l.dzs[k][t * N * columns], l.Wh[k].data(),
                &l.dhs[k][t * N * H]);
      }
    for (std::size_t k = 0; k < l.Wh.size(); ++k)
      gemm<T>(turned, plain, H, cell_.recurrent[k], rows, l.hs[k].data(), l.dzs[k].data(), l.dWh[k].data());
    gemm<T>(turned, plain, l.D, cell_.from_x, rows, l.xs.data(), l.zs.data(), l.dWx.data());
    gemm<T>(plain, turned, rows, l.D, cell_.from_x, l.zs.data(), l.Wx.data(), l.dxs.data());
  }
}

template <class T>
double BareProducts<T>::flops() const {
  const std::size_t rows = d_.T * d_.N;
  std::size_t multiplications = 3 * rows * d_.H * d_.V;
  for (const Layer& l : layers_) {
    multiplications += 3 * rows * l.D * cell_.from_x;
    for (const std::size_t columns : cell_.recurrent)
      multiplications += (2 * rows + (d_.T - 1) * d_.N) * d_.H * columns;
  }
  return 2 * static_cast<double>(multiplications);
}

template class BareProducts<float>;
template class BareProducts<double>;

BareToken::BareToken(const Dimensions& dimensions, const CellProducts& cell)
    : d_(dimensions),
      cell_(cell),
      x_(matrix(1, std::max(d_.D, d_.H))),
      y_(matrix(1, std::max(d_.V, std::max(cell.from_x, d_.H)))),
      Wx_(matrix(d_.D, cell.from_x)),
      A_(matrix(d_.H, d_.V)) {
  for (const std::size_t columns : cell.recurrent) Wh_.push_back(matrix(d_.H, columns));
}

void BareToken::operator()() {
  const auto product = [&](const std::vector<float>& W, std::size_t rows, std::size_t columns) {
    bare_row(false, columns, rows, x_.data(), W.data(), y_.data());
  };
  product(Wx_, d_.D, cell_.from_x);
  for (std::size_t k = 0; k < Wh_.size(); ++k) product(Wh_[k], d_.H, cell_.recurrent[k]);
  product(A_, d_.H, d_.V);
}

std::size_t BareToken::bytes() const {
  std::size_t elements = Wx_.size() + A_.size();
  for (const auto& W : Wh_) elements += W.size();
  return elements * sizeof(float);
}

template <class T>
void bare_row(bool transposed, std::size_t n, std::size_t k, const T* x, const T* B, T* y) {
  const CBLAS_TRANSPOSE op = transposed ? plain : turned;
  const int rows = size(transposed ? n : k), columns = size(transposed ? k : n);
  if constexpr (sizeof(T) == sizeof(float))
    cblas_sgemv(CblasRowMajor, op, rows, columns, 1, B, columns, x, 1, 0, y, 1);
  else
    cblas_dgemv(CblasRowMajor, op, rows, columns, 1, B, columns, x, 1, 0, y, 1);
}

template decltype(bare_row<float>) bare_row<float>;
template decltype(bare_row<double>) bare_row<double>;

SquareProduct::SquareProduct(std::size_t n) : n_(n), a_(matrix(n, n)), b_(a_), c_(a_) {}

void SquareProduct::operator()() { gemm<float>(plain, plain, n_, n_, n_, a_.data(), b_.data(), c_.data()); }

}  // namespace xgrad
