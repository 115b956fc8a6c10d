// Reference step classifier, number for number: the draw, all values of both variants, their gradients and
// training curves, as an independent program found them in double.
#include <xgrad/models/step_classifier.hpp>

#include <cctype>

#include <xgrad/training/sgd.hpp>

#include "autograd/ops/checks.hpp"
#include "models/golden.hpp"

using namespace xgrad;
using checks::distance;
using Variant = StepClassifier<double>::Variant;

namespace {

const golden::File& file() {
  static const golden::File arrays("step_classifier.json");
  return arrays;
}

const std::vector<std::string> paths = {"Wx", "Wh", "bh", "Wy", "by"};

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(c));
  return text;
}

std::string name_of(Variant variant) { return variant == Variant::a ? "a" : "h"; }

Variable<double> loss_of(const StepClassifier<double>& network) {
  return network.loss(network.inputs(), network.targets());
}

// The loss for inputs that are checked, too.
template <class T>
Variable<T> step_classifier(const Parameters<T>& p, bool standard) {
  using V = typename StepClassifier<T>::Variant;
  const StepClassifier<T> network(p, standard ? V::h : V::a);
  return network.loss(p.input("x", {3, 4, 1}), network.targets());
}

}  // namespace

TEST_CASE("reference network step_classifier: the drawn parameters to the bit") {
  const Parameters<double> p;
  const StepClassifier network(p);
  CHECK(p.count() == 40);
  for (const auto& path : paths) CHECK(checks::identical(p[path].value(), file()["init_" + lower(path)]));
  CHECK(checks::identical(network.inputs().value().reshaped({3, 4}), file()["x"]));
  const auto targets = one_hot<double>(network.targets(), 4).value();
  CHECK(checks::identical(targets, file()["target"]));
}

TEST_CASE("reference network step_classifier: values and gradients of both variants") {
  for (const auto variant : {Variant::a, Variant::h}) {
    const std::string name = name_of(variant);
    CAPTURE(name);
    const Parameters<double> p;
    const StepClassifier<double> network(p, variant);
    Tape<double> tape;
    const auto outputs = network.forward(network.inputs());
    const auto loss = loss_of(network);
    CHECK(distance(outputs.a.value().reshaped({3, 3}), file()[name + "_preact"]) <= 1e-12);
    CHECK(distance(outputs.h.value().reshaped({3, 3}), file()[name + "_hidden"]) <= 1e-12);
    CHECK(distance(outputs.logits.value().reshaped({3, 4}), file()[name + "_logits"]) <= 1e-12);
    CHECK(distance(softmax(squeeze(outputs.logits, -1)).value(), file()[name + "_prob"]) <= 1e-12);
    CHECK(golden::error(loss.item(), file()[name + "_loss"].item()) <= 1e-12);
    const auto gradients = tape.gradient(loss);
    for (const auto& path : paths) {
      CAPTURE(path);
      CHECK(distance(gradients[p[path]], file()[name + "_true_grad_" + lower(path)]) <= 1e-12);
    }
  }
}

TEST_CASE("reference network step_classifier: training curves of both variants at both rates") {
  for (const auto variant : {Variant::a, Variant::h})
    for (const auto& [rate, steps, suffix] :
         {std::tuple{0.001, std::size_t{100}, "_lr0.001_100"}, {0.1, std::size_t{1000}, "_lr0.1_1000"}}) {
      const std::string key = name_of(variant) + suffix;
      CAPTURE(key);
      Parameters<double> p;
      const StepClassifier<double> network(p, variant);
      Sgd sgd(p, rate);
      const auto losses = golden::curve(
          steps, [&] { return loss_of(network); }, [&](const auto& gradients) { sgd.step(gradients); });
      CHECK(golden::error(losses, file()["curve_true_" + key]) <= 1e-12);
      for (const auto& path : paths)
        CHECK(distance(p[path].value(), file()["final_true_" + key + "_" + lower(path)]) <= 1e-12);
    }
}

TEST_CASE_TEMPLATE("reference network step_classifier: the loss in any scalar, its steps known by name", T,
                   float, double) {
  for (const auto variant : {StepClassifier<T>::Variant::a, StepClassifier<T>::Variant::h}) {
    const Parameters<T> p;
    const StepClassifier<T> network(p, variant);
    const Tape<T> tape;
    const double loss = static_cast<double>(network.loss(network.inputs(), network.targets()).item());
    const auto& want = file()[variant == StepClassifier<T>::Variant::a ? "a_loss" : "h_loss"];
    CHECK(golden::error(loss, want.item()) <= 8 * checks::epsilon<T>);
    CHECK(golden::time_steps(tape) == 3);
  }
}

TEST_CASE("reference network step_classifier: gradients of every parameter and input are proved") {
  for (const bool standard : {false, true}) {
    const auto report = checks::prove_function([=](auto p) { return step_classifier(p, standard); });
    CHECK_MESSAGE(report, report);
    CHECK(report.compared == 2 * (40 + 12));
  }
}
