// Every optimizer's parameters after one step and after twenty are PyTorch's, on PyTorch's own cells: Rnn,
// Lstm and Gru under gradient descent, momentum, Adam and AdamW, the Elman cell under all others; and so are
// those of runs that are broken off and resumed. The tables are made by oracle/make.py.
#include <xgrad/layers/any_cell.hpp>
#include <xgrad/layers/unroll.hpp>
#include <xgrad/training/checkpoint.hpp>

#include "autograd/folder.hpp"
#include "autograd/ops/checks.hpp"
#include "oracle/table.hpp"
#include "training/optimizers.hpp"

using namespace xgrad;

namespace {

using Made = std::unique_ptr<Optimizer<double>>;

Made make(const std::string& name, const Parameters<double>& p, const ByParameter& by_parameter = {}) {
  const auto as = [&]<template <class> class O, class Options>(double rate, Options options) -> Made {
    options.by_parameter = by_parameter;
    return std::make_unique<O<double>>(p, rate, options);
  };
  const auto sgd = [&](double rate, const SgdOptions& o) { return as.operator()<Sgd>(rate, o); };
  const auto rmsprop = [&](const RmspropOptions& o) { return as.operator()<Rmsprop>(0.01, o); };
  const auto adam = [&](const AdamOptions& o) { return as.operator()<Adam>(0.02, o); };
  if (name == "sgd") return sgd(0.3, {});
  if (name == "momentum") return sgd(0.1, {.momentum = 0.9});
  if (name == "decay") return sgd(0.3, {.weight_decay = 0.1});
  if (name == "dampening") return sgd(0.1, {.momentum = 0.8, .dampening = 0.3, .weight_decay = 0.05});
  if (name == "nesterov") return sgd(0.1, {.momentum = 0.9, .weight_decay = 0.1, .nesterov = true});
  if (name == "adagrad")
    return as.operator()<Adagrad>(0.1,
                                  AdagradOptions{.rate_decay = 0.01, .initial = 0.2, .weight_decay = 0.1});
  if (name == "rmsprop") return rmsprop({.weight_decay = 0.1});
  if (name == "rmsprop_momentum") return rmsprop({.momentum = 0.7});
  if (name == "rmsprop_centered") return rmsprop({.alpha = 0.9, .momentum = 0.5, .centered = true});
  if (name == "adam") return adam({});
  if (name == "adam_decay") return adam({.beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-4, .weight_decay = 0.1});
  if (name == "adamw") return as.operator()<AdamW>(0.02, AdamWOptions{.weight_decay = 0.1});
  if (name == "rprop")
    return std::make_unique<Rprop<double>>(
        p, RpropOptions{.initial = 0.01, .min_step = 1e-6, .max_step = 50, .classical = true});
  throw Error("test", "there is no optimizer '" + name + "'");
}

// The model of resumed.json, with one of its optimizers: a table E of which few rows are read in a step, and
// parameters that are frozen for a time or join later. Each has a scope of its own, as freeze() takes scopes.
struct Resumed {
  const nlohmann::json& row;
  Parameters<double> p;
  Made optimizer;

  // As it is after `step`, but for the elements, which are those of `values` where there are some, and the
  // optimizer's state.
  Resumed(const nlohmann::json& row_, int step, const Values& values) : row(row_), p(values) {
    for (const char* path : {"E", "W", "v", "c"}) declare(path);
    if (step >= joins()) declare("u");
    const auto factors = [this](std::string_view path, const Shape&) {
      const auto found = row.at("factors").find(path.substr(0, 1));
      if (found == row.at("factors").end()) return ParameterFactors{};
      return ParameterFactors{.rate = found->at(0).get<double>(), .weight_decay = found->at(1).get<double>()};
    };
    optimizer = make(row.at("optimizer"), p, factors);
  }

  int joins() const { return row.at("joins").at("u"); }
  void declare(const std::string& path) const {
    (void)(p / path).weight("w", oracle::shape(row.at("start").at(path)));
  }
  const Variable<double>& operator[](const std::string& path) const { return p[path + "/w"]; }

  void make_step(int step) {
    if (step == joins()) declare("u");
    auto* const rated = dynamic_cast<RatedOptimizer<double>*>(optimizer.get());
    if (step == row.at("slower") && rated != nullptr) rated->set_rate(rated->rate() / 2);
    for (const auto& [path, steps] : row.at("frozen").items())
      std::find(steps.begin(), steps.end(), step) != steps.end() ? freeze(p / path) : unfreeze(p / path);
    const auto ids = row.at("ids").at(static_cast<std::size_t>(step) - 1).get<std::vector<Ids::value_type>>();
    const Variable<double> targets = oracle::array(row.at("targets"));
    Tape<double> tape;
    auto y = tanh(matmul(take((*this)["E"], Ids(ids)), (*this)["W"]) + (*this)["v"]) * (*this)["c"];
    if (step >= joins()) y = y + (*this)["u"];
    optimizer->step(tape.gradient(sum(square(y - targets)) / 3));
  }
};

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

// Once by state(), and once by a file; rows of E are behind at some of the breaks.
TEST_CASE("oracle: runs that are resumed go on as PyTorch's do") {
  const xgrad::testing::Folder folder;
  std::size_t compared = 0, breaks_with_rows_behind = 0;
  for (const auto& row : oracle::table("resumed.json"))
    for (const bool by_file : {false, true}) {
      CAPTURE(row.at("optimizer").get<std::string>());
      CAPTURE(row.at("factors").dump());
      CAPTURE(by_file);
      Values start;
      for (const auto& [path, value] : row.at("start").items())
        start.emplace(path + "/w", oracle::array(value));
      auto run = std::make_unique<Resumed>(row, 0, start);
      for (int step = 1; step <= 20; ++step) {
        run->make_step(step);
        const auto& breaks = row.at("breaks");
        if (std::find(breaks.begin(), breaks.end(), step) != breaks.end()) {
          const StateDict state = run->optimizer->state();
          if (state.contains("updated/E/w")) ++breaks_with_rows_behind;
          auto values = start;
          std::unique_ptr<Resumed> next;
          if (by_file) {
            Checkpoint(folder / "run").keep("p", run->p).keep("optimizer", *run->optimizer).save();
            next = std::make_unique<Resumed>(row, step, start);
            CHECK(Checkpoint(folder / "run").keep("p", next->p).keep("optimizer", *next->optimizer).load());
          } else {
            for (const auto& [path, value] : run->p.values()) values[path] = value;
            next = std::make_unique<Resumed>(row, step, values);
            next->optimizer->restore(state);
          }
          run = std::move(next);
        }
        const auto expected = row.find("after " + std::to_string(step));
        if (expected == row.end()) continue;
        CHECK(expected->size() == run->p.list().size());
        for (const auto& item : expected->items()) {
          const std::string& path = item.key();
          CAPTURE(step);
          CAPTURE(path);
          CHECK(checks::distance((*run)[path].value(), oracle::array(item.value())) < 1e-12);
          ++compared;
        }
      }
    }
  CHECK(compared == 2 * 20 * (3 * 4 + 2 * 5));
  CHECK(breaks_with_rows_behind >= 2 * 2 * 10);
}
