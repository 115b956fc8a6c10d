// Matrix products and their vjps (Giles 2008, "Collected matrix derivative results"), products that add into
// the gradient where there already is one. A transposed operand is read as it is.
#include <xgrad/autograd/ops/linear.hpp>

#include <tuple>

#include <fmt/format.h>

#include <xgrad/autograd/fast_paths.hpp>
#include <xgrad/autograd/kernels/product.hpp>
#include <xgrad/autograd/kernels/strided.hpp>
#include <xgrad/autograd/numbers/instantiate.hpp>
#include <xgrad/autograd/ops/arithmetic.hpp>
#include <xgrad/autograd/ops/identities.hpp>
#include <xgrad/autograd/ops/row_products.hpp>
#include <xgrad/autograd/ops/shape.hpp>
#include <xgrad/autograd/tape.hpp>

namespace xgrad {

using kernels::Addend;
using kernels::Matrix;
using kernels::product;
using kernels::Trans;

namespace {

// Both forms of a vjp from `product(dy, beta, dx)`, which computes dx = contribution + beta dx.
template <class T, class F>
struct GemmVjp {
  Shape shape;
  F product;

  Array<T> operator()(const Array<T>& dy) const {
    auto dx = Array<T>::uninitialized(shape);
    product(dy, T(0), dx.mutable_data());
    return dx;
  }
  void operator()(const Array<T>& dy, Array<T>& dx) const { product(dy, T(1), dx.mutable_data()); }
};

template <class T, class F>
GemmVjp<T, F> gemm_vjp(const Shape& shape, F product) {
  return {shape, std::move(product)};
}

// y = a b + beta y with a: (n, k), b: (k, m), y: (n, m)
template <class T>
void multiply(const Matrix<T>& a, const Matrix<T>& b, std::size_t n, std::size_t k, std::size_t m, T beta,
              T* y) {
  product(n, m, k, a, b, beta == T(0) ? Addend<T>{} : Addend<T>{y, m}, y, m);
}

// What the last axis of a shape is called, or the one before it.
const char* inner_axis(const Shape& shape, bool last) {
  if (shape.rank() == 1) return "the";
  if (last) return "last";
  return shape.rank() == 2 ? "first" : "last but one";
}

// The shapes of a matmul: matrices a: (N, K) and b: (K, M), as they are meant, for each place of the axes in
// front.
struct MatmulShape {
  Trans a_trans, b_trans;
  std::size_t N, K, M;
  Shape batch;                      // of the result: the axes in front
  kernels::Strides a_at{}, b_at{};  // how far apart the matrices lie along them, in numbers
  Shape result;

  template <class T>
  MatmulShape(const Variable<T>& x, const Variable<T>& W, Transpose transpose) {
    const Shape &a = x.shape(), &b = W.shape();
    const bool a_vector = a.rank() == 1, b_vector = b.rank() == 1;
    const bool a_turned = transpose == Transpose::first || transpose == Transpose::both,
               b_turned = transpose == Transpose::second || transpose == Transpose::both;
    const auto refuse = [&](const char* why) {
      throw Error("matmul", fmt::format("{}, got {} and {}", why, describe(x), describe(W)));
    };
    if (a.rank() == 0 || b.rank() == 0) refuse("needs x: (..., N, K) and W: (..., K, M), or vectors (K,)");
    if ((a_vector && a_turned) || (b_vector && b_turned)) refuse("a vector cannot be transposed");
    a_trans = a_turned ? Trans::yes : Trans::no;
    b_trans = b_turned ? Trans::yes : Trans::no;
    const Shape a_matrix = a_vector ? Shape{1, a[0]} : Shape(a.end() - 2, a.end()),
                b_matrix = b_vector ? Shape{b[0], 1} : Shape(b.end() - 2, b.end());
    N = a_matrix[a_turned ? 1 : 0];
    K = a_matrix[a_turned ? 0 : 1];
    M = b_matrix[b_turned ? 0 : 1];
    if (b_matrix[b_turned ? 1 : 0] != K)
      throw Error("matmul",
                  fmt::format("{} axis of x with shape {} must match {} axis of W with shape {}",
                              inner_axis(a, !a_turned), describe(x), inner_axis(b, b_turned), describe(W)));
    const Shape a_batch(a.begin(), a.end() - (a_vector ? 1 : 2)),
        b_batch(b.begin(), b.end() - (b_vector ? 1 : 2));
    const auto common = broadcast(a_batch, b_batch);
    if (!common) refuse("the axes in front of the matrices do not broadcast");
    batch = *common;
    result = batch;
    if (!a_vector) result.push_back(N);
    if (!b_vector) result.push_back(M);
    if (!a_turned && b_batch.rank() == 0) {  // one matrix b: all rows of a at once
      N *= batch.size();
      batch = {};
      return;
    }
    a_at = kernels::broadcast_strides(a_batch, batch);
    b_at = kernels::broadcast_strides(b_batch, batch);
    for (auto& stride : a_at) stride *= N * K;
    for (auto& stride : b_at) stride *= K * M;
  }

  // Calls `f(a, b, y)` for each product, with the places of its matrices.
  template <class F>
  void for_each(F f) const {
    if (batch.rank() == 0) return f(std::size_t{0}, std::size_t{0}, std::size_t{0});
    const kernels::StridedWalk<3> walk(batch, {a_at, b_at, kernels::broadcast_strides(batch, batch)});
    walk.for_each_row([&](const auto& offsets, std::size_t n, const auto& steps) {
      for (std::size_t i = 0; i < n; ++i)
        f(offsets[0] + i * steps[0], offsets[1] + i * steps[1], (offsets[2] + i * steps[2]) * N * M);
    });
  }
  template <class T>
  Matrix<T> a(const Array<T>& x, std::size_t at) const {
    return {x.data() + at, a_trans == Trans::no ? K : N, a_trans, x.block()};
  }
  template <class T>
  Matrix<T> b(const Array<T>& W, std::size_t at) const {
    return {W.data() + at, b_trans == Trans::no ? M : K, b_trans, W.block()};
  }
  template <class T>
  Matrix<T> y(const Array<T>& dy, std::size_t at) const {
    return {dy.data() + at, M};
  }
};

// A matrix that is used again adds to its gradient.
template <class T>
T start_sum(const MatmulShape& sizes, T beta, T* dx, std::size_t count) {
  if (sizes.batch.rank() == 0) return beta;
  if (beta == T(0)) std::fill_n(dx, count, T(0));
  return T(1);
}

// A product of an affine sum: x seen as a matrix (N, K), N all leading axes together, times W: (K, M).
template <class T>
struct AffineTerm {
  const Variable<T>&x_variable, &W_variable;
  Array<T> x, W;
  std::size_t N, K, M;
  Shape shape;  // of the result

  explicit AffineTerm(const Product<T>& p)
      : x_variable(p.x), W_variable(p.W), x(p.x.value()), W(p.W.value()) {
    if (x.rank() == 0 || W.rank() != 2)
      throw Error("affine",
                  "needs x: (..., K) and W: (K, M), got " + describe(p.x) + " and " + describe(p.W));
    if (x.shape().back() != W.shape()[0])
      throw Error("affine", "last axis of x with shape " + describe(p.x) +
                                " must match first axis of W with shape " + describe(p.W));
    K = W.shape()[0];
    M = W.shape()[1];
    shape = x.shape();
    shape.set(shape.rank() - 1, M);
    N = Shape(shape.begin(), shape.end() - 1).size();
  }

  // y = base + x W
  void add_to(T* y, Addend<T> base) const {
    product<T>(N, M, K, {x.data(), K}, {W.data(), M, Trans::no, W.block()}, base, y, M);
  }
  // dx = dy W^T
  auto x_vjp() const {
    return gemm_vjp<T>(x.shape(), [N = N, K = K, M = M, W = W](const Array<T>& dy, T beta, T* dx) {
      multiply<T>({dy.data(), M}, {W.data(), M, Trans::yes, W.block()}, N, M, K, beta, dx);
    });
  }
  // dW = x^T dy
  auto W_vjp() const {
    return [x = x](const Array<T>& dy) { return OuterProduct<T>{x, dy}; };
  }
};

template <class T>
Array<T> pass(const Array<T>& dy) {
  return dy;
}

// y = z + x_1 W_1 + ...             dx_i = dy W_i^T         dW_i = x_i^T dy         dz = dy
// z has the shape of y, or of a row of it.
template <class T, class... Terms>
Variable<T> record_affine(const Variable<T>& z, const std::tuple<Terms...>& terms) {
  if constexpr (sizeof...(Terms) == 0) {
    return z;
  } else {
    const Shape& shape = std::get<0>(terms).shape;
    auto y = Array<T>::uninitialized(shape);
    T* const out = y.mutable_data();
    Addend<T> so_far{z.value().data(), z.rank() == 1 ? 0 : shape.back()};
    const auto add = [&](const auto&... term) {
      ((term.add_to(out, so_far), so_far = {out, shape.back()}), ...);
      return std::tuple_cat(
          std::tuple(wrt(term.x_variable, term.x_vjp()), wrt(term.W_variable, term.W_vjp()))...);
    };
    return std::apply(
        [&](const auto&... inputs) { return record(ops::affine, y, inputs..., wrt(z, pass<T>)); },
        std::apply(add, terms));
  }
}

// The tuple without its element i.
template <std::size_t i, class Tuple>
auto without(const Tuple& tuple) {
  const auto keep = [&]<std::size_t... k>(std::index_sequence<k...>) {
    const auto one = [&]<std::size_t j>(std::integral_constant<std::size_t, j>) {
      if constexpr (j == i)
        return std::tuple<>();
      else
        return std::tuple(std::get<j>(tuple));
    };
    return std::tuple_cat(one(std::integral_constant<std::size_t, k>())...);
  };
  return keep(std::make_index_sequence<std::tuple_size_v<Tuple>>());
}

// Term i or a later one may be a row of a product that serves all time steps.
template <std::size_t i, class T, class... Terms>
Variable<T> affine_from(const Variable<T>& b, const std::tuple<Terms...>& terms) {
  if constexpr (i == sizeof...(Terms)) {
    return record_affine(b, terms);
  } else {
    const auto& term = std::get<i>(terms);
    const auto product = [](const Variable<T>& x, const Variable<T>& W, const Variable<T>* c) {
      return record_affine(*c, std::tuple(AffineTerm<T>({x, W})));
    };
    if (const auto z = detail::row_of_product<T>(term.x_variable, term.W_variable, &b, product))
      return record_affine(*z, without<i>(terms));
    return affine_from<i + 1>(b, terms);
  }
}

template <class T, class... Products>
Variable<T> affine_sum(const Variable<T>& b, const Products&... products) {
  const std::tuple terms{AffineTerm<T>(products)...};
  const Shape& shape = std::get<0>(terms).shape;
  const auto check = [&](const AffineTerm<T>& term) {
    if (term.shape != shape)
      throw Error("affine", fmt::format("the products have shapes {} and {}, expected the same",
                                        to_string(shape), to_string(term.shape)));
  };
  std::apply([&](const auto&... term) { (check(term), ...); }, terms);
  if (b.shape() != Shape{shape.back()})
    throw Error("affine", "needs b of shape " + to_string(Shape{shape.back()}) + ", got " + describe(b));
  if (!fast_paths().fused_affine)
    return std::apply(
        [&](const auto&... term) { return (matmul(term.x_variable, term.W_variable) + ...) + b; }, terms);
  return affine_from<0>(b, terms);
}

}  // namespace

// y = a b   da = dy b^T   db = a^T dy   (for a^T: da = b dy^T, and so on)
template <class T>
Variable<T> matmul(const Variable<T>& a_, const Variable<T>& b_, Transpose transpose) {
  const Array<T>&a = a_.value(), &b = b_.value();
  const MatmulShape s(a_, b_, transpose);
  if (b.rank() == 2 && s.a_trans == Trans::no && s.b_trans == Trans::no)
    if (const auto row = detail::row_of_product<T>(
            a_, b_, nullptr, [](const auto& x, const auto& W, const Variable<T>*) { return matmul(x, W); }))
      return *row;
  auto y = Array<T>::uninitialized(s.result);
  T* const out = y.mutable_data();
  s.for_each([&](std::size_t i, std::size_t j, std::size_t k) {
    multiply(s.a(a, i), s.b(b, j), s.N, s.K, s.M, T(0), out + k);
  });
  const auto a_vjp = gemm_vjp<T>(a.shape(), [s, b, size = a.size()](const Array<T>& dy, T beta, T* da) {
    const T sum = start_sum(s, beta, da, size);
    s.for_each([&](std::size_t i, std::size_t j, std::size_t k) {
      const auto y_k = s.y(dy, k), b_j = s.b(b, j);
      if (s.a_trans == Trans::no) {
        multiply(y_k, b_j.transposed(), s.N, s.M, s.K, sum, da + i);
      } else {
        multiply(b_j, y_k.transposed(), s.K, s.M, s.N, sum, da + i);
      }
    });
  });
  if (b.rank() == 2 && s.a_trans == Trans::no)  // a weight, most likely
    return record(ops::matmul, y, wrt(a_, a_vjp), wrt(b_, [a, trans = s.b_trans](const Array<T>& dy) {
                    return trans == Trans::no ? OuterProduct<T>{a, dy} : OuterProduct<T>{dy, a};
                  }));
  return record(ops::matmul, y, wrt(a_, a_vjp),
                wrt(b_, gemm_vjp<T>(b.shape(), [s, a, size = b.size()](const Array<T>& dy, T beta, T* db) {
                      const T sum = start_sum(s, beta, db, size);
                      s.for_each([&](std::size_t i, std::size_t j, std::size_t k) {
                        const auto y_k = s.y(dy, k), a_i = s.a(a, i);
                        if (s.b_trans == Trans::no) {
                          multiply(a_i.transposed(), y_k, s.K, s.N, s.M, sum, db + j);
                        } else {
                          multiply(y_k.transposed(), a_i, s.M, s.N, s.K, sum, db + j);
                        }
                      });
                    })));
}

template <class T>
Variable<T> dot(const Variable<T>& a, const Variable<T>& b) {
  if (a.rank() != 1 || a.shape() != b.shape())
    throw Error("dot", fmt::format("needs two vectors of one length, got shapes {} and {}", describe(a),
                                   describe(b)));
  return matmul(a, b);
}

template <class T>
Variable<T> outer(const Variable<T>& a, const Variable<T>& b) {
  if (a.rank() != 1 || b.rank() != 1)
    throw Error("outer", fmt::format("needs two vectors, got shapes {} and {}", describe(a), describe(b)));
  return matmul(reshape(a, {a.size(), 1}), reshape(b, {1, b.size()}));
}

template <class T>
Variable<T> affine(const ProductOf<T>& p1, const Variable<T>& b) {
  return affine_sum<T>(b, p1);
}
template <class T>
Variable<T> affine(const ProductOf<T>& p1, const ProductOf<T>& p2, const Variable<T>& b) {
  return affine_sum<T>(b, p1, p2);
}
template <class T>
Variable<T> affine(const ProductOf<T>& p1, const ProductOf<T>& p2, const ProductOf<T>& p3,
                   const Variable<T>& b) {
  return affine_sum<T>(b, p1, p2, p3);
}
template <class T>
Variable<T> affine(const ProductOf<T>& p1, const ProductOf<T>& p2, const ProductOf<T>& p3,
                   const ProductOf<T>& p4, const Variable<T>& b) {
  return affine_sum<T>(b, p1, p2, p3, p4);
}

#define XGRAD_INSTANTIATE(T)                                                                                \
  template Variable<T> matmul(const Variable<T>&, const Variable<T>&, Transpose);                           \
  template Variable<T> dot(const Variable<T>&, const Variable<T>&);                                         \
  template Variable<T> outer(const Variable<T>&, const Variable<T>&);                                       \
  template Variable<T> affine(const Product<T>&, const Variable<T>&);                                       \
  template Variable<T> affine(const Product<T>&, const Product<T>&, const Variable<T>&);                    \
  template Variable<T> affine(const Product<T>&, const Product<T>&, const Product<T>&, const Variable<T>&); \
  template Variable<T> affine(const Product<T>&, const Product<T>&, const Product<T>&, const Product<T>&,   \
                              const Variable<T>&);
XGRAD_FOR_SCALARS(XGRAD_INSTANTIATE)

}  // namespace xgrad
