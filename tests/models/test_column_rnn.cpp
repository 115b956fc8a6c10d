// Reference column network, number for number: the draw, all values, and both losses with the gradients of
// every parameter and input, as an independent program found them in double.
#include <xgrad/models/column_rnn.hpp>

#include "autograd/ops/checks.hpp"
#include "models/golden.hpp"

using namespace xgrad;
using checks::distance;

namespace {

const golden::File& file() {
  static const golden::File arrays("column_rnn.json");
  return arrays;
}

// The network, and ds that are drawn after it.
struct Start {
  Parameters<double> p{1};
  ColumnRnn<double> network{p};
  Variable<double> ds = p.input("ds", {6, 1, 7}, normal(1));
};

// Of a loss called "lin" or "ce".
void check_gradients(const Start& start, const Variable<double>& loss, const Gradients<double>& gradients,
                     const std::string& name) {
  CHECK(golden::error(loss.item(), file()["loss_" + name].item()) <= 1e-12);
  for (const std::string path : {"U", "W", "V", "ba", "by", "x", "s0"}) {
    CAPTURE(path);
    CHECK(distance(gradients[start.p[path]], file()["true_grad_" + name + "_" + path]) <= 1e-12);
  }
}

}  // namespace

TEST_CASE("reference network column_rnn: the 130 drawn numbers to the bit") {
  const Start start;
  CHECK(start.p.count() == 130);
  for (const auto& x : start.p.list()) CHECK(checks::identical(x.value(), file()[x.parameter()->path]));
}

TEST_CASE("reference network column_rnn: states and outputs") {
  const Start start;
  const auto outputs = start.network.forward();
  CHECK(distance(outputs.s.value(), file()["s"]) <= 1e-12);
  CHECK(distance(softmax(outputs.z, 0).value(), file()["y"]) <= 1e-12);
}

TEST_CASE(
    "reference network column_rnn: the linear functional and its gradients, those of x and s0 included") {
  const Start start;
  Tape<double> tape;
  const auto loss = start.network.linear_functional(start.ds);
  const auto gradients = tape.gradient(loss, {.unreached = zeros});
  check_gradients(start, loss, gradients, "lin");
  CHECK(!gradients.reached(start.network.V));  // y is in no loss
  CHECK(!gradients.reached(start.network.by));
  CHECK(checks::identical(gradients[start.ds], start.network.forward().s.value()));
}

TEST_CASE("reference network column_rnn: the cross entropy and the gradients of all seven") {
  const Start start;
  Tape<double> tape;
  const auto loss = start.network.cross_entropy(start.network.targets());
  check_gradients(start, loss, tape.gradient(loss), "ce");
}

TEST_CASE_TEMPLATE("reference network column_rnn: the losses in any scalar, their steps known by name", T,
                   float, double) {
  const Parameters<T> p(1);
  const ColumnRnn<T> network(p);
  const Tape<T> tape;
  const auto linear = static_cast<double>(network.linear_functional(p.constant(file()["ds"])).item()),
             cross_entropy = static_cast<double>(network.cross_entropy(network.targets()).item());
  CHECK(golden::error(linear, file()["loss_lin"].item()) <= 16 * checks::epsilon<T>);
  CHECK(golden::error(cross_entropy, file()["loss_ce"].item()) <= 16 * checks::epsilon<T>);
  CHECK(golden::time_steps(tape) == 7);
}

TEST_CASE("reference network column_rnn: gradients of every parameter and input are proved") {
  const auto linear = checks::prove_function([](auto p) {
    const ColumnRnn network(p);
    return network.linear_functional(p.input("ds", {6, 1, 7}, normal(1)));
  });
  CHECK_MESSAGE(linear, linear);
  CHECK(linear.compared == 2 * 130);
  const auto cross_entropy = checks::prove_function([](auto p) {
    const ColumnRnn network(p);
    return network.cross_entropy(network.targets());
  });
  CHECK_MESSAGE(cross_entropy, cross_entropy);
  CHECK(cross_entropy.compared == 2 * 88);
}
