// Prints the calls of calls.hpp as JSON, for make.py to add the results.
#include <iostream>

#include <nlohmann/json.hpp>

#include "oracle/calls.hpp"
#include "oracle/table.hpp"

int main() {
  auto all = nlohmann::json::array();
  for (const auto& [call, inputs, edges] : oracle::calls()) {
    auto x = nlohmann::json::array();
    for (const auto& input : inputs) x.push_back(oracle::to_json(input.value()));
    all.push_back({{"op", call.op.name}, {"python", call.call.python}, {"edges", edges}, {"x", x}});
  }
  std::cout << all.dump() << "\n";
}
