// Random programs: a graph of ops as plain numbers, so that rapidcheck can leave steps out and make numbers
// smaller. Every description is a valid program: a step counts its operands back from the latest value,
// modulo what there is, and where a shape does not fit its op, the next one that does takes its place
// (execution.hpp).
#pragma once

#include <rapidcheck.h>

#include <cstddef>
#include <iosfwd>
#include <vector>

#include <xgrad/autograd/shape.hpp>

namespace properties {

// The simplest first: rapidcheck shrinks towards it.
enum class Op {
  negate,
  scale_shift,
  square,
  tanh,
  sigmoid,
  exp,
  log,
  sqrt,
  relu,
  reciprocal,
  add,
  subtract,
  multiply,
  divide,
  sum,
  mean,
  reshape,
  transpose,
  select,
  slice,
  take,
  reset_rows,
  stack,
  concat,
  softmax,
  log_softmax,
  softmax_cross_entropy,
  matmul,
  affine,
  affine_of_two,
  count
};

/// One op. What i and j mean is up to it: axes, indices, which of its forms.
struct Step {
  Op op;
  std::size_t x, w, h;  ///< operands, as many as it takes, counted back from the latest value
  std::size_t i, j;
};

struct Program {
  std::vector<std::size_t> inputs;  ///< their shapes: indices of `input_shapes`
  std::vector<Step> steps;
};

inline const std::vector<xgrad::Shape> input_shapes = {{},     {1},    {2},    {3},       {2, 3},   {3, 3},
                                                       {2, 1}, {1, 3}, {3, 2}, {2, 1, 3}, {2, 2, 3}};

/// The program as it would be written, one line per step.
std::ostream& operator<<(std::ostream& out, const Program& program);

/// Programs of 1 to `longest` steps and 1 to 3 inputs.
inline rc::Gen<Program> programs(double longest = 40) {
  // Ranges and lengths grow with the size 0..100 of a case; here only the number of steps does.
  const auto below = [](std::size_t n) {
    return rc::gen::resize(rc::kNominalSize, rc::gen::inRange<std::size_t>(0, n));
  };
  const auto op =
      rc::gen::map(below(static_cast<std::size_t>(Op::count)), [](std::size_t k) { return Op(k); });
  // Operands are recent or old: deep programs and wide ones.
  const auto step = rc::gen::build<Step>(rc::gen::set(&Step::op, op), rc::gen::set(&Step::x, below(6)),
                                         rc::gen::set(&Step::w, below(12)), rc::gen::set(&Step::h, below(40)),
                                         rc::gen::set(&Step::i, below(6)), rc::gen::set(&Step::j, below(8)));
  return rc::gen::build<Program>(
      rc::gen::set(&Program::inputs,
                   rc::gen::resize(3, rc::gen::nonEmpty(rc::gen::container<std::vector<std::size_t>>(
                                          below(input_shapes.size()))))),
      rc::gen::set(&Program::steps,
                   rc::gen::scale(longest / rc::kNominalSize,
                                  rc::gen::nonEmpty(rc::gen::container<std::vector<Step>>(step)))));
}

}  // namespace properties
