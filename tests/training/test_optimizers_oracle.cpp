// Every optimizer's parameters after one step and after twenty are PyTorch's, on PyTorch's own cells: Rnn,
// Lstm and Gru under gradient descent, momentum, Adam and AdamW, the Elman cell under all others. The table
// is made by oracle/make.py.
#include <xgrad/layers/any_cell.hpp>
#include <xgrad/layers/unroll.hpp>

#include "autograd/ops/checks.hpp"
#include "oracle/table.hpp"
#include "training/optimizers.hpp"

using namespace xgrad;

namespace {

using Made = std::unique_ptr<Optimizer<double>>;

Made make(const std::string& name, const Parameters<double>& p) {
  const auto sgd = [&](double rate, const SgdOptions& options) -> Made {
    return std::make_unique<Sgd<double>>(p, rate, options);
  };
  const auto rmsprop = [&](const RmspropOptions& options) -> Made {
    return std::make_unique<Rmsprop<double>>(p, 0.01, options);
  };
  if (name == "sgd") return sgd(0.3, {});
  if (name == "momentum") return sgd(0.1, {.momentum = 0.9});
  if (name == "decay") return sgd(0.3, {.weight_decay = 0.1});
  if (name == "dampening") return sgd(0.1, {.momentum = 0.8, .dampening = 0.3, .weight_decay = 0.05});
  if (name == "nesterov") return sgd(0.1, {.momentum = 0.9, .weight_decay = 0.1, .nesterov = true});
  if (name == "adagrad")
    return std::make_unique<Adagrad<double>>(
        p, 0.1, AdagradOptions{.rate_decay = 0.01, .initial = 0.2, .weight_decay = 0.1});
  if (name == "rmsprop") return rmsprop({.weight_decay = 0.1});
  if (name == "rmsprop_momentum") return rmsprop({.momentum = 0.7});
  if (name == "rmsprop_centered") return rmsprop({.alpha = 0.9, .momentum = 0.5, .centered = true});
  if (name == "adam") return std::make_unique<Adam<double>>(p, 0.02);
  if (name == "adam_decay")
    return std::make_unique<Adam<double>>(
        p, 0.02, AdamOptions{.beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-4, .weight_decay = 0.1});
  if (name == "adamw") return std::make_unique<AdamW<double>>(p, 0.02, AdamWOptions{.weight_decay = 0.1});
  if (name == "rprop")
    return std::make_unique<Rprop<double>>(
        p, RpropOptions{.initial = 0.01, .min_step = 1e-6, .max_step = 50, .classical = true});
  throw Error("test", "there is no optimizer '" + name + "'");
}

}  // namespace

TEST_CASE("oracle: the parameters after twenty steps are those of PyTorch's optimizers") {
  std::size_t compared = 0;
  for (const auto& row : oracle::table("optimizers.json")) {
    const auto cell_name = row.at("cell").get<std::string>(),
               optimizer_name = row.at("optimizer").get<std::string>();
    CAPTURE(cell_name);
    CAPTURE(optimizer_name);
    Values start;
    for (const auto& [path, value] : row.at("start").items()) start.emplace(path, oracle::array(value));
    const Parameters<double> p(start);
    const AnyCell<double> cell(p, 2, 3, cell_name);
    const auto optimizer = make(optimizer_name, p);
    const Variable<double> xs = oracle::array(row.at("xs")), targets = oracle::array(row.at("targets"));
    for (int step = 1; step <= 20; ++step) {
      Tape<double> tape;
      const auto ys = unroll(cell, xs, cell.zero(3)).ys;
      optimizer->step(tape.gradient(sum(square(ys - targets)) / 12));
      const auto expected = row.find("after " + std::to_string(step));
      if (expected == row.end()) continue;
      for (const auto& x : p.list()) {
        CAPTURE(x.parameter()->path);
        CHECK(checks::distance(x.value(), oracle::array(expected->at(x.parameter()->path))) < 1e-12);
        ++compared;
      }
    }
  }
  CHECK(compared == 2 * (13 * 3 + 4 * 3 + 4 * 4));
}
