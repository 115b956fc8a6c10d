// Prints the calls of calls.hpp as JSON, for make.py to add the results.
#include <cmath>
#include <iostream>

#include <nlohmann/json.hpp>

#include "oracle/calls.hpp"

namespace {

nlohmann::json to_json(const xgrad::Array<double>& a) {
  auto data = nlohmann::json::array();
  for (const double x : a) {
    if (std::isfinite(x)) {
      data.push_back(x);
    } else {
      data.push_back(std::isnan(x) ? "nan" : x < 0 ? "-inf" : "inf");
    }
  }
  return {{"shape", std::vector<std::size_t>(a.shape().begin(), a.shape().end())}, {"data", data}};
}

}  // namespace

int main() {
  auto all = nlohmann::json::array();
  for (const auto& [call, inputs, edges] : oracle::calls()) {
    auto x = nlohmann::json::array();
    for (const auto& input : inputs) x.push_back(to_json(input.value()));
    all.push_back({{"op", call.op.name}, {"python", call.call.python}, {"edges", edges}, {"x", x}});
  }
  std::cout << all.dump() << "\n";
}
