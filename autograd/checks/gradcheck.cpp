// The check of a whole function: its gradient by the tape, in double and as in training, beside derivatives
// computed without it: exact ones, Im f(x + ihv) / h (forward.hpp), or central differences
// (gradcheck/functional.hpp). Start at the end.
#include <xgrad/autograd/gradcheck.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include <xgrad/autograd/checks/gradcheck/functional.hpp>

namespace xgrad {

using namespace proof;

namespace {

constexpr std::size_t diagnosed_at_most = 512;  // numbers of a parameter whose derivatives are all computed

double error_of(double tape, double exact, double allowed) {
  const double difference = std::abs(tape - exact);
  const double error = difference == 0 ? 0 : difference / allowed;
  return std::isnan(error) ? INFINITY : error;  // neither NaN nor inf - inf is agreement
}

// The worst of one parameter's derivatives, in units of what is allowed; a failure if it is more than 1. What
// is wrong with the whole function is told only where no single op explains it, and once per parameter.
void compare(const std::string& path, const Array<double>& tape, const std::vector<double>& exact,
             double relative, double absolute, GradcheckReport& report) {
  double worst = 0;
  std::size_t index = 0;
  for (std::size_t m = 0; m < exact.size(); ++m) {
    const double allowed = std::max(absolute, relative * std::abs(exact[m]));
    const double error = error_of(tape.data()[m], exact[m], allowed);
    if (error <= worst) continue;
    worst = error;
    index = m;
  }
  report.compared += exact.size();
  report.worst = std::max(report.worst, worst);
  const auto explains = [&](const GradcheckFailure& known) {
    return !known.op.empty() || known.path == path;
  };
  if (worst <= 1 || std::any_of(report.failures.begin(), report.failures.end(), explains)) return;
  report.failures.push_back({.path = path,
                             .shape = tape.shape(),
                             .index = index,
                             .tape = tape.data()[index],
                             .exact = exact[index],
                             .diagnosis = diagnose(Jacobian{{}, tape.shape(), {tape.begin(), tape.end()}},
                                                   Jacobian{{}, tape.shape(), exact})});
}

std::vector<double> exact_derivatives(const Functional& f, const std::string& path, const Shape& shape) {
  std::vector<double> exact(shape.size());
  for (std::size_t m = 0; m < exact.size(); ++m) exact[m] = f.along({{path, unit_direction(shape, m)}});
  return exact;
}

// A failure of the whole function whose ops are all right, found by halving the parameters' directions.
GradcheckFailure locate(const Functional& f, const Values& gradient, const std::string& path,
                        Random& random) {
  const Array<double>& g = gradient.at(path);
  if (g.size() <= diagnosed_at_most) {
    GradcheckReport report;
    compare(path, g, exact_derivatives(f, path, g.shape()), 0, 1e-200, report);
    if (!report.failures.empty()) return report.failures.front();
  }
  const Array<double> v = random_direction(g.shape(), random);
  const std::size_t worst = worst_element(v, [&](const Array<double>& half) {
    return std::abs(f.along({{path, half}}) - std::inner_product(g.begin(), g.end(), half.begin(), 0.0));
  });
  return {.path = path,
          .shape = g.shape(),
          .index = worst,
          .tape = g.data()[worst],
          .exact = f.along({{path, unit_direction(g.shape(), worst)}})};
}

// The gradient against the exact derivative along one random direction.
void check_direction(const Functional& f, const Values& gradient, std::uint32_t seed,
                     GradcheckReport& report) {
  const auto error_along = [&](const Values& directions) {
    Contraction sum{f.along(directions)};
    sum.magnitude = std::abs(sum.value);
    for (const auto& [path, v] : directions) sum.add(gradient.at(path), v, -1);
    if (sum.value == 0 || sum.magnitude <= f.rounding()) return 0.0;
    const auto error = static_cast<double>(std::abs(sum.value) / sum.magnitude / 1e-12L);
    return std::isnan(error) ? INFINITY : error;
  };
  Random random(seed + 2);
  Values directions;
  for (const std::string& path : f.paths()) {
    const Array<double>& x = f.values().at(path);
    Array<double>& v = directions.emplace(path, random_direction(x.shape(), random)).first->second;
    std::transform(x.begin(), x.end(), v.begin(), v.mutable_data(),
                   [](double xi, double vi) { return natural_size(xi) * vi; });
  }
  const double error = error_along(directions);
  report.worst = std::max(report.worst, error);
  if (error <= 1 || !report.failures.empty()) return;  // a wrong op explains a wrong whole

  for (const auto& direction : directions)
    if (error_along({direction}) > 1) report.failures.push_back(locate(f, gradient, direction.first, random));
  const std::string& first = f.paths().front();
  if (report.failures.empty())
    report.failures.push_back({.path = first, .shape = gradient.at(first).shape()});
}

void check_exhaustively(const Functional& f, const Values& gradient, GradcheckReport& report) {
  for (const std::string& path : f.paths()) {
    const Array<double>& g = gradient.at(path);
    const std::vector<double> exact = exact_derivatives(f, path, g.shape());
    const Array<double>& x = f.values().at(path);
    const double rounding = f.rounding() / natural_size(largest({x.begin(), x.end()}));
    if (largest(exact) <= rounding && largest({g.begin(), g.end()}) <= rounding)
      report.compared += exact.size();
    else
      compare(path, g, exact, 1e-11, 1e-11 * (1e-8 * largest(exact)), report);
  }
}

void check_differences(const Functional& f, const Values& gradient, double step, GradcheckReport& report) {
  std::size_t kinks = 0;
  for (const std::string& path : f.paths()) {
    const Array<double>& g = gradient.at(path);
    std::vector<double> differences(g.size());
    for (std::size_t m = 0; m < differences.size(); ++m) differences[m] = f.difference(path, m, step);
    const double allowed = 1e-10 * std::max(largest(differences), 0.01 * std::max(1.0, std::abs(f.value())));
    for (std::size_t m = 0; m < differences.size(); ++m)
      if (error_of(g.data()[m], differences[m], allowed) > 1 && f.at_kink(path, m, g.data()[m])) {
        differences[m] = g.data()[m];  // the derivative is a convention there
        ++kinks;
      }
    compare(path, g, differences, 0, allowed, report);
  }
  if (kinks > 0) report.kinks.push_back({"", 0, std::nullopt, kinks});
}

void check_repeatable(const Functional& f, const Values& first, bool bits) {
  const Values again = f.gradient();
  for (const std::string& path : f.paths()) {
    const Array<double>&a = first.at(path), &b = again.at(path);
    for (std::size_t m = 0; m < a.size(); ++m)
      if (!Functional::same(a.data()[m], b.data()[m], bits))
        throw Error("gradcheck",
                    fmt::format("the gradient is not repeatable: d f / d '{}' {} was {:.17g}, then {:.17g}",
                                path, index_of(m, a.shape()), a.data()[m], b.data()[m]));
  }
}

}  // namespace

GradcheckReport detail::gradcheck(const ParameterFunction<double>& f,
                                  const ParameterFunction<Complex>& f_complex,
                                  const GradcheckOptions& options) {
  const Functional functional(f, f_complex, options.values.by_path, options.seed, options.repeatable);
  const Values gradient = functional.gradient();
  check_repeatable(functional, gradient, options.repeatable);

  GradcheckReport report;
  const auto all = [&](const auto& property) {
    return std::all_of(gradient.begin(), gradient.end(), [&](const auto& g) {
      return std::all_of(g.second.begin(), g.second.end(), property);
    });
  };
  report.all_zero = all([](double d) { return d == 0; });
  if (f_complex) {
    prove_ops(f_complex, functional.values(), options.seed, report);
    if (!all([](double d) { return std::isfinite(d); }))
      find_undefined(f_complex, functional.values(), options.seed, report);
    check_direction(functional, gradient, options.seed, report);
    if (options.exhaustive) check_exhaustively(functional, gradient, report);
  }
  if (!f_complex || options.differences) check_differences(functional, gradient, options.step, report);
  report.all_zero = report.all_zero && report.failures.empty();
  return report;
}

}  // namespace xgrad
