// The catalogue of wrong calls: what a user may do wrong with a tape, with shapes and with ids, and the whole
// sentence that answers. A sentence names what was wrong, with all shapes, and what to do. Each op's own
// refusals stand in its row of the registry.
#include <doctest/doctest.h>

#include <optional>
#include <thread>

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/parameters.hpp>
#include <xgrad/autograd/tape.hpp>

#include "autograd/folder.hpp"
#include "errors.hpp"

using namespace xgrad;
using namespace xgrad::testing;

namespace {

using V = Variable<double>;

Array<double> ones(const Shape& shape) { return Array<double>::full(shape, 1); }

// The call throws an Error of just that text.
template <class Call>
void check_says(Call call, const std::string& text) {
  CHECK(message_of(call) == text);
}

}  // namespace

TEST_CASE("errors: shapes and ranks") {
  const Parameters<double> p(1);
  const V W = (p / "rnn").weight("Wh", {3, 4});
  const V x = ones({2, 5});
  check_says([&] { matmul(x, W); },
             "[matmul] last axis of x with shape (2, 5) must match first axis of W with shape (3, 4) "
             "(parameter 'rnn/Wh')");
  check_says(
      [&] {
        x + ones({2, 3});
      },
      "[add] shapes (2, 5) and (2, 3) do not broadcast: aligned right, axes must be equal or 1");
  check_says([&] { W* x; },
             "[multiply] shapes (3, 4) (parameter 'rnn/Wh') and (2, 5) do not broadcast: aligned right, axes "
             "must be "
             "equal or 1");
  check_says([&] { x.item(); }, "[item] needs an array of one number, got shape (2, 5)");
  check_says([&] { Array<double>({2, 2}, {1, 2, 3}); }, "[array] shape (2, 2) holds 4 numbers, got 3");
  check_says([&] { Shape({1, 1, 1, 1, 1, 1, 1}); }, "[shape] an array has at most 6 axes, asked for more");
}

TEST_CASE("errors: ids out of range, with their position") {
  const V table = ones({4, 2});
  check_says(
      [&] {
        take(table, Ids({2, 2}, {0, 1, 9, 2}));
      },
      "[take] id 9 at position (1, 0) is outside [0, 4)");
  check_says(
      [&] {
        cross_entropy(table, {0, 1, 2, 0});
      },
      "[cross_entropy] target 2 at position (2,) is outside [0, 2)");
}

TEST_CASE("errors: reductions of nothing") {
  const V none = ones({2, 0});
  check_says([&] { mean(none); },
             "[mean] of no numbers: shape (2, 0) is empty along the axes it is taken over");
  check_says([&] { max(none, 1); },
             "[max] of no numbers: shape (2, 0) is empty along the axes it is taken over");
  check_says([&] { softmax(none); }, "[softmax] axis 1 of shape (2, 0) is empty");
}

TEST_CASE("errors: what has no gradient") {
  const Parameters<double> p(1);
  const V w = p.weight("w", {2}), unused = p.weight("unused", {2}), constant = ones({2});
  const V before = sum(constant);
  const V untaped = sum(w);
  Tape<double> tape;
  const V y = w * 2, loss = sum(y);
  check_says([&] { tape.gradient(y); },
             "[gradient] a value of shape (2,) has no single gradient; reduce it with sum() or mean(), or "
             "pass {.seed = dy}");
  check_says(
      [&] { tape.gradient(before); },
      "[gradient] the value of shape () is not recorded on this tape: it is a constant here, computed from "
      "constants "
      "only, before the tape, or on another one; compute it in the tape's scope from parameters or from "
      "tape.leaf(array)");
  const std::string lost =
      "argument 0 of shape () was computed from the parameter 'w' while nothing recorded, so its gradient "
      "would be lost; "
      "compute it in the tape's scope, or pass detach(x) if a constant is meant";
  check_says([&] { tape.gradient(untaped); }, "[gradient] " + lost);
  check_says([&] { untaped * 2; }, "[scale_shift] " + lost);
  const auto gradients = tape.gradient(loss, {.keep = true});
  check_says([&] { gradients[constant]; },
             "[gradient] a constant of shape (2,) has no gradient; make it a leaf with tape.leaf(array)");
  check_says([&] { gradients[unused]; },
             "[gradient] the differentiated value does not depend on the parameter 'unused': nothing would "
             "train it; use "
             "it in the forward pass, or pass {.unreached = zeros}");
  check_says([&] { gradients[y]; },
             "[gradient] no gradient was kept for the intermediate variable of shape (2,) (or the value does "
             "not depend "
             "on it); pass {.of = {x}} to tape.gradient");
  check_says([&] { tape.gradient(y, {.seed = ones({3})}); },
             "[gradient] the seed has shape (3,), expected that of the value, (2,)");
}

TEST_CASE("errors: a tape swept twice, and a parameter that was changed in between") {
  const Parameters<double> p(1);
  const V w = (p / "rnn").weight("Wh", {2});
  {
    Tape<double> tape;
    const V loss = sum(w * w);
    tape.gradient(loss);
    check_says([&] { tape.gradient(loss); },
               "[gradient] the saved values of this tape were freed by an earlier gradient(); pass {.keep = "
               "true} to that "
               "call to sweep again");
  }
  Tape<double> tape;
  const V loss = sum(w * w);
  p.assign("rnn/Wh", ones({2}));
  check_says([&] { tape.gradient(loss); },
             "[gradient] the parameter 'rnn/Wh' was changed after this tape used it, so the gradient would "
             "mix old and new "
             "values; call gradient() before the optimizer's step");
}

TEST_CASE("errors: variables of two tapes, of another thread's, and of one that ended inside this one") {
  Tape<double> outer;
  const V x = outer.leaf(ones({2}));
  {
    Tape<double> inner;
    check_says([&] { x * 2; },
               "[scale_shift] argument 0 of shape (2,) is recorded on an outer tape that this one suspends; "
               "variables of "
               "two tapes cannot be mixed: end one tape first, or pass detach(x)");
  }
  std::optional<V> result;
  {
    Tape<double> inner;
    result = inner.leaf(ones({2})) * 2;
  }
  check_says([&] { *result * 2; },
             "[scale_shift] argument 0 of shape (2,) was recorded on a tape that was opened after this one "
             "and has ended, so "
             "its gradient would be lost; compute it without that tape, or pass detach(x)");
  std::string said, swept;
  const V loss = sum(x);
  std::thread([&] {
    Tape<double> own;
    said = message_of([&] { x * 2; });
    swept = message_of([&] { outer.gradient(loss); });
  }).join();
  CHECK(said ==
        "[scale_shift] argument 0 of shape (2,) is recorded on a tape of another thread, still open there; "
        "pass "
        "detach(x), or end that tape first");
  CHECK(swept ==
        "[gradient] this tape belongs to another thread; a tape is used on the thread that opened it");
}

TEST_CASE("errors: parameters declared twice, looked up in vain, or of another shape") {
  const Parameters<double> p(1);
  (p / "rnn").weight("Wh", {2});
  check_says([&] { (p / "rnn").bias("Wh", {3}); },
             "[parameters] 'rnn/Wh' is declared twice; give each layer a scope of its own, p / \"name\", and "
             "to share a "
             "parameter copy its variable");
  check_says([&] { p["rnn/Wx"]; }, "[parameters] there is no 'rnn/Wx'; there are: 'rnn/Wh'");
  check_says([&] { p.assign("rnn/Wh", ones({3})); },
             "[parameters] 'rnn/Wh' has shape (2,), cannot take values of shape (3,)");
  const Folder folder;
  const std::string file = folder / "weights.safetensors";
  p.save(file);
  const Parameters<float> floats(1);
  (floats / "rnn").weight("Wh", {3});
  check_says([&] { floats.load(file); }, ("[parameters] '" + file +
                                          "' does not fit the parameters, none is changed:\n  different: "
                                          "'rnn/Wh' is F64 (2,), expected F32 (3,)"));
}

TEST_CASE("errors: a vjp of one's own that returns another shape") {
  Tape<double> tape;
  const V x = tape.leaf(ones({2, 3}));
  const V y = record("my_sum", Array<double>(6), wrt(x, [](const Array<double>&) { return ones({4}); }));
  check_says([&] { tape.gradient(y); },
             "[my_sum] the vjp of argument 0 returned shape (4,), expected (2, 3)");
}
