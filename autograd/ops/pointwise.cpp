// A formula run over blocks of numbers: forward step by step, and backward from the last step to the first, by the kernels
// that the ops of one function each have. Start with `Blocks`.
#include <xgrad/autograd/ops/pointwise.hpp>

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include <xgrad/autograd/kernels/parallel.hpp>
#include <xgrad/autograd/kernels/row.hpp>
#include <xgrad/autograd/kernels/strided.hpp>
#include <xgrad/autograd/ops/broadcasting.hpp>
#include <xgrad/autograd/tape.hpp>

namespace xgrad {

using Op = Formula::Op;

Symbol operator+(Symbol a, Symbol b) { return a.formula_->add(Op::add, a, b); }
Symbol operator-(Symbol a, Symbol b) { return a.formula_->add(Op::subtract, a, b); }
Symbol operator*(Symbol a, Symbol b) { return a.formula_->add(Op::multiply, a, b); }
Symbol operator/(Symbol a, Symbol b) { return a.formula_->add(Op::divide, a, b); }
Symbol operator/(Symbol a, double b) { return a / a.formula_->constant(b); }
Symbol operator/(double a, Symbol b) { return b.formula_->constant(a) / b; }
Symbol exp(Symbol x) { return x.formula_->add(Op::exp, x); }
Symbol log(Symbol x) { return x.formula_->add(Op::log, x); }
Symbol sqrt(Symbol x) { return x.formula_->add(Op::sqrt, x); }
Symbol square(Symbol x) { return x.formula_->add(Op::square, x); }
Symbol tanh(Symbol x) { return x.formula_->add(Op::tanh, x); }
Symbol sigmoid(Symbol x) { return x.formula_->add(Op::sigmoid, x); }
Symbol relu(Symbol x) { return x.formula_->add(Op::relu, x); }
Symbol Symbol::scale_shift(double scale, double shift) const {
  return formula_->scale_shift(*this, scale, shift);
}

Formula::Formula(std::size_t operands) : operands_(operands) {
  steps_.reserve(24);
  steps_.assign(operands, Step{.op = Op::operand});
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

// Numbers of a block: what a step computes for it fits a kilobyte, so that all steps stay in the cache.
template <class T>
constexpr std::size_t block = 1024 / sizeof(T);

// One block on its way through the steps.
template <class T>
class Block {
 public:
  explicit Block(const Formula& formula) : formula_(formula), steps_(formula.steps()) {
    thread_local std::vector<T> memory;
    const std::size_t needed = (2 * steps_.size() + 1) * block<T>;
    if (memory.size() < needed) memory.resize(needed);
    memory_ = memory.data();
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      values_[i] = own(i);
      if (steps_[i].op == Op::constant) std::fill_n(own(i), block<T>, T(real(steps_[i].shift)));
    }
  }

  // Operand i: a row of numbers, or one for all.
  void set_row(std::size_t i, const T* x) { values_[i] = x; }
  void set_single(std::size_t i, T x) { std::fill_n(own(i), block<T>, x); }

  // The result of n numbers goes to y, unless y is null.
  void forward(std::size_t n, T* y) {
    for (std::size_t i = 0; i < steps_.size(); ++i)
      if (steps_[i].op != Op::operand && steps_[i].op != Op::constant)
        compute(i, i == formula_.result() && y != nullptr ? y : own(i), n);
    if (y != nullptr && formula_.result() < formula_.operands())
      map_row(formulas::Copy(), y, n, value(formula_.result()));
  }

  // After forward(n, null): dx[i] = dL/d operand i from dy. The entries of dx are not null.
  void backward(std::size_t n, const T* dy, T* const* dx) {
    n_ = n;
    dx_ = dx;
    filled_.fill(false);
    add(formula_.result(), formulas::Copy(), dy);
    for (std::size_t i = steps_.size(); i-- > 0;)
      if (filled_[i] && steps_[i].op != Op::operand) spread(i);
    for (std::size_t i = 0; i < formula_.operands(); ++i)
      if (!filled_[i]) std::fill_n(dx[i], n, T(0));
  }

 private:
  using Real = scalar::Real<T>;
  static Real real(double x) { return static_cast<Real>(x); }

  T* own(std::size_t i) { return memory_ + i * block<T>; }
  const T* value(std::size_t i) const { return values_[i]; }
  T* sum(std::size_t i) { return i < formula_.operands() ? dx_[i] : own(steps_.size() + i); }
  void compute(std::size_t i, T* y, std::size_t n) {
    const auto [op, a_place, b_place, scale, shift] = steps_[i];
    const T *const a = value(a_place), *const b = value(b_place);
    switch (op) {
      case Op::add:
        return map_row(formulas::Add(), y, n, a, b);
      case Op::subtract:
        return map_row(formulas::Subtract(), y, n, a, b);
      case Op::multiply:
        return map_row(formulas::Multiply(), y, n, a, b);
      case Op::divide:
        return map_row(formulas::Divide(), y, n, a, b);
      case Op::scale_shift:
        if (shift == 0) return kernels::scale(a, y, n, real(scale));
        return map_row(formulas::ScaleShift<T>{real(scale), real(shift)}, y, n, a);
      case Op::exp:
        return map_row(formulas::Exp(), y, n, a);
      case Op::log:
        return map_row(formulas::Log(), y, n, a);
      case Op::sqrt:
        return map_row(formulas::Sqrt(), y, n, a);
      case Op::square:
        return map_row(formulas::Square(), y, n, a);
      case Op::tanh:
        return map_row(formulas::Tanh(), y, n, a);
      case Op::sigmoid:
        return map_row(formulas::Sigmoid(), y, n, a);
      case Op::relu:
        return map_row(formulas::Relu<T>(), y, n, a);
      case Op::operand:
      case Op::constant:
        return;
    }
  }

  // Adds f(x...) to the gradient of step i.
  template <class F, class... X>
  void add(std::size_t i, const F& f, const X*... x) {
    if (steps_[i].op == Op::constant) return;
    if (!filled_[i]) {
      map_row(f, sum(i), n_, x...);
      filled_[i] = true;
      return;
    }
    T* const more = own(2 * steps_.size());
    map_row(f, more, n_, x...);
    map_row(formulas::Add(), sum(i), n_, sum(i), more);
  }

  // From the gradient of y = step i to those of what it was computed from.
  void spread(std::size_t i) {
    const auto [op, a_place, b_place, scale, shift] = steps_[i];
    const T *const a = value(a_place), *const b = value(b_place), *const y = value(i);
    T* const dy = sum(i);
    switch (op) {
      case Op::add:  // da = dy                          db = dy
        add(a_place, formulas::Copy(), dy);
        return add(b_place, formulas::Copy(), dy);
      case Op::subtract:  // da = dy                     db = -dy
        add(a_place, formulas::Copy(), dy);
        return add(b_place, formulas::Scale<T>{Real(-1)}, dy);
      case Op::multiply:  // da = dy b                   db = dy a
        add(a_place, formulas::Multiply(), dy, b);
        return add(b_place, formulas::Multiply(), dy, a);
      case Op::divide:  // da = dy / b                   db = -y da
        map_row(formulas::Divide(), dy, n_, dy, b);
        add(a_place, formulas::Copy(), dy);
        map_row(formulas::Scale<T>{Real(-1)}, dy, n_, dy);
        return add(b_place, formulas::Multiply(), dy, y);
      case Op::scale_shift:  // da = scale dy
        return add(a_place, formulas::Scale<T>{real(scale)}, dy);
      case Op::exp:  // da = dy y
        return add(a_place, formulas::Multiply(), dy, y);
      case Op::log:  // da = dy / a
        return add(a_place, formulas::Divide(), dy, a);
      case Op::sqrt:  // da = dy / (2 y)
        map_row(formulas::Scale<T>{Real(0.5)}, dy, n_, dy);
        return add(a_place, formulas::Divide(), dy, y);
      case Op::square:
        return add(a_place, formulas::SquareVjp<T>(), dy, a);
      case Op::tanh:
        return add(a_place, formulas::TanhVjp<T>(), dy, y);
      case Op::sigmoid:
        return add(a_place, formulas::SigmoidVjp<T>(), dy, y);
      case Op::relu:
        return add(a_place, formulas::ReluVjp<T>(), dy, y);
      case Op::operand:
      case Op::constant:
        return;
    }
  }

  const Formula& formula_;
  const std::vector<Formula::Step>& steps_;
  T* memory_;
  std::array<const T*, Formula::most_steps> values_;
  std::size_t n_ = 0;
  T* const* dx_ = nullptr;
  std::array<bool, Formula::most_steps> filled_{};
};

// A formula and its operands; and the gradients of these, all made at once for the first that is asked for.
template <class T>
class Blocks {
 public:
  Blocks(std::shared_ptr<const Formula> formula, const std::vector<Variable<T>>& operands, const Shape& shape)
      : formula_(std::move(formula)), shape_(shape) {
    for (const Variable<T>& x : operands) operands_.push_back(x.value());
  }

  Array<T> forward() const {
    auto y = Array<T>::uninitialized(shape_);
    T* const out = y.mutable_data();
    for_each([&](Block<T>& b, std::size_t at, std::size_t n) { b.forward(n, out + at); });
    return y;
  }

  // dL/d operand i in the shape of the result.
  Array<T> gradient(std::size_t i, const Array<T>& dy) {
    if (made_.empty() || dy_.data() != dy.data() || !made_[i]) make_gradients(dy);
    made_[i] = false;
    return std::exchange(gradients_[i], Array<T>());
  }

 private:
  void make_gradients(const Array<T>& dy) {
    dy_ = dy;  // held, so that no other numbers come to lie there
    made_.assign(operands_.size(), true);
    gradients_.clear();
    std::array<T*, Formula::most_operands> out{};
    for (std::size_t i = 0; i < operands_.size(); ++i) {
      gradients_.push_back(Array<T>::uninitialized(shape_));
      out[i] = gradients_[i].mutable_data();
    }
    const auto kinks = scalar::kinks;
    for_each([&](Block<T>& b, std::size_t at, std::size_t n) {
      std::array<T*, Formula::most_operands> dx{};
      for (std::size_t i = 0; i < operands_.size(); ++i) dx[i] = out[i] + at;
      b.forward(n, nullptr);
      b.backward(n, dy.data() + at, dx.data());
    });
    scalar::kinks = kinks;  // the value has met them before
  }

  // Calls f(block, at, n) for blocks that make up the result, at `at`, with the operands set; from several threads.
  template <class F>
  void for_each(const F& f) const {
    constexpr std::size_t most = Formula::most_operands;
    std::array<kernels::Strides, most + 1> strides;
    strides.fill(kernels::broadcast_strides(shape_, shape_));  // the last is that of the result
    std::array<const T*, most> x{};
    const std::size_t count = operands_.size();
    for (std::size_t i = 0; i < count; ++i) {
      strides[i] = kernels::broadcast_strides(operands_[i].shape(), shape_);
      x[i] = operands_[i].data();
    }
    const kernels::StridedWalk<most + 1> walk(shape_, strides);
    walk.for_each_row([&](const auto& offsets, std::size_t n, const auto& steps) {
      const std::size_t blocks = (n + block<T> - 1) / block<T>,
                        enough = kernels::Vectorized<T> ? 64 : blocks;  // to keep a thread busy
      kernels::parallel_ranges(blocks, enough, [&](std::size_t first, std::size_t last) {
        Block<T> b(*formula_);
        for (std::size_t i = 0; i < count; ++i)
          if (steps[i] == 0) b.set_single(i, x[i][offsets[i]]);
        for (std::size_t k = first; k < last; ++k) {
          const std::size_t at = k * block<T>;
          for (std::size_t i = 0; i < count; ++i)
            if (steps[i] != 0) b.set_row(i, x[i] + offsets[i] + at);
          f(b, offsets[most] + at, std::min(block<T>, n - at));
        }
      });
    });
  }

  std::shared_ptr<const Formula> formula_;
  Shape shape_;
  std::vector<Array<T>> operands_, gradients_;
  std::vector<bool> made_;
  Array<T> dy_;
};

}  // namespace

template <class T>
Variable<T> detail::evaluate(std::shared_ptr<const Formula> formula,
                             const std::vector<Variable<T>>& operands) {
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
  const auto blocks = std::make_shared<Blocks<T>>(std::move(formula), operands, shape);
  const auto vjp = [&](std::size_t i) {
    // The operand is held here too, where the tape's statistics find it.
    return [blocks, i, x = operands[i].value()](const Array<T>& dy) { return blocks->gradient(i, dy); };
  };
  std::vector<Wrt<T, decltype(vjp(0))>> inputs;
  for (std::size_t i = 0; i < operands.size(); ++i) inputs.push_back(wrt(operands[i], vjp(i)));
  return record("pointwise", blocks->forward(), std::move(inputs));
}

template Variable<float> detail::evaluate(std::shared_ptr<const Formula>,
                                          const std::vector<Variable<float>>&);
template Variable<double> detail::evaluate(std::shared_ptr<const Formula>,
                                           const std::vector<Variable<double>>&);
template Variable<Complex> detail::evaluate(std::shared_ptr<const Formula>,
                                            const std::vector<Variable<Complex>>&);

}  // namespace xgrad
