// The sweep; see sweep.hpp.
#include <xgrad/autograd/checks/audit/sweep.hpp>

#include <algorithm>
#include <cmath>

#include <xgrad/autograd/ops/identities.hpp>

namespace xgrad::auditing {

namespace {

using Numbers = Array<Complex>;
constexpr double nudge = 1e-8;  // relative error that sensitivities are measured with

void add_to(Numbers& sum, const Numbers& part) { sum = sum.size() == 0 ? part : sum + part; }

class Sweep {
 public:
  Sweep(const Recording& recording, const Changes& changes, Random* random)
      : recording_(recording), changes_(changes), random_(random), terms_(recording.paths().size()) {
    for (Terms& terms : terms_) terms.of_step.resize(recording.steps() + 1, Array<double>());
    for (const auto& change : changes)
      if (change->crossings) crossings_ = change->crossings;
    dy_.resize((crossings_ ? *crossings_ + 1 : 1) * recording.ops().size());
  }

  std::vector<Terms> run() {
    const auto& ops = recording_.ops();
    const RecordedOp& loss = ops[recording_.loss()];
    dy_[place(recording_.loss(), 0)] = Numbers::full(loss.y.shape(), 1.0);
    const std::size_t ages = crossings_ ? *crossings_ + 1 : 1;
    for (std::size_t i = recording_.loss() + 1; i-- > 0;)
      for (std::size_t age = 0; age < ages; ++age) {
        Numbers dy = std::move(dy_[place(i, age)]);
        if (dy.size() == 0) continue;
        for (const auto& change : changes_)
          if (const auto found = change->outputs.find(i); found != change->outputs.end())
            dy = found->second(dy);
        for (std::size_t j = 0; j < ops[i].inputs.size(); ++j) follow(i, j, dy, age);
      }
    return std::move(terms_);
  }

 private:
  // Gradients are kept apart by how many steps of time they have crossed, where that matters.
  std::size_t place(std::size_t op, std::size_t age) const {
    return op * (crossings_ ? *crossings_ + 1 : 1) + age;
  }

  void follow(std::size_t i, std::size_t j, const Numbers& dy, std::size_t age) {
    const RecordedOp& op = recording_.ops()[i];
    const RecordedInput& input = op.inputs[j];
    if (input.vjp == nullptr) return;
    if (crossings_ && recording_.crosses_time(op, j) && ++age > *crossings_) return;
    double factor = 1;
    const Map* vjp = nullptr;
    Edge through{none, none};
    std::size_t target = none;
    for (const auto& change : changes_) {
      const auto found = change->edges.find({i, j});
      if (found == change->edges.end()) continue;
      const EdgeRule& rule = found->second;
      factor *= rule.factor;
      if (rule.vjp) vjp = &rule.vjp;
      if (rule.through.first != none) through = rule.through;
      if (rule.target != none) target = rule.target;
    }
    if (factor == 0) return;
    Numbers dx = vjp != nullptr ? (*vjp)(dy) : op.vjp(j, dy);
    if (factor != 1) dx = dx * factor;
    if (random_ != nullptr) dx = nudged(dx, op, dy);
    if (through.first != none) {
      follow(through.first, through.second, dx, age);
    } else if (target != none || input.source != none) {
      add_to(dy_[place(target != none ? target : input.source, age)], dx);
    } else {
      Array<double>& term = terms_[input.parameter].of_step[op.step.value_or(recording_.steps())];
      const Array<double> part = dx.cast<double>();
      term = term.size() == 0 ? part : term + part;
    }
  }

  // Each number off by a random share of itself. Slopes are differences, such as 1 - y^2, whose error is a
  // share of 1.
  Numbers nudged(const Numbers& dx, const RecordedOp& op, const Numbers& dy) {
    const bool slope = op.op == ops::tanh || op.op == ops::sigmoid || op.op == ops::softmax ||
                       op.op == ops::log_softmax || op.op == ops::softmax_cross_entropy ||
                       op.op == ops::affine_cross_entropy || op.op == ops::cross_entropy;
    double largest = 0;
    if (slope)
      for (const Complex d : dy) largest = std::max(largest, std::abs(d.real()));
    Numbers result = dx.copy();
    Complex* const out = result.mutable_data();
    for (std::size_t k = 0; k < result.size(); ++k)
      out[k] += nudge * (2 * random_->uniform() - 1) * (std::abs(out[k].real()) + largest);
    return result;
  }

  const Recording& recording_;
  const Changes& changes_;
  Random* random_;
  std::vector<Terms> terms_;
  std::optional<std::size_t> crossings_;
  std::vector<Numbers> dy_;
};

}  // namespace

Array<double> Terms::sum(const Shape& shape) const {
  Array<double> result = Array<double>::zeros(shape);
  for (const auto& term : of_step)
    if (term.size() > 0) result = result + term;
  return result;
}

std::vector<Terms> sweep(const Recording& recording, const Changes& changes) {
  return Sweep(recording, changes, nullptr).run();
}

std::vector<Array<double>> sensitivities(const Recording& recording, Random& random) {
  const auto exact = sweep(recording);
  std::vector<Array<double>> result;
  for (const auto& path : recording.paths())
    result.push_back(Array<double>::zeros(recording.values().at(path).shape()));
  for (int sample = 0; sample < 4; ++sample) {
    const auto moved = Sweep(recording, {}, &random).run();
    for (std::size_t p = 0; p < result.size(); ++p) {
      const Shape& shape = result[p].shape();
      const Array<double> difference = moved[p].sum(shape) - exact[p].sum(shape);
      double* const out = result[p].mutable_data();
      for (std::size_t k = 0; k < result[p].size(); ++k)
        out[k] = std::max(out[k], std::abs(difference.data()[k]) / nudge);
    }
  }
  for (auto& numbers : result) {  // a sample can be small by chance
    double square = 0;
    for (const double x : numbers) square += x * x;
    const double floor =
        numbers.size() == 0 ? 0 : 0.05 * std::sqrt(square / static_cast<double>(numbers.size()));
    for (double* x = numbers.mutable_data(); x != numbers.end(); ++x) *x = std::max(*x, floor);
  }
  return result;
}

}  // namespace xgrad::auditing
