// Reading the tables of make.py.
#pragma once

#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <xgrad/autograd/array.hpp>

namespace oracle {

inline nlohmann::json table(const std::string& name) {
  return nlohmann::json::parse(std::ifstream(XGRAD_TEST_DATA "/oracle/" + name));
}

inline xgrad::Shape shape(const nlohmann::json& entry) {
  const auto sizes = entry.at("shape").get<std::vector<std::size_t>>();
  return {sizes.begin(), sizes.end()};
}

inline xgrad::Array<double> array(const nlohmann::json& entry) {
  std::vector<double> data;
  for (const auto& x : entry.at("data"))
    data.push_back(x.is_string() ? std::stod(x.get<std::string>()) : x.get<double>());
  return {shape(entry), data};
}

/// The table's token ids, (T, N).
inline xgrad::Ids ids(const nlohmann::json& rows) {
  std::vector<xgrad::Ids::value_type> values;
  for (const auto& row : rows)
    for (const auto& id : row) values.push_back(id.get<xgrad::Ids::value_type>());
  return {{rows.size(), rows.at(0).size()}, values};
}

}  // namespace oracle
