// The sweep; see sweep.hpp.
#include <xgrad/autograd/checks/audit/sweep.hpp>

#include <algorithm>
#include <cmath>

#include <xgrad/autograd/ops/identities.hpp>

namespace xgrad::auditing {

namespace {

constexpr double nudge = 1e-8;  // relative error that sensitivities are measured with

template <class T>
void add_to(Array<T>& sum, const Array<T>& part) {
  sum = sum.size() == 0 ? part : sum + part;
}

class Sweep {
 public:
  Sweep(const Recording& recording, const Changes& changes, Random* random)
      : recording_(recording), changes_(changes), random_(random) {
    for (const auto& path : recording.paths())
      terms_.push_back(
          {recording.values().at(path).shape(), std::vector<Array<double>>(recording.steps() + 1)});
    for (const auto& change : changes)
      if (change->crossings) ages_ = *change->crossings + 1;
    dy_.resize(ages_ * recording.ops().size());
  }

  std::vector<Terms> run() {
    const auto& ops = recording_.ops();
    dy_[recording_.loss() * ages_] = Numbers::full(ops[recording_.loss()].y.shape(), 1.0);
    for (std::size_t i = recording_.loss() + 1; i-- > 0;)
      for (std::size_t age = 0; age < ages_; ++age) {
        Numbers dy = std::move(dy_[i * ages_ + age]);
        if (dy.size() == 0) continue;
        for (const auto& change : changes_)
          if (const auto found = change->outputs.find(i); found != change->outputs.end())
            dy = found->second(dy);
        for (std::size_t j = 0; j < ops[i].inputs.size(); ++j) follow(i, j, dy, age);
      }
    return std::move(terms_);
  }

 private:
  void follow(std::size_t i, std::size_t j, const Numbers& dy, std::size_t age) {
    const RecordedOp& op = recording_.ops()[i];
    const RecordedInput& input = op.inputs[j];
    if (input.vjp == nullptr) return;
    if (ages_ > 1 && recording_.crosses_time(op, j) && ++age == ages_) return;
    EdgeRule rule;
    for (const auto& change : changes_) {
      const auto found = change->edges.find({i, j});
      if (found == change->edges.end()) continue;
      const EdgeRule& more = found->second;
      rule.factor *= more.factor;
      if (more.vjp) rule.vjp = more.vjp;
      if (more.through.first != none) rule.through = more.through;
      if (more.target != none) rule.target = more.target;
    }
    if (rule.factor == 0) return;
    Numbers dx = rule.vjp ? rule.vjp(dy) : op.vjp(j, dy);
    if (rule.factor != 1) dx = dx * rule.factor;
    if (random_ != nullptr) dx = nudged(dx, op, dy);
    const std::size_t target = rule.target != none ? rule.target : input.source;
    if (rule.through.first != none) {
      follow(rule.through.first, rule.through.second, dx, age);
    } else if (target != none) {
      add_to(dy_[target * ages_ + age], dx);
    } else {
      add_to(terms_[input.parameter].of_step[op.step.value_or(recording_.steps())], dx.cast<double>());
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
  // Gradients are kept apart by how many steps of time they have crossed, their age, where that matters: that
  // of op i stands at i * ages_ + age. At the age ages_ the flow ends.
  std::size_t ages_ = 1;
  std::vector<Numbers> dy_;
};

}  // namespace

Array<double> Terms::sum() const {
  Array<double> result = Array<double>::zeros(shape);
  for (const auto& term : of_step)
    if (term.size() > 0) result = result + term;
  return result;
}

std::vector<Terms> sweep(const Recording& recording, const Changes& changes) {
  return Sweep(recording, changes, nullptr).run();
}

std::vector<Array<double>> sensitivities(const Recording& recording, const std::vector<Terms>& exact,
                                         Random& random) {
  std::vector<Array<double>> result;
  for (const Terms& terms : exact) result.push_back(Array<double>::zeros(terms.shape));
  for (int sample = 0; sample < 4; ++sample) {
    const auto moved = Sweep(recording, {}, &random).run();
    for (std::size_t p = 0; p < result.size(); ++p) {
      const Array<double> difference = moved[p].sum() - exact[p].sum();
      double* const out = result[p].mutable_data();
      for (std::size_t k = 0; k < result[p].size(); ++k)
        out[k] = std::max(out[k], std::abs(difference.data()[k]) / nudge);
    }
  }
  for (auto& numbers : result) {  // a sample can be small by chance
    const double floor = 0.05 * size_of(numbers);
    for (double* x = numbers.mutable_data(); x != numbers.end(); ++x) *x = std::max(*x, floor);
  }
  return result;
}

double norm(std::span<const double> x) { return static_cast<double>(std::sqrt(inner(x, x))); }

double size_of(std::span<const double> x) {
  return x.empty() ? 0 : norm(x) / std::sqrt(static_cast<double>(x.size()));
}

}  // namespace xgrad::auditing
