// Drawing and running random programs; see programs.hpp.
#include "registry/programs.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <regex>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <xgrad/autograd/parameters.hpp>
#include <xgrad/autograd/tape.hpp>

namespace registry {

using xgrad::Array;

namespace {

std::string name(std::size_t step) { return fmt::format("v{}", step); }

std::vector<std::string> operand_names(const Step& step) {
  std::vector<std::string> names;
  for (const std::size_t k : step.operands) names.push_back(name(k));
  return names;
}

template <class T>
Variable<T> value(const Step& step, const std::vector<Variable<T>>& values) {
  Inputs<T> xs;
  for (const std::size_t k : step.operands) xs.push_back(values[k]);
  return step.call->f(xs);
}

// Computes the values as it goes: they decide where they can be used.
class Builder {
 public:
  Builder(std::uint32_t seed, const ProgramLimits& limits) : draw_(seed), limits_(limits) {}

  Program program() {
    const xgrad::Inference pause;
    Shape first;
    do first = draw_.shape();
    while (first.size() > limits_.size);
    append(input(draw_, first, {}));
    for (auto calls = draw_.number(1, Draw::signed_of(limits_.steps)); calls > 0;)
      if (append_call()) --calls;
    return std::move(program_);
  }

 private:
  bool append_call() {
    const Row& row = ops()[draw_.index(ops().size())];
    Call call = row.valid(draw_);
    for (int tries = 0; tries < 30 && !(is_small(call) && fits_a_value(call)); ++tries)
      call = row.valid(draw_);
    if (!is_small(call)) return false;

    const auto before = Draw::signed_of(program_.size());
    std::vector<std::size_t> operands;
    for (std::size_t i = 0; i < call.shapes.size(); ++i)
      operands.push_back(operand(call.shapes[i], row.domain(i)));
    append({row.name, call, operands, {}});
    const Array<double>& y = values_.back().value();
    if (y.size() <= 2 * limits_.size &&
        std::all_of(y.begin(), y.end(), [](double x) { return std::abs(x) <= 100; }))
      return true;
    program_.erase(program_.begin() + before, program_.end());
    values_.erase(values_.begin() + before, values_.end());
    return false;
  }

  bool is_small(const Call& call) const {
    return std::all_of(call.shapes.begin(), call.shapes.end(),
                       [&](const Shape& shape) { return shape.size() <= limits_.size; });
  }
  bool fits_a_value(const Call& call) const {
    return call.shapes.empty() || std::any_of(values_.begin(), values_.end(), [&](const auto& value) {
             return std::find(call.shapes.begin(), call.shapes.end(), value.shape()) != call.shapes.end();
           });
  }

  std::size_t append(Step step) {
    values_.push_back(step.is_input() ? Variable<double>(step.numbers) : value(step, values_));
    program_.push_back(std::move(step));
    return program_.size() - 1;
  }

  // A value of this shape, the elements of another one, or a new input.
  std::size_t operand(const Shape& shape, const Domain& domain) {
    std::vector<std::size_t> same, others;
    for (std::size_t k = 0; k < values_.size(); ++k) {
      if (values_[k].shape() == shape) {
        same.push_back(k);
      } else if (values_[k].size() > 0) {
        others.push_back(k);
      }
    }
    const auto choice = draw_.number(0, 9);
    if (choice < 7 && !same.empty()) return led(same[draw_.index(same.size())], domain);
    if (choice < 9 && !others.empty()) return led(taken(others[draw_.index(others.size())], shape), domain);
    return append(input(draw_, shape, domain));
  }

  // The elements of value k over and over, in another shape.
  std::size_t taken(std::size_t k, const Shape& shape) {
    const Shape from = values_[k].shape();
    std::vector<Ids::value_type> ids(shape.size());
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<Ids::value_type>(i % from.size());
    return append(
        {"taken",
         Call{{from},
              [ids = Ids(shape, ids)](const auto& x) { return take(reshape(x[0], {-1}), ids); },
              fmt::format("np.take(np.reshape(x[0], [-1]), np.reshape(np.arange({}) % {}, {}), axis=0)",
                          shape.size(), from.size(), python(shape))},
         {k},
         {}});
  }

  // Value k where the row takes it: as it is, or by a smooth function.
  std::size_t led(std::size_t k, const Domain& domain) {
    const Array<double> x = values_[k].value();
    const Shape shape = x.shape();
    if (domain.gap > 0 || domain.spacing > 0)
      return append({"beside",
                     Call{{shape, shape},
                          [](const auto& v) { return v[0] + 0.0625 * tanh(v[1]); },
                          "x[0] + 0.0625 * np.tanh(x[1])"},
                     {append(input(draw_, shape, domain)), k},
                     {}});
    const double low = domain.low, width = domain.high - low;
    if (std::all_of(x.begin(), x.end(), [&](double e) { return low <= e && e <= domain.high; })) return k;
    return append({"between",
                   Call{{shape},
                        [=](const auto& v) { return low + width * sigmoid(v[0]); },
                        fmt::format("{} + {} * torch.sigmoid(x[0])", low, width)},
                   {k},
                   {}});
  }

  Draw draw_;
  ProgramLimits limits_;
  Program program_;
  std::vector<Variable<double>> values_;
};

template <class T>
Array<T> weights(const Shape& shape) {
  auto result = Array<T>::uninitialized(shape);
  for (std::size_t i = 0; i < result.size(); ++i)
    result.mutable_data()[i] = (static_cast<T>(7 * i % 11) - static_cast<T>(4.5)) / 4;
  return result;
}

}  // namespace

Program draw_program(std::uint32_t seed, const ProgramLimits& limits) {
  return Builder(seed, limits).program();
}

Step input(const Array<double>& numbers) {
  return {"", std::nullopt, {}, numbers.cast<float>().cast<double>()};
}

Step input(Draw& draw, const Shape& shape, const Domain& domain) {
  xgrad::Random random(static_cast<std::uint32_t>(draw.number(0, 1'000'000)));
  std::vector<double> numbers(shape.size());
  domain.numbers()(random, numbers);
  return input(Array<double>(shape, numbers));
}

std::vector<std::size_t> unused(const Program& program) {
  std::vector<bool> used(program.size());
  for (const Step& step : program)
    for (const std::size_t k : step.operands) used[k] = true;
  std::vector<std::size_t> result;
  for (std::size_t k = 0; k < program.size(); ++k)
    if (!used[k]) result.push_back(k);
  return result;
}

template <class T>
std::vector<Array<T>> results(const Program& program) {
  xgrad::Tape<T> tape;
  std::map<std::string, Array<double>> numbers;
  for (std::size_t k = 0; k < program.size(); ++k) numbers.emplace(name(k), program[k].numbers);
  const xgrad::Parameters<T> parameters(numbers);

  std::vector<Variable<T>> values, inputs;
  std::vector<Array<T>> result;
  for (std::size_t k = 0; k < program.size(); ++k) {
    const Step& step = program[k];
    if (step.is_input()) {  // both kinds: products keep packed copies of parameters
      inputs.push_back(k % 2 == 0 ? tape.leaf(step.numbers.cast<T>())
                                  : parameters.input(name(k), step.numbers.shape()));
      values.push_back(inputs.back());
    } else {
      values.push_back(value(step, values));
    }
    result.push_back(values.back().value());
  }
  Variable<T> loss = Array<T>::full({}, 0);
  for (const std::size_t k : unused(program))
    loss = loss + sum(values[k] * Variable<T>(weights<T>(values[k].shape())));
  result.push_back(loss.value());
  const auto gradients = tape.gradient(loss, {.unreached = xgrad::zeros});
  for (const auto& x : inputs) result.push_back(gradients[x]);
  return result;
}

template std::vector<Array<float>> results(const Program& program);
template std::vector<Array<double>> results(const Program& program);

std::vector<std::string> result_names(const Program& program) {
  std::vector<std::string> values, gradients;
  for (std::size_t k = 0; k < program.size(); ++k) {
    values.push_back(name(k));
    if (program[k].is_input()) gradients.push_back("dloss/d" + name(k));
  }
  values.push_back("loss");
  values.insert(values.end(), gradients.begin(), gradients.end());
  return values;
}

std::string python(const Step& step) {
  const auto names = operand_names(step);
  std::string text = step.call->python;
  for (std::size_t i = 0; i < names.size(); ++i)
    text = std::regex_replace(text, std::regex(fmt::format("\\b[xt]\\[{}\\]", i)), names[i]);
  return std::regex_replace(text, std::regex("\\(x,"), fmt::format("([{}],", fmt::join(names, ", ")));
}

std::string listing(const Program& program) {
  const auto values = results<double>(program);
  std::string text;
  for (std::size_t k = 0; k < program.size(); ++k) {
    const Step& step = program[k];
    const std::string shape = to_string(values[k].shape());
    text += name(k) + " = ";
    text += step.is_input() ? fmt::format("{{{}}}  # {}\n", fmt::join(step.numbers, ", "), shape)
                            : fmt::format("{}({})  # {}, {}\n", step.op, fmt::join(operand_names(step), ", "),
                                          shape, python(step));
  }
  return text;
}

}  // namespace registry
