// The state contract: what users of truncated backpropagation through time do wrong elsewhere. Each mistake
// is shown to be harmless here, or answered with a sentence that says what and where it is, and what to do.
#include <thread>

#include <xgrad/layers/bidirectional.hpp>
#include <xgrad/layers/lstm.hpp>
#include <xgrad/layers/stack.hpp>
#include <xgrad/models/evaluate.hpp>
#include <xgrad/models/rnnlm.hpp>
#include <xgrad/training/sgd.hpp>

#include "autograd/ops/checks.hpp"

using namespace xgrad;
using checks::check_error;
using checks::identical;

namespace {

using Model = Rnnlm<double, Stack<Lstm<double>>>;

constexpr std::size_t V = 6, D = 3, H = 4, N = 2, T_steps = 3;
const Ids inputs({T_steps, N}, {0, 5, 1, 1, 3, 0}), targets({T_steps, N}, {1, 1, 3, 0, 0, 2});

struct Fixture {
  Parameters<double> p{1};
  Model model{p, V, D, H};
  Sgd<double> sgd{p, 0.1};
};

// All gradients of one window from `state`.
template <class S>
std::vector<Array<double>> window_gradients(const Fixture& f, const S& state) {
  Tape<double> tape;
  const auto gradients = tape.gradient(f.model.loss(inputs, targets, state).y);
  std::vector<Array<double>> result;
  for (const auto& x : f.p.list()) result.push_back(gradients[x]);
  return result;
}

// The state after one window, of a tape that has ended.
auto carried(const Fixture& f) {
  Tape<double> tape;
  return f.model.loss(inputs, targets, f.model.zero(N)).state;
}

template <class S>
S copied(S state) {
  for_each_part(state, [](auto& part) { part = part.value().copy(); });
  return state;
}

bool equal(const std::vector<Array<double>>& a, const std::vector<Array<double>>& b) {
  bool same = a.size() == b.size();
  for (std::size_t i = 0; same && i < a.size(); ++i) same = identical(a[i], b[i]);
  return same;
}

}  // namespace

TEST_CASE("state contract 1: a forgotten detach is no mistake, the gradient stops at the window") {
  const Fixture f;
  const auto state = carried(f);
  CHECK(equal(window_gradients(f, state), window_gradients(f, copied(state))));
  CHECK(equal(window_gradients(f, state), window_gradients(f, detach(state))));
}

TEST_CASE("state contract 2: a graph is not kept from window to window, whatever is kept of it") {
  Fixture f;
  auto state = f.model.zero(N);
  std::size_t size = 0;
  for (int i = 0; i < 20; ++i) {
    Tape<double> tape;
    auto [loss, next] = f.model.loss(inputs, targets, state);
    if (i == 0) size = tape.size();
    CHECK(tape.size() == size);  // each window records itself alone
    f.sgd.step(tape.gradient(loss));
    state = next;
  }
}

TEST_CASE("state contract 3: a second sweep is refused, with what to pass") {
  const Fixture f;
  Tape<double> tape;
  const auto loss = f.model.loss(inputs, targets, f.model.zero(N)).y;
  (void)tape.gradient(loss);
  check_error([&] { (void)tape.gradient(loss); },
              {"[gradient]", "freed by an earlier gradient()", "{.keep = true}"});
}

TEST_CASE("state contract 4: the state of a tape that is still open is refused on an inner one") {
  const Fixture f;
  Tape<double> outer;
  const auto state = f.model.loss(inputs, targets, f.model.zero(N)).state;
  {
    Tape<double> inner;
    check_error([&] { f.model.loss(inputs, targets, state); },
                {"recorded on an outer tape", "end one tape first", "time step 0 of 3", "in layer 0 of 2"});
  }
  std::optional<decltype(f.model.zero(N))> lost;
  {
    Tape<double> inner;
    lost = f.model.loss(inputs, targets, f.model.zero(N)).state;
  }
  check_error([&] { f.model.loss(inputs, targets, *lost); },
              {"opened after this one and has ended", "would be lost", "time step 0 of 3"});
}

TEST_CASE("state contract 5: parameters stepped between forward pass and gradient are named") {
  Fixture f;
  Tape<double> tape;
  const auto loss = f.model.loss(inputs, targets, f.model.zero(N)).y;
  f.sgd.step(tape.gradient(loss, {.keep = true}));
  check_error([&] { (void)tape.gradient(loss); },
              {"[gradient]", "'embed/W' was changed after this tape used it", "before the optimizer's step"});
}

TEST_CASE("state contract 6: the state of another batch is refused, also one that would broadcast") {
  const Fixture f;
  check_error(
      [&] { f.model.loss(inputs, targets, f.model.zero(3)); },
      {"[unroll]", "part 0 of the state has shape (3, 4)", "N = 2", "zero(N)", "first_rows(state, N)"});
  check_error([&] { f.model.loss(inputs, targets, f.model.zero(1)); }, {"(1, 4)", "N = 2"});
  CHECK(f.model.loss(inputs, targets, first_rows(f.model.zero(3), N)).y.size() == 1);
  // batch-major ids, (N, T), are as easily taken for time-major ones
  check_error(
      [&] {
        f.model.loss(inputs.reshaped({N, T_steps}), targets, f.model.zero(N));
      },
      {"N = 3", "(2, 4)"});
}

TEST_CASE("state contract 7: a cell that changes the shape of its state is named at its first step") {
  const auto growing = [](const Variable<double>& x, const Variable<double>& h) { return concat({x, h}, 1); };
  const Variable<double> xs = Array<double>::zeros({4, 2, 3}), h = Array<double>::zeros({2, 3});
  check_error(
      [&] { unroll(growing, xs, h); },
      {"took part 0 of its state in shape (2, 3) and returned it in shape (2, 6)", "time step 0 of 4"});
}

TEST_CASE("state contract 8: a document's state does not reach the next one, row by row") {
  const Fixture f;
  const auto state = carried(f);
  const Sequences begins{.reset = Ids({T_steps, N}, {0, 1, 0, 0, 0, 0})};
  const auto both = f.model(inputs, state, begins).y;
  const auto fresh = f.model(inputs, f.model.zero(N)).y, old = f.model(inputs, state).y;
  CHECK(checks::distance(select(both, 0, 1).value(), select(old, 0, 1).value()) < 1e-15);
  CHECK(checks::distance(select(both, 1, 1).value(), select(fresh, 1, 1).value()) < 1e-15);
  CHECK(checks::distance(select(both, 1, 1).value(), select(old, 1, 1).value()) > 1e-3);
  check_error(
      [&] {
        f.model(inputs, state, {.reset = Ids({N}, {0, 1})});
      },
      {"[unroll] reset has shape (2,), expected (T, N) = (3, 2)"});
}

TEST_CASE("state contract 9: a reset cuts the gradient of its row alone") {
  const Parameters<double> p(1);
  const Lstm<double> cell(p, D, H);
  Tape<double> tape;
  const auto h0 = tape.leaf(checks::numbers<double>({N, H})),
             c0 = tape.leaf(checks::numbers<double>({N, H}, -1, 1, 2));
  const Variable<double> xs = checks::numbers<double>({T_steps, N, D});
  const auto run = unroll(cell, xs, LstmState{h0, c0}, {.reset = Ids({T_steps, N}, {0, 0, 0, 1, 0, 0})});
  const auto gradients = tape.gradient(sum(square(run.state.c)));
  for (std::size_t i = 0; i < N * H; ++i) CHECK((gradients[h0].data()[i] == 0) == (i >= H));  // row 1
}

TEST_CASE("state contract 10: evaluation records nothing, on an open tape too") {
  const Fixture f;
  struct Pair {
    Ids inputs, targets;
  };
  Tape<double> tape;
  const auto losses = evaluate(f.model, std::vector<Pair>{{inputs, targets}, {inputs, targets}});
  CHECK(losses.count == 12);
  CHECK(tape.size() == 0);
}

TEST_CASE("state contract 11: a sum of the losses of several windows is refused") {
  const Fixture f;
  auto state = f.model.zero(N);
  Variable<double> total = 0;
  std::vector<Variable<double>> losses;
  for (int i = 0; i < 2; ++i) {
    Tape<double> tape;
    auto [loss, next] = f.model.loss(inputs, targets, state);
    total = total + loss;
    losses.push_back(loss);
    if (i == 1)
      check_error([&] { (void)tape.gradient(total); }, {"[gradient]", "one of a tape that has ended",
                                                        "each window's own loss", "total += loss.item()"});
    state = next;
  }
  Tape<double> tape;
  const auto sum_of_all = losses[0] + losses[1];
  check_error([&] { (void)tape.gradient(sum_of_all); }, {"[gradient]", "is a constant here"});
  check_error(
      [&] { (void)tape.gradient(losses[0]); },
      {"[gradient]", "on a tape that has ended", "before that tape's brace", "record them on one tape"});
}

TEST_CASE("state contract 12: two windows on one tape are a longer window") {
  const Fixture f;
  Tape<double> tape;
  const auto [first, state] = f.model.loss(inputs, targets, f.model.zero(N));
  const auto second = f.model.loss(inputs, targets, state).y;
  const auto gradients = tape.gradient(first + second);
  Tape<double> other;
  const auto whole = other.gradient(2 * f.model
                                            .loss(Ids({2 * T_steps, N}, {0, 5, 1, 1, 3, 0, 0, 5, 1, 1, 3, 0}),
                                                  Ids({2 * T_steps, N}, {1, 1, 3, 0, 0, 2, 1, 1, 3, 0, 0, 2}),
                                                  f.model.zero(N))
                                            .y);
  for (const auto& x : f.p.list()) CHECK(checks::distance(gradients[x], whole[x]) < 1e-13);
}

TEST_CASE("state contract 13: the gradient of a carried state is refused, with the way to have it") {
  const Fixture f;
  const auto state = carried(f);
  Tape<double> tape;
  const auto gradients = tape.gradient(f.model.loss(inputs, targets, state).y, {.keep = true});
  check_error([&] { (void)gradients[state[0].h]; },
              {"[gradient]", "(2, 4)", "carried over from an earlier tape", "tape.leaf(x.value())"});
  auto leaves = state;
  for_each_part(leaves, [&](auto& part) { part = tape.leaf(part.value()); });
  const auto again = tape.gradient(f.model.loss(inputs, targets, leaves).y, {.keep = true});
  CHECK(again[leaves[0].h].shape() == Shape({N, H}));
}

TEST_CASE("state contract 14: a state moves between threads once its tape has ended, and not before") {
  const Fixture f;
  const auto ended = carried(f);
  std::string message;
  std::vector<Array<double>> there;
  {
    Tape<double> tape;
    const auto open = f.model.loss(inputs, targets, f.model.zero(N)).state;
    std::thread([&] {
      Tape<double> own;
      try {
        f.model.loss(inputs, targets, open);
      } catch (const Error& error) {
        message = error.what();
      }
    }).join();
  }
  std::thread([&] { there = window_gradients(f, ended); }).join();
  CHECK(message.find("is recorded on a tape of another thread, still open there") != std::string::npos);
  CHECK(message.find("time step 0 of 3") != std::string::npos);
  CHECK(equal(there, window_gradients(f, ended)));
}

TEST_CASE("state contract 15: a loop that keeps its variables keeps their numbers, not their tapes") {
  const Fixture f;
  const auto witness = std::make_shared<int>(0);
  std::vector<Variable<double>> kept;
  for (int i = 0; i < 10; ++i) {
    Tape<double> tape;
    const auto loss = f.model.loss(inputs, targets, f.model.zero(N)).y;
    kept.push_back(
        record("my_witness", loss.value(), wrt(loss, [witness](const Array<double>& dy) { return dy; })));
    CHECK(witness.use_count() == 2);  // of this window alone
  }
  CHECK(witness.use_count() == 1);
  CHECK(kept[0].item() == kept[9].item());
}

TEST_CASE("state contract 16: a state begun from a parameter outside of the tape is refused by name") {
  const Parameters<double> p(1);
  const Lstm<double> cell(p / "lstm", D, H);
  const auto start = p.weight("start", {N, H});
  const auto early = tanh(start);
  Tape<double> tape;
  const Variable<double> xs = Array<double>::zeros({T_steps, N, D});
  check_error(
      [&] {
        unroll(cell, xs, LstmState{early, early});
      },
      {"'start'", "while nothing recorded", "compute it in the tape's scope", "time step 0 of 3"});
}
