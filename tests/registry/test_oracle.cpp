// The values of every op, at ordinary inputs under broadcasting and at edge values, are those of NumPy and
// PyTorch: what gradcheck cannot show, as it proves the derivative of whatever value there is. The table is
// made by oracle/make.py.
#include <doctest/doctest.h>

#include <cmath>

#include <xgrad/autograd/tape.hpp>

#include "oracle/calls.hpp"
#include "oracle/table.hpp"

using namespace xgrad;
using registry::CheckedCall;

namespace {

template <class T>
registry::Inputs<T> cast(const registry::Inputs<double>& xs) {
  registry::Inputs<T> result;
  for (const auto& x : xs) result.push_back(x.value().cast<T>());
  return result;
}

// Within `relative` of the expected number, of the same sign, or both NaN or the same infinity. Near 0 an
// absolute error remains where the result is a difference of numbers of size 1, and two units of the smallest
// at the edges.
bool agrees(double y, double expected, double relative, double absolute) {
  if (std::isnan(expected)) return std::isnan(y);
  if (std::isinf(expected)) return y == expected;
  return std::abs(y - expected) <= relative * std::abs(expected) + absolute;
}

template <class T>
void check(const Array<T>& y, const Array<double>& expected, double relative, double absolute) {
  CHECK(to_string(y.shape()) == to_string(expected.shape()));
  REQUIRE(y.size() == expected.size());
  for (std::size_t i = 0; i < y.size(); ++i) {
    const double got = scalar::convert<double>(y.data()[i]), want = expected.data()[i];
    CHECK_MESSAGE(agrees(got, want, relative, absolute),
                  "element " << index_of(i, y.shape()) << " is " << got << ", expected " << want);
  }
}

}  // namespace

TEST_CASE("oracle: every op's values are those of NumPy and PyTorch") {
  const auto table = oracle::table("ops.json");
  const auto calls = oracle::calls();
  REQUIRE_MESSAGE(table.size() == calls.size(),
                  "the table is of other calls: make it anew, see oracle/make.py");
  for (std::size_t k = 0; k < calls.size(); ++k) {
    const CheckedCall& call = calls[k].call;
    const registry::Inputs<double>& inputs = calls[k].inputs;
    const bool edges = calls[k].edges;
    INFO(call.text() << std::string(edges ? ", at edge values" : ""));
    REQUIRE_MESSAGE(table[k].at("op") == call.op.name, "the table is of other calls: make it anew");
    REQUIRE_MESSAGE(table[k].at("python") == call.call.python, "the table is of other calls: make it anew");
    for (std::size_t j = 0; j < inputs.size(); ++j)
      check(inputs[j].value(), oracle::array(table[k].at("x")[j]), 0, 0);

    const Array<double> expected = oracle::array(table[k].at("y"));
    const Inference pause;
    check(call.call.f(inputs).value(), expected, 2e-15, edges ? 1e-323 : 1e-15);
    if (edges) continue;  // complex numbers overflow in other places, floats everywhere
    check(call.call.f(cast<Complex>(inputs)).value(), expected, 2e-15, 1e-15);
    check(call.call.f(cast<float>(inputs)).value(), expected, 1e-6, 1e-6);
  }
}

TEST_CASE("oracle: a value that is off by a part in 10^14 does not pass") {
  CHECK(agrees(1 + 1e-15, 1, 2e-15, 0));
  CHECK_FALSE(agrees(1 + 1e-14, 1, 2e-15, 1e-15));
  CHECK_FALSE(agrees(0, NAN, 1, 1));
  CHECK_FALSE(agrees(INFINITY, -INFINITY, 1, 1));
}
