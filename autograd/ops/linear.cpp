// Matrix products and their vjps (Giles 2008, "Collected matrix derivative results"), products that add into
// the gradient where there already is one. A transposed operand is read as it is.
#include <xgrad/autograd/ops/linear.hpp>

#include <tuple>

#include <xgrad/autograd/fast_paths.hpp>
#include <xgrad/autograd/kernels/product.hpp>
#include <xgrad/autograd/kernels/strided.hpp>
#include <xgrad/autograd/ops/arithmetic.hpp>
#include <xgrad/autograd/ops/define.hpp>
#include <xgrad/autograd/ops/row_products.hpp>
#include <xgrad/autograd/ops/shape.hpp>

namespace xgrad {

using detail::refuse;
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
    return kernels::filled<T>(shape, [&](T* dx) { product(dy, T(0), dx); });
  }
  void operator()(const Array<T>& dy, Array<T>& dx) const { product(dy, T(1), dx.mutable_data()); }
};

template <class T, class F>
GemmVjp<T, F> gemm_vjp(const Shape& shape, F product) {
  return {shape, std::move(product)};
}

// y = a b + beta y with a: (n, k), b: (k, m), y: (n, m), which may be stored transposed
template <class T>
void multiply(const Matrix<T>& a, const Matrix<T>& b, std::size_t n, std::size_t k, std::size_t m, T beta,
              T* y, bool turned = false) {
  if (turned) return multiply(b.transposed(), a.transposed(), m, k, n, beta, y);
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
  bool a_turned, b_turned;
  std::size_t N, K, M;
  Shape batch;                      // of the result: the axes in front
  kernels::Strides a_at{}, b_at{};  // how far apart the matrices lie along them, in numbers
  Shape result;

  template <class T>
  MatmulShape(const Variable<T>& x, const Variable<T>& W, Transpose transpose)
      : a_turned(transpose == Transpose::first || transpose == Transpose::both),
        b_turned(transpose == Transpose::second || transpose == Transpose::both) {
    const Shape &a = x.shape(), &b = W.shape();
    const bool a_vector = a.rank() == 1, b_vector = b.rank() == 1;
    const auto check = [&](bool right, const char* expected) {
      if (!right) refuse(ops::matmul, "{}, got {} and {}", expected, x, W);
    };
    check(a.rank() > 0 && b.rank() > 0, "needs x: (..., N, K) and W: (..., K, M), or vectors (K,)");
    check(!(a_vector && a_turned) && !(b_vector && b_turned), "a vector cannot be transposed");
    const Shape a_matrix = a_vector ? Shape{1, a[0]} : Shape(a.end() - 2, a.end()),
                b_matrix = b_vector ? Shape{b[0], 1} : Shape(b.end() - 2, b.end());
    N = a_matrix[a_turned ? 1 : 0];
    K = a_matrix[a_turned ? 0 : 1];
    M = b_matrix[b_turned ? 0 : 1];
    if (b_matrix[b_turned ? 1 : 0] != K)
      refuse(ops::matmul, "{} axis of x with shape {} must match {} axis of W with shape {}",
             inner_axis(a, !a_turned), x, inner_axis(b, b_turned), W);
    const Shape a_batch(a.begin(), a.end() - (a_vector ? 1 : 2)),
        b_batch(b.begin(), b.end() - (b_vector ? 1 : 2));
    const auto common = broadcast(a_batch, b_batch);
    check(common.has_value(), "the axes in front of the matrices do not broadcast");
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
    return {x.data() + at, a_turned ? N : K, a_turned ? Trans::yes : Trans::no, x.block()};
  }
  template <class T>
  Matrix<T> b(const Array<T>& W, std::size_t at) const {
    return {W.data() + at, b_turned ? K : M, b_turned ? Trans::yes : Trans::no, W.block()};
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
      refuse(ops::affine, "needs x: (..., K) and W: (K, M), got {} and {}", p.x, p.W);
    if (x.shape().back() != W.shape()[0])
      refuse(ops::affine, "last axis of x with shape {} must match first axis of W with shape {}", p.x, p.W);
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

// Of an affine sum, x_1, W_1, ..., z, on absolute values.
constexpr auto absolute_affine = [] {
  return [](const auto& xs) {
    auto sum = detail::size_of(xs.back());
    for (std::size_t i = 0; i + 1 < xs.size(); i += 2)
      sum = sum + matmul(detail::size_of(xs[i]), detail::size_of(xs[i + 1]));
    return sum;
  };
};

// y = z + x_1 W_1 + ...             dx_i = dy W_i^T         dW_i = x_i^T dy         dz = dy
// z has the shape of y, or of a row of it.
template <class T, class... Terms>
Variable<T> record_affine(const Variable<T>& z, const AffineTerm<T>& first, const Terms&... rest) {
  auto y = Array<T>::uninitialized(first.shape);
  T* const out = y.mutable_data();
  const std::size_t M = first.M;
  first.add_to(out, {z.value().data(), z.rank() == 1 ? 0 : M});
  (rest.add_to(out, {out, M}), ...);
  const auto inputs_of = [](const AffineTerm<T>& term) {
    return std::tuple(wrt(term.x_variable, term.x_vjp()), wrt(term.W_variable, term.W_vjp()));
  };
  return std::apply(
      [&](const auto&... inputs) {
        return record(summing(ops::affine, absolute_affine), y, inputs...,
                      wrt(z, [](const Array<T>& dy) { return dy; }));
      },
      std::tuple_cat(inputs_of(first), inputs_of(rest)...));
}
template <class T>
Variable<T> record_affine(const Variable<T>& z) {
  return z;
}

// The sum of b and all terms. One that is not among those in front may be a row of a product that serves all
// time steps.
template <class T, class... Front, class... Rest>
Variable<T> affine_from(const Variable<T>& b, const std::tuple<Front...>& front, const AffineTerm<T>& term,
                        const Rest&... rest) {
  const auto product = [](const Variable<T>& x, const Variable<T>& W, const Variable<T>* c) {
    return record_affine(*c, AffineTerm<T>({x, W}));
  };
  if (const auto z = detail::row_of_product<T>(term.x_variable, term.W_variable, &b, product))
    return std::apply([&](const auto&... terms) { return record_affine(*z, terms..., rest...); }, front);
  const auto terms = std::tuple_cat(front, std::tie(term));
  if constexpr (sizeof...(Rest) > 0)
    return affine_from(b, terms, rest...);
  else
    return std::apply([&](const auto&... term_of) { return record_affine(b, term_of...); }, terms);
}

template <class T, class... Terms>
Variable<T> affine_sum(const Variable<T>& b, const AffineTerm<T>& first, const Terms&... rest) {
  [[maybe_unused]] const auto check = [&](const AffineTerm<T>& term) {
    if (term.shape != first.shape)
      refuse(ops::affine, "the products have shapes {} and {}, expected the same", first.shape, term.shape);
  };
  (check(rest), ...);
  if (b.shape() != Shape{first.M}) refuse(ops::affine, "needs b of shape {}, got {}", Shape{first.M}, b);
  if (!fast_paths().fused_affine)
    return (matmul(first.x_variable, first.W_variable) + ... + matmul(rest.x_variable, rest.W_variable)) + b;
  return affine_from(b, std::tuple<>(), first, rest...);
}

}  // namespace

// y = a b   da = dy b^T   db = a^T dy   (for a^T: da = b dy^T, and so on)
template <class T>
Variable<T> matmul(const Variable<T>& a_, const Variable<T>& b_, Transpose transpose) {
  const Array<T>&a = a_.value(), &b = b_.value();
  const MatmulShape s(a_, b_, transpose);
  if (b.rank() == 2 && !s.a_turned && !s.b_turned)
    if (const auto row = detail::row_of_product<T>(
            a_, b_, nullptr, [](const auto& x, const auto& W, const Variable<T>*) { return matmul(x, W); }))
      return *row;
  const auto y = kernels::filled<T>(s.result, [&](T* out) {
    s.for_each([&](std::size_t i, std::size_t j, std::size_t k) {
      multiply(s.a(a, i), s.b(b, j), s.N, s.K, s.M, T(0), out + k);
    });
  });
  const auto a_vjp = gemm_vjp<T>(a.shape(), [s, b, size = a.size()](const Array<T>& dy, T beta, T* da) {
    const T sum = start_sum(s, beta, da, size);
    s.for_each([&](std::size_t i, std::size_t j, std::size_t k) {
      multiply(s.y(dy, k), s.b(b, j).transposed(), s.N, s.M, s.K, sum, da + i, s.a_turned);
    });
  });
  const auto op = summing(ops::matmul, [&] {
    return [transpose](const auto& xs) {
      return matmul(detail::size_of(xs[0]), detail::size_of(xs[1]), transpose);
    };
  });
  if (b.rank() == 2 && !s.a_turned)  // a weight, most likely
    return record(op, y, wrt(a_, a_vjp), wrt(b_, [a, turned = s.b_turned](const Array<T>& dy) {
                    return turned ? OuterProduct<T>{dy, a} : OuterProduct<T>{a, dy};
                  }));
  const auto b_vjp = gemm_vjp<T>(b.shape(), [s, a, size = b.size()](const Array<T>& dy, T beta, T* db) {
    const T sum = start_sum(s, beta, db, size);
    s.for_each([&](std::size_t i, std::size_t j, std::size_t k) {
      multiply(s.a(a, i).transposed(), s.y(dy, k), s.K, s.N, s.M, sum, db + j, s.b_turned);
    });
  });
  return record(op, y, wrt(a_, a_vjp), wrt(b_, b_vjp));
}

template <class T>
Variable<T> dot(const Variable<T>& a, const Variable<T>& b) {
  if (a.rank() != 1 || a.shape() != b.shape())
    refuse("dot", "needs two vectors of one length, got shapes {} and {}", a, b);
  return matmul(a, b);
}

template <class T>
Variable<T> outer(const Variable<T>& a, const Variable<T>& b) {
  if (a.rank() != 1 || b.rank() != 1) refuse("outer", "needs two vectors, got shapes {} and {}", a, b);
  return matmul(reshape(a, {a.size(), 1}), reshape(b, {1, b.size()}));
}

template <class T>
Variable<T> affine(const ProductOf<T>& p1, const Variable<T>& b) {
  return affine_sum(b, AffineTerm<T>(p1));
}
template <class T>
Variable<T> affine(const ProductOf<T>& p1, const ProductOf<T>& p2, const Variable<T>& b) {
  return affine_sum(b, AffineTerm<T>(p1), AffineTerm<T>(p2));
}
template <class T>
Variable<T> affine(const ProductOf<T>& p1, const ProductOf<T>& p2, const ProductOf<T>& p3,
                   const Variable<T>& b) {
  return affine_sum(b, AffineTerm<T>(p1), AffineTerm<T>(p2), AffineTerm<T>(p3));
}
template <class T>
Variable<T> affine(const ProductOf<T>& p1, const ProductOf<T>& p2, const ProductOf<T>& p3,
                   const ProductOf<T>& p4, const Variable<T>& b) {
  return affine_sum(b, AffineTerm<T>(p1), AffineTerm<T>(p2), AffineTerm<T>(p3), AffineTerm<T>(p4));
}

XGRAD_INSTANTIATE_OPS(matmul, dot, outer)
#define XGRAD_INSTANTIATE(T)                                                                                \
  template Variable<T> affine(const Product<T>&, const Variable<T>&);                                       \
  template Variable<T> affine(const Product<T>&, const Product<T>&, const Variable<T>&);                    \
  template Variable<T> affine(const Product<T>&, const Product<T>&, const Product<T>&, const Variable<T>&); \
  template Variable<T> affine(const Product<T>&, const Product<T>&, const Product<T>&, const Product<T>&,   \
                              const Variable<T>&);
XGRAD_FOR_SCALARS(XGRAD_INSTANTIATE)

}  // namespace xgrad
