// Random programs over all rows of the registry: values and gradients are those of PyTorch, in double and in
// float. The table is made by oracle/programs.py, which also runs new programs (`./run differential`). What
// is shown of a program that differs is made by minimise(), which is tested here with planted faults.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include <xgrad/autograd/tape.hpp>

#include "oracle/programs.hpp"
#include "registry/minimise.hpp"

using namespace xgrad;
using registry::draw_program;
using registry::Program;
using registry::Step;

namespace {

// The program with another function for the calls of `op`.
template <class F>
Program planted(Program program, const std::string& op, F wrong) {
  for (Step& step : program)
    if (step.op == op) step.call->f = wrong;
  return program;
}

// The first of longer programs that fails, made smaller.
template <class Fails>
Program least(Fails fails) {
  Program program;
  std::uint32_t seed = 1;
  do program = draw_program(seed++, {12, 24});
  while (!fails(program));
  CHECK(program.size() > 5);
  program = minimise(program, fails);
  CHECK(fails(program));
  return program;
}

template <class F>
Program least_with(const std::string& op, F wrong) {
  return least([&](const Program& program) {
    return !oracle::difference(program, registry::results<double>(planted(program, op, wrong)),
                               registry::results<double>(program), 1e-11)
                .empty();
  });
}

}  // namespace

TEST_CASE("programs: values and gradients are those of PyTorch") {
  const auto table = oracle::table("programs.json");
  REQUIRE(table.size() == oracle::programs_of_table);
  std::set<std::string> called;
  std::set<std::size_t> ranks, sizes;
  std::size_t used_again = 0;
  for (std::uint32_t seed = 1; seed <= oracle::programs_of_table; ++seed) {
    const Program program = draw_program(seed);
    const auto& row = table[seed - 1];
    INFO("seed ", seed, "\n", listing(program));
    REQUIRE_MESSAGE(row.at("calls").get<std::vector<std::string>>() == oracle::calls_of(program),
                    "the table is of other programs: make it anew, see oracle/programs.py");
    CHECK(oracle::difference(program, row) == "");

    std::set<std::size_t> used;
    for (const Step& step : program) {
      if (step.is_input()) continue;
      called.insert(step.op);
      for (const Shape& shape : step.call->shapes) {
        ranks.insert(shape.rank());
        sizes.insert(shape.begin(), shape.end());
      }
      for (const std::size_t k : step.operands) used_again += used.insert(k).second ? 0 : 1;
    }
  }
  for (const auto& op : registry::ops())
    CHECK_MESSAGE(called.contains(op.name), op.name << " is in no program");
  CHECK(ranks == std::set<std::size_t>{0, 1, 2, 3, 4});
  CHECK(sizes.size() >= 5);
  CHECK(sizes.contains(0));
  CHECK(used_again > 100);
}

TEST_CASE("programs: a wrong element, shape or gradient is a difference") {
  const Program program = {registry::input(Array<double>({2}, {1, 2}))};
  const auto right = registry::results<double>(program);
  const auto names = registry::result_names(program);
  CHECK(oracle::difference(program, right, right, 0) == "");
  for (std::size_t k = 0; k < right.size(); ++k) {
    auto wrong = right;
    wrong[k].mutable_data()[0] += 1e-9;
    CHECK(oracle::difference(program, wrong, right, 1e-11).find(names[k] + " at") == 0);
    wrong[k].mutable_data()[0] = NAN;
    CHECK(oracle::difference(program, wrong, right, 1e-11).find(names[k] + " at") == 0);
    wrong[k] = Array<double>({1, 1}, {0});
    CHECK(oracle::difference(program, wrong, right, 1e-11).find(names[k] + " has shape (1, 1)") == 0);
  }
}

TEST_CASE("programs: what is wrong in float alone is a difference") {
  const auto with = [](double factor) {
    const auto f = [=]<class T>(const registry::Inputs<T>& x) {
      return tanh(x[0]) * (std::is_same_v<T, float> ? factor : 1);
    };
    return Program{registry::input(Array<double>({2}, {1, 2})),
                   {"tanh", registry::Call{{{2}}, f, ""}, {0}, {}}};
  };
  nlohmann::json answer = {{"results", nlohmann::json::array()}, {"scale", 1}, {"float", 1e-7}};
  for (const auto& a : registry::results<double>(with(1))) answer["results"].push_back(oracle::to_json(a));
  CHECK(oracle::difference(with(1), answer) == "");
  CHECK(oracle::difference(with(1 + 1e-5), answer).find("v1 at (0,) is") == 0);
}

TEST_CASE("programs: one with a wrong value is minimised to the wrong call") {
  const Program program = least_with("sin", [](const auto& x) { return sin(x[0]) * 1.0001; });
  REQUIRE(program.size() == 2);
  CHECK(program[0].numbers.size() == 1);
  CHECK(program[1].op == "sin");
}

TEST_CASE("programs: one with a wrong gradient is minimised to the wrong call") {
  const Program program = least_with("tanh", [](const auto& x) {
    const auto y = [&] {
      const Inference pause;
      return tanh(x[0]).value();
    }();
    const auto vjp = [y](const auto& dy) { return dy * (1 - y * y * (1 + 1e-6)); };
    return record("my_tanh", y, wrt(x[0], vjp));
  });
  REQUIRE(program.size() == 2);
  CHECK(program[0].numbers.size() == 1);
  CHECK(program[1].op == "tanh");
}

TEST_CASE("programs: what fails only with two calls together is minimised to the two") {
  const auto calls = [](const Program& program, const std::string& op) {
    return std::any_of(program.begin(), program.end(), [&](const Step& step) { return step.op == op; });
  };
  const Program program =
      least([&](const Program& whole) { return calls(whole, "exp") && calls(whole, "sum"); });
  CHECK(program.size() <= 4);
}
