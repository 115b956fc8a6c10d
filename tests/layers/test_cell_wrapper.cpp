// CellWrapper: a wrapper of a user's own is a cell with its cell's width and initial state, in training too,
// where it may draw or not; and the library's wrappers refuse an option before they declare a parameter.
#include <xgrad/layers/cell_wrapper.hpp>

#include <xgrad/layers/lstm.hpp>
#include <xgrad/layers/residual.hpp>
#include <xgrad/layers/rnn.hpp>
#include <xgrad/layers/stack.hpp>
#include <xgrad/layers/weight_drop.hpp>
#include <xgrad/models/rnnlm.hpp>

#include "autograd/ops/checks.hpp"
#include "cells.hpp"

using namespace xgrad;
using checks::identical;
using checks::numbers;

namespace {

// Half of the output; nothing else changes.
template <class Cell>
struct Halved : CellWrapper<Halved<Cell>, Cell> {
  using CellWrapper<Halved, Cell>::CellWrapper;

  template <class X, class S>
  auto operator()(const X& x, const S& state) const {
    auto next = step(this->cell, x, state);
    next.y = 0.5 * next.y;
    return next;
  }
};

// The output is dropped, all of it alike at all steps.
template <class Cell>
struct Dropped : CellWrapper<Dropped<Cell>, Cell> {
  using CellWrapper<Dropped, Cell>::CellWrapper;
  std::optional<RandomKey> key{};

  template <class X, class S>
  auto operator()(const X& x, const S& state) const {
    auto next = step(this->cell, x, state);
    if (key) next.y = dropout(next.y, 0.5, *key);
    return next;
  }
};

const Variable<double> xs = numbers<double>({3, 2, 4});

template <class Cell>
Array<double> outputs(const Cell& cell) {
  return unroll(cell, xs, cell.zero(2)).ys.value();
}

}  // namespace

TEST_CASE("cell wrapper: a wrapper of any cell has its width and its initial state") {
  const Parameters<double> p(1);
  const Halved<cells::Nested<double>> nested(p / "nested", 4, 3);
  CHECK(nested.width() == 3);
  CHECK(nested.zero(2).fast[1].shape() == Shape({2, 2}));
  CHECK(identical(outputs(nested), (0.5 * unroll(nested.cell, xs, nested.cell.zero(2)).ys).value()));
  const Halved<Projected<Rnn<double>>> narrow(p / "narrow", 4, 3, ProjectedOptions{.width = 2});
  CHECK(narrow.width() == 2);
  CHECK(narrow.zero(5).shape() == Shape({5, 3}));  // a cell without a zero() of its own
  static_assert(std::same_as<ScalarOf<Halved<Rnn<float>>>, float>);
}

TEST_CASE("cell wrapper: in training the cell trains, a wrapper with a key has one of its own") {
  const Parameters<double> p(1);
  const RandomKey key(7);
  const Halved<Variational<Rnn<double>>> halved(p / "a", 4, 4, VariationalOptions{.input = 0.5});
  const auto noisy = for_training(halved, key);
  CHECK(noisy.cell.key == for_training(halved.cell, key).key);  // nothing else draws
  CHECK(!halved.cell.key);
  CHECK(!identical(outputs(noisy), outputs(halved)));

  const Dropped<Variational<Rnn<double>>> dropped(p / "b", 4, 4, VariationalOptions{.input = 0.5});
  const auto training = for_training(Stack<Dropped<Rnn<double>>>(p / "c", 4, 4), key);
  CHECK(training.cells[0].key == key.fold(0).fold(1));
  CHECK(for_training(dropped, key).key == key.fold(1));
  CHECK(for_training(dropped, key).cell.key == for_training(dropped.cell, key.fold(0)).key);
  CHECK(!dropped.key);
}

TEST_CASE("cell wrapper: the proof of a user's wrappers in a nest of the library's") {
  const auto report = gradcheck(
      []<class T>(const Parameters<T>& p) {
        const Residual<Halved<Zoneout<Dropped<cells::Nested<T>>>>> cell(p, 3, 3);
        const auto run = unroll(for_training(cell, RandomKey(2)), p.input("xs", {3, 2, 3}),
                                cells::input_state(p, cell.zero(2)));
        return sum(square(run.ys)) + sum(run.state.fast[1]);
      },
      {.exhaustive = true});
  CHECK_MESSAGE(report, to_string(report));
}

TEST_CASE("cell wrapper: an option that is refused leaves no parameter behind") {
  const Parameters<double> p;
  const auto check_refused = [&](auto make) {
    CHECK_THROWS_AS(make(), Error);
    CHECK(p.list().empty());
  };
  check_refused([&] { Variational<Rnn<double>>(p, 2, 2, {.output = 1}); });
  check_refused([&] { RecurrentDropout<Rnn<double>>(p, 2, 2, {.rate = 1}); });
  check_refused([&] { Zoneout<Rnn<double>>(p, 2, 2, {.rates = {0.1, -1}}); });
  check_refused([&] { WeightDrop<Rnn<double>>(p, 2, 2, {.rate = 1}); });
  check_refused([&] { Projected<Rnn<double>>(p, 2, 2, ProjectedOptions{}); });
  check_refused([&] { Stack<Rnn<double>>(p, 2, 2, {.dropout = 1}); });
  check_refused([&] { Stack<Zoneout<Rnn<double>>>(p, 2, 2, {}, ZoneoutOptions{.rates = {1}}); });
  check_refused([&] { Rnnlm<double>(p, 2, 2, 2, {.dropout = 1}); });
}
