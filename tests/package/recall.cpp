// A program outside the library: a recurrent cell of its own learns to recall, at the end of a sequence of
// noise, the number that the sequence began with. It is what a user's first program looks like, so what its
// compilation takes is what xgrad's headers cost.
#include <cstdio>

#include <xgrad/autograd/tape.hpp>
#include <xgrad/autograd/version.hpp>
#include <xgrad/layers/affine.hpp>
#include <xgrad/layers/unroll.hpp>
#include <xgrad/training/sgd.hpp>

#if XGRAD_VERSION_MAJOR == 0 && XGRAD_VERSION_MINOR < 1
#error "expected xgrad 0.1 or later"
#endif

using namespace xgrad;

/// Update gate recurrent unit, Collins et al. 2017 (arXiv:1611.09913).      x: (N, D)   h: (N, H)
///   g = sigmoid(x Wg + h Ug + bg),  h' = g h + (1 - g) tanh(x Wc + h Uc + bc)
template <class T>
struct Ugrnn {
  Affine<T> xg, xc;
  Variable<T> Ug, Uc;

  Ugrnn(const Parameters<T>& p, std::size_t D, std::size_t H)
      : xg(p / "g", D, H), xc(p / "c", D, H), Ug(p.weight("Ug", {H, H})), Uc(p.weight("Uc", {H, H})) {}

  Variable<T> operator()(const Variable<T>& x, const Variable<T>& h) const {
    auto g = sigmoid(xg(x) + matmul(h, Ug));
    return g * h + (1 - g) * tanh(xc(x) + matmul(h, Uc));
  }
};

int main() {
  const std::size_t T = 6, N = 50, D = 1, H = 4;
  Parameters<double> parameters(1);
  Ugrnn<double> cell(parameters / "cell", D, H);
  Affine<double> out(parameters / "out", H, 1);
  Sgd sgd(parameters, 0.3);

  Random random(2);
  auto noise = Array<double>::uninitialized({T, N, D});
  for (double& x : std::span(noise.mutable_data(), noise.size())) x = random.uniform();
  const Variable<double> xs = noise;

  double first = 0, last = 0;
  for (int i = 0; i < 100; ++i) {
    Tape<double> tape;
    auto h = unroll(cell, xs, zero_state<double>(cell, N, H)).state;
    auto loss = mean(square(out(h) - select(xs, 0)));
    sgd.step(tape.gradient(loss));
    last = loss.value().item();
    if (i == 0) first = last;
  }
  std::printf("squared error %.5f, after training %.5f\n", first, last);
}
