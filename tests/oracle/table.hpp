// Arrays as JSON, and reading the tables of make.py, programs.py and exact.py.
#pragma once

#include <cmath>
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

inline double number(const nlohmann::json& x) {
  return x.is_string() ? std::stod(x.get<std::string>()) : x.get<double>();
}

inline xgrad::Array<double> array(const nlohmann::json& entry) {
  std::vector<double> data;
  for (const auto& x : entry.at("data")) data.push_back(number(x));
  return {shape(entry), data};
}

inline nlohmann::json to_json(const xgrad::Array<double>& a) {
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

/// The table's token ids, (T, N).
inline xgrad::Ids ids(const nlohmann::json& rows) {
  std::vector<xgrad::Ids::value_type> values;
  for (const auto& row : rows)
    for (const auto& id : row) values.push_back(id.get<xgrad::Ids::value_type>());
  return {{rows.size(), rows.at(0).size()}, values};
}

}  // namespace oracle
