// What is measured: one training step of the word model, and beside it the matrix products that any
// implementation of that step must compute. Both are callables that do the whole work once. Start with
// TrainingStep.
#pragma once

#include <random>
#include <utility>
#include <vector>

#include <xgrad/autograd/kernels/gemm.hpp>
#include <xgrad/autograd/tape.hpp>
#include <xgrad/models/rnnlm.hpp>
#include <xgrad/training/clipping.hpp>
#include <xgrad/training/finite_check.hpp>
#include <xgrad/training/sgd.hpp>

namespace xgrad {

/// N: sequences   T: steps   V: vocabulary   D: embedding   H: hidden
struct Dimensions {
  std::size_t N, T, V, D, H;
};

/// Forward pass, gradient and update of Rnnlm<float> over one window, with carried state.
class TrainingStep {
 public:
  explicit TrainingStep(const Dimensions& dimensions)
      : model_(parameters_, dimensions.V, dimensions.D, dimensions.H),
        ids_(random_ids(dimensions)),
        targets_(random_ids(dimensions)),
        state_(model_.zero(dimensions.N)) {}

  void operator()() { step(false); }

  /// With `check` it also looks whether the loss and the gradients' norm are finite, as a careful run does.
  void step(bool check) {
    const auto forward = [this] { return model_.loss(ids_, targets_, state_); };
    Tape<float> tape;
    auto [loss, next] = forward();
    const auto gradients = tape.gradient(loss);
    if (check)
      check_finite(loss.item(), global_norm(gradients, parameters_), [&] { return forward().y; },
                   {.step = ++steps_, .window = {.tokens = ids_}});
    sgd_.step(gradients);
    state_ = std::move(next);
  }

 private:
  Ids random_ids(const Dimensions& dimensions) {
    std::vector<Ids::value_type> ids(dimensions.T * dimensions.N);
    for (auto& id : ids) id = static_cast<Ids::value_type>(random_() % dimensions.V);
    return Ids({dimensions.T, dimensions.N}, ids);
  }

  std::mt19937 random_{1};
  Parameters<float> parameters_{1};
  Rnnlm<float> model_;
  Sgd<float> sgd_{parameters_, 0.1};
  Ids ids_, targets_;
  Variable<float> state_;
  std::size_t steps_ = 0;
};

/// The least matrix work of the same step, in bare BLAS: one product over all T N rows wherever the
/// recurrence does not forbid it. No elementwise function, no softmax, no update.
class BareProducts {
 public:
  explicit BareProducts(const Dimensions& dimensions) : dimensions_(dimensions) {}

  void operator()() {
    using kernels::Op;
    const auto [N, T, V, D, H] = dimensions_;
    const std::size_t M = T * N;
    product(Op::none, Op::none, M, H, D, xs, Wx, zs);  // xs Wx
    for (std::size_t t = 0; t < T; ++t)                // + h Wh, step by step
      kernels::gemm(Op::none, Op::none, N, H, H, 1.F, &hs[t * N * H], H, Wh.data(), H, 1.F, &zs[t * N * H],
                    H);
    product(Op::none, Op::none, M, V, H, hs, A, logits);
    product(Op::transpose, Op::none, H, V, M, hs, logits, dA);
    product(Op::none, Op::transpose, M, H, V, logits, A, dhs);
    for (std::size_t t = T; t-- > 1;)  // + dh Wh^T, step by step
      kernels::gemm(Op::none, Op::transpose, N, H, H, 1.F, &dhs[t * N * H], H, Wh.data(), H, 1.F,
                    &dhs[(t - 1) * N * H], H);
    product(Op::transpose, Op::none, H, H, M, hs, dhs, dWh);
    product(Op::transpose, Op::none, D, H, M, xs, dhs, dWx);
    product(Op::none, Op::transpose, M, D, H, dhs, Wx, dxs);
  }

 private:
  using Numbers = std::vector<float>;

  static void product(kernels::Op op_a, kernels::Op op_b, std::size_t m, std::size_t n, std::size_t k,
                      const Numbers& a, const Numbers& b, Numbers& c) {
    kernels::gemm(op_a, op_b, m, n, k, 1.F, a.data(), op_a == kernels::Op::none ? k : m, b.data(),
                  op_b == kernels::Op::none ? n : k, 0.F, c.data(), n);
  }

  static Numbers matrix(std::size_t rows, std::size_t columns) { return Numbers(rows * columns, 1e-3F); }

  Dimensions dimensions_;
  std::size_t rows_ = dimensions_.T * dimensions_.N;
  Numbers xs = matrix(rows_, dimensions_.D), hs = matrix(rows_, dimensions_.H), zs = hs,
          logits = matrix(rows_, dimensions_.V), Wx = matrix(dimensions_.D, dimensions_.H),
          Wh = matrix(dimensions_.H, dimensions_.H), A = matrix(dimensions_.H, dimensions_.V), dA = A,
          dhs = hs, dWh = Wh, dWx = Wx, dxs = xs;
};

}  // namespace xgrad
