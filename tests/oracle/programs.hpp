// Random programs of the registry for oracle/programs.py, and what differs between its results and ours.
// Start with `difference`.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "oracle/table.hpp"
#include "registry/programs.hpp"

namespace oracle {

using registry::Program;

/// The programs of the table are those of the seeds 1, 2, 3, ...
inline constexpr std::uint32_t programs_of_table = 300;

inline nlohmann::json to_json(const Program& program) {
  auto steps = nlohmann::json::array();
  for (const auto& step : program) {
    steps.push_back({{"op", step.op}});
    if (step.is_input()) {
      steps.back()["input"] = to_json(step.numbers);
    } else {
      steps.back()["python"] = python(step);
    }
  }
  return {{"steps", steps}, {"unused", unused(program)}};
}

/// What a program is known by in the table: its calls as Python.
inline std::vector<std::string> calls_of(const Program& program) {
  std::vector<std::string> result;
  for (const auto& step : program)
    if (!step.is_input()) result.push_back(python(step));
  return result;
}

inline double largest(const xgrad::Array<double>& a) {
  double result = 0;
  for (const double x : a) result = std::max(result, std::abs(x));
  return result;
}

/// Where `ours` is further from `theirs` than `relative` allows; "" if nowhere. Errors are measured against
/// the largest element, or against 1: an element that cancels has no digits of its own. That of the loss is
/// measured against all that it sums, those of gradients, which are sums as well, against `scale`.
template <class T>
std::string difference(const Program& program, const std::vector<xgrad::Array<T>>& ours,
                       const std::vector<xgrad::Array<double>>& theirs, double relative, double scale = 1) {
  const auto names = result_names(program);
  for (std::size_t k = 0; k < names.size(); ++k) {
    if (!(ours[k].shape() == theirs[k].shape()))
      return fmt::format("{} has shape {}, expected {}", names[k], to_string(ours[k].shape()),
                         to_string(theirs[k].shape()));
    double size = std::max(k > program.size() ? scale : 1, largest(theirs[k]));
    if (k == program.size())
      for (const std::size_t term : unused(program))
        for (const double x : theirs[term]) size += std::abs(x);
    const double allowed = relative * size;
    for (std::size_t i = 0; i < theirs[k].size(); ++i) {
      const double got = ours[k].data()[i], want = theirs[k].data()[i];
      if (!(std::abs(got - want) <= allowed))
        return fmt::format("{} at {} is {} in {}, expected {}; allowed is an error of {:.2g}", names[k],
                           xgrad::index_of(i, theirs[k].shape()), got,
                           sizeof(T) == sizeof(float) ? "float" : "double", want, allowed);
    }
  }
  return "";
}

/// The same for the answer of programs.py, in double and in float. PyTorch's own error in float, the largest
/// in the program, says how many digits float has there: chains of ops lose some, by the fault of neither.
inline std::string difference(const Program& program, const nlohmann::json& answer) {
  if (answer.contains("error")) return "PyTorch: " + answer.at("error").get<std::string>();
  try {
    std::vector<xgrad::Array<double>> theirs;
    for (const auto& entry : answer.at("results")) theirs.push_back(array(entry));
    const auto in_double = difference(program, registry::results<double>(program), theirs, 1e-11);
    if (!in_double.empty()) return in_double;
    return difference(program, registry::results<float>(program), theirs,
                      8 * std::max(answer.at("float").get<double>(), 2.5e-7),
                      answer.at("scale").get<double>());
  } catch (const xgrad::Error& error) {
    return error.what();
  }
}

}  // namespace oracle
