// An independent program's results, which the reference networks must reproduce: the arrays of a file of
// tests/golden by name.
#pragma once

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <xgrad/autograd/array.hpp>
#include <xgrad/autograd/tape.hpp>

namespace golden {

class File {
 public:
  explicit File(const std::string& name) {
    std::ifstream in(std::string(XGRAD_TEST_DATA) + "/golden/" + name);
    const auto json = nlohmann::json::parse(in);
    for (const auto& [key, array] : json.at("arrays").items()) {
      const auto shape = array.at("shape").get<std::vector<std::size_t>>();
      arrays_.emplace(key, xgrad::Array<double>(xgrad::Shape(shape.begin(), shape.end()),
                                                array.at("data").get<std::vector<double>>()));
    }
  }

  const xgrad::Array<double>& operator[](const std::string& name) const { return arrays_.at(name); }

 private:
  std::map<std::string, xgrad::Array<double>> arrays_;
};

/// |got - want| / |want|; infinite for a NaN and for anything but 0 beside 0.
inline double error(double got, double want) {
  if (got == want) return 0;
  const double relative = std::abs(got - want) / std::abs(want);
  return relative <= std::numeric_limits<double>::max() ? relative : std::numeric_limits<double>::infinity();
}

/// The largest of these errors over a curve; infinite if it has another length.
inline double error(const std::vector<double>& got, const xgrad::Array<double>& want) {
  if (got.size() != want.size()) return std::numeric_limits<double>::infinity();
  double worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) worst = std::max(worst, error(got[i], want.data()[i]));
  return worst;
}

/// Euclidean norm.
inline double norm(const xgrad::Array<double>& x) {
  double sum = 0;
  for (const double element : x) sum += element * element;
  return std::sqrt(sum);
}

/// How many time steps a tape's ops belong to.
template <class T>
std::size_t time_steps(const xgrad::Tape<T>& tape) {
  std::set<std::size_t> steps;
  for (const auto& node : tape.nodes())
    if (node.time_step) steps.insert(*node.time_step);
  return steps.size();
}

/// The losses of `steps` updates, each before its update, and after the last.   loss: () -> Variable<double>
///     update: Gradients<double> -> void
template <class Loss, class Update>
std::vector<double> curve(std::size_t steps, Loss loss, Update update) {
  std::vector<double> losses;
  for (std::size_t i = 0; i <= steps; ++i) {
    xgrad::Tape<double> tape;
    const auto value = loss();
    losses.push_back(value.item());
    if (i < steps) update(tape.gradient(value));
  }
  return losses;
}

}  // namespace golden
