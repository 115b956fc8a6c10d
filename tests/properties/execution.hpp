// Running a random program, in any scalar. Every value stays within [-1, 1] and far from kinks and poles,
// and no slope is more than 1 or so, so that neither a long program nor a central difference runs off. Start
// with `compute`, which lists the ops.
#pragma once

#include <algorithm>
#include <ostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <xgrad/autograd/ops.hpp>

#include "properties/program.hpp"

namespace properties {

using xgrad::Ids;
using xgrad::Shape;
using xgrad::Variable;

template <class T>
class Execution {
 public:
  Execution(const Program& program, const std::vector<Variable<T>>& inputs) {
    for (const auto& x : inputs) define({std::string(1, static_cast<char>('a' + variables_.size())), x});
    for (const Step& step : program.steps) {
      try {
        Value value = compute(step);
        while (value.x.size() > 36) value = {"mean(" + value.text + ", 0)", mean(value.x, 0)};
        const std::string name = "v" + std::to_string(variables_.size());
        listing_ += "  " + name + " = " + value.text + "    " + to_string(value.x.shape()) + "\n";
        define({name, value.x});
      } catch (const xgrad::Error& error) {
        throw std::runtime_error(listing_ + "  " + error.what());
      }
    }
  }

  /// The inputs, then the result of each step.
  const std::vector<Variable<T>>& variables() const { return variables_; }
  const std::string& listing() const { return listing_; }

  /// The numbers of all values that no step used, in one row.
  Variable<T> result() const {
    std::vector<Variable<T>> rows;
    for (std::size_t k = 0; k < variables_.size(); ++k)
      if (!used_[k]) rows.push_back(reshape(variables_[k], {-1}));
    return concat(rows);
  }

 private:
  struct Value {
    std::string text;
    Variable<T> x;
  };

  void define(const Value& value) {
    names_.push_back(value.text);
    variables_.push_back(value.x);
    used_.push_back(false);
  }

  Value use(std::size_t k) {
    used_[k] = true;
    return {names_[k], variables_[k]};
  }
  Value operand(std::size_t back) { return use(variables_.size() - 1 - back % variables_.size()); }

  // The value `back` steps ago, or the next before it, in a circle, that fits; `otherwise()` if none does.
  template <class Fits, class Otherwise>
  Value partner(std::size_t back, Fits fits, Otherwise otherwise) {
    const std::size_t n = variables_.size();
    for (std::size_t k = 0; k < n; ++k)
      if (const std::size_t at = n - 1 - (back + k) % n; fits(variables_[at].shape())) return use(at);
    return otherwise();
  }

  static std::string digits(double number) {
    std::ostringstream text;
    text << number;
    return text.str();
  }
  static std::string call(const char* op, const std::string& arguments) {
    return op + ("(" + arguments) + ")";
  }
  static Value scaled(double scale, const Value& value) {
    return {digits(scale) + " * " + value.text, scale * value.x};
  }
  static Value with_an_axis(const Value& x) {
    return x.x.rank() > 0 ? x : Value{call("reshape", x.text + ", {1}"), reshape(x.x, {1})};
  }

  Value compute(const Step& s) {
    const Value x = operand(s.x);
    switch (s.op) {
      case Op::negate:
        return {"-" + x.text, -x.x};
      case Op::scale_shift:
        return {"0.75 * " + x.text + " - 0.25", 0.75 * x.x - 0.25};
      case Op::square:
        return scaled(0.5, {call("square", x.text), square(x.x)});
      case Op::tanh:
        return {call("tanh", x.text), tanh(x.x)};
      case Op::sigmoid:
        return {call("sigmoid", x.text), sigmoid(x.x)};
      case Op::exp:
        return {call("exp", x.text + " - 1"), exp(x.x - 1)};
      case Op::log:
        return scaled(0.7, {call("log", "3 + " + x.text), log(3 + x.x)});
      case Op::sqrt:
        return scaled(0.5, {call("sqrt", "3 + " + x.text), sqrt(3 + x.x)});
      case Op::relu:
        if (s.j % 2 == 0) return scaled(0.4, {call("relu", x.text + " + 1.5"), relu(x.x + 1.5)});
        return {call("relu", x.text + " - 1.5"), relu(x.x - 1.5)};
      case Op::reciprocal:
        return {"1 / (3 + " + x.text + ")", 1 / (3 + x.x)};
      case Op::add:
      case Op::subtract:
      case Op::multiply:
      case Op::divide:
        return arithmetic(s, x);
      case Op::sum:
      case Op::mean:
        return reduction(s, x);
      case Op::reshape:
        return reshaped(s, x);
      case Op::transpose:
        return transposed(s, x);
      case Op::select:
      case Op::slice:
        return cut(s, with_an_axis(x));
      case Op::take:
      case Op::reset_rows:
        return indexed(s, with_an_axis(x));
      case Op::stack:
      case Op::concat:
        return joined(s, with_an_axis(x));
      case Op::softmax:
      case Op::log_softmax:
      case Op::softmax_cross_entropy:
        return of_logits(s, with_an_axis(x));
      case Op::matmul:
      case Op::affine:
      case Op::affine_of_two:
      case Op::count:
        break;
    }
    return product(s, with_an_axis(x));
  }

  Value arithmetic(const Step& s, const Value& x) {
    const Value w = partner(
        s.w, [&](const Shape& shape) { return broadcast(x.x.shape(), shape).has_value(); },
        [&] { return x; });
    const bool swap = s.i % 2 == 1;
    const Value &a = swap ? w : x, &b = swap ? x : w;
    if (s.op == Op::add) return scaled(0.5, {"(" + a.text + " + " + b.text + ")", a.x + b.x});
    if (s.op == Op::subtract) return scaled(0.5, {"(" + a.text + " - " + b.text + ")", a.x - b.x});
    if (s.op == Op::multiply) return scaled(0.5, {a.text + " * " + b.text, a.x * b.x});
    return {a.text + " / (3 + " + b.text + ")", a.x / (3 + b.x)};
  }

  // Over all axes, one, or the first and the last.
  Value reduction(const Step& s, const Value& x) {
    const auto rank = static_cast<int>(x.x.rank());
    xgrad::Axes axes;
    std::string text = "{}";
    if (rank > 0 && s.i % 3 == 1) {
      const int axis = static_cast<int>(s.w) % rank - (s.h % 2 == 0 ? rank : 0);
      axes = axis;
      text = std::to_string(axis);
    } else if (rank > 1 && s.i % 3 == 2) {
      axes = {0, -1};
      text = "{0, -1}";
    }
    const bool keep = s.j % 2 == 1;
    text = x.text + ", " + text + (keep ? ", keepdims" : "");
    if (s.op == Op::mean) return {call("mean", text), mean(x.x, axes, keep)};
    const Variable<T> y = sum(x.x, axes, keep);
    return scaled(static_cast<double>(y.size()) / static_cast<double>(x.x.size()), {call("sum", text), y});
  }

  static std::string list(const std::vector<std::ptrdiff_t>& numbers) {
    std::string text;
    for (const auto number : numbers) text += (text.empty() ? "" : ", ") + std::to_string(number);
    return "{" + text + "}";
  }

  Value reshaped(const Step& s, const Value& x) {
    std::vector<std::ptrdiff_t> sizes = {-1};
    if (s.i % 3 == 1) sizes = {1, -1};
    if (s.i % 3 == 2) sizes.assign(x.x.shape().begin(), x.x.shape().end());
    std::reverse(sizes.begin(), sizes.end());
    return {call("reshape", x.text + ", " + list(sizes)), reshape(x.x, sizes)};
  }

  // Reversed, or turned round by some places.
  Value transposed(const Step& s, const Value& x) {
    std::vector<std::ptrdiff_t> axes;
    for (std::size_t axis = 0; s.j % 2 == 1 && axis < x.x.rank(); ++axis)
      axes.push_back(static_cast<std::ptrdiff_t>((axis + s.i) % x.x.rank()));
    return {call("transpose", x.text + ", " + list(axes)), transpose(x.x, axes)};
  }

  Value cut(const Step& s, const Value& x) {
    const std::size_t axis = s.i % x.x.rank(), size = x.x.shape()[axis], first = s.j % size;
    const auto a = static_cast<std::ptrdiff_t>(axis), n = static_cast<std::ptrdiff_t>(size);
    const auto from =
        static_cast<std::ptrdiff_t>(first) - (s.w % 2 == 1 ? n : 0);  // from the start or the end
    if (s.op == Op::select)
      return {call("select", x.text + ", " + std::to_string(from) + ", " + std::to_string(a)),
              select(x.x, from, a)};
    const auto last = static_cast<std::ptrdiff_t>(first + 1 + s.h % (size - first));
    return {call("slice", x.text + ", " + std::to_string(from) + ", " + std::to_string(last) + ", " +
                              std::to_string(a)),
            slice(x.x, from, last, a)};
  }

  Value indexed(const Step& s, const Value& x) {
    const auto rows = static_cast<std::ptrdiff_t>(x.x.shape()[0]);
    const auto i = static_cast<std::ptrdiff_t>(s.i), j = static_cast<std::ptrdiff_t>(s.j);
    if (s.op == Op::take) {
      const std::vector<std::ptrdiff_t> ids = {j % rows, i % rows, j % rows, (i + j) % rows};
      const bool square = s.w % 2 == 1 && x.x.rank() <= 3;
      return {call("take", x.text + ", " + list(ids) + (square ? " as (2, 2)" : "")),
              take(x.x, Ids(square ? Shape{2, 2} : Shape{4}, {ids.begin(), ids.end()}))};
    }
    std::vector<std::ptrdiff_t> mask;
    for (std::ptrdiff_t r = 0; r < rows; ++r) mask.push_back(j >> r % 3 & 1);
    return {call("reset_rows", x.text + ", " + list(mask)), reset_rows(x.x, Ids({mask.begin(), mask.end()}))};
  }

  Value joined(const Step& s, const Value& x) {
    const bool stacks = s.op == Op::stack && x.x.rank() <= 3;
    const std::size_t axis = s.i % (x.x.rank() + (stacks ? 1 : 0));
    const auto fits = [&](const Shape& shape) {
      if (stacks || shape.rank() != x.x.rank()) return shape == x.x.shape();
      Shape same = shape;
      same.set(axis, x.x.shape()[axis]);
      return same == x.x.shape();
    };
    const auto itself = [&] { return x; };
    const Value w = partner(s.w, fits, itself), h = partner(s.h, fits, itself);
    const auto a = static_cast<std::ptrdiff_t>(axis);
    const std::string text = "{" + w.text + ", " + x.text + ", " + h.text + "}, " + std::to_string(axis);
    if (stacks) return {call("stack", text), xgrad::stack({w.x, x.x, h.x}, a)};
    return {call("concat", text), xgrad::concat({w.x, x.x, h.x}, a)};
  }

  Value of_logits(const Step& s, const Value& x) {
    const auto axis = static_cast<std::ptrdiff_t>(s.i % x.x.rank());
    const std::string along = x.text + ", " + std::to_string(axis);
    if (s.op == Op::softmax) return {call("softmax", along), softmax(x.x, axis)};
    if (s.op == Op::log_softmax) return scaled(0.15, {call("log_softmax", along), log_softmax(x.x, axis)});
    const std::size_t V = x.x.shape().back();
    const Shape rows(x.x.shape().begin(), x.x.shape().end() - 1);
    std::vector<std::ptrdiff_t> targets;
    for (std::size_t r = 0; r < rows.size(); ++r)
      targets.push_back(static_cast<std::ptrdiff_t>((r + s.j) % V));
    const char* const names[] = {"mean", "sum", "none"};
    const auto reduction = static_cast<xgrad::Reduction>(s.i % 3);
    const double scale = 0.15 / (s.i % 3 == 1 ? static_cast<double>(rows.size()) : 1);
    return scaled(scale,
                  {call("softmax_cross_entropy", x.text + ", " + list(targets) + ", " + names[s.i % 3]),
                   softmax_cross_entropy(x.x, Ids(rows, {targets.begin(), targets.end()}), reduction)});
  }

  Value product(const Step& s, const Value& x) {
    const Shape& shape = x.x.shape();
    const std::size_t K = shape.back();
    const auto scale = [](std::size_t terms) { return 1 / static_cast<double>(terms); };
    const Value W = partner(
        s.w, [&](const Shape& of) { return of.rank() == 2 && of[0] == K; },
        [&]() -> Value {
          return {call("reshape", x.text + ", {" + std::to_string(K) + ", -1}"),
                  reshape(x.x, std::vector<std::ptrdiff_t>{static_cast<std::ptrdiff_t>(K), -1})};
        });
    if (s.op == Op::matmul)
      return scaled(scale(K), {call("matmul", x.text + ", " + W.text), matmul(x.x, W.x)});

    const std::size_t M = W.x.shape()[1];
    const Value b = partner(
        s.i, [&](const Shape& of) { return of == Shape{M}; },
        [&]() -> Value {
          return {call("mean", W.text + ", 0"), mean(W.x, 0)};
        });
    const std::string first = "{" + x.text + ", " + W.text + "}, ";
    if (s.op == Op::affine)
      return scaled(scale(K + 1), {call("affine", first + b.text), affine({x.x, W.x}, b.x)});

    const auto exists = [&](const Shape& of) {
      return std::any_of(variables_.begin(), variables_.end(),
                         [&](const auto& v) { return v.shape() == of; });
    };
    const auto fits = [&](const Shape& of) {
      return of.rank() == shape.rank() && std::equal(of.begin(), of.end() - 1, shape.begin()) &&
             exists({of.back(), M});
    };
    const Value h = partner(s.h, fits, [&] { return x; });
    const std::size_t L = h.x.shape().back();
    const Value U = partner(
        s.j,
        [&](const Shape& of) {
          return of == Shape{L, M};
        },
        [&] { return W; });
    return scaled(scale(K + L + 1), {call("affine", first + "{" + h.text + ", " + U.text + "}, " + b.text),
                                     affine({x.x, W.x}, {h.x, U.x}, b.x)});
  }

  std::vector<std::string> names_;
  std::vector<Variable<T>> variables_;
  std::vector<bool> used_;
  std::string listing_;
};

inline std::ostream& operator<<(std::ostream& out, const Program& program) {
  std::vector<Variable<double>> inputs;
  for (const std::size_t shape : program.inputs) {
    inputs.push_back(xgrad::Array<double>::full(input_shapes[shape], 0.5));
    out << "\n  " << static_cast<char>('a' + inputs.size() - 1) << ": " << to_string(input_shapes[shape]);
  }
  try {
    return out << "\n" << Execution<double>(program, inputs).listing();
  } catch (const std::runtime_error& error) {  // of the last step
    return out << "\n" << error.what() << "\n";
  }
}

}  // namespace properties
