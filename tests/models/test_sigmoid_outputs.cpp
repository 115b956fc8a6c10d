// Reference sigmoid-output network, number for number, with and without biases: the draw, all values, both
// losses with their gradients, and the training curves, as an independent program found them in double.
#include <xgrad/models/sigmoid_outputs.hpp>

#include <xgrad/training/sgd.hpp>

#include "autograd/ops/checks.hpp"
#include "models/golden.hpp"

using namespace xgrad;
using checks::distance;

namespace {

const golden::File& file() {
  static const golden::File arrays("sigmoid_outputs.json");
  return arrays;
}

template <class T>
SigmoidOutputs<T> sigmoid_outputs(const Parameters<T>& p, bool biases) {
  using Biases = typename SigmoidOutputs<T>::Biases;
  return SigmoidOutputs<T>(p, biases ? Biases::with : Biases::without);
}

// The network and its data, drawn one after another.
struct Start {
  std::string name;
  Parameters<double> p;
  SigmoidOutputs<double> network;
  Variable<double> inputs, targets;

  explicit Start(bool biases) : name(biases ? "bias_" : "nobias_"), network(sigmoid_outputs(p, biases)) {
    const Parameters<double> drawn;
    sigmoid_outputs(drawn, biases);
    inputs = drawn.input("inputs", {10, 3}, uniform(0, 1)).value();
    targets = drawn.input("targets", {10, 2}, uniform(0, 1)).value();
  }
};

}  // namespace

TEST_CASE("reference network sigmoid_outputs: the drawn parameters and data to the bit") {
  for (const bool biases : {false, true}) {
    const Start start(biases);
    CHECK(start.p.count() == (biases ? 57 : 50));
    for (const auto& x : start.p.list())
      CHECK(checks::identical(x.value(), file()[start.name + "init_" + x.parameter()->path]));
    CHECK(checks::identical(start.inputs.value(), file()[start.name + "inputs"]));
    CHECK(checks::identical(start.targets.value(), file()[start.name + "targets"]));
  }
}

TEST_CASE("reference network sigmoid_outputs: values, both losses and their gradients") {
  for (const bool biases : {false, true})
    for (const std::string loss : {"sse", "bce"}) {
      const Start start(biases);
      INFO(start.name << loss);
      Tape<double> tape;
      const auto outputs = start.network.forward(start.inputs);
      CHECK(distance(outputs.s.value(), file()[start.name + "hidden"]) <= 1e-12);
      CHECK(distance(sigmoid(outputs.logits).value(), file()[start.name + "output"]) <= 1e-12);
      const auto value = loss == "sse" ? start.network.squared_loss(start.inputs, start.targets)
                                       : start.network.cross_entropy(start.inputs, start.targets);
      CHECK(golden::error(value.item(), file()[start.name + "loss_" + loss].item()) <= 1e-12);
      const auto gradients = tape.gradient(value);
      for (const auto& x : start.p.list()) {
        const std::string path = x.parameter()->path;
        CAPTURE(path);
        CHECK(distance(gradients[x], file()[start.name + "true_grad_" + loss + "_" + path]) <= 1e-12);
      }
    }
}

TEST_CASE("reference network sigmoid_outputs: training curves") {
  for (const bool biases : {false, true}) {
    const Start start(biases);
    CAPTURE(biases);
    Sgd sgd(start.p, 0.01);
    const auto losses = golden::curve(
        100, [&] { return start.network.squared_loss(start.inputs, start.targets); },
        [&](const auto& gradients) { sgd.step(gradients); });
    CHECK(golden::error(losses, file()[start.name + "curve_true"]) <= 1e-12);
    for (const auto& x : start.p.list())
      CHECK(distance(x.value(), file()[start.name + "final_true_" + x.parameter()->path]) <= 1e-12);
  }
}

TEST_CASE_TEMPLATE("reference network sigmoid_outputs: the losses in any scalar, their steps known by name",
                   T, float, double) {
  const Parameters<T> p;
  const auto network = sigmoid_outputs(p, true);
  const auto inputs = p.constant(file()["bias_inputs"]), targets = p.constant(file()["bias_targets"]);
  const Tape<T> tape;
  const auto squared = static_cast<double>(network.squared_loss(inputs, targets).item()),
             cross_entropy = static_cast<double>(network.cross_entropy(inputs, targets).item());
  CHECK(golden::error(squared, file()["bias_loss_sse"].item()) <= 16 * checks::epsilon<T>);
  CHECK(golden::error(cross_entropy, file()["bias_loss_bce"].item()) <= 16 * checks::epsilon<T>);
  CHECK(golden::time_steps(tape) == 10);
}

TEST_CASE("reference network sigmoid_outputs: gradients of every parameter and input are proved") {
  for (const bool biases : {false, true})
    for (const bool squared : {false, true}) {
      const auto report = checks::prove_function([=](auto p) {
        const auto network = sigmoid_outputs(p, biases);
        const auto inputs = p.input("inputs", {10, 3}, uniform(0, 1));
        const auto targets = p.input("targets", {10, 2}, uniform(0.1, 0.9));
        return squared ? network.squared_loss(inputs, targets) : network.cross_entropy(inputs, targets);
      });
      CHECK_MESSAGE(report, report);
      CHECK(report.compared == 2 * ((biases ? 57 : 50) + 50));
    }
}
