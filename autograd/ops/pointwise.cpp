// A formula run over blocks of numbers: forward step by step, and backward from the last step to the first,
// by the kernels that the ops of one function each have. Start with `evaluate`, at the end.
#include <xgrad/autograd/ops/pointwise.hpp>

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include <xgrad/autograd/kernels/parallel.hpp>
#include <xgrad/autograd/kernels/row.hpp>
#include <xgrad/autograd/kernels/strided.hpp>
#include <xgrad/autograd/ops/broadcasting.hpp>
#include <xgrad/autograd/ops/identities.hpp>
#include <xgrad/autograd/tape.hpp>

namespace xgrad {

using Function = Formula::Function;

Symbol operator+(Symbol a, Symbol b) { return a.formula_->add(Function::add, a, b); }
Symbol operator-(Symbol a, Symbol b) { return a.formula_->add(Function::subtract, a, b); }
Symbol operator*(Symbol a, Symbol b) { return a.formula_->add(Function::multiply, a, b); }
Symbol operator/(Symbol a, Symbol b) { return a.formula_->add(Function::divide, a, b); }
Symbol operator/(Symbol a, double b) { return a / a.formula_->constant(b); }
Symbol operator/(double a, Symbol b) { return b.formula_->constant(a) / b; }
Symbol exp(Symbol x) { return x.formula_->add(Function::exp, x); }
Symbol log(Symbol x) { return x.formula_->add(Function::log, x); }
Symbol sqrt(Symbol x) { return x.formula_->add(Function::sqrt, x); }
Symbol square(Symbol x) { return x.formula_->add(Function::square, x); }
Symbol tanh(Symbol x) { return x.formula_->add(Function::tanh, x); }
Symbol sigmoid(Symbol x) { return x.formula_->add(Function::sigmoid, x); }
Symbol relu(Symbol x) { return x.formula_->add(Function::relu, x); }
Symbol Symbol::scale_shift(double scale, double shift) const {
  return formula_->scale_shift(*this, scale, shift);
}

Formula::Formula(std::size_t operands) : operands_(operands) {
  steps_.reserve(24);
  steps_.assign(operands, Step{.op = Function::operand});
}

Symbol Formula::add(const Step& step) {
  if (steps_.size() == most_steps)
    throw Error("pointwise", fmt::format("the formula has more than {} steps; cut it in two", most_steps));
  steps_.push_back(step);
  return Symbol(*this, static_cast<std::uint32_t>(steps_.size() - 1));
}

std::uint32_t Formula::place(Symbol symbol) const {
  if (symbol.formula_ != this)
    throw Error("pointwise", "the formula uses a symbol of another call of pointwise()");
  return symbol.place_;
}

namespace {

using kernels::map_row;
namespace formulas = kernels::formulas;

// Numbers of a block: few enough for all steps to stay in the second-level cache, and so many that calling
// the kernels takes little time beside their work.
template <class T>
constexpr std::size_t block = 8192 / sizeof(T);
// How far apart the blocks of two steps lie: not by a power of two, whose multiples would share places in the
// first-level cache.
template <class T>
constexpr std::size_t stride = block<T> + 64 / sizeof(T);

// One block on its way through the steps, and back.
template <class T>
class Block {
 public:
  // For up to `most` numbers at a time.
  Block(const Formula& formula, std::size_t most) : formula_(formula), steps_(formula.steps()), most_(most) {
    thread_local std::vector<T> memory;
    const std::size_t needed = (2 * steps_.size() + 3) * stride<T>;
    if (memory.size() < needed) memory.resize(needed);
    memory_ = memory.data();
    std::fill_n(ones(), most_, T(1));
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      values_[i] = own(i);
      if (steps_[i].op == Function::constant) std::fill_n(own(i), most_, T(real(steps_[i].shift)));
    }
  }

  // Operand i: a row of numbers, or one for all.
  void set_row(std::size_t i, const T* x) { values_[i] = x; }
  void set_single(std::size_t i, T x) { std::fill_n(own(i), most_, x); }

  // The result of n numbers goes to y.
  void forward(std::size_t n, T* y) {
    n_ = n;
    values_[formula_.result()] = formula_.result() < formula_.operands() ? values_[formula_.result()] : y;
    for (std::size_t i = formula_.operands(); i < steps_.size(); ++i)
      if (steps_[i].op != Function::constant) compute(i, i == formula_.result() ? y : own(i));
    if (value(formula_.result()) != y) map_row(formulas::Copy(), y, n_, value(formula_.result()));
  }

  // After forward: d[i] = dy / d operand i.
  void backward(T* const* d) {
    d_ = d;
    slopes_.fill(nullptr);
    pass(formula_.result(), ones());
    for (std::size_t i = steps_.size(); i-- > formula_.operands();)
      if (slopes_[i] != nullptr) spread(i, slopes_[i]);
    for (std::size_t i = 0; i < formula_.operands(); ++i) {
      if (slopes_[i] == nullptr)
        std::fill_n(d[i], n_, T(0));
      else if (slopes_[i] != d[i])
        map_row(formulas::Copy(), d[i], n_, slopes_[i]);
    }
  }

 private:
  using Real = scalar::Real<T>;
  static Real real(double x) { return static_cast<Real>(x); }

  T* own(std::size_t i) { return memory_ + i * stride<T>; }
  const T* value(std::size_t i) const { return values_[i]; }
  T* sum(std::size_t i) { return i < formula_.operands() ? d_[i] : own(steps_.size() + i); }
  T* more() { return own(2 * steps_.size()); }
  T* scratch() { return own(2 * steps_.size() + 1); }
  T* ones() { return own(2 * steps_.size() + 2); }

  void compute(std::size_t i, T* y) {
    const auto [op, a_place, b_place, scale, shift] = steps_[i];
    const T *const a = value(a_place), *const b = value(b_place);
    switch (op) {
      case Function::add:
        return map_row(formulas::Add(), y, n_, a, b);
      case Function::subtract:
        return map_row(formulas::Subtract(), y, n_, a, b);
      case Function::multiply:
        return map_row(formulas::Multiply(), y, n_, a, b);
      case Function::divide:
        return map_row(formulas::Divide(), y, n_, a, b);
      case Function::scale_shift:
        if (shift == 0) return kernels::scale(a, y, n_, real(scale));
        return map_row(formulas::ScaleShift<T>{real(scale), real(shift)}, y, n_, a);
      case Function::exp:
        return map_row(formulas::Exp(), y, n_, a);
      case Function::log:
        return map_row(formulas::Log(), y, n_, a);
      case Function::sqrt:
        return map_row(formulas::Sqrt(), y, n_, a);
      case Function::square:
        return map_row(formulas::Square(), y, n_, a);
      case Function::tanh:
        return map_row(formulas::Tanh(), y, n_, a);
      case Function::sigmoid:
        return map_row(formulas::Sigmoid(), y, n_, a);
      case Function::relu:
        return map_row(formulas::Relu<T>(), y, n_, a);
      case Function::operand:
      case Function::constant:
        return;
    }
  }

  // Adds f(x...) to the slope of step i.
  template <class F, class... X>
  void add(std::size_t i, const F& f, const X*... x) {
    if (steps_[i].op == Function::constant) return;
    map_row(f, slopes_[i] == nullptr ? sum(i) : more(), n_, x...);
    if (slopes_[i] != nullptr) map_row(formulas::Add(), sum(i), n_, slopes_[i], more());
    slopes_[i] = sum(i);
  }
  // Adds d, which stays as it is until the end, so that the first need not be copied.
  void pass(std::size_t i, const T* d) {
    if (slopes_[i] == nullptr)
      slopes_[i] = d;
    else
      add(i, formulas::Copy(), d);
  }

  // From the slope d of the result in y = step i to the slopes in what y was computed from.
  void spread(std::size_t i, const T* d) {
    const auto [op, a_place, b_place, scale, shift] = steps_[i];
    const T *const a = value(a_place), *const b = value(b_place), *const y = value(i);
    switch (op) {
      case Function::add:  // da = d                           db = d
        pass(a_place, d);
        return pass(b_place, d);
      case Function::subtract:  // da = d                      db = -d
        pass(a_place, d);
        return add(b_place, formulas::Scale<T>{Real(-1)}, d);
      case Function::multiply:  // da = d b                    db = d a
        add(a_place, formulas::Multiply(), d, b);
        return add(b_place, formulas::Multiply(), d, a);
      case Function::divide:  // da = d / b                    db = -y d / b
        add(a_place, formulas::Divide(), d, b);
        map_row(formulas::Divide(), scratch(), n_, d, b);
        map_row(formulas::Scale<T>{Real(-1)}, scratch(), n_, scratch());
        return add(b_place, formulas::Multiply(), scratch(), y);
      case Function::scale_shift:  // da = scale d
        return add(a_place, formulas::Scale<T>{real(scale)}, d);
      case Function::exp:  // da = d y
        return add(a_place, formulas::Multiply(), d, y);
      case Function::log:  // da = d / a
        return add(a_place, formulas::Divide(), d, a);
      case Function::sqrt:  // da = d / (2 y)
        map_row(formulas::Scale<T>{Real(0.5)}, scratch(), n_, d);
        return add(a_place, formulas::Divide(), scratch(), y);
      case Function::square:
        return add(a_place, formulas::SquareVjp<T>(), d, a);
      case Function::tanh:
        return add(a_place, formulas::TanhVjp<T>(), d, y);
      case Function::sigmoid:
        return add(a_place, formulas::SigmoidVjp<T>(), d, y);
      case Function::relu:
        return add(a_place, formulas::ReluVjp<T>(), d, y);
      case Function::operand:
      case Function::constant:
        return;
    }
  }

  const Formula& formula_;
  const std::vector<Formula::Step>& steps_;
  std::size_t most_;
  T* memory_;
  std::array<const T*, Formula::most_steps> values_, slopes_;
  std::size_t n_ = 0;
  T* const* d_ = nullptr;
};

// Calls f(block, at, n) for blocks that make up an array of that shape, at `at`, with the operands set; from
// several threads.
template <class T, class F>
void for_each_block(const Formula& formula, const std::vector<Variable<T>>& operands, const Shape& shape,
                    const F& f) {
  constexpr std::size_t most = Formula::most_operands;
  std::array<kernels::Strides, most + 1> strides;
  strides.fill(kernels::broadcast_strides(shape, shape));  // the last is that of the result
  std::array<const T*, most> x{};
  for (std::size_t i = 0; i < operands.size(); ++i) {
    strides[i] = kernels::broadcast_strides(operands[i].shape(), shape);
    x[i] = operands[i].value().data();
  }
  const kernels::StridedWalk<most + 1> walk(shape, strides);
  walk.for_each_row([&](const auto& offsets, std::size_t n, const auto& steps) {
    const std::size_t blocks = (n + block<T> - 1) / block<T>,
                      enough = kernels::Vectorized<T> ? 8 : blocks;  // to keep a thread busy
    kernels::parallel_ranges(blocks, enough, [&](std::size_t first, std::size_t last) {
      Block<T> b(formula, std::min(block<T>, n));
      for (std::size_t i = 0; i < operands.size(); ++i)
        if (steps[i] == 0) b.set_single(i, x[i][offsets[i]]);
      for (std::size_t k = first; k < last; ++k) {
        const std::size_t at = k * block<T>;
        for (std::size_t i = 0; i < operands.size(); ++i)
          if (steps[i] != 0) b.set_row(i, x[i] + offsets[i] + at);
        f(b, offsets[most] + at, std::min(block<T>, n - at));
      }
    });
  });
}

template <class T>
Shape common_shape(const std::vector<Variable<T>>& operands) {
  Shape shape = operands[0].shape();
  for (const Variable<T>& x : operands) {
    const auto common = broadcast(shape, x.shape());
    if (!common) {
      for (const Variable<T>& other : operands) check_broadcast("pointwise", other, x);
      throw Error("pointwise", fmt::format("shape {} does not broadcast with {}, that of the others",
                                           describe(x), to_string(shape)));
    }
    shape = *common;
  }
  return shape;
}

}  // namespace

// y = f(x_1, ...)                   dx_i = dy df/dx_i
// The slopes df/dx_i are made with y, while a block's values are in the cache, and saved in place of the
// operands.
template <class T>
Variable<T> detail::evaluate(const Formula& formula, const std::vector<Variable<T>>& operands) {
  const Shape shape = common_shape(operands);
  auto y = Array<T>::uninitialized(shape);
  T* const out = y.mutable_data();
  std::vector<Array<T>> slopes;
  std::array<T*, Formula::most_operands> d{};
  const bool recorded = Tape<T>::current() != nullptr;
  for (std::size_t i = 0; recorded && i < operands.size(); ++i) {
    slopes.push_back(Array<T>::uninitialized(shape));
    d[i] = slopes.back().mutable_data();
  }
  for_each_block(formula, operands, shape, [&](Block<T>& b, std::size_t at, std::size_t n) {
    b.forward(n, out + at);
    if (!recorded) return;
    auto d_at = d;
    for (std::size_t i = 0; i < operands.size(); ++i) d_at[i] += at;
    b.backward(d_at.data());
  });
  const auto vjp = [](const Array<T>& slope) { return [slope](const Array<T>& dy) { return dy * slope; }; };
  std::vector<Wrt<T, decltype(vjp(y))>> inputs;
  for (std::size_t i = 0; i < operands.size(); ++i)
    inputs.push_back(wrt(operands[i], vjp(recorded ? slopes[i] : Array<T>())));
  return record(ops::pointwise, y, std::move(inputs));
}

template Variable<float> detail::evaluate(const Formula&, const std::vector<Variable<float>>&);
template Variable<double> detail::evaluate(const Formula&, const std::vector<Variable<double>>&);
template Variable<Complex> detail::evaluate(const Formula&, const std::vector<Variable<Complex>>&);

}  // namespace xgrad
