// See minimise.hpp.
#include "registry/minimise.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace registry {

namespace {

// Without step k and what depends on it.
Program without(const Program& program, std::size_t k) {
  constexpr auto gone = std::numeric_limits<std::size_t>::max();
  Program result;
  std::vector<std::size_t> place(program.size(), gone);
  for (std::size_t i = 0; i < program.size(); ++i) {
    Step step = program[i];
    for (std::size_t& operand : step.operands) operand = place[operand];
    if (i == k || std::count(step.operands.begin(), step.operands.end(), gone) > 0) continue;
    place[i] = result.size();
    result.push_back(std::move(step));
  }
  return result;
}

// With the value of step k as an input.
Program cut(Program program, std::size_t k) {
  program[k] = input(results<double>(program)[k]);
  return program;
}

std::size_t elements(const std::vector<Shape>& shapes) {
  std::size_t sum = 0;
  for (const Shape& shape : shapes) sum += shape.size() + shape.rank();
  return sum;
}

// A call of the row alone, of new inputs.
Program alone(const Row& row, std::uint32_t seed) {
  Draw draw(seed);
  const Call call = row.valid(draw);
  Program program;
  std::vector<std::size_t> operands;
  for (std::size_t i = 0; i < call.shapes.size(); ++i) {
    operands.push_back(i);
    program.push_back(input(draw, call.shapes[i], row.domain(i)));
  }
  program.push_back({row.name, call, operands, {}});
  return program;
}

}  // namespace

Program minimise(Program program, const std::function<bool(const Program&)>& fails) {
  const auto is_call = [](const Step& step) { return !step.is_input(); };
  const auto take_if_it_fails = [&](Program candidate) {  // without an input there is no gradient to compare
    if (std::all_of(candidate.begin(), candidate.end(), is_call) || !fails(candidate)) return false;
    program = std::move(candidate);
    return true;
  };
  for (bool smaller = true; smaller;) {
    smaller = false;
    for (std::size_t k = program.size(); k-- > 0;)
      if (k < program.size() && (take_if_it_fails(without(program, k)) ||
                                 (!program[k].is_input() && take_if_it_fails(cut(program, k)))))
        smaller = true;
  }

  const auto row =
      std::find_if(ops().begin(), ops().end(), [&](const Row& op) { return op.name == program.back().op; });
  if (std::count_if(program.begin(), program.end(), is_call) == 1 && row != ops().end())
    for (std::uint32_t seed = 0; seed < 200; ++seed) {
      Program candidate = alone(*row, seed);
      if (elements(candidate.back().call->shapes) < elements(program.back().call->shapes))
        take_if_it_fails(std::move(candidate));
    }

  for (std::size_t k = 0; k < program.size(); ++k) {
    if (!program[k].is_input()) continue;
    Program rounded = program;
    for (std::size_t i = 0; i < rounded[k].numbers.size(); ++i) {
      double& x = rounded[k].numbers.mutable_data()[i];
      x = std::round(4 * x) / 4 + 0.0;  // no -0
    }
    take_if_it_fails(std::move(rounded));
  }
  return program;
}

}  // namespace registry
