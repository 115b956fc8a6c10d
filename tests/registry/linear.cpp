// The rows of autograd/ops/linear.hpp.
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

}  // namespace

std::vector<Op> linear() {
  return {
      {.name = "matmul",
       .valid =
           [](Draw& draw) {
             const Sides s(draw);
             return Call{{s.x, {s.K, s.M}},
                         [](const auto& x) { return matmul(x[0], x[1]); },
                         "np.matmul(x[0], x[1])"};
           },
       .refusals =
           {{[] {
               matmul(ones({2, 5}), ones({3, 4}));
             },
             "[matmul] last axis of x with shape (2, 5) must match first axis of W with shape (3, 4)"},
            {[] {
               matmul(ones({2, 5}), ones({5}));
             },
             "[matmul] needs x: (..., K) and W: (K, M), got (2, 5) and (5,)"}}},
      {.name = "affine",
       .valid =
           [](Draw& draw) {
             const Sides s(draw);
             if (draw.coin())
               return Call{{s.x, {s.K, s.M}, {s.M}},
                           [](const auto& x) {
                             return affine({x[0], x[1]}, x[2]);
                           },
                           "np.matmul(x[0], x[1]) + x[2]"};
             return Call{{s.x, {s.K, s.M}, s.y, {s.L, s.M}, {s.M}},
                         [](const auto& x) {
                           return affine({x[0], x[1]}, {x[2], x[3]}, x[4]);
                         },
                         "np.matmul(x[0], x[1]) + np.matmul(x[2], x[3]) + x[4]"};
           },
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
             "[affine] the products have shapes (2, 4) and (5, 4), expected the same"}}},
  };
}

}  // namespace registry
