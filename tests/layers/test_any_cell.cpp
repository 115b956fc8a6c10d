// AnyCell: what it refuses; that it computes what the cell in it computes is shown for every cell in
// test_cells.cpp.
#include <xgrad/layers/any_cell.hpp>

#include <xgrad/layers/lstm.hpp>
#include <xgrad/layers/stack.hpp>
#include <xgrad/layers/unroll.hpp>

#include "autograd/ops/checks.hpp"

using namespace xgrad;
using checks::check_error;
using checks::numbers;

TEST_CASE("any cell: a state of more or fewer parts than the cell's is refused") {
  const Parameters<double> p(1);
  const AnyCell<double> lstm(p / "lstm", 3, 4, "lstm");
  const Variable<double> x = numbers<double>({2, 3}), xs = numbers<double>({5, 2, 3}),
                         h = numbers<double>({2, 4});
  CHECK(lstm(x, {h, h}).state.size() == 2);
  check_error([&] { lstm(x, {h}); }, {"[AnyCell]", "a state of 1 parts, expected 2", "zero(N)"});
  check_error([&] { lstm(x, {}); }, {"[AnyCell]", "a state of 0 parts, expected 2"});
  check_error([&] { lstm(x, {h, h, h}); }, {"[AnyCell]", "a state of 3 parts, expected 2"});
  check_error([&] { unroll(lstm, xs, std::vector{h}); },
              {"[AnyCell]", "a state of 1 parts, expected 2", "at time step 0 of 5"});

  const AnyCell<double> stack(Stack<Lstm<double>>(p / "stack", 3, 4), 4);  // two layers of two parts
  check_error([&] { unroll(stack, xs, std::vector{h, h, h}); }, {"a state of 3 parts, expected 4"});
}

TEST_CASE("any cell: an unknown name is answered with those there are") {
  const Parameters<float> p;
  check_error([&] { AnyCell<float>(p, 3, 4, "lsmt"); }, {"[AnyCell]", "'lsmt'", "rnn, rnn_relu, lstm"});
  CHECK(p.list().empty());
}
