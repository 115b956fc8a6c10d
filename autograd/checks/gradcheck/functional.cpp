// Running the function under test; see functional.hpp.
#include <xgrad/autograd/checks/gradcheck/functional.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include <fmt/format.h>

#include <xgrad/autograd/tape.hpp>

namespace xgrad::proof {

Functional::Functional(const ParameterFunction<double>& f, const ParameterFunction<Complex>& f_complex,
                       const Values& given, std::uint32_t seed, bool repeatable)
    : f_(f), f_complex_(f_complex) {
  const Inference pause;
  const Parameters<double> p(given, seed);
  const Variable<double> y = f(p);
  if (p.list().empty()) throw Error("gradcheck", "the function declares no parameter and no input");
  for (const auto& parameter : p.list()) {
    paths_.push_back(parameter.parameter()->path);
    values_.emplace(paths_.back(), parameter.value().copy());
  }
  Random random(seed + 1);
  cotangent_ = y.size() == 1 ? Array<double>::full(y.shape(), 1) : random_direction(y.shape(), random);
  value_ = contract(y);
  double magnitude = 0;
  for (std::size_t i = 0; i < y.size(); ++i)
    magnitude += std::abs(cotangent_.data()[i] * y.value().data()[i]);
  if (std::isfinite(magnitude))
    rounding_ = 16 * std::numeric_limits<double>::epsilon() * magnitude + carried_error;
  if (const double again = (*this)(values_); !same(again, value_, repeatable))
    throw Error("gradcheck",
                fmt::format("the function is not repeatable: the same values gave {:.17g}, then {:.17g}",
                            value_, again));
}

double Functional::operator()(const Values& values) const {
  const Inference pause;
  const Parameters<double> p(values);
  const Variable<double> y = f_(p);
  check_declared(p);
  return contract(y);
}

double Functional::along(const Values& directions) const {
  const Inference pause;
  const Parameters<Complex> p(with_directions(values_, directions));
  const Variable<Complex> y = f_complex_(p);
  check_declared(p);
  check_shape(y.shape());
  const Array<double> Jv = carried_derivative(y.value());
  return std::inner_product(cotangent_.begin(), cotangent_.end(), Jv.begin(), 0.0);
}

Values Functional::gradient() const {
  Tape<double> tape;
  const Parameters<double> p(values_);
  const Variable<double> y = f_(p);
  const auto gradients = tape.gradient(y, {.seed = cotangent_, .unreached = zeros});
  Values result;
  for (const std::string& path : paths_) result.emplace(path, gradients[p[path]]);
  return result;
}

bool Functional::same(double a, double b, bool bits) {
  if (std::isnan(a) && std::isnan(b)) return true;
  return bits ? std::memcmp(&a, &b, sizeof a) == 0 : std::abs(a - b) <= 1e-12 * std::max(std::abs(a), 1.0);
}

template <class T>
void Functional::check_declared(const Parameters<T>& p) const {
  const auto same_path = [](const Variable<T>& parameter, const std::string& path) {
    return parameter.parameter()->path == path;
  };
  if (!std::equal(p.list().begin(), p.list().end(), paths_.begin(), paths_.end(), same_path))
    throw Error("gradcheck", "a checked function must declare the same parameters in every run");
}

void Functional::check_shape(const Shape& shape) const {
  if (shape != cotangent_.shape())
    throw Error("gradcheck", "the function is not repeatable: its result had shape " +
                                 to_string(cotangent_.shape()) + ", then " + to_string(shape));
}

double Functional::contract(const Variable<double>& y) const {
  check_shape(y.shape());
  return std::inner_product(cotangent_.begin(), cotangent_.end(), y.value().begin(), 0.0);
}

double Functional::difference(const std::string& path, std::size_t index, double step) const {
  const auto at = [&](int k) { return moved(path, index, k * step); };
  return (45 * (at(1) - at(-1)) - 9 * (at(2) - at(-2)) + (at(3) - at(-3))) / (60 * step);
}

bool Functional::at_kink(const std::string& path, std::size_t index, double tape) const {
  const double h = 1e-6, here = value_;
  const auto [low, high] =
      std::minmax({(moved(path, index, h) - here) / h, (here - moved(path, index, -h)) / h});
  // What rounding and curvature make of a slope that is the same on both sides.
  const double noise = 1e-3 * std::max({std::abs(low), std::abs(high), 1e-4 * std::max(1.0, std::abs(here))});
  return high - low > noise && tape >= low - noise && tape <= high + noise;
}

double Functional::moved(const std::string& path, std::size_t index, double by) const {
  Values values = values_;
  values[path].mutable_data()[index] += by;
  return (*this)(values);
}

}  // namespace xgrad::proof
