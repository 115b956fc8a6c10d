// import_pytorch: what it refuses, before any parameter has changed. That it brings the right weights is
// shown in test_layers_oracle.cpp.
#include <xgrad/layers/pytorch.hpp>

#include <xgrad/layers/gru.hpp>
#include <xgrad/layers/rnn.hpp>

#include "autograd/ops/checks.hpp"

using namespace xgrad;
using checks::numbers;

namespace {

using Arrays = std::map<std::string, Array<double>>;

// The call is refused with a text that has all of `parts`, and every parameter is what it was.
void check_refused(const Parameters<double>& p, const Arrays& state_dict,
                   std::initializer_list<const char*> parts) {
  const auto before = p.values();
  checks::check_error([&] { import_pytorch(p, state_dict); }, parts);
  for (const auto& [path, value] : p.values()) CHECK(checks::identical(value, before.at(path)));
}

}  // namespace

TEST_CASE("import_pytorch: what is missing or does not fit is named before a parameter has changed") {
  const Parameters<double> p(1);
  const Rnn<double> cell(p, 3, 2);
  const Arrays whole{{"weight_ih_l0", numbers<double>({2, 3})},
                     {"weight_hh_l0", numbers<double>({2, 2})},
                     {"bias_ih_l0", numbers<double>({2})},
                     {"bias_hh_l0", numbers<double>({2})}};
  for (const auto& [name, array] : whole) {
    Arrays part = whole;
    part.erase(name);
    const std::string text = "there is no '" + name + "'";
    check_refused(p, part, {"[import_pytorch]", text.c_str()});
    part.emplace(name, numbers<double>({4, 4}));
    const std::string shape = "'" + name + "' has shape (4, 4), expected";
    check_refused(p, part, {"[import_pytorch]", shape.c_str()});
  }
  import_pytorch(p, whole);
  CHECK(p["Wx"].value().data()[1] == whole.at("weight_ih_l0").data()[3]);
}

TEST_CASE("import_pytorch: a cell whose biases do not fit its matrices is refused") {
  const Arrays weights{{"weight_ih_l0", numbers<double>({6, 3})}, {"weight_hh_l0", numbers<double>({6, 2})}};
  const auto cell = [](std::initializer_list<std::pair<const char*, std::size_t>> biases) {
    const Parameters<double> p(1);
    (void)p.weight("Wx", {3, 6});
    (void)p.weight("Wh", {2, 6});
    for (const auto& [name, n] : biases) (void)p.bias(name, {n});
    return p;
  };
  check_refused(cell({}), weights, {"there is no 'b'"});
  check_refused(cell({{"b", 2}}), weights,
                {"[import_pytorch]", "the cell's 'b' has shape (2,), expected (6,)"});
  check_refused(cell({{"b", 6}, {"bh", 6}}), weights,
                {"[import_pytorch]", "the cell's 'bh' has shape (6,), expected (2,)"});
  import_pytorch(cell({{"b", 6}, {"bh", 2}}), weights);
}
