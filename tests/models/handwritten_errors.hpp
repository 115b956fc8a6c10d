// How the tests of hand-written gradients measure them: against the tape's gradient, cell by cell of a table
// of errors.
#pragma once

#include <cmath>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <xgrad/autograd/parameters.hpp>

#include "autograd/ops/checks.hpp"
#include "models/golden.hpp"
#include "models/handwritten.hpp"

namespace handwritten {

/// The tape's gradient of `loss`, a function of Parameters, by path.
template <class F>
Values true_gradient(F loss, const Values& values) {
  const xgrad::Parameters<double> p(values);
  xgrad::Tape<double> tape;
  const auto gradients = tape.gradient(loss(p), {.unreached = xgrad::zeros});
  Values result;
  for (const auto& x : p.list()) result.emplace(x.parameter()->path, gradients[x]);
  return result;
}

/// |a - b| / |b|, the Frobenius norm.
inline double relative_error(const Array<double>& a, const Array<double>& b) {
  REQUIRE(to_string(a.shape()) == to_string(b.shape()));
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference += std::pow(a.data()[i] - b.data()[i], 2);
    norm += std::pow(b.data()[i], 2);
  }
  return std::sqrt(difference / norm);
}

/// <a, b> / (|a| |b|): above 0, the update by a descends at first.
inline double cosine(const Array<double>& a, const Array<double>& b) {
  double product = 0;
  for (std::size_t i = 0; i < a.size(); ++i) product += a.data()[i] * b.data()[i];
  return product / (golden::norm(a) * golden::norm(b));
}

/// Compares with a table: "2.573" to four digits; "right" stands for its errors of 3e-17 to 1.2e-14, which
/// are rounding.
inline void check_row(const std::string& row, const Values& hand, const Values& truth,
                      const std::string& paths, const std::vector<std::string>& cells) {
  INFO(row);
  std::istringstream names(paths);
  for (const std::string& cell : cells) {
    std::string path;
    names >> path;
    const double error = relative_error(hand.at(path), truth.at(path));
    if (cell == "right") {
      CHECK_MESSAGE(error <= 1e-13, path << " has error " << error << " and should be right");
      continue;
    }
    std::string text = fmt::format("{:#.4g}", error);
    for (const char* const end : {".0", "."})  // of 1223.0, which from fmt 10 on is 1223.
      if (text.ends_with(end)) text.resize(text.find('.'));
    CHECK_MESSAGE(text == cell, path << " has error " << text << " and should have " << cell);
  }
}

/// w <- w - rate g, where g is what a page subtracts.
inline void descend(Values& values, const Values& gradient, double rate) {
  for (const auto& [path, g] : gradient) values.at(path) = values.at(path) - rate * g;
}

/// The golden arrays `prefix` + path.
inline void check_golden(const golden::File& file, const Values& hand, const std::string& prefix, double sign,
                         std::initializer_list<const char*> paths) {
  for (const std::string path : paths) {
    CAPTURE(path);
    CHECK(checks::distance(sign * hand.at(path), file[prefix + path]) <= 1e-12);
  }
}

}  // namespace handwritten
