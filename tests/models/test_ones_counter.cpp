// Reference ones counter, number for number: the data, states, losses and gradients at five points, and three
// descents, as an independent program found them in double.
#include <xgrad/models/ones_counter.hpp>

#include <xgrad/training/rprop.hpp>
#include <xgrad/training/sgd.hpp>

#include "autograd/ops/checks.hpp"
#include "models/golden.hpp"

using namespace xgrad;
using checks::distance;

namespace {

const golden::File& file() {
  static const golden::File arrays("ones_counter.json");
  return arrays;
}

struct Training {
  Parameters<double> p;
  OnesCounter<double> network;
  Variable<double> X = network.sequences(), targets = network.targets();

  Training(double wx, double wRec) : network(p, wx, wRec) {}
  Variable<double> loss() const { return network.loss(X, targets); }
  Array<double> weights() const { return Array<double>({2}, {network.wx.item(), network.wRec.item()}); }
};

}  // namespace

TEST_CASE("reference network ones_counter: the drawn sequences to the bit") {
  const auto X = OnesCounter<double>::sequences(), targets = OnesCounter<double>::targets();
  CHECK(checks::identical(X.value(), file()["X"]));
  CHECK(checks::identical(targets.value(), file()["target"]));
  CHECK(sum(X).item() == 506);
  CHECK(min(targets).item() == 2);
  CHECK(max(targets).item() == 8);
}

TEST_CASE("reference network ones_counter: states, losses and gradients at five points") {
  for (const std::string point : {"p0", "p1", "p2", "p3", "p4"}) {
    CAPTURE(point);
    const Training training(file()[point + "_w"].data()[0], file()[point + "_w"].data()[1]);
    Tape<double> tape;
    const auto states = training.network.states(training.X, tape.leaf(Array<double>::zeros({100})));
    const auto loss = squared_error(states.back(), training.targets);
    CHECK(training.loss().item() == loss.item());
    CHECK(golden::error(loss.item(), file()[point + "_loss"].item()) <= 1e-12);
    const auto gradients = tape.gradient(loss, {.of = states});
    CHECK(golden::error({gradients[training.network.wx].item(), gradients[training.network.wRec].item()},
                        file()[point + "_true_grad"]) <= 1e-12);
    if (point != "p2" && point != "p4") continue;  // the states of the others are not kept

    std::vector<Variable<double>> state_gradients;
    for (const auto& S : states) state_gradients.push_back(gradients[S]);
    CHECK(distance(stack(states, 1).value(), file()[point + "_S"]) <= 1e-12);
    CHECK(distance(stack(state_gradients, 1).value(), file()[point + "_true_state_grad"]) <= 1e-12);
  }
}

TEST_CASE_TEMPLATE("reference network ones_counter: the loss in any scalar, its steps known by name", T,
                   float, double) {
  const Parameters<T> p;
  const OnesCounter<T> network(p, 1.2, 1.2);
  const Tape<T> tape;
  const double loss = static_cast<double>(network.loss(network.sequences(), network.targets()).item());
  CHECK(golden::error(loss, file()["p1_loss"].item()) <= 8 * checks::epsilon<T>);
  CHECK(golden::time_steps(tape) == 10);
}

TEST_CASE("reference network ones_counter: the loss of counting is exactly 0") {
  CHECK(Training(1, 1).loss().item() == 0);
}

TEST_CASE("reference network ones_counter: two gradient descents") {
  for (const auto& [key, wx, wRec, rate, steps] :
       {std::tuple{"gd_a", 0.5, 0.8, 1e-4, std::size_t{2000}}, {"gd_b", 1.2, 1.2, 1e-5, std::size_t{500}}}) {
    const std::string name = key;  // a binding cannot be captured
    CAPTURE(name);
    Training training(wx, wRec);
    Sgd sgd(training.p, rate);
    const auto losses = golden::curve(
        steps, [&] { return training.loss(); }, [&](const auto& gradients) { sgd.step(gradients); });
    CHECK(golden::error(losses, file()["curve_" + name]) <= 1e-12);
    CHECK(distance(training.weights(), file()["final_" + name + "_w"]) <= 1e-12);
  }
}

// The sign of a gradient near zero decides a whole step: rounding could part the curves, but does not.
TEST_CASE("reference network ones_counter: the sign rule, resilient propagation") {
  Training training(-1.5, 2.0);
  Rprop rprop(training.p, {.initial = 1e-3, .increase = 1.2, .decrease = 0.5});
  const auto losses = golden::curve(
      500, [&] { return training.loss(); }, [&](const auto& gradients) { rprop.step(gradients); });
  CHECK(golden::error(losses, file()["curve_rprop"]) <= 1e-12);
  CHECK(distance(training.weights(), file()["final_rprop_w"]) <= 1e-12);
}

TEST_CASE("reference network ones_counter: gradients of every parameter and input are proved") {
  const auto report = checks::prove_function([](auto p) {
    const OnesCounter network(p);
    return network.loss(p.input("X", {4, 10}), p.input("targets", {4}));
  });
  CHECK_MESSAGE(report, report);
  CHECK(report.compared == 2 * (2 + 40 + 4));
}
