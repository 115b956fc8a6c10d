// One training step of the word model beside the matrix products that any implementation of it must compute:
// the window of reference network 004 (N = 10 sequences, T = 5 steps, V = 418 words, D = H = 100), float, one
// thread. Both are measured in one run, in turn, because machines drift; the ratio of the medians is the
// figure to quote. Usage: rnnlm_step [rounds]
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <random>
#include <vector>

#include <fmt/format.h>

#include <xgrad/autograd/kernels/gemm.hpp>
#include <xgrad/autograd/tape.hpp>
#include <xgrad/models/rnnlm.hpp>
#include <xgrad/training/sgd.hpp>

extern "C" void openblas_set_num_threads(int) __attribute__((weak));  // absent where BLAS is another one

namespace {

using namespace xgrad;
using kernels::gemm;
using kernels::Op;

constexpr std::size_t N = 10, T = 5, V = 418, D = 100, H = 100;

Ids random_ids(std::mt19937& random) {
  std::vector<Ids::value_type> ids(T * N);
  for (auto& id : ids) id = static_cast<Ids::value_type>(random() % V);
  return Ids({T, N}, ids);
}

// Forward, gradient and update of one window, with carried state.
class XgradStep {
 public:
  void operator()() {
    Tape<float> tape;
    auto [loss, next] = model_.loss(ids_, targets_, state_);
    sgd_.step(tape.gradient(loss));
    state_ = std::move(next);
  }

 private:
  std::mt19937 random_{1};
  Parameters<float> parameters_{1};
  Rnnlm<float> model_{parameters_, V, D, H};
  Sgd<float> sgd_{parameters_, 0.1};
  Ids ids_ = random_ids(random_), targets_ = random_ids(random_);
  Variable<float> state_ = model_.zero(N);
};

// The least matrix work of the same step: products over all T N rows wherever the recurrence does not forbid
// it.
class BareProducts {
 public:
  void operator()() {
    const std::size_t M = T * N;
    product(Op::none, Op::none, M, H, D, xs, Wx, zs);  // xs Wx
    for (std::size_t t = 0; t < T; ++t)                // + h Wh, step by step
      gemm(Op::none, Op::none, N, H, H, 1.F, &hs[t * N * H], H, Wh.data(), H, 1.F, &zs[t * N * H], H);
    product(Op::none, Op::none, M, V, H, hs, A, logits);  // logits
    product(Op::transpose, Op::none, H, V, M, hs, logits, dA);
    product(Op::none, Op::transpose, M, H, V, logits, A, dhs);
    for (std::size_t t = T; t-- > 1;)  // dh Wh^T, step by step
      gemm(Op::none, Op::transpose, N, H, H, 1.F, &dhs[t * N * H], H, Wh.data(), H, 1.F,
           &dhs[(t - 1) * N * H], H);
    product(Op::transpose, Op::none, H, H, M, hs, dhs, dWh);
    product(Op::transpose, Op::none, D, H, M, xs, dhs, dWx);
    product(Op::none, Op::transpose, M, D, H, dhs, Wx, dxs);
  }

 private:
  using Numbers = std::vector<float>;

  static void product(Op op_a, Op op_b, std::size_t m, std::size_t n, std::size_t k, const Numbers& a,
                      const Numbers& b, Numbers& c) {
    gemm(op_a, op_b, m, n, k, 1.F, a.data(), op_a == Op::none ? k : m, b.data(), op_b == Op::none ? n : k,
         0.F, c.data(), n);
  }

  Numbers xs = Numbers(T * N * D, 1e-3F), hs = Numbers(T * N * H, 1e-3F), zs = Numbers(T * N * H),
          logits = Numbers(T * N * V), Wx = Numbers(D * H, 1e-3F), Wh = Numbers(H * H, 1e-3F),
          A = Numbers(H * V, 1e-3F), dA = A, dhs = hs, dWh = Wh, dWx = Wx, dxs = xs;
};

template <class Step>
double milliseconds(Step& step) {
  const auto start = std::chrono::steady_clock::now();
  step();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> times) {
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  return times[times.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  if (openblas_set_num_threads != nullptr) openblas_set_num_threads(1);
  const int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 5000;
  XgradStep step;
  BareProducts products;
  for (int i = 0; i < 100; ++i) step(), products();
  std::vector<double> step_times, product_times;
  for (int i = 0; i < rounds; ++i) {
    step_times.push_back(milliseconds(step));
    product_times.push_back(milliseconds(products));
  }
  const double ours = median(step_times), bare = median(product_times);
  fmt::print("N = {}, T = {}, V = {}, D = H = {}, float, one thread, medians of {} rounds\n", N, T, V, H,
             rounds);
  fmt::print("step of Rnnlm        {:.4f} ms\nbare matrix products {:.4f} ms\nratio                {:.3f}\n",
             ours, bare, ours / bare);
}
