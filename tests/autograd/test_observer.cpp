// That a tape under an observer computes what an ordinary one does, and what the observer is shown.
#include <xgrad/autograd/observer.hpp>

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/tape.hpp>

using namespace xgrad;

namespace {

class Notes : public Observer<double> {
 public:
  void see(const char* op, std::uint32_t output, const Array<double>&,
           std::span<const ObservedInput<double>> inputs) override {
    std::string note = op;
    for (const auto& input : inputs) note += input.node == no_node ? " constant" : " taped";
    forward.push_back(note + (output == no_node ? " -> constant" : " -> taped"));
  }
  void see_contribution(std::uint32_t, std::uint32_t, std::uint32_t argument, const Array<double>& dy,
                        const GradientSum<double>& dx) override {
    contributions.push_back(std::to_string(argument) + (dx.dense() != nullptr ? " dense" : " sparse") +
                            to_string(dy.shape()));
  }
  void see_gradient(std::uint32_t, const Gradient<double>& gradient, bool leaf) override {
    if (leaf) leaves.push_back(std::holds_alternative<Array<double>>(gradient) ? "dense" : "sparse");
  }
  std::vector<std::string> forward, contributions, leaves;
};

}  // namespace

TEST_CASE("Observer: sees ops on constants too, each vjp's contribution, and the gradients of leaves") {
  Notes notes;
  Tape<double> tape(notes);
  const auto table = tape.leaf(Array<double>({3, 2}, {1, 2, 3, 4, 5, 6}));
  const Variable<double> constant = Array<double>({2}, {1, 2});
  const auto rows = take(table, Ids{2, 2});
  tape.gradient(sum(rows * exp(constant)));
  const std::vector<std::string> forward{"take taped -> taped", "exp constant -> constant",
                                         "multiply taped constant -> taped", "sum taped -> taped"};
  CHECK(notes.forward == forward);
  const std::vector<std::string> contributions{"0 dense()", "0 dense(2, 2)", "0 sparse(2, 2)"};
  CHECK(notes.contributions == contributions);
  CHECK(notes.leaves == std::vector<std::string>{"sparse"});
}

TEST_CASE("Observer: the gradients are those of an ordinary tape") {
  const Array<double> numbers({2, 3}, {1, -2, 3, 0.5, 0, -1});
  const auto f = [](const Variable<double>& x) {  // slices add in place, x is used by many ops
    const auto rows = select(x, 0) * select(x, 1) + sum(x, 0);
    return sum(square(tanh(rows)) * slice(x, 0, 1) + take(x, Ids{1, 1, 0}));
  };
  Tape<double> plain;
  const auto x = plain.leaf(numbers);
  const Array<double> expected = plain.gradient(f(x))[x];
  Notes notes;
  Tape<double> watched(notes);
  const auto z = watched.leaf(numbers);
  const Array<double> gradient = watched.gradient(f(z))[z];
  for (std::size_t i = 0; i < numbers.size(); ++i)
    CHECK(gradient.data()[i] == doctest::Approx(expected.data()[i]).epsilon(1e-15));
}
