// The truncation report: the closed form of a linear network, the gradient that a tape cut by hand gives, a
// copy task whose lag it must find, and what it refuses.
#include <xgrad/models/truncation.hpp>

#include <sstream>

#include <xgrad/layers/lstm.hpp>
#include <xgrad/layers/stack.hpp>
#include <xgrad/models/rnnlm.hpp>
#include <xgrad/training/windows.hpp>

#include "autograd/ops/checks.hpp"
#include "layers/cells.hpp"

using namespace xgrad;

namespace {

struct Pair {
  Ids inputs, targets;
};

// h' = w h + x_token; the loss of a step is the sum of h.
template <class T>
struct Linear {
  Variable<T> w, table;
  explicit Linear(const Parameters<T>& p)
      : w(p.weight("w", {1}, constant(0.8))), table(p.weight("table", {3, 1})) {}
  Variable<T> zero(std::size_t N) const { return Array<T>::zeros({N, 1}); }
  auto loss(const Ids& ids, const Ids&, const Variable<T>& state, Reduction = Reduction::sum) const {
    auto h = state;
    auto total = Variable<T>(0);
    for (std::size_t t = 0; t < ids.shape()[0]; ++t) {
      h = w * h + take(table, ids.row(t));
      total = total + sum(h);
    }
    return Step{total, h};
  }
};

// Random tokens; the target of step t is the token `lag` steps before.
std::vector<Pair> copy_task(std::size_t S, std::size_t N, std::size_t V, std::size_t lag, std::size_t count) {
  Random random(3);
  std::vector<Pair> windows;
  for (std::size_t w = 0; w < count; ++w) {
    std::vector<Ids::value_type> inputs(S * N), targets(S * N, 0);
    for (auto& id : inputs) id = static_cast<Ids::value_type>(random.uniform() * static_cast<double>(V));
    for (std::size_t i = lag * N; i < S * N; ++i) targets[i] = inputs[i - lag * N];
    windows.push_back({Ids({S, N}, inputs), Ids({S, N}, targets)});
  }
  return windows;
}

// A shift register of `lag` places that shows the token which leaves it: the copy task's solution.
//     state: (N, lag V)
template <class T>
struct Register {
  std::size_t V, lag;
  Variable<T> E, gain;
  Register(const Parameters<T>& p, std::size_t words, std::size_t steps)
      : V(words), lag(steps), E(p.weight("E", {V, V})), gain(p.weight("gain", {1}, constant(3))) {
    std::vector<T> identity(V * V, T(0));
    for (std::size_t i = 0; i < V; ++i) identity[i * V + i] = 1;
    p.assign("E", Array<T>({V, V}, identity));
  }
  Variable<T> zero(std::size_t N) const { return Array<T>::zeros({N, lag * V}); }
  auto loss(const Ids& ids, const Ids& targets, const Variable<T>& state, Reduction reduction) const {
    const auto places = split(state, lag, 1);
    std::vector<Variable<T>> next{take(E, ids.row(0))};
    next.insert(next.end(), places.begin(), places.end() - 1);
    return Step{softmax_cross_entropy(gain * places.back(), targets.row(0), reduction), concat(next, 1)};
  }
};

// Windows and a model that are not looked at before the options are checked.
struct Untouched {
  std::size_t size() const {
    FAIL("the windows were counted");
    return 0;
  }
  Pair operator[](std::size_t) const { return {}; }
};
struct Unrun {
  Variable<double> zero(std::size_t) const {
    FAIL("the model was run");
    return 0;
  }
  auto loss(const Ids&, const Ids&, const Variable<double>& state, Reduction) const {
    return Step{state, state};
  }
};

}  // namespace

TEST_CASE_TEMPLATE("truncation: a linear network's signal decays as its weight says", T, float, double) {
  const Parameters<T> p(1);
  const Linear<T> model(p);
  const auto report = truncation(model, p, copy_task(12, 2, 3, 1, 2), {.longest = 6});
  REQUIRE(report.signal.size() == 6);
  for (std::size_t k = 1; k <= 6; ++k)
    CHECK(report.signal[k - 1] == doctest::Approx(std::pow(0.8, static_cast<double>(k))).epsilon(1e-5));
  CHECK(report.cuts.back().error == 0);
  CHECK(report.cuts.back().cosine == doctest::Approx(1));
  CHECK(report.needed == 6);  // 0.8^5 is far from 1 %
}

TEST_CASE("truncation: signals and gradients whose squares overflow or vanish") {
  for (const double weight : {1e-100, 1e100}) {
    const Parameters<double> p(1);
    const Linear<double> model(p);
    p.assign("w", Array<double>({1}, {weight}));
    const Ids ids({3, 1}, {0, 0, 0});
    const auto report = truncation(model, p, std::vector{Pair{ids, ids}}, {.longest = 3});
    const long double w = weight, x = p["table"].value().data()[0];
    const long double of_w[] = {w * x + x, w * x, 0}, of_x[] = {1, w, w * w};  // by lag
    const long double full_w = 2 * w * x + x, full_x = 1 + w + w * w, full = std::hypot(full_w, full_x);
    long double cut_w = 0, cut_x = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      CHECK(report.signal[k] == doctest::Approx(std::pow(weight, static_cast<double>(k + 1))));
      cut_w += of_w[k], cut_x += of_x[k];
      const long double cut = std::hypot(cut_w, cut_x);
      CHECK(report.cuts[k].ratio / (cut / full) == doctest::Approx(1));
      CHECK(report.cuts[k].cosine / ((cut_w * full_w + cut_x * full_x) / cut / full) == doctest::Approx(1));
    }
  }
}

TEST_CASE("truncation: cut and full gradients are those of a tape cut there, for any cell") {
  for (const std::string name : {"rnn", "lstm", "nested"}) {
    CAPTURE(name);
    const Parameters<double> p(1);
    const Rnnlm<double, cells::NamedCell<double>> model(p, 5, 3, 4, {}, name);
    const auto windows = copy_task(6, 2, 5, 1, 1);
    const Ids &inputs = windows[0].inputs, &targets = windows[0].targets;
    const auto report = truncation(model, p, windows, {.longest = 4});
    // dL_t cut after T steps: run up to step t - T as constants, then T steps on a tape. Losses t = 3, 4, 5.
    const auto gradient = [&](std::size_t T_steps) {
      std::vector<double> sum(p.count(), 0);
      for (std::size_t t = 3; t < 6; ++t) {
        const auto step = [&](std::size_t s, const auto& state) {
          return model.loss(inputs.row(s).reshaped({1, 2}), targets.row(s).reshaped({1, 2}), state,
                            Reduction::sum);
        };
        std::vector<Variable<double>> state;
        {
          const Inference pause;
          state = detach(model.zero(2));
          for (std::size_t s = 0; s + T_steps <= t; ++s) state = detach(step(s, state).state);
        }
        Tape<double> tape;
        Variable<double> loss;
        for (std::size_t s = t + 1 - T_steps; s <= t; ++s) {
          auto next = step(s, state);
          loss = next.y;
          state = next.state;
        }
        const auto gradients = tape.gradient(loss, {.unreached = zeros});
        std::size_t i = 0;
        for (const auto& x : p.list())
          for (const double g : gradients[x]) sum[i++] += g;
      }
      return sum;
    };
    const auto full = gradient(4);
    for (std::size_t T_steps = 1; T_steps <= 4; ++T_steps) {
      const auto cut = gradient(T_steps);
      double a = 0, b = 0, ab = 0, d = 0;
      for (std::size_t i = 0; i < full.size(); ++i) {
        a += cut[i] * cut[i];
        b += full[i] * full[i];
        ab += cut[i] * full[i];
        d += (cut[i] - full[i]) * (cut[i] - full[i]);
      }
      const auto& got = report.cuts[T_steps - 1];
      CHECK(got.T == T_steps);
      CHECK(std::abs(got.cosine - ab / std::sqrt(a * b)) < 1e-12);
      CHECK(std::abs(got.ratio - std::sqrt(a / b)) < 1e-12);
      CHECK(std::abs(got.error - std::sqrt(d / b)) < 1e-7);
    }
  }
}

TEST_CASE("truncation: a copy task needs windows as long as its lag") {
  for (const std::size_t lag : {1U, 3U, 7U}) {
    const Parameters<double> p(1);
    const Register<double> model(p, 4, lag);
    const auto report = truncation(model, p, copy_task(40, 8, 4, lag, 2), {.longest = 20});
    CAPTURE(lag);
    CHECK(report.needed == lag + 1);  // the step that reads the token, and the lag to the loss
    for (std::size_t k = 1; k <= 20; ++k) CHECK((report.signal[k - 1] > 0) == (k <= lag));
    std::ostringstream text;
    text << report;
    CHECK(text.str().find(std::to_string(lag + 1) + " of 20 steps are needed\n") != std::string::npos);
  }
}

TEST_CASE("truncation: runs on a text with a model of several layers in float") {
  const Parameters<float> p(1);
  const Rnnlm<float, Stack<Lstm<float>>> model(p, 5, 3, 4);
  std::vector<Ids::value_type> tokens;
  for (int i = 0; i < 101; ++i) tokens.push_back(i * i % 5);
  const auto report = truncation(model, p, StreamWindows(tokens, 3, 10));
  CHECK(report.signal.size() == 5);
  CHECK(report.needed <= 5);
  for (const double s : report.signal) CHECK(s > 0);
}

TEST_CASE("truncation: padding counts nowhere") {
  struct Padded {
    Ids inputs, targets;
    Sequences sequences;
  };
  std::vector<Pair> alone;
  std::vector<Padded> beside;  // the same sequences, each with a row of padding
  for (const Pair& window : copy_task(6, 1, 3, 2, 3)) {
    std::vector<Ids::value_type> inputs, targets, mask;
    for (std::size_t t = 0; t < 6; ++t)
      for (const bool present : {false, true}) {
        inputs.push_back(present ? window.inputs[t] : -1);
        targets.push_back(present ? window.targets[t] : -1);
        mask.push_back(present ? 1 : 0);
      }
    const Shape shape({6, 2});
    beside.push_back({Ids(shape, inputs), Ids(shape, targets), {.mask = Ids(shape, mask)}});
    alone.push_back(window);
  }
  const Parameters<double> p(1);
  const Rnnlm<double, Lstm<double>> model(p, 3, 3, 4);
  const auto expected = truncation(model, p, alone, {.longest = 3}),
             got = truncation(model, p, beside, {.longest = 3});
  CHECK(got.needed == expected.needed);
  for (std::size_t k = 0; k < 3; ++k) {
    CHECK(got.signal[k] == doctest::Approx(expected.signal[k]).epsilon(1e-12));
    CHECK(got.cuts[k].ratio == doctest::Approx(expected.cuts[k].ratio).epsilon(1e-12));
  }
}

TEST_CASE("truncation: a gradient that is not finite is refused") {
  const Parameters<double> p(1);
  const Rnnlm model(p, 3, 3, 4);
  p.assign("affine/b", Array<double>::full({3}, double(NAN)));
  checks::check_error([&] { truncation(model, p, copy_task(6, 2, 3, 1, 1)); },
                      {"[truncation]", "is not finite"});
}

TEST_CASE("truncation: windows that are too short and parts that cannot be are refused") {
  const Parameters<double> p(1);
  const Unrun model;
  const auto windows = copy_task(6, 2, 3, 1, 1);
  checks::check_error([&] { truncation(model, p, windows, {.longest = 7}); },
                      {"[truncation]", "7 steps", "has 6"});
  checks::check_error([&] { truncation(model, p, std::vector<Pair>{}); }, {"[truncation]", "0 steps"});
  for (const double keep : {1.0, 0.0, -0.5, double(NAN)})
    checks::check_error([&] { truncation(model, p, Untouched(), {.keep = keep}); },
                        {"[truncation]", "between 0 and 1, got"});
  checks::check_error([&] { truncation(model, p, Untouched(), {.windows = 0}); },
                      {"[truncation]", "at least one window"});
}
