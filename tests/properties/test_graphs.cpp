// Random graphs of ops, differentiated in three ways that have nothing in common: by a sweep, by derivatives
// carried through complex numbers, by central differences. And the sweep in float follows that in double.
#include <numeric>

#include <xgrad/autograd/checks/gradcheck/op_proof.hpp>
#include <xgrad/autograd/derivatives.hpp>

#include "properties/holds.hpp"
#include "properties/recording.hpp"

using namespace xgrad;
using namespace properties;

namespace {

// The program as a function of its parameters a, b, c.
struct Model {
  const Program& program;

  template <class T>
  Variable<T> operator()(const Parameters<T>& p) const {
    std::vector<Variable<T>> inputs;
    for (const std::size_t shape : program.inputs)
      inputs.push_back(p.input(name_of(inputs.size()), input_shapes[shape]));
    return Execution<T>(program, inputs).result();
  }
};

double contract(const Array<double>& u, const Array<double>& v) {
  return std::inner_product(u.begin(), u.end(), v.begin(), 0.0);
}

// d<u, y> / dx by central differences of sixth order.
double difference(const Program& program, const Array<double>& u, std::vector<Array<double>> values,
                  std::size_t k, std::size_t m) {
  const double h = 3e-3, at_rest = values[k].data()[m];
  const auto f = [&](int steps) {
    values[k].mutable_data()[m] = at_rest + steps * h;
    return contract(u, Execution<double>(program, {values.begin(), values.end()}).result().value());
  };
  return (45 * (f(1) - f(-1)) - 9 * (f(2) - f(-2)) + (f(3) - f(-3))) / (60 * h);
}

}  // namespace

TEST_CASE("graphs: sweep and complex derivative and difference agree") {
  holds("agree", runs, [] {
    const Program program = *programs();
    const auto values = input_values<double>(program.inputs);
    Values by_path;
    for (std::size_t k = 0; k < values.size(); ++k) by_path.emplace(name_of(k), values[k]);
    GradcheckReport report;
    prove_ops(Model{program}, by_path, 1, report);
    if (!report) return to_string(report);

    Recording<double> recording(program);
    const Array<double> u = recording.seed();
    const auto tape = recording.gradients(u);
    auto exact = tape, differences = tape;
    for (std::size_t k = 0; k < values.size(); ++k)
      for (std::size_t m = 0; m < values[k].size(); ++m) {
        const auto v = unit_direction(values[k].shape(), m);
        exact[k].mutable_data()[m] = contract(u, jvp(Model{program}, by_path, {{name_of(k), v}}).dy);
        differences[k].mutable_data()[m] = difference(program, u, values, k, m);
      }
    const double size = largest(recording.all_gradients(u));
    double f = 0;
    for (std::size_t i = 0; i < u.size(); ++i) f += std::abs(u.data()[i] * recording.y.value().data()[i]);
    return first_of(
        {disagreement("sweep and complex derivative", tape, exact, [&](std::size_t) { return 1e-12 * size; }),
         disagreement("sweep and difference", tape, differences, [&](std::size_t k) {
           return 1e-10 * std::max(largest<double>({tape[k]}), 0.01 * std::max(1.0, f));
         })});
  });
}

TEST_CASE("graphs: float follows double") {
  holds("float follows double", runs, [] {
    const Program program = *programs();
    Recording<float> rounded(program);
    Recording<double> exact(program);
    const auto u = exact.seed();
    std::vector<Array<double>> gradients;
    for (const auto& gradient : rounded.gradients(u.cast<float>()))
      gradients.push_back(gradient.cast<double>());
    const double allowed = 1e-5 * largest(exact.all_gradients(u));
    return disagreement("float and double", gradients, exact.gradients(u),
                        [&](std::size_t) { return allowed; });
  });
}
