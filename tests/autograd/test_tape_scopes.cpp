// Where recording begins and ends: nested tapes, pauses, exceptions, scopes that end out of order, other
// threads, the windows of truncated backpropagation, and the refusals that keep a gradient from being lost
// silently.
#include <xgrad/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <thread>

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/parameters.hpp>

#include "errors.hpp"

using xgrad::Array;
using xgrad::Inference;
using xgrad::Parameters;
using xgrad::Tape;
using xgrad::Variable;
using namespace xgrad::testing;

static_assert(!std::is_copy_constructible_v<Tape<double>> && !std::is_move_constructible_v<Tape<double>>);
static_assert(!std::is_copy_assignable_v<Tape<double>> && !std::is_move_assignable_v<Tape<double>>);

namespace {

template <class X>
concept OnTheHeap = requires {
  new X;
};
static_assert(OnTheHeap<Array<float>> && !OnTheHeap<Tape<float>>, "a recording is a scope");

template <class Call>
void on_another_thread(Call call) {
  std::thread(call).join();
}

}  // namespace

TEST_CASE("Tape: without one nothing is recorded") {
  CHECK(Tape<double>::current() == nullptr);
  const Variable<double> x = ramp<double>({2});
  const auto y = x * x;
  Tape<double> tape;
  CHECK(Tape<double>::current() == &tape);
  CHECK(Tape<float>::current() == nullptr);
  (void)(y * y);
  CHECK(tape.size() == 0);
}

TEST_CASE("Tape: an inner tape suspends the outer one") {
  Tape<double> outer;
  const auto x = outer.leaf(ramp<double>({2}));
  const auto before = x * x;
  const std::size_t size = outer.size();
  {
    Tape<double> inner;
    CHECK(Tape<double>::current() == &inner);
    const auto z = inner.leaf(ramp<double>({2}));
    CHECK(numbers(inner.gradient(sum(z * z))[z]) == std::vector<double>{2, 4});
    CHECK(outer.size() == size);
    CHECK(message_of([&] { (void)(z * x); }) ==
          "[multiply] argument 1 of shape (2,) is recorded on an outer tape that this one suspends; "
          "variables of "
          "two tapes cannot be mixed: end one tape first, or pass detach(x)");
    CHECK(numbers((z * detach(x)).value()) == std::vector<double>{1, 4});
    CHECK(contains(message_of([&] { inner.gradient(sum(detach(x)) + sum(x)); }), "outer tape"));
  }
  CHECK(Tape<double>::current() == &outer);
  CHECK(numbers(outer.gradient(sum(before + x))[x]) == std::vector<double>{3, 5});
}

TEST_CASE("Tape: a result of an inner tape is a constant for the outer one once it has ended") {
  Tape<double> outer;
  const auto x = outer.leaf(ramp<double>({2}));
  Variable<double> g;
  {
    Tape<double> inner;
    const auto z = inner.leaf(x.value());
    g = inner.gradient(sum(z * z * z))[z];
  }
  CHECK(numbers(outer.gradient(sum(x * g))[x]) == std::vector<double>{3, 12});
}

TEST_CASE("Tape: tapes of the two scalars do not meet") {
  Tape<double> doubles;
  Tape<float> floats;
  const auto x = doubles.leaf(ramp<double>({2}));
  const auto y = floats.leaf(ramp<float>({2}));
  CHECK(numbers(doubles.gradient(sum(x * x))[x]) == std::vector<double>{2, 4});
  CHECK(numbers(floats.gradient(sum(y * y * y))[y]) == std::vector<float>{3, 12});
}

TEST_CASE("Inference: pauses every scalar's tape until its brace") {
  Tape<double> tape;
  Tape<float> floats;
  const auto x = tape.leaf(ramp<double>({2}));
  const std::size_t size = tape.size();
  Variable<double> paused;
  {
    Inference pause;
    CHECK(Tape<double>::current() == nullptr);
    CHECK(Tape<float>::current() == nullptr);
    paused = x * x;
    CHECK(tape.size() == size);
    Tape<double> inside;
    CHECK(Tape<double>::current() == &inside);
  }
  CHECK(Tape<double>::current() == &tape);
  CHECK(Tape<float>::current() == &floats);
  CHECK(message_of([&] { (void)exp(paused); }) ==
        "[exp] argument 0 of shape (2,) was computed from a recorded variable while nothing recorded, so its "
        "gradient "
        "would be lost; compute it in the tape's scope, or pass detach(x) if a constant is meant");
  CHECK(numbers(tape.gradient(sum(x * detach(paused)))[x]) == std::vector<double>{1, 4});
}

TEST_CASE("Tape: an exception ends it") {
  Tape<double> outer;
  const auto x = outer.leaf(ramp<double>({2}));
  Variable<double> escaped;
  try {
    Tape<double> inner;
    Inference pause;
    Tape<double> innermost;
    escaped = innermost.leaf(ramp<double>({2})) * 2;
    throw std::runtime_error("a data error");
  } catch (const std::runtime_error&) {
  }
  CHECK(Tape<double>::current() == &outer);
  CHECK(numbers(outer.gradient(sum(x * detach(escaped)))[x]) == std::vector<double>{2, 4});
}

TEST_CASE("Tape: a result of a tape opened inside this one cannot lose its gradient here") {
  const Parameters<double> p;
  const auto W = p.weight("W", {2});
  Tape<double> outer;
  Variable<double> h;
  {
    Tape<double> inner;
    h = W * W;
  }
  CHECK(message_of([&] { (void)(h * W); }) ==
        "[multiply] argument 0 of shape (2,) was recorded on a tape that was opened after this one and has "
        "ended, so its "
        "gradient would be lost; compute it without that tape, or pass detach(x)");
  CHECK(numbers((detach(h) * W).value()).size() == 2);
}

TEST_CASE("Tape: tapes may end out of order") {
  std::optional<Tape<double>> first, second;
  first.emplace();
  const auto x = first->leaf(ramp<double>({2}));
  second.emplace();
  const auto z = second->leaf(ramp<double>({2}));
  first.reset();
  CHECK(Tape<double>::current() == &*second);
  CHECK(numbers(second->gradient(sum(z * x))[z]) == std::vector<double>{1, 2});  // x is a constant now
  second.reset();
  CHECK(Tape<double>::current() == nullptr);

  std::optional<Inference> pause;
  first.emplace();
  pause.emplace();
  second.emplace();
  pause.reset();
  CHECK(Tape<double>::current() == &*second);
  second.reset();
  CHECK(Tape<double>::current() == &*first);
}

TEST_CASE("Tape: variables remember it by a serial number") {
  std::optional<Tape<double>> tape;
  tape.emplace();
  const auto old = tape->leaf(ramp<double>({2})) * 2;
  tape.reset();
  tape.emplace();  // at the same address
  const auto x = tape->leaf(ramp<double>({2})), y = x * old;
  const auto gradients = tape->gradient(sum(y));
  CHECK(numbers(gradients[x]) == std::vector<double>{2, 4});
  CHECK(message_of([&] { (void)gradients[old]; }) ==
        "[gradient] the variable of shape (2,) was carried over from an earlier tape: it is a constant on "
        "this one, where the "
        "gradient stops; to have its gradient let it begin the window as a leaf, tape.leaf(x.value())");
}

TEST_CASE("Tape: state carried to the next window is a constant and cuts the gradient") {
  const Parameters<double> p;
  const auto w = p.weight("w", {1}, xgrad::constant(2));
  Variable<double> state = Array<double>({1}, {1});
  double expected_state = 1;
  for (int window = 0; window < 3; ++window) {
    Tape<double> tape;
    const auto next = w * (w * state);  // two steps; dnext/dw = 2 w state, state held fixed
    CHECK(tape.gradient(next)[w].item() == 4 * expected_state);
    CHECK(tape.size() == 3);
    state = next;
    expected_state *= 4;
    CHECK(state.item() == expected_state);
  }
}

TEST_CASE("Tape: what was computed from a parameter while nothing recorded is refused") {
  const Parameters<double> p;
  const auto w = (p / "rnn").weight("Wh", {2}, xgrad::constant(3));
  const auto derived = exp(2 * w) + 1;
  Tape<double> tape;
  const auto x = tape.leaf(ramp<double>({2}));
  CHECK(message_of([&] { (void)(x * derived); }) ==
        "[multiply] argument 1 of shape (2,) was computed from the parameter 'rnn/Wh' while nothing "
        "recorded, so its "
        "gradient would be lost; compute it in the tape's scope, or pass detach(x) if a constant is meant");
  CHECK(contains(message_of([&] { (void)xgrad::stack({x, derived}); }), "[stack] argument 1"));
  const auto y = sum(x * detach(derived));
  CHECK(numbers(tape.gradient(y)[x]) == numbers(derived.value()));
  {
    const Inference pause;
    CHECK_NOTHROW((void)(derived * x));  // no tape, no refusal
  }
}

TEST_CASE("Tape: variables of another thread's live tape are refused") {
  Tape<double> tape;
  const auto x = tape.leaf(ramp<double>({2}));
  std::string mixed, swept, leaf, unrecorded;
  on_another_thread([&] {
    CHECK(Tape<double>::current() == nullptr);
    swept = message_of([&] { tape.gradient(sum(x)); });
    leaf = message_of([&] { (void)tape.leaf(ramp<double>({2})); });
    Tape<double> mine;
    mixed = message_of([&] { (void)(mine.leaf(ramp<double>({2})) + x); });
    CHECK_NOTHROW((void)(mine.leaf(ramp<double>({2})) + detach(x)));
  });
  CHECK(mixed ==
        "[add] argument 1 of shape (2,) is recorded on a tape of another thread, still open there; pass "
        "detach(x), or "
        "end that tape first");
  CHECK(swept ==
        "[gradient] this tape belongs to another thread; a tape is used on the thread that opened it");
  CHECK(contains(leaf, "[leaf] this tape belongs to another thread"));
  CHECK(Tape<double>::current() == &tape);
}

TEST_CASE("Tape: a variable of another thread's ended tape is a constant") {
  Variable<double> y;
  on_another_thread([&] {
    Tape<double> tape;
    y = tape.leaf(ramp<double>({2})) * 3;
  });
  Tape<double> tape;
  const auto x = tape.leaf(ramp<double>({2}));
  CHECK(numbers(tape.gradient(sum(x * y))[x]) == std::vector<double>{3, 6});
}

TEST_CASE_TEMPLATE("Tape: threads with a tape each share parameters and agree", T, float, double) {
  const Parameters<T> p(3);
  const auto W = p.weight("W", {5, 5}), E = p.weight("E", {7, 5});
  const auto work = [&] {
    Tape<T> tape;
    auto h = take(E, {1, 6, 1});
    for (int t = 0; t < 20; ++t) h = tanh(matmul(h, W) + take(E, {2, 3, t % 7}));
    const auto gradients = tape.gradient(mean(h * h));
    auto result = numbers(gradients[W]);
    const auto more = numbers(gradients[E]);
    result.insert(result.end(), more.begin(), more.end());
    return result;
  };
  const auto expected = work();
  std::vector<std::vector<T>> results(8);
  std::vector<std::thread> threads;
  for (auto& result : results)
    threads.emplace_back([&result, &work] {
      for (int i = 0; i < 10; ++i) result = work();
    });
  for (auto& thread : threads) thread.join();
  for (const auto& result : results) CHECK(result == expected);
}

TEST_CASE("Tape: a loss to which a number of an ended tape adds is refused, whatever way it came there") {
  using xgrad::concat, xgrad::mean, xgrad::stack;
  using V = Variable<double>;
  V ended, state;
  {
    Tape<double> earlier;
    const auto x = earlier.leaf(ramp<double>({2}));
    ended = sum(x * x);
    state = x * 2;
  }
  const V half_of_ended = ended / 2;  // while nothing records
  Tape<double> tape;
  const auto b = tape.leaf(Array<double>(3)), w = tape.leaf(ramp<double>({2})),
             one = tape.leaf(Array<double>(1));
  const auto refused = [&](const V& loss) {
    return contains(message_of([&] { tape.gradient(loss, {.keep = true}); }), "of a tape that has ended");
  };
  const std::vector<V> sums{ended + b,
                            b - ended,
                            (ended + b) / 2,
                            0.5 * (ended + b) + sum(w),
                            mean(stack<double>({ended, b})),
                            sum(concat<double>({reshape(ended, {1}), w})),
                            half_of_ended + b / 2,
                            ended / 2 + b / 2,
                            -(ended * V(0.5)) + b,
                            mean(stack<double>({ended, ended})) + b,
                            select(stack<double>({ended, b}), 1),
                            sum(stack<double>({ended, b}) * V(ramp<double>({2})))};
  for (std::size_t i = 0; i < sums.size(); ++i) {
    CAPTURE(i);
    CHECK(refused(sums[i]));
  }
  // A constant that is meant, a state of more than one number, and one that a cell takes.
  const std::vector<V> right{(detach(ended) + b) / 2,
                             V(ended.item()) + b,
                             sum(state + w),
                             mean(concat<double>({state, w})),
                             ended * b,
                             b / ended,
                             tanh(ended * b + one),
                             square(ended + b - one),
                             sum(tanh(stack<double>({ended, b}) * w)),
                             matmul(stack<double>({ended, b}), w),
                             sum(ended * w)};
  for (std::size_t i = 0; i < right.size(); ++i) {
    CAPTURE(i);
    CHECK_NOTHROW(tape.gradient(right[i], {.keep = true}));
  }
  CHECK(numbers(tape.gradient(sum(ended * w), {.keep = true})[w]) == std::vector<double>{5, 5});
  CHECK(!(ended / 2).same_as(ended / 4));
}
