// The whole function under test, as one number L(values) = <cotangent, f(values)> to differentiate: by the
// tape, exactly, and by central differences. Internal to gradcheck and audit.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <xgrad/autograd/checks/forward.hpp>
#include <xgrad/autograd/tape.hpp>

namespace xgrad::proof {

class Functional {
 public:
  /// Runs f for the first time: what is not among `given` is drawn, and runs it again to see that it is
  /// `repeatable` to the bit (or up to rounding). Throws Error if it is not, or declares nothing. `f_complex`
  /// may be empty; both must outlive this.
  Functional(const ParameterFunction<double>& f, const ParameterFunction<Complex>& f_complex,
             const Values& given, std::uint32_t seed, bool repeatable)
      : f_(f), f_complex_(f_complex) {
    const Inference pause;
    const Parameters<double> p(given, seed);
    const Variable<double> y = f(p);
    for (const auto& parameter : p.list()) {
      declared_.push_back(parameter.parameter()->path);
      if (!parameter.parameter()->frozen()) paths_.push_back(declared_.back());
      values_.emplace(declared_.back(), parameter.value().copy());
    }
    if (declared_.empty()) throw Error("gradcheck", "the function declares no parameter and no input");
    if (paths_.empty()) throw Error("gradcheck", "all that the function declares is frozen");
    Random random(seed + 1);
    cotangent_ = y.size() == 1 ? Array<double>::full(y.shape(), 1) : random_direction(y.shape(), random);
    value_ = contract(y.value());
    Contraction sum;
    sum.add(cotangent_, y.value(), 1);
    if (const auto magnitude = static_cast<double>(sum.magnitude); std::isfinite(magnitude))
      rounding_ = 16 * std::numeric_limits<double>::epsilon() * magnitude;
    if (const double again = (*this)(values_); !same(again, value_, repeatable))
      throw Error("gradcheck",
                  fmt::format("the function is not repeatable: the same values gave {:.17g}, then {:.17g}",
                              value_, again));
  }

  double operator()(const Values& values) const { return contract(run(f_, values)); }

  /// dL/dv at `values()`, exactly.
  double along(const Values& directions) const {
    const auto y = [&](const ComplexValues& moved) { return std::vector{run(f_complex_, moved)}; };
    return contract(forward_derivative(y, values_, directions)[0]);
  }

  /// By the tape: the gradient of every parameter; zeros where L does not depend on it.
  Values gradient() const {
    Tape<double> tape;
    const Parameters<double> p(values_);
    const auto gradients = tape.gradient(f_(p), {.seed = cotangent_, .unreached = zeros});
    Values result;
    for (const std::string& path : paths_) result.emplace(path, gradients[p[path]]);
    return result;
  }

  /// One derivative, dL / d values[path][index], by central differences of sixth order with step h, relative
  /// to a value that is very small or large:
  ///
  ///   L'(x) = [45 (L1 - L-1) - 9 (L2 - L-2) + (L3 - L-3)] / 60h + O(h^6),   L_k = L(x + kh)
  double difference(const std::string& path, std::size_t index, double step) const {
    if (const double x = values_.at(path).data()[index]; direction_size(x) != 1) step *= std::abs(x);
    const auto at = [&](int k) { return moved(path, index, k * step); };
    return (45 * (at(1) - at(-1)) - 9 * (at(2) - at(-2)) + (at(3) - at(-3))) / (60 * step);
  }

  /// True if the slopes on the two sides differ, and `tape` is one between them: a convention, not a mistake.
  bool at_kink(const std::string& path, std::size_t index, double tape) const {
    const double h = 1e-6;
    const auto [low, high] =
        std::minmax({(moved(path, index, h) - value_) / h, (value_ - moved(path, index, -h)) / h});
    // What rounding and curvature make of a slope that is the same on both sides.
    const double noise =
        1e-3 * std::max({std::abs(low), std::abs(high), 1e-4 * std::max(1.0, std::abs(value_))});
    return high - low > noise && tape >= low - noise && tape <= high + noise;
  }

  /// Equal bits, or equal up to rounding.
  static bool same(double a, double b, bool bits) {
    if (std::isnan(a) && std::isnan(b)) return true;
    if (bits) return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
    return std::abs(a - b) <= 1e-12 * std::max(std::abs(a), 1.0);
  }

  /// What is checked, in the order of declaration: all that is not frozen.
  const std::vector<std::string>& paths() const { return paths_; }
  const Values& values() const { return values_; }
  double value() const { return value_; }
  /// What is left of derivatives that cancel to nothing, as those of a softmax do along a shift of its input,
  /// or that vanish in saturation: the rounding of the values. Derivatives that are all below it are zero.
  double rounding() const { return rounding_; }

 private:
  template <class T>
  Array<T> run(const ParameterFunction<T>& f, const std::map<std::string, Array<T>>& values) const {
    const Inference pause;
    const Parameters<T> p(values);
    const Variable<T> y = f(p);
    const auto same_path = [](const Variable<T>& parameter, const std::string& path) {
      return parameter.parameter()->path == path;
    };
    const auto list = p.list();
    if (!std::equal(list.begin(), list.end(), declared_.begin(), declared_.end(), same_path))
      throw Error("gradcheck", "a checked function must declare the same parameters in every run");
    return y.value();
  }

  double contract(const Array<double>& y) const {
    if (y.shape() != cotangent_.shape())
      throw Error("gradcheck", fmt::format("the function is not repeatable: its result had shape {}, then {}",
                                           to_string(cotangent_.shape()), to_string(y.shape())));
    return std::inner_product(cotangent_.begin(), cotangent_.end(), y.begin(), 0.0);
  }

  double moved(const std::string& path, std::size_t index, double by) const {
    Values values = values_;
    values[path].mutable_data()[index] += by;
    return (*this)(values);
  }

  const ParameterFunction<double>& f_;
  const ParameterFunction<Complex>& f_complex_;
  std::vector<std::string> declared_, paths_;
  Values values_;
  Array<double> cotangent_;
  double value_ = 0, rounding_ = 0;
};

}  // namespace xgrad::proof
