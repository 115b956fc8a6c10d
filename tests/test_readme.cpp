// The fragments of README.md and docs/ that are not an example of their own, as tests: each stands here, or
// in test_training_page.cpp, line by line as there, which the test `readme` compares.
#include <cmath>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

#include <doctest/doctest.h>

#include <xgrad/autograd/gradcheck.hpp>
#include <xgrad/autograd/tape.hpp>
#include <xgrad/layers/dropout.hpp>
#include <xgrad/layers/lstm.hpp>
#include <xgrad/layers/mgu.hpp>
#include <xgrad/layers/stack.hpp>
#include <xgrad/models/evaluate.hpp>
#include <xgrad/models/rnnlm.hpp>
#include <xgrad/training/sgd.hpp>
#include <xgrad/training/windows.hpp>

#include "../examples/ugrnn.hpp"
#include "registry/registry.hpp"

namespace {

using namespace xgrad;

constexpr std::size_t V = 5, D = 3, H = 4, N = 2, T = 4;

// A text in which every word determines the next.
StreamWindows easy_windows() {
  std::vector<Ids::value_type> tokens;
  for (int i = 0; i < 200; ++i) tokens.push_back(i % 5);
  return StreamWindows(tokens, N, T);
}

template <class Cell>
struct Leaky : CellWrapper<Leaky<Cell>, Cell> {
  using CellWrapper<Leaky, Cell>::CellWrapper;

  auto operator()(const auto& x, const auto& h) const { return 0.5 * (h + step(this->cell, x, h).y); }
};

}  // namespace

TEST_CASE("docs: the training loop carries the state and learns with a user's cell") {
  const std::uint32_t seed = 1;
  Parameters<float> parameters(seed);
  Rnnlm<float, Ugrnn<float>> model(parameters, V, D, H);
  Sgd sgd(parameters, 0.5);

  const auto windows = easy_windows();
  const auto perplexity = [&] {
    const TokenLosses losses = evaluate(model, windows);
    return std::exp(losses.total / static_cast<double>(losses.count));
  };
  CHECK(perplexity() > 3);  // near 5, the number of words
  for (int epoch = 0; epoch < 30; ++epoch) {
    auto state = model.zero(N);
    for (std::size_t i = 0; i < windows.size(); ++i) {
      const auto [inputs, targets] = windows[i];
      Tape<float> tape;
      auto [loss, next] = model.loss(inputs, targets, first_rows(state, inputs.shape()[1]));
      sgd.step(tape.gradient(loss));
      state = next;  // a constant for the next window
    }
  }
  CHECK(perplexity() < 1.2);  // every word is determined by the last
}

TEST_CASE("docs: wrappers, the model for training, and sequences of unequal lengths") {
  const Parameters<float> parameters;
  using Cell = Stack<Variational<Ugrnn<float>>>;
  Rnnlm<float, Cell> model(parameters, V, H, H, {.tied = true, .dropout = 0.1},
                           StackOptions{.layers = 2, .residual = true},
                           VariationalOptions{.input = 0.2, .state = 0.2});
  const RandomKey run(1);
  const std::size_t window = 3;
  const auto [inputs, targets] = easy_windows()[0];
  const auto state = model.zero(N);
  Tape<float> tape;
  const auto noisy = model.for_training(run.fold(window));
  auto [loss, next] = noisy.loss(inputs, targets, state);
  CHECK(loss.item() != model.loss(inputs, targets, state).y.item());
  CHECK(next.size() == 2);

  const Lstm<float> cell(parameters / "lstm", D, H);
  const Variable<float> xs = Array<float>::full({T, N, D}, 1);
  const Ids begins({T, N}, {0, 0, 1, 0, 0, 0, 0, 0});
  const auto [ys, last] = unroll(cell, xs, cell.zero(N), {.mask = length_mask({4, 2}, T), .reset = begins});
  CHECK(ys.value().data()[2 * N * H + H] == 0);
  CHECK(ys.value().data()[2 * N * H] != 0);
}

TEST_CASE("docs: a long sequence within a budget of bytes") {
  const Parameters<float> parameters;
  const Lstm<float> cell(parameters / "lstm", D, H);
  Tape<float> tape;
  const auto xs = tape.leaf(Array<float>::full({100, N, D}, 1));
  const auto [ys, last] = unroll(cell, xs, cell.zero(N), {.memory = 300'000});
  CHECK(tape.nodes().size() < 20);
  CHECK(tape.gradient(sum(ys))[cell.Wh].data()[0] != 0);
}

TEST_CASE("docs: initial values by option") {
  const Parameters<float> parameters;
  const LstmOptions start{.Wx = glorot_uniform(), .Wh = orthogonal()};
  Rnnlm<float, Lstm<float>> model(parameters, V, D, H, {.embed = {.W = normal(1)}}, start);
  const Array<float> Wh = model.cell.Wh.value();  // four matrices side by side
  for (std::size_t gate = 0; gate < 4; ++gate) {
    double product = 0;
    for (std::size_t k = 0; k < H; ++k)
      product += Wh.data()[gate * H + k] * Wh.data()[4 * H + gate * H + k];  // of the first two rows
    CHECK(std::abs(product) < 1e-6);
  }
}

TEST_CASE("docs: a gradient is a constant on its tape") {
  Tape<double> tape;
  const auto x = tape.leaf(Array<double>({2}, {1, 2}));
  const auto y = sum(x * x);
  const auto gradients = tape.gradient(y, {.keep = true});
  auto g = Variable<double>(gradients[x]);
  auto again = tape.gradient(sum(detach(g) * x) + y);  // without detach: an error that names hvp
  CHECK(again[x].data()[1] == 8);
  CHECK_THROWS_AS((void)tape.gradient(sum(g * x) + y), Error);
}

TEST_CASE("docs: the ops that keep NaN out and drop the same again") {
  Tape<double> tape;
  const auto x = tape.leaf(Array<double>({3}, {4, 0, -1}));
  auto y = where(
      x > 0, x, [](const auto& v) { return sqrt(v); }, [](const auto& v) { return 0 * v; });
  CHECK(tape.gradient(sum(y))[x].data()[1] == 0);

  const std::uint64_t seed = 1, window = 2, layer = 0;
  const Variable<double> h = Array<double>::full({100}, 1);
  const RandomKey run(seed);
  auto h1 = dropout(h, 0.5, run.fold(window).fold(layer));
  CHECK(sum(h1).item() == sum(dropout(h, 0.5, run.fold(window).fold(layer))).item());
}

TEST_CASE("docs: a part of a model that is computed again") {
  const Parameters<double> p(1);
  const Affine layer1(p / "1", 3, 4), layer2(p / "2", 4, 2);
  Tape<double> tape;
  const auto x = tape.leaf(Array<double>::full({5, 3}, 0.5));
  auto y = recompute([&](const auto& h) { return layer2(tanh(layer1(h))); }, x);
  CHECK(tape.nodes().back().op == std::string("recompute"));
  CHECK(tape.gradient(sum(y))[layer1.W].data()[0] != 0);
}

TEST_CASE("docs: a formula of elements") {
  Tape<double> tape;
  const auto z = tape.leaf(Array<double>({2}, {0, 0.25})), n = tape.leaf(Array<double>({2}, {0.5, 1})),
             h = tape.leaf(Array<double>({2}, {3, 4}));
  auto h2 =
      pointwise([](auto gate, auto next, auto old) { return (1 - gate) * tanh(next) + gate * old; }, z, n, h);
  CHECK(h2.value().data()[1] == doctest::Approx(0.75 * std::tanh(1) + 1));
  CHECK(tape.gradient(sum(h2))[h].data()[1] == 0.25);
}

TEST_CASE("docs: the table of ops names every one there is") {
  std::ifstream file(XGRAD_TEST_DATA "/../docs/ops.md");
  std::string page{std::istreambuf_iterator<char>(file), {}};
  const auto start = page.find("# The ops");
  REQUIRE(start != std::string::npos);
  page = page.substr(start, page.find("\n## ", start + 1) - start);
  std::set<std::string> words;
  const std::regex word(R"(\w+)");
  for (std::sregex_iterator it(page.begin(), page.end(), word); it != std::sregex_iterator(); ++it)
    words.insert(it->str());
  for (const auto& op : registry::ops()) CHECK_MESSAGE(words.contains(op.name), op.name);
}

TEST_CASE("docs: what was computed from a parameter enters a tape by detach alone") {
  const Parameters<float> parameters;
  const Rnnlm<float, Ugrnn<float>> model(parameters, V, D, H);
  auto doubled = 2 * model.affine().W;  // nothing records here
  Tape<float> tape;
  auto fixed = sum(detach(doubled) * model.affine().W);  // without detach: an error that names affine/W
  auto gradients = tape.gradient(fixed);
  CHECK_THROWS_WITH_AS(doubled * model.affine().W, doctest::Contains("'affine/W'"), Error);
  CHECK(gradients[model.affine().W].data()[0] == 2 * model.affine().W.value().data()[0]);
}

TEST_CASE("docs: the proof of a cell") {
  CHECK(gradcheck([](auto p) {  // p: Parameters<T>, T = double, then std::complex<double>
    const Mgu cell(p, 3, 4);
    const auto xs = p.input("xs", {5, 2, 3}), h0 = p.input("h0", {2, 4});
    return sum(square(unroll(cell, xs, h0).ys));
  }));
}

TEST_CASE("docs: a wrapper of one's own") {
  CHECK(gradcheck([]<class T>(const Parameters<T>& p) {
    const Stack<Leaky<Ugrnn<T>>> cell(p, 3, 4);
    return sum(square(unroll(cell, p.input("xs", {5, 2, 3}), cell.zero(2)).ys));
  }));
}
