// Best and EarlyStopping: what improves, what is kept and given back, and their states.
#include <xgrad/training/stopping.hpp>

#include <cmath>
#include <limits>

#include "autograd/ops/checks.hpp"

using namespace xgrad;
using checks::check_error;

TEST_CASE("Best: the parameters of the least loss are kept, and given back") {
  const Parameters<double> p;
  const auto w = p.weight("w", {1}, constant(0)), other = (p / "other").weight("w", {1}, constant(7));
  Best best(p);
  check_error([&] { best.restore_parameters(); }, {"[best] there are no parameters to restore"});
  CHECK(best.loss() == std::numeric_limits<double>::infinity());
  CHECK(!best(NAN));
  CHECK(!best(std::numeric_limits<double>::infinity()));
  const std::vector<double> losses = {3, 1, 2, 1, NAN};
  for (std::size_t k = 0; k < losses.size(); ++k) {
    p.assign("w", Array<double>::full({1}, static_cast<double>(k)));
    CHECK(best(losses[k]) == (k < 2));
  }
  CHECK(best.loss() == 1);
  const StateDict state = best.state();
  p.assign("other/w", Array<double>::zeros({1}));
  best.restore_parameters();
  CHECK(w.item() == 1);
  CHECK(other.item() == 7);

  Best part(p / "other");
  CHECK(part(1));
  p.assign("w", Array<double>::full({1}, 5));
  p.assign("other/w", Array<double>::full({1}, 5));
  part.restore_parameters();
  CHECK(w.item() == 5);
  CHECK(other.item() == 7);

  Best again(p);
  again.restore(state);
  CHECK(again.loss() == 1);
  CHECK(!again(1));
  again.restore_parameters();
  CHECK(w.item() == 1);
  check_error([&] { part.restore(state); }, {"unexpected: 'kept/other/w'"});
  CHECK(part.loss() == 1);
}

TEST_CASE("Best: a state from before a parameter was declared is still its own") {
  const Parameters<double> p;
  const auto w = p.weight("w", {1}, constant(1));
  Best best(p), again(p);
  CHECK(best(3));
  const auto late = p.weight("late", {1}, constant(7));
  p.assign("w", Array<double>::zeros({1}));
  again.restore(best.state());
  again.restore_parameters();
  CHECK(w.item() == 1);
  CHECK(late.item() == 7);
  CHECK(again(2));
  CHECK(again.state().contains("kept/late"));
}

TEST_CASE("EarlyStopping: stops after more than `patience` epochs without an improvement") {
  EarlyStopping stop({.patience = 2});
  const std::vector<double> losses = {5, 4, 4, NAN, 3, 3, 4};
  for (const double loss : losses) CHECK(!stop(loss));
  const StateDict state = stop.state();
  CHECK(stop(3.5));
  EarlyStopping other({.patience = 2});
  other.restore(state);
  CHECK(other(3.5));
  CHECK(!other(1));

  EarlyStopping strict({.patience = 0, .threshold = 0.1});
  CHECK(!strict(1));
  CHECK(strict(0.95));
  CHECK(!strict(0.8));
  EarlyStopping negative({.patience = 0, .threshold = 0.1});
  CHECK(!negative(-10));
  CHECK(negative(-10.5));
  CHECK(!negative(-11.5));
  check_error([] { EarlyStopping({.threshold = 1}); }, {"[early stopping] needs", "threshold, got 1"});
  check_error([&] { strict.restore(StateDict()); }, {"[early stopping]", "missing: 'bad'"});
}
