// Random programs over the rows of the registry: each step is a call of a row, of values that the program has
// by then. A program is a function of its seed and is plain data, so that steps can be left out
// (minimise.hpp), and it is Python, too: tests/oracle/programs.py runs it with PyTorch. Start with `Step`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "registry/registry.hpp"

namespace registry {

/// An input, or a call of earlier values.
struct Step {
  /// Name of the row, or of what leads a value to where a row takes it: "taken", "between" and "beside".
  std::string op;
  std::optional<Call> call;           ///< none for an input
  std::vector<std::size_t> operands;  ///< of the call: numbers of earlier steps
  xgrad::Array<double> numbers;       ///< of an input; each is a float, too

  bool is_input() const { return !call; }
};

using Program = std::vector<Step>;

struct ProgramLimits {
  std::size_t steps = 6;  ///< calls of rows, at most
  std::size_t size = 24;  ///< elements of an operand, at most; of a result, twice as many
};

/// Calls of any rows, of values of rank 0 to 4 and of sizes 0, 1 and up; values are used any number of times.
/// Nothing comes near a kink or a pole, and no value is above 100.
Program draw_program(std::uint32_t seed, const ProgramLimits& limits = {});

/// An input, its elements rounded to floats.
Step input(const xgrad::Array<double>& numbers);
/// The same, drawn from where a row takes them.
Step input(Draw& draw, const Shape& shape, const Domain& domain);

/// The steps that no other step uses. The loss is the sum of their elements, element i times
/// (7 i mod 11 - 4.5) / 4.
std::vector<std::size_t> unused(const Program& program);

/// The values of all steps, the loss, and its gradient by each input.
template <class T>
std::vector<xgrad::Array<T>> results(const Program& program);
/// What these are: "v2", "loss", "dloss/dv0".
std::vector<std::string> result_names(const Program& program);

/// The call of a step as Python, its operands by their names: "np.tanh(v0)".
std::string python(const Step& step);
/// A line for each step: "v1 = tanh(v0)  # (2, 3), np.tanh(v0)".
std::string listing(const Program& program);

}  // namespace registry
