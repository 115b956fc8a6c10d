// Central differences of sixth order: f'(x) = [45 (f1 - f-1) - 9 (f2 - f-2) + (f3 - f-3)] / 60h + O(h^6), f_k
// = f(x + kh).
#include <xgrad/autograd/gradcheck.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <ostream>

#include <fmt/format.h>

#include <xgrad/autograd/tape.hpp>

namespace xgrad {

namespace {

using Function = std::function<Variable<double>(Parameters<double>)>;
using Values = std::map<std::string, Array<double>>;

// The function under test as L(values) = <cotangent, f(values)>.
class Functional {
 public:
  Functional(const Function& f, const Values& given, std::uint32_t seed) : f_(f) {
    const Inference pause;
    const Parameters<double> p(given, seed);
    const Variable<double> y = f(p);
    if (p.list().empty()) throw Error("gradcheck", "the function declares no parameter and no input");
    for (const auto& parameter : p.list()) {
      paths_.push_back(parameter.parameter()->path);
      values_.emplace(paths_.back(), parameter.value().copy());
    }
    if (y.size() == 1) {
      cotangent_ = Array<double>::full(y.shape(), 1);
    } else {
      std::vector<double> numbers(y.size());
      Random random(seed + 1);
      uniform(-1, 1)(random, numbers);
      cotangent_ = Array<double>(y.shape(), numbers);
    }
    value_ = contract(y);
    if (const double again = (*this)(values_); again != value_ && !(std::isnan(again) && std::isnan(value_)))
      throw Error("gradcheck",
                  fmt::format("the function is not repeatable: the same values gave {:.17g}, then {:.17g}",
                              value_, again));
  }

  double operator()(const Values& values) const {
    const Inference pause;
    const Parameters<double> p(values);
    const Variable<double> y = f_(p);
    check_declared(p);
    return contract(y);
  }

  /// By the tape: the gradient of every parameter, in the order of `paths`; zeros where L does not depend on
  /// it.
  std::vector<Array<double>> gradient() const {
    Tape<double> tape;
    const Parameters<double> p(values_);
    const Variable<double> y = f_(p);
    const auto gradients = tape.gradient(y, {.seed = cotangent_, .unreached = zeros});
    std::vector<Array<double>> result;
    for (const std::string& path : paths_) result.push_back(gradients[p[path]]);
    return result;
  }

  const std::vector<std::string>& paths() const { return paths_; }
  const Values& values() const { return values_; }
  double value() const { return value_; }

 private:
  void check_declared(const Parameters<double>& p) const {
    const auto same = [](const Variable<double>& parameter, const std::string& path) {
      return parameter.parameter()->path == path;
    };
    if (!std::equal(p.list().begin(), p.list().end(), paths_.begin(), paths_.end(), same))
      throw Error("gradcheck", "a checked function must declare the same parameters in every run");
  }
  double contract(const Variable<double>& y) const {
    if (y.shape() != cotangent_.shape())
      throw Error("gradcheck", "the function is not repeatable: its result had shape " +
                                   to_string(cotangent_.shape()) + ", then " + to_string(y.shape()));
    return std::inner_product(cotangent_.begin(), cotangent_.end(), y.value().begin(), 0.0);
  }

  const Function& f_;
  std::vector<std::string> paths_;
  Values values_;
  Array<double> cotangent_;
  double value_ = 0;
};

double central_difference(const Functional& f, const std::string& path, std::size_t index, double step) {
  Values values = f.values();
  const Array<double> center = values[path];
  const auto at = [&](int k) {
    Array<double> moved = center;
    moved.mutable_data()[index] += k * step;
    values[path] = moved;
    return f(values);
  };
  return (45 * (at(1) - at(-1)) - 9 * (at(2) - at(-2)) + (at(3) - at(-3))) / (60 * step);
}

}  // namespace

GradcheckReport gradcheck_double(const Function& function, const GradcheckOptions& options) {
  const Functional f(function, options.values.by_path, options.seed);
  const std::vector<Array<double>> tape = f.gradient();

  GradcheckReport report;
  bool any_slope = false;
  for (std::size_t i = 0; i < f.paths().size(); ++i) {
    const std::string& path = f.paths()[i];
    std::vector<double> difference(tape[i].size());
    double largest = 0.01 * std::max(1.0, std::abs(f.value()));
    for (std::size_t k = 0; k < difference.size(); ++k) {
      difference[k] = central_difference(f, path, k, options.step);
      largest = std::max(largest, std::abs(difference[k]));
      any_slope = any_slope || difference[k] != 0 || tape[i].data()[k] != 0;
    }
    GradcheckFailure worst{path, tape[i].shape(), 0, 0, 0};
    double worst_error = 0;
    for (std::size_t k = 0; k < difference.size(); ++k) {
      double error = std::abs(tape[i].data()[k] - difference[k]) / (options.tolerance * largest);
      if (std::isnan(error)) error = INFINITY;  // neither NaN nor inf - inf is agreement
      if (error <= worst_error) continue;
      worst_error = error;
      worst.index = k;
      worst.tape = tape[i].data()[k];
      worst.difference = difference[k];
    }
    if (worst_error > 1) report.failures.push_back(worst);
    report.worst = std::max(report.worst, worst_error);
    report.compared += difference.size();
  }
  report.all_zero = !any_slope;
  return report;
}

std::string to_string(const GradcheckReport& report) {
  if (report)
    return fmt::format(
        "gradients agree: {} compared, largest error {:.2g} of the tolerance{}", report.compared,
        report.worst,
        report.all_zero ? "; but every derivative is zero: was the function constant there?" : "");
  std::string text =
      fmt::format("gradients disagree in {} of the parameters and inputs:", report.failures.size());
  for (const auto& failure : report.failures)
    text += fmt::format("\n  d f / d {} of shape {} at {}: tape {:.12g}, central difference {:.12g}",
                        failure.path, to_string(failure.shape), index_of(failure.index, failure.shape),
                        failure.tape, failure.difference);
  return text;
}

std::ostream& operator<<(std::ostream& out, const GradcheckReport& report) {
  return out << to_string(report);
}

}  // namespace xgrad
