// check_finite in training loops of whole word models: what the error says, and that nothing is lost.
#include <xgrad/training/finite_check.hpp>

#include <limits>

#include <doctest/doctest.h>

#include <xgrad/autograd/tape.hpp>
#include <xgrad/models/rnnlm.hpp>
#include <xgrad/training/clipping.hpp>
#include <xgrad/training/sgd.hpp>

#include "models/cells.hpp"

using namespace xgrad;

namespace {

constexpr std::size_t V = 6, D = 3, H = 4, N = 2, T = 5;
constexpr float inf = std::numeric_limits<float>::infinity();

const std::vector<std::string> words{"the", "whale", "swims", "under", "no", "ship"};

Ids inputs() { return Ids({T, N}, {0, 1, 2, 3, 4, 0, 5, 2, 1, 3}); }
Ids targets() { return Ids({T, N}, {2, 3, 4, 0, 5, 2, 1, 3, 0, 0}); }

/// h' = e^(x W + b) / 10 + h / 2     x: (N, D)   h: (N, H)
struct Exponential {
  Affine<float> input;
  Exponential(const Parameters<float>& p, std::size_t d, std::size_t h) : input(p / "input", d, h) {}
  Variable<float> operator()(const Variable<float>& x, const Variable<float>& h) const {
    return exp(input(x)) * 0.1 + h * 0.5;
  }
};

template <class Model>
NonfiniteReport report_of(const Model& model, const decltype(model.zero(N))& state) {
  return find_nonfinite(
      [&] { return model.loss(inputs(), targets(), state).y; },
      {.tokens = inputs(), .word = [](auto id) { return words.at(static_cast<std::size_t>(id)); }});
}

void set(const Parameters<float>& p, const char* path, std::size_t index, float value) {
  auto values = p[path].value().copy();
  values.mutable_data()[index] = value;
  p.assign(path, values);
}

}  // namespace

TEST_CASE("find_nonfinite: an infinity in the word vector of one token") {
  const Parameters<float> p(1);
  const Rnnlm<float> model(p, V, D, H);
  CHECK(report_of(model, model.zero(N)).finite());
  set(p, "embed/W", 5 * D + 1, inf);
  const auto report = report_of(model, model.zero(N));
  CHECK(report.kind == Nonfinite::parameter);
  CHECK(report.path == "embed/W");
  CHECK(report.op == "take");
  CHECK(report.scope == "embed");
  CHECK(report.index == 5 * D + 1);
  CHECK(report.where.time_step == 3u);
  CHECK(report.where.row == 0u);
  CHECK(report.where.token == 5);
  CHECK(report.word == "ship");
}

TEST_CASE("find_nonfinite: a word vector so large that a cell of one's own overflows at its token") {
  const Parameters<float> p(1);
  const Rnnlm<float, Exponential> model(p, V, D, H);
  set(p, "embed/W", 4 * D, 60);
  set(p, "cell/input/W", 2, 2);
  const auto report = report_of(model, model.zero(N));
  CHECK(report.kind == Nonfinite::forward);
  CHECK(report.op == "exp");
  CHECK(report.scope == "cell/input");
  CHECK(report.where.time_step == 2u);
  CHECK(report.where.row == 0u);
  CHECK(report.index == 2);
  CHECK(report.word == "no");
  REQUIRE(report.causes.size() == 1);
  CHECK(report.causes[0].value == doctest::Approx(120).epsilon(0.02));
}

TEST_CASE("find_nonfinite: an infinity in the carried state of an LSTM") {
  const Parameters<float> p(1);
  const Rnnlm<float, cells::Lstm<float>> model(p, V, D, H);
  auto state = model.zero(N);
  auto c = Array<float>::zeros({N, H});
  c.mutable_data()[H + 2] = inf;
  state.c = Variable<float>(c);
  const auto report = report_of(model, state);
  CHECK(report.kind == Nonfinite::input);
  CHECK(report.op == "multiply");
  CHECK(report.where.time_step == 0u);
  CHECK(report.where.row == 1u);
  CHECK(report.word == "whale");
  CHECK(report.index == H + 2);
}

TEST_CASE(
    "find_nonfinite: the output layer works on the whole window, where the place follows from the element") {
  const Parameters<float> p(1);
  const Rnnlm<float> model(p, V, D, H);
  set(p, "affine/b", 3, 3e38F);
  for (std::size_t h = 0; h < H; ++h) set(p, "affine/W", h * V + 3, 3e38F);
  const auto report = report_of(model, model.zero(N));
  CHECK(report.kind == Nonfinite::forward);
  CHECK(report.op == "affine");
  CHECK(report.scope == "affine");
  CHECK(report.shape == Shape{T, N, V});
  CHECK(report.index % V == 3);
  REQUIRE(report.where.token);
  CHECK(report.where.time_step == report.index / (N * V));
  CHECK(report.where.row == report.index / V % N);
  CHECK(report.where.token == inputs()[report.index / V]);
}

TEST_CASE(
    "check_finite: the parameters are not stepped, the state is there, and the words are the program's") {
  const Parameters<float> p(1);
  const Rnnlm<float> model(p, V, D, H);
  Sgd sgd(p, 0.5);
  auto state = model.zero(N);
  std::size_t stepped = 0;
  std::map<std::string, Array<double>> before;
  const auto train_step = [&](std::size_t step) {
    const auto forward = [&] { return model.loss(inputs(), targets(), state); };
    Tape<float> tape;
    auto [loss, next] = forward();
    const auto gradients = tape.gradient(loss);
    check_finite(loss.item(), global_norm(gradients, p), [&] { return forward().y; },
                 {.step = step, .epoch = 2, .window = {.tokens = inputs(), .word = [](auto id) {
                                                         return words.at(static_cast<std::size_t>(id));
                                                       }}});
    sgd.step(gradients);
    state = std::move(next);
    ++stepped;
  };
  train_step(1);
  train_step(2);
  set(p, "embed/W", 1 * D, -inf);
  before = p.values();
  try {
    train_step(3);
    FAIL("a loss that is not finite passed");
  } catch (const NonfiniteError& error) {
    CHECK(error.report.kind == Nonfinite::parameter);
    const std::string text = error.what();
    CAPTURE(text);
    CHECK(text.find("[check_finite] step 3 of epoch 2, loss 1.7") == 0);
    CHECK(text.find(", gradient norm nan: the loss is 1.7") != std::string::npos);
    CHECK(text.find("'embed/W' already holds -inf at (1, 0)") != std::string::npos);
    CHECK(text.find("time step 0, row 1, token 1 'whale'") != std::string::npos);
  }
  CHECK(stepped == 2);
  for (const auto& [path, values] : p.values()) {
    const bool same = std::equal(values.begin(), values.end(), before.at(path).begin());
    CHECK(same);
  }
  CHECK(state.value().data()[0] == state.value().data()[0]);
}

TEST_CASE("check_finite: is silent for finite numbers, and does not call the forward pass") {
  bool called = false;
  const auto forward = [&] {
    called = true;
    return Variable<float>(1);
  };
  check_finite(2.5, 0, forward, {.step = 1});
  check_finite(1e38, 1e300, forward, {.step = 1});
  CHECK_FALSE(called);
  const std::string expected =
      "[check_finite] step 7, loss inf, gradient norm 2: the run is finite: the loss is 2, and "
      "so is";
  const Parameters<float> p;
  const auto w = p.weight("w", {1}, constant(2));
  for (const double loss : {double(inf), -double(inf), std::nan("")})
    CHECK_THROWS_AS(check_finite(loss, 2, [&] { return sum(w); }, {.step = 7}), NonfiniteError);
  for (const double norm : {double(inf), std::nan("")})
    CHECK_THROWS_AS(check_finite(2, norm, [&] { return sum(w); }, {.step = 7}), NonfiniteError);
  CHECK_THROWS_WITH_AS(check_finite(double(inf), 2, [&] { return sum(w); }, {.step = 7}),
                       doctest::Contains(expected.c_str()), NonfiniteError);
}
