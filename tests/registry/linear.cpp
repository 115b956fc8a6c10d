// The rows of autograd/ops/linear.hpp.
#include <tuple>

#include <fmt/format.h>

#include "registry/registry.hpp"

namespace registry {

namespace {

// Leading axes of x, and the sides of one or two matrices behind it.
struct Sides {
  Shape x, y;  // x: (..., K)   y: (..., L)
  std::size_t K, L, M;

  explicit Sides(Draw& draw) : K(draw.size()), L(draw.size()), M(draw.size()) {
    do x = draw.shape(0, 2);
    while (x.size() > 20);
    y = x;
    x.push_back(K);
    y.push_back(L);
  }
};

using xgrad::Transpose;

// Vectors, matrices, and stacks of them that broadcast; some transposed.
Call draw_matmul(Draw& draw) {
  const auto shape_of = [](Shape batch, std::size_t rows, std::size_t columns, bool turned) {
    batch.push_back(turned ? columns : rows);
    batch.push_back(turned ? rows : columns);
    return batch;
  };
  const std::size_t N = draw.size(), K = draw.size(), M = draw.size();
  Shape front, back;
  do std::tie(front, back) = draw.pair();
  while (front.rank() > 2 || back.rank() > 2 || broadcast(front, back)->size() > 6);
  if (draw.coin()) back = {};
  const bool a_vector = draw.number(0, 5) == 0, b_vector = draw.number(0, 5) == 0;
  const bool a_turned = !a_vector && draw.number(0, 2) == 0, b_turned = !b_vector && draw.number(0, 2) == 0;
  const Transpose transpose = a_turned ? (b_turned ? Transpose::both : Transpose::first)
                                       : (b_turned ? Transpose::second : Transpose::none);
  const auto operand = [](int i, bool turned) {
    const std::string x = fmt::format("x[{}]", i);
    return turned ? "np.swapaxes(" + x + ", -1, -2)" : x;
  };
  return {{a_vector ? Shape{K} : shape_of(front, N, K, a_turned),
           b_vector ? Shape{K} : shape_of(back, K, M, b_turned)},
          [=](const auto& x) { return matmul(x[0], x[1], transpose); },
          fmt::format("np.matmul({}, {})", operand(0, a_turned), operand(1, b_turned))};
}

Call draw_affine(Draw& draw) {
  const Sides s(draw);
  const Shape W{s.K, s.M}, U{s.L, s.M}, b{s.M};
  switch (draw.number(1, 4)) {
    case 1:
      return {{s.x, W, b},
              [](const auto& x) {
                return affine({x[0], x[1]}, x[2]);
              },
              "np.matmul(x[0], x[1]) + x[2]"};
    case 2:
      return {{s.x, W, s.y, U, b},
              [](const auto& x) {
                return affine({x[0], x[1]}, {x[2], x[3]}, x[4]);
              },
              "np.matmul(x[0], x[1]) + np.matmul(x[2], x[3]) + x[4]"};
    case 3:
      return {{s.x, W, s.y, U, s.y, U, b},
              [](const auto& x) {
                return affine({x[0], x[1]}, {x[2], x[3]}, {x[4], x[5]}, x[6]);
              },
              "np.matmul(x[0], x[1]) + np.matmul(x[2], x[3]) + np.matmul(x[4], x[5]) + x[6]"};
    default:
      return {{s.x, W, s.y, U, b},
              [](const auto& x) {
                return affine({x[0], x[1]}, {x[2], x[3]}, {x[0], x[1]}, {x[2], x[3]}, x[4]);
              },
              "2 * (np.matmul(x[0], x[1]) + np.matmul(x[2], x[3])) + x[4]"};
  }
}

}  // namespace

std::vector<Row> linear() {
  return {
      {.name = "matmul",
       .valid = draw_matmul,
       .refusals =
           {{[] {
               matmul(ones({2, 5}), ones({3, 4}));
             },
             "[matmul] last axis of x with shape (2, 5) must match first axis of W with shape (3, 4)"},
            {[] {
               matmul(ones({2, 5}), ones({3, 4}), Transpose::both);
             },
             "[matmul] first axis of x with shape (2, 5) must match last axis of W with shape (3, 4)"},
            {[] {
               matmul(ones({2, 5}), ones({4}));
             },
             "[matmul] last axis of x with shape (2, 5) must match the axis of W with shape (4,)"},
            {[] {
               matmul(ones({5}), ones({5, 2}), Transpose::first);
             },
             "[matmul] a vector cannot be transposed, got (5,) and (5, 2)"},
            {[] {
               matmul(ones({2, 1, 5}), ones({3, 5, 4}));
             },
             "[matmul] the axes in front of the matrices do not broadcast, got (2, 1, 5) and (3, 5, 4)"},
            {[] {
               matmul(ones({2, 5}), ones({}));
             },
             "[matmul] needs x: (..., N, K) and W: (..., K, M), or vectors (K,), got (2, 5) and ()"}}},
      {.name = "dot",
       .valid =
           [](Draw& draw) {
             const std::size_t K = draw.size();
             return Call{{{K}, {K}}, [](const auto& x) { return dot(x[0], x[1]); }, "np.dot(x[0], x[1])"};
           },
       .refusals = {{[] { dot(ones({2}), ones({3})); },
                     "[dot] needs two vectors of one length, got shapes (2,) and (3,)"}}},
      {.name = "outer",
       .valid =
           [](Draw& draw) {
             return Call{{{draw.size()}, {draw.size()}},
                         [](const auto& x) { return outer(x[0], x[1]); },
                         "np.outer(x[0], x[1])"};
           },
       .refusals = {{[] {
                       outer(ones({2}), ones({3, 1}));
                     },
                     "[outer] needs two vectors, got shapes (2,) and (3, 1)"}}},
      {.name = "affine",
       .valid = draw_affine,
       .refusals =
           {{[] {
               affine({ones({2, 5}), ones({3, 4})}, ones({4}));
             },
             "[affine] last axis of x with shape (2, 5) must match first axis of W with shape (3, 4)"},
            {[] {
               affine({ones({2, 3}), ones({3, 4})}, ones({3}));
             },
             "[affine] needs b of shape (4,), got (3,)"},
            {[] {
               affine({ones({2, 3}), ones({3, 4})}, {ones({5, 3}), ones({3, 4})}, ones({4}));
             },
             "[affine] the products have shapes (2, 4) and (5, 4), expected the same"}},
       .domains = {{-1, 1}}},
  };
}

}  // namespace registry
