// The cell protocol: both forms of a cell step alike, and the initial state is the cell's own or zeros of its
// width.
#include <xgrad/layers/cell.hpp>

#include "autograd/ops/checks.hpp"

using namespace xgrad;
using checks::identical;
using checks::numbers;

namespace {

// Output and state are one variable.
struct Plain {
  template <class T>
  Variable<T> operator()(const Variable<T>& x, const Variable<T>& h) const {
    return x + 2 * h;
  }
};

template <class T>
struct Counted {
  Variable<T> h, steps;
};
template <class T>
Counted(Variable<T>, Variable<T>) -> Counted<T>;

// The output differs from the state, which is a struct; it starts at ones.
struct Counting {
  template <class T>
  auto operator()(const Variable<T>& x, const Counted<T>& s) const {
    const auto h = x * s.h;
    return Step{h - 1, Counted{h, s.steps + 1}};
  }
  auto zero(std::size_t N) const {
    return Counted{Variable<double>(Array<double>::full({N, 2}, 1)),
                   Variable<double>(Array<double>::zeros({N, 1}))};
  }
};

}  // namespace

TEST_CASE_TEMPLATE("cell: a cell of one variable gives it as output and state", T, float, double) {
  const Variable<T> x = numbers<T>({2, 3}), h = numbers<T>({2, 3}, -1, 1, 2);
  const auto next = step(Plain(), x, h);
  CHECK(identical(next.y.value(), (x + 2 * h).value()));
  CHECK(identical(next.state.value(), next.y.value()));
}

TEST_CASE("cell: a cell of a struct gives what it returns") {
  const Variable<double> x = numbers<double>({3, 2});
  const Counting cell;
  const auto next = step(cell, x, cell.zero(3));
  CHECK(identical(next.y.value(), (x - 1).value()));
  CHECK(identical(next.state.h.value(), x.value()));
  CHECK(identical(next.state.steps.value(), Array<double>::full({3, 1}, 1)));
  const auto again = step(cell, x, next.state);
  CHECK(identical(again.state.h.value(), (x * x).value()));
  CHECK(again.state.steps.value().data()[2] == 2);
}

TEST_CASE("cell: gradients of both forms") {
  CHECK(checks::prove_function([](auto p) {
    const auto next = step(Plain(), p.input("x", {2, 3}), p.input("h", {2, 3}));
    return next.y * next.state;
  }));
  CHECK(checks::prove_function([](auto p) {
    const auto x = p.input("x", {2, 2});
    const auto next = step(Counting(), x, Counted{p.input("h", {2, 2}), p.input("steps", {2, 1})});
    return next.y * next.state.h + next.state.steps;
  }));
}

TEST_CASE_TEMPLATE("cell: the initial state is zeros of the given width", T, float, double) {
  const auto zero = zero_state<T>(Plain(), 3, 5);
  checks::check_elements(zero.value(), {3, 5}, 0, [](std::size_t) { return 0; });
}

TEST_CASE("cell: a cell may bring its own initial state") {
  const auto state = zero_state<double>(Counting(), 3, 5);
  CHECK(to_string(state.h.shape()) == "(3, 2)");
  CHECK(state.h.value().data()[5] == 1);
  CHECK(to_string(state.steps.shape()) == "(3, 1)");
}
