// That a tape under a watcher computes what an ordinary one does, what the watcher is shown, and what it may
// replace.
#include <xgrad/autograd/watcher.hpp>

#include <cmath>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/ops/identities.hpp>
#include <xgrad/autograd/tape.hpp>

using namespace xgrad;

namespace {

class Notes : public Watcher<double> {
 public:
  Array<double> value(const Op& op, std::uint32_t node, const Array<double>& y,
                      std::span<const WatchedInput<double>> inputs) override {
    std::string note = op.name();
    for (const auto& input : inputs) note += input.node == no_node ? " constant" : " taped";
    forward.push_back(note + (node == no_node ? " -> constant" : " -> taped"));
    return y;
  }
  void contribution(std::uint32_t, std::uint32_t, std::uint32_t argument, const Array<double>& dy,
                    const GradientSum<double>& dx) override {
    contributions.push_back(std::to_string(argument) + (dx.dense() != nullptr ? " dense" : " sparse") +
                            to_string(dy.shape()));
  }
  Gradient<double> gradient(std::uint32_t, Gradient<double> dy, bool leaf) override {
    if (leaf) leaves.push_back(std::holds_alternative<Array<double>>(dy) ? "dense" : "sparse");
    return dy;
  }
  std::vector<std::string> forward, contributions, leaves;
};

}  // namespace

TEST_CASE("Watcher: sees ops on constants too, each vjp's contribution, and the gradients of leaves") {
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

TEST_CASE("Watcher: the gradients are those of an ordinary tape") {
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

TEST_CASE("Watcher: the program goes on with the value and the gradient that it returns") {
  struct Replace : Watcher<double> {
    Array<double> value(const Op& op, std::uint32_t, const Array<double>& y,
                        std::span<const WatchedInput<double>>) override {
      return op == ops::exp ? Array<double>::full(y.shape(), 5) : y;
    }
    Gradient<double> gradient(std::uint32_t node, Gradient<double> dy, bool leaf) override {
      if (node == of_square) return Array<double>::full(std::get<Array<double>>(dy).shape(), 7);
      if (leaf) std::get<Array<double>>(dy) = std::get<Array<double>>(dy) * 100;
      return dy;
    }
    std::uint32_t of_square = no_node;
  } replace;
  Tape<double> tape(replace);
  const auto x = tape.leaf(Array<double>({2}, {0, 1}));
  const auto y = exp(x);  // 5, whatever x is
  CHECK(y.value().data()[0] == 5);
  CHECK(exp(Variable<double>(1.0)).item() == 5);  // of constants, too
  const auto z = square(y);
  CHECK(z.value().data()[1] == 25);
  replace.of_square = tape.node(z);
  const Array<double> dx = tape.gradient(sum(z))[x];
  CHECK(dx.data()[0] ==
        doctest::Approx(100 * 7 * 2 * 5 * 1.0));  // e^0: the vjp has the value that the op made
  CHECK(dx.data()[1] == doctest::Approx(100 * 7 * 2 * 5 * std::exp(1.0)));
}

TEST_CASE("Watcher: one that looks at no elements leaves the ops fused") {
  struct Count : Watcher<double> {
    bool looks_at_elements() const override { return false; }
    Array<double> value(const Op& op, std::uint32_t, const Array<double>& y,
                        std::span<const WatchedInput<double>>) override {
      products += op.kind() == OpKind::product ? 1 : 0;
      return y;
    }
    void sweep_begins() override { ++sweeps; }
    void done(std::uint32_t, bool freed) override { (freed ? freed_nodes : kept_nodes) += 1; }
    int products = 0, sweeps = 0, freed_nodes = 0, kept_nodes = 0;
  } count;
  Tape<double> tape(count);
  const auto xs = tape.leaf(Array<double>::full({5, 2, 3}, 1)), W = tape.leaf(Array<double>::full({3, 2}, 1));
  Variable<double> total = 0.0;
  for (std::ptrdiff_t t = 0; t < 5; ++t) total += sum(matmul(select(xs, t), W));
  CHECK(count.products == 1);
  (void)tape.gradient(total, {.keep = true});
  CHECK(count.kept_nodes == static_cast<int>(tape.size()));
  (void)tape.gradient(total);
  CHECK(count.freed_nodes == static_cast<int>(tape.size()));
  CHECK(count.sweeps == 2);
}

TEST_CASE(
    "Watcher: a value or gradient of another shape is refused, rows of an intermediate are made dense") {
  struct Wrong : Watcher<double> {
    Array<double> value(const Op& op, std::uint32_t, const Array<double>& y,
                        std::span<const WatchedInput<double>>) override {
      return op == ops::exp ? Array<double>::zeros({7}) : y;
    }
    Gradient<double> gradient(std::uint32_t node, Gradient<double> dy, bool leaf) override {
      if (leaf && wrong_leaf) return Array<double>::zeros({7});
      if (node == sparse) return RowSparse<double>{{2}, Ids{1}, Array<double>({1}, {3})};
      return dy;
    }
    bool wrong_leaf = false;
    std::uint32_t sparse = no_node;
  } wrong;
  Tape<double> tape(wrong);
  const auto x = tape.leaf(Array<double>({2}, {1, 2}));
  CHECK_THROWS_WITH_AS(
      exp(x), "[exp] the watcher returned a value of shape (7,), expected that of the op's, (2,)", Error);
  const auto y = square(x);
  wrong.sparse = tape.node(y);
  const Array<double> dx = tape.gradient(sum(y), {.keep = true})[x];
  CHECK(dx.data()[0] == 0);
  CHECK(dx.data()[1] == 3 * 2 * 2);
  wrong.wrong_leaf = true;
  CHECK_THROWS_WITH_AS(
      tape.gradient(sum(y)),
      "[leaf] the watcher returned a gradient of shape (7,), expected that of the value, (2,)", Error);
}
