// Arrays in the place of variables: the same as constants, on either side.
#include <xgrad/autograd/ops/array_operands.hpp>

#include "autograd/ops/checks.hpp"

using namespace xgrad;

TEST_CASE_TEMPLATE("array operands: are constants beside a variable", T, float, double, Complex) {
  Tape<T> tape;
  const Array<T> a({2}, {T(2), T(3)});
  const auto x = tape.leaf(Array<T>({2}, {T(1), T(4)}));
  const Variable<T> c = a;
  const auto same = [](const Variable<T>& y, const Variable<T>& z) {
    return checks::identical(y.value(), z.value());
  };
  CHECK(same(dot(x, a), dot(x, c)));
  CHECK(same(dot(a, x), dot(c, x)));
  CHECK(same(outer(a, x), outer(c, x)));
  CHECK(same(maximum(x, a), maximum(x, c)));
  CHECK(same(minimum(a, x), minimum(c, x)));
  CHECK(same(pow(a, x), pow(c, x)));
  CHECK(same(squared_error(x, a), squared_error(x, c)));
  CHECK(same(absolute_error(x, a, Reduction::none), absolute_error(x, c, Reduction::none)));
  CHECK(same(huber(x, a, 0.5), huber(x, c, 0.5)));
  CHECK(same(binary_cross_entropy_with_logits(x, a / 4), binary_cross_entropy_with_logits(x, c / 4)));
  CHECK(same(where({1, 0}, x, a), where({1, 0}, x, c)));
  CHECK(same(where({1, 0}, a, x), where({1, 0}, c, x)));
  const Array<T> W({2, 2}, {T(1), T(2), T(3), T(4)});
  CHECK(same(matmul(W, x), matmul(Variable<T>(W), x)));
  const auto y = matmul(x, W, Transpose::second);
  CHECK(same(y, matmul(x, Variable<T>(W), Transpose::second)));
  CHECK(checks::identical(tape.gradient(sum(y))[x], Array<T>({2}, {T(4), T(6)})));
}
