// An independent program's results, which the reference networks must reproduce: the arrays of a file of tests/golden by name.
#pragma once

#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <xgrad/autograd/array.hpp>

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

}  // namespace golden
