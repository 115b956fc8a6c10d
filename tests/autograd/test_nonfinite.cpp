// Numbers that are not finite, planted one by one, and what find_nonfinite says of each. How the place in a
// window is worked out is in nonfinite/test_causes.cpp, whole models in tests/training/test_finite_check.cpp.
#include <xgrad/autograd/nonfinite.hpp>

#include <cmath>
#include <limits>
#include <sstream>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/parameters.hpp>
#include <xgrad/autograd/tape.hpp>

using namespace xgrad;

namespace {

constexpr float inf = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

Variable<float> weight(const Parameters<float>& p, const char* name, const Array<float>& values) {
  const auto w = p.weight(name, values.shape());
  p.assign(name, values);
  return w;
}

std::string text(const NonfiniteReport& report) { return to_string(report); }

}  // namespace

TEST_CASE("find_nonfinite: exp that overflows") {
  const Parameters<float> p;
  const auto w = weight(p, "w", Array<float>({2, 3}, {1, 2, 3, 4, 100, 89}));
  const auto report = find_nonfinite([&] { return mean(exp(w * 1)); });
  CHECK(report.kind == Nonfinite::forward);
  CHECK(report.op == "exp");
  CHECK(report.index == 4);
  CHECK(report.count == 2);
  CHECK(report.value == inf);
  CHECK(std::isinf(report.loss));
  CHECK(report.harmed.empty());
  REQUIRE(report.causes.size() == 1);
  CHECK(report.causes[0].value == 100);
  CHECK_FALSE(report.causes[0].largest);
  CHECK(
      text(report) ==
      "the loss is inf: exp made inf at (1, 1) of shape (2, 3) and 1 more of its 6 numbers, from argument 0 "
      "= 100");
}

TEST_CASE("find_nonfinite: log of 0") {
  const Parameters<float> p;
  const auto w = weight(p, "w", Array<float>({3}, {1, 0, 2}));
  const auto report = find_nonfinite([&] { return sum(log(w)); });
  CHECK(report.kind == Nonfinite::forward);
  CHECK(report.op == "log");
  CHECK(report.index == 1);
  CHECK(report.value == -inf);
  CHECK(report.causes.at(0).path == "w");
  CHECK(report.causes.at(0).value == 0);
}

TEST_CASE("find_nonfinite: 0 / 0 under broadcasting") {
  const Parameters<float> p;
  const auto a = weight(p, "a", Array<float>({2, 3}, {1, 2, 3, 4, 0, 6}));
  const auto b = weight(p, "b", Array<float>({3}, {5, 0, 7}));
  const auto report = find_nonfinite([&] { return sum(square((a + 1 - 1) / b)); });
  CHECK(report.op == "divide");
  CHECK(report.index == 1);  // 2 / 0 is infinite and comes before 0 / 0
  CHECK(report.value == inf);
  CHECK(report.count == 2);
  REQUIRE(report.causes.size() == 2);
  CHECK(report.causes[0].value == 2);
  CHECK(report.causes[1].value == 0);
  CHECK(report.causes[1].path == "b");
  CHECK(report.causes[1].index == 1);
}

TEST_CASE("find_nonfinite: a number broadcast along an axis of size 1") {
  const Parameters<float> p;
  const auto a = weight(p, "a", Array<float>({2, 3}, {1, 2, 3, 4, 3e38F, 6}));
  const auto b = weight(p, "b", Array<float>({2, 1}, {1, 5}));
  const auto report = find_nonfinite([&] { return sum(a * b); });
  CHECK(report.index == 4);
  CHECK(report.causes.at(0).value == 3e38F);
  CHECK(report.causes.at(1).value == 5);
  CHECK(report.causes.at(1).index == 1);
}

TEST_CASE("find_nonfinite: sqrt at 0 is finite forward and infinite backward, but for behind a mask") {
  const Parameters<float> p;
  const auto w = weight(p, "w", Array<float>({3}, {4, 0, 9}));
  const Variable<float> mask = Array<float>({3}, {1, 0, 1});
  CHECK(find_nonfinite([&] { return sum(mask * sqrt(w)); }).finite());
  const auto report = find_nonfinite([&] { return sum(sqrt(w)); });
  CHECK(report.kind == Nonfinite::backward);
  CHECK(report.loss == 5);
  CHECK(report.op == "sqrt");
  CHECK(report.argument == 0u);
  CHECK(report.path == "w");
  CHECK(report.harmed == "w");
  CHECK(report.index == 1);
  CHECK(report.value == inf);
  REQUIRE(report.causes.size() == 3);
  CHECK(
      text(report) ==
      "the loss is 5, but the gradient of 'w' is not finite: the vjp of sqrt for argument 0 'w' made inf at "
      "(1,) of shape (3,), from dy = 1, y = 0, argument 0 'w' = 0");
}

TEST_CASE("find_nonfinite: the vjp of an op of one's own") {
  const Parameters<float> p;
  const auto w = weight(p, "w", Array<float>({2}, {0, 2}));
  const auto norm = [](const Variable<float>& x) {  // y = |x|, dx = dy x / y
    const Array<float> y = xt::abs(x.xt());
    return record("my_norm", y, wrt(x, [x = x.value(), y](const Array<float>& dy) { return dy * x / y; }));
  };
  const auto report = find_nonfinite([&] { return sum(square(norm(tanh(w)))); });
  CHECK(report.kind == Nonfinite::backward);
  CHECK(report.op == "my_norm");
  CHECK(report.index == 0);
  CHECK(report.path.empty());  // its argument is a value
  CHECK(report.harmed == "w");
}

TEST_CASE("find_nonfinite: an infinite input that an op hides in its value but not in its vjp") {
  const Parameters<float> p;
  const auto w = weight(p, "w", Array<float>({2}, {1, 2}));
  const Variable<float> bound = Array<float>({2}, {3, inf});
  const auto least = [](const Variable<float>& x, const Variable<float>& y) {
    const Array<float> least_of = xt::minimum(x.xt(), y.xt());
    return record("my_min", least_of, wrt(x, [y = y.value()](const Array<float>& dy) { return dy * y / y; }),
                  wrt(y, [](const Array<float>& dy) { return dy; }));
  };
  const auto report = find_nonfinite([&] { return sum(least(w, bound)); });
  CHECK(report.kind == Nonfinite::input);
  CHECK(report.op == "my_min");
  CHECK(report.argument == 1u);
  CHECK(report.index == 1);
  CHECK(report.loss == 3);
  CHECK(report.harmed == "w");
}

TEST_CASE("find_nonfinite: a gradient that is not finite on the way but stopped before any parameter") {
  const Parameters<float> p;
  const auto w = weight(p, "w", Array<float>({2}, {-1, 4}));
  CHECK(
      find_nonfinite([&] { return sum(sqrt(relu(w))); }).finite());  // sqrt's inf at 0, where relu selects 0
}

TEST_CASE("find_nonfinite: an op of one's own that computes on arrays") {
  const Parameters<float> p;
  const auto w = weight(p, "w", Array<float>({2}, {1, -1}));
  const auto arccosh = [](const Variable<float>& x) {
    return record("my_acosh", Array<float>(xt::acosh(x.xt())),
                  wrt(x, [](const Array<float>& dy) { return dy; }));
  };
  const auto report = find_nonfinite([&] { return sum(arccosh(w)); });
  CHECK(report.kind == Nonfinite::forward);
  CHECK(report.op == "my_acosh");
  CHECK(report.index == 1);
  CHECK(report.causes.at(0).value == -1);
}

TEST_CASE("find_nonfinite: a parameter that holds a NaN") {
  const Parameters<float> p;
  const auto W = weight(p / "cell", "W", Array<float>({2, 2}, {1, 2, not_a_number, 4}));
  const Variable<float> x = Array<float>({3, 2}, {1, 2, 3, 4, 5, 6});
  const auto report = find_nonfinite([&] { return mean(tanh(matmul(tanh(x), W))); });
  CHECK(report.kind == Nonfinite::parameter);
  CHECK(report.path == "cell/W");
  CHECK(report.op == "matmul");
  CHECK(report.argument == 1u);
  CHECK(report.index == 2);
  CHECK(report.count == 1);
  CHECK(text(report) ==
        "the loss is nan: the parameter 'cell/W' already holds nan at (1, 0) of shape (2, 2); first read by "
        "matmul in 'cell'");
}

TEST_CASE("find_nonfinite: a parameter's row counts if it is read") {
  const Parameters<float> p;
  const auto E = weight(p, "E", Array<float>({4, 2}, {1, 1, 1, inf, 1, 1, 1, 1}));
  CHECK(find_nonfinite([&] { return sum(square(take(E, Ids{0, 2, 3}))); }).finite());
  const auto report = find_nonfinite([&] { return sum(square(take(E, Ids{3, 1}))); });
  CHECK(report.kind == Nonfinite::parameter);
  CHECK(report.op == "take");
  CHECK(report.index == 3);
  CHECK(report.shape == Shape{4, 2});
  CHECK(report.value == inf);
}

TEST_CASE("find_nonfinite: the row that was read is named though an unread one holds a NaN before it") {
  const Parameters<float> p;
  const auto E = weight(p, "E", Array<float>({4, 2}, {not_a_number, 1, 1, 1, 1, 1, 1, -inf}));
  const auto report = find_nonfinite([&] { return sum(take(E, Ids{1, 3})); });
  CHECK(report.index == 7);
  CHECK(report.value == -inf);
}

TEST_CASE("find_nonfinite: data of a regression that hold a NaN") {
  const Parameters<float> p;
  const auto W = weight(p, "W", Array<float>({2, 1}, {1, 2}));
  const Variable<float> x = Array<float>({3, 2}, {1, 2, 3, 4, not_a_number, 6}),
                        t = Array<float>({3, 1}, {1, 2, 3});
  const auto report = find_nonfinite([&] { return mean(square(matmul(x, W) - t)); });
  CHECK(report.kind == Nonfinite::input);
  CHECK(report.op == "matmul");
  CHECK(report.argument == 0u);
  CHECK(report.index == 4);
  CHECK(
      text(report) ==
      "the loss is nan: argument 0 of matmul, which is no op's result, already holds nan at (2, 0) of shape "
      "(3, 2)");
}

TEST_CASE("find_nonfinite: a leaf that holds an infinity") {
  const Parameters<float> p;
  const auto w = weight(p, "w", Array<float>({2}, {1, 2}));
  const auto report = find_nonfinite([&] {
    return sum(w * Tape<float>::current()->leaf(Array<float>({2}, {1, inf})));
  });
  CHECK(report.kind == Nonfinite::input);
  CHECK(report.op == "multiply");
  CHECK(report.argument == 1u);
  CHECK(report.index == 1);
}

TEST_CASE("find_nonfinite: an infinite state that tanh hides from the loss") {
  const Parameters<float> p;
  const auto W = weight(p, "W", Array<float>({2, 2}, {1, 2, 3, 4}));
  const Variable<float> state = Array<float>({1, 2}, {0.5F, inf});
  const auto report = find_nonfinite([&] { return sum(tanh(matmul(state, W))); });
  CHECK(report.kind == Nonfinite::input);
  CHECK(report.loss == 2);
  CHECK(report.harmed == "W");
  CHECK(report.op == "matmul");
  CHECK(report.argument == 0u);
  CHECK(report.index == 1);
}

TEST_CASE("find_nonfinite: a product that overflows, with the largest numbers of its row and column") {
  const Parameters<float> p;
  const auto W = weight(p, "W", Array<float>({2, 2}, {1, 3e30F, 1e30F, -2e20F}));
  const Variable<float> x = Array<float>({2, 2}, {1e5F, 1, 1e5F, -1e19F});
  const auto report = find_nonfinite([&] { return sum(matmul(x, W)); });
  CHECK(report.kind == Nonfinite::forward);
  CHECK(report.op == "matmul");
  CHECK(report.index == 2);  // row 1, column 0
  REQUIRE(report.causes.size() == 2);
  CHECK(report.causes[0].index == 3);
  CHECK(report.causes[0].value == -1e19F);
  CHECK(report.causes[0].largest);
  CHECK(report.causes[1].index == 2);  // of column 0
  CHECK(report.causes[1].value == 1e30F);
  CHECK(report.causes[1].path == "W");
}

TEST_CASE(
    "find_nonfinite: products of transposed matrices, stacks and vectors name the largest number of each") {
  const Parameters<float> p;
  const auto W = weight(p, "W", Array<float>({2, 2}, {1, 3e30F, 1, -2e20F}));
  const Variable<float> x = Array<float>({2, 2}, {1, 1e9F, 1, 1});
  const auto turned = find_nonfinite([&] { return sum(matmul(x, W, Transpose::second)); });  // 1e9 times 3e30
  CHECK(turned.kind == Nonfinite::forward);
  CHECK(turned.index == 0);
  CHECK(turned.causes.at(1).index == 1);
  CHECK(turned.causes.at(1).value == 3e30F);
  const auto stacked = find_nonfinite([&] {
    return sum(matmul(broadcast_to(x, {3, 2, 2}), W, Transpose::second));
  });
  CHECK(stacked.op == "matmul");
  CHECK(stacked.causes.at(0).value == 1e9F);
  const auto vector = find_nonfinite([&] { return dot(select(x, 0), select(W, 0)); });
  CHECK(vector.op == "matmul");
  CHECK(vector.causes.at(1).value == 3e30F);
}

TEST_CASE("find_nonfinite: an affine sum names the largest of both products and of the bias") {
  const Parameters<float> p;
  const auto W = weight(p, "W", Array<float>({1, 2}, {3e38F, 1})),
             U = weight(p, "U", Array<float>({2, 2}, {2e38F, 1, 5, 6})),
             b = weight(p, "b", Array<float>({2}, {7, 8}));
  const Variable<float> x = Array<float>({1, 1}, {1}), h = Array<float>({1, 2}, {1, 0.5F});
  const auto report = find_nonfinite([&] { return sum(affine({x, W}, {h, U}, b)); });
  REQUIRE(report.causes.size() == 5);
  CHECK(report.causes[1].value == 3e38F);
  CHECK(report.causes[2].index == 0);
  CHECK(report.causes[3].value == 2e38F);
  CHECK(report.causes[4].value == 7);
  CHECK_FALSE(report.causes[4].largest);
}

TEST_CASE("find_nonfinite: gradients each finite whose sum overflows") {
  const Parameters<float> p;
  const auto w = weight(p, "w", Array<float>({2}, {0, 0}));
  const Variable<float> large = Array<float>({2}, {1, 3e38F}), larger = Array<float>({2}, {2, 3.1e38F});
  const auto report = find_nonfinite([&] { return sum(w * large) + sum(w * larger); });
  CHECK(report.kind == Nonfinite::sum);
  CHECK(report.loss == 0);
  CHECK(report.path == "w");
  CHECK(report.harmed == "w");
  CHECK(report.index == 1);
  REQUIRE(report.causes.size() == 2);
  CHECK(report.causes[0].value == 3.1e38F);
  CHECK(report.causes[1].value == 3e38F);
  CHECK(report.causes[0].name == "the vjp of multiply, argument 0");
}

TEST_CASE("find_nonfinite: the sum of gradients at a value, and of a table's rows") {
  const Parameters<float> p;
  const auto w = weight(p, "w", Array<float>({1}, {0}));
  const auto at_value = find_nonfinite([&] {
    const auto h = tanh(w);
    return sum(h * 3e38) + sum(h * 3e38);
  });
  CHECK(at_value.kind == Nonfinite::sum);
  CHECK(at_value.op == "tanh");
  CHECK(at_value.path.empty());
  CHECK(at_value.harmed == "w");

  const auto E = weight(p, "E", Array<float>({3, 1}, {0, 0, 0}));
  const auto at_row = find_nonfinite([&] { return sum(take(E, Ids{2, 1, 2}) * 3e38); });
  CHECK(at_row.kind == Nonfinite::sum);
  CHECK(at_row.path == "E");
  CHECK(at_row.index == 2);
  CHECK(at_row.causes.size() == 2);
}

TEST_CASE("find_nonfinite: a gradient that overflows where a broadcast is undone") {
  const Parameters<float> p;
  const auto b = weight(p, "b", Array<float>({1}, {0}));
  const Variable<float> x = Array<float>({3, 1}, {0, 0, 0});
  const auto report = find_nonfinite([&] { return sum((x + b) * 3e38); });
  CHECK(report.kind == Nonfinite::backward);
  CHECK(report.op == "add");
  CHECK(report.argument == 1u);
  CHECK(report.path == "b");
  CHECK(report.causes.at(0).name == "dy");
  CHECK(report.causes.at(0).largest);
  CHECK(report.causes.at(0).value == 3e38F);
}

TEST_CASE("find_nonfinite: the scaling of dropout, whose replay drops the same") {
  const Parameters<float> p;
  const auto w = weight(p, "w", Array<float>::full({4, 25}, 1e38F));
  const RandomKey key(3);
  const auto mask = dropout(Variable<float>(Array<float>::full({4, 25}, 1)), 0.8, key).value();
  std::size_t first = 0, kept = 0;
  for (std::size_t i = mask.size(); i-- > 0;)
    if (mask.data()[i] != 0) first = i, ++kept;
  const auto report = find_nonfinite([&] { return mean(dropout(w, 0.8, key)); });
  CHECK(report.kind == Nonfinite::forward);
  CHECK(report.op == "dropout");
  CHECK(report.index == first);
  CHECK(report.count == kept);
  CHECK(report.causes.at(0).value == 1e38F);
  CHECK(report.causes.at(0).path == "w");
}

TEST_CASE("find_nonfinite: a loss that overflows in float") {
  const Parameters<float> p;
  const auto x = weight(p, "x", Array<float>({2, 3}, {1, 2, 3, -3e38F, 3e38F, 0}));
  const auto report = find_nonfinite([&] { return softmax_cross_entropy(x * 1, Ids{0, 0}); });
  CHECK(report.kind == Nonfinite::forward);
  CHECK(report.op == "softmax_cross_entropy");
  CHECK(report.value == inf);
  CHECK(report.causes.at(0).index == 3);
  CHECK(report.causes.at(0).largest);
  CHECK(text(report) ==
        "the loss is inf: softmax_cross_entropy made inf, from argument 0 up to -3e+38 at (1, 0)");
}

TEST_CASE("find_nonfinite: a reduction that overflows") {
  const Parameters<float> p;
  const auto w = weight(p, "w", Array<float>({2, 2}, {1, 2, 3e38F, 2e38F}));
  const auto report = find_nonfinite([&] { return sum(tanh(sum(w, 1) - 1)) + log(sum(w) * 0 + 1); });
  CHECK(report.kind == Nonfinite::forward);
  CHECK(report.op == "sum");
  CHECK(report.shape == Shape{});  // the second sum: tanh hides the first
  CHECK(report.causes.at(0).value == 3e38F);
  CHECK(report.causes.at(0).index == 2);
}

TEST_CASE("find_nonfinite: the sweep's seed") {
  const Parameters<float> p;
  const auto w = weight(p, "w", Array<float>({2}, {1, 2}));
  for (const double seed : {double(inf), 1e300}) {  // no float is that large
    const auto report = find_nonfinite([&] { return sum(w); }, {.seed = seed});
    CHECK(report.kind == Nonfinite::seed);
    CHECK(report.value == inf);
    CHECK(report.loss == 3);
  }
  CHECK(find_nonfinite([&] { return sum(w); }, {.seed = 1e-300}).finite());
}

TEST_CASE("find_nonfinite: the first on the way to the loss, not the first of all") {
  const Parameters<float> p;
  const auto w = weight(p, "w", Array<float>({2}, {-1, 4}));
  const auto report = find_nonfinite([&] {
    const auto unused = log(w);  // nan, which nothing reads
    const auto hidden =
        relu(exp(w * 100) * -1 + unused * 0 - unused * 0 + 1);  // read, but by nothing that counts
    const auto two_branches = sqrt(w) + log(w + 1);             // nan from the first, -inf from the second
    const auto late = two_branches / (w - w);
    CHECK(hidden.size() == 2);
    return sum(late);
  });
  CHECK(report.kind == Nonfinite::forward);
  CHECK(report.op == "sqrt");
  CHECK(report.index == 0);
  CHECK(report.causes.at(0).value == -1);
}

TEST_CASE("find_nonfinite: an infinity that a mask needs is not blamed for a NaN beside it") {
  const Parameters<float> p;
  const auto w = weight(p, "w", Array<float>({1, 3}, {1, 2, -3}));
  const Variable<float> mask = Array<float>({3}, {0, -inf, 0});
  CHECK(find_nonfinite([&] { return sum(square(softmax(w + mask))); }).finite());
  const auto report = find_nonfinite([&] {
    const auto masked = w + mask;
    return sum(softmax(masked + log(w)));
  });
  CHECK(report.kind == Nonfinite::forward);
  CHECK(report.op == "log");
  CHECK(report.index == 2);
}

TEST_CASE("find_nonfinite: an op on constants alone, and what was detached") {
  const Parameters<float> p;
  const auto w = weight(p, "w", Array<float>({2}, {1, 2}));
  const Variable<float> data = Array<float>({2, 2}, {1, 2, 0, 4});
  const auto constants = find_nonfinite([&] { return sum(w * select(reshape(log(data), {2, 2}), 1)); });
  CHECK(constants.kind == Nonfinite::forward);
  CHECK(constants.op == "log");
  CHECK(constants.index == 2);
  const auto detached = find_nonfinite([&] { return sum(w * detach(log(w - 1))); });
  CHECK(detached.op == "log");
  CHECK(detached.index == 0);
}

TEST_CASE("find_nonfinite: an infinity forward that the loss does not show") {
  const Parameters<float> p;
  const auto w = weight(p, "w", Array<float>({2}, {1, 90}));
  const auto report = find_nonfinite([&] {
    const auto e = exp(w);
    return sum(1 / (1 + e * e));
  });
  CHECK(report.kind == Nonfinite::forward);
  CHECK(report.op == "exp");
  CHECK(report.index == 1);
  CHECK(report.harmed == "w");
  CHECK(std::isfinite(report.loss));
}

TEST_CASE("find_nonfinite: a window without any") {
  const Parameters<float> p;
  const auto w = weight(p, "w", Array<float>({2}, {1, 2}));
  const auto report = find_nonfinite([&] { return sum(square(w)); });
  CHECK(report.finite());
  CHECK(report.loss == 5);
  CHECK(text(report).find("the run is finite: the loss is 5") == 0);
  CHECK(text(report).find("not reproducible") != std::string::npos);
  std::ostringstream out;
  out << report;
  CHECK(out.str() == text(report));
}

TEST_CASE("find_nonfinite: a loss that is a parameter or a constant itself") {
  const Parameters<float> p;
  const auto w = weight(p, "w", Array<float>({1}, {not_a_number}));
  const auto parameter = find_nonfinite([&] { return w; });
  CHECK(parameter.kind == Nonfinite::parameter);
  CHECK(parameter.path == "w");
  CHECK(text(parameter) == "the loss is nan: the parameter 'w' already holds nan at (0,) of shape (1,)");
  const auto constant = find_nonfinite([] { return Variable<float>(inf); });
  CHECK(constant.kind == Nonfinite::input);
  CHECK(text(constant) == "the loss is inf: it is not computed on the tape, and holds inf");
}

TEST_CASE_TEMPLATE("find_nonfinite: in the other scalars", T, double, Complex) {
  const Parameters<T> p;
  const auto w = p.weight("w", {2}, constant(0));
  const auto forward = find_nonfinite([&] { return sum(exp(w + 1000)); });
  CHECK(forward.op == "exp");
  CHECK(forward.causes.at(0).value == 1000);
  const auto backward = find_nonfinite([&] { return sum(sqrt(w)); });
  CHECK(backward.kind == Nonfinite::backward);
  CHECK(backward.op == "sqrt");
}

TEST_CASE("find_nonfinite: inside the scope of the tape that met it, which goes on unharmed") {
  const Parameters<float> p;
  const auto w = weight(p, "w", Array<float>({2}, {0, 2}));
  const auto forward = [&] { return sum(log(w)); };
  Tape<float> tape;
  const auto loss = forward();
  const auto size = tape.size();
  CHECK(find_nonfinite(forward).op == "log");
  CHECK(tape.size() == size);
  CHECK(tape.gradient(loss)[w].data()[1] == 0.5F);
}

TEST_CASE("find_nonfinite: on several threads at once") {
  std::vector<NonfiniteReport> reports(4);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < reports.size(); ++i)
    threads.emplace_back([&reports, i] {
      const Parameters<float> p;
      auto values = Array<float>::full({8}, 1);
      values.mutable_data()[i] = 0;
      const auto w = weight(p, "w", values);
      reports[i] = find_nonfinite([&] { return sum(i % 2 == 0 ? log(w) : sqrt(w)); });
    });
  for (auto& thread : threads) thread.join();
  for (std::size_t i = 0; i < reports.size(); ++i) {
    CHECK(reports[i].op == (i % 2 == 0 ? "log" : "sqrt"));
    CHECK(reports[i].index == i);
  }
}

TEST_CASE("find_nonfinite: refuses a loss of several numbers and tokens that are not a window") {
  const Parameters<float> p;
  const auto w = weight(p, "w", Array<float>({2}, {0, 2}));
  CHECK_THROWS_WITH_AS(find_nonfinite([&] { return log(w); }),
                       "[find_nonfinite] needs a loss of one number, got shape (2,)", Error);
  CHECK_THROWS_WITH_AS(find_nonfinite([&] { return sum(w); }, {.tokens = Ids{1, 2}}),
                       "[find_nonfinite] tokens have shape (2,), expected (T, N)", Error);
}
