// A loss of digits is arithmetic whose rule is right, but that in float loses digits of the value of an op or
// of the gradient of one argument, as people write it. `with_loss` records the op with it; all else is
// computed with care. `rounding` must find every loss that float shows, and name op and argument:
// test_lost_digits.cpp. They stand in the tables of faults_lost_digits.cpp. Start with Loss.
#pragma once

#include <xgrad/autograd/rounding.hpp>

#include "fault.hpp"

namespace xgrad::faults {

/// Where the digits go.
enum class Cause {
  cancellation,  ///< numbers that nearly agree are subtracted, or a rounding error is magnified
  from_output,   ///< the slope is taken from a value whose rounding hides it
  accumulation,  ///< a long sum or product in an accumulator of float
  range,         ///< something on the way overflows or underflows
  lost_nan,      ///< a comparison makes a number of a NaN that float alone has, or a mask makes a NaN
  shortcut,      ///< an approximation or a narrower type in the float version
};

/// What the matrix calls them.
inline constexpr struct {
  Cause cause;
  const char* name;
} causes[] = {{Cause::cancellation, "cancellation"}, {Cause::from_output, "slope from the output"},
              {Cause::accumulation, "accumulation"}, {Cause::range, "range left on the way"},
              {Cause::lost_nan, "NaN lost or made"}, {Cause::shortcut, "shortcut in float"}};

/// What is computed of an op, for a value, or of an op and dy, for a gradient.
using Written = InBoth<Variable<float>(const RealOp<float>&, const Variable<float>&),
                       Variable<double>(const RealOp<double>&, const Variable<double>&)>;

struct Loss {
  std::string what;  ///< what the author wrote
  Cause cause;
  std::optional<std::size_t> argument;  ///< of the gradient; nothing for the value
  Written written;
  std::string unseen = {};  ///< why `rounding` cannot tell, or empty
};

/// An op, elements at which it loses digits if it is written without care, and the losses that are planted in
/// it, one at a time.
struct LossyOp {
  struct Input {
    Shape shape;
    Initializer elements;
  };
  std::string name;
  std::vector<Input> inputs;
  Function f;                        ///< with care
  std::optional<Function> absolute;  ///< of an op that adds: what `summing` takes
  std::vector<Loss> losses;
};

/// `op` with a loss or, if there is none, as it should be; a function of Parameters<T>.
struct WithLoss {
  const LossyOp& op;
  const Loss* loss;

  template <class T>
  Variable<T> operator()(const Parameters<T>& p) const {
    const auto real = std::make_shared<RealOp<T>>(RealOp<T>{&op.f, {}, {}});
    Inputs<T> xs;
    for (const auto& [shape, elements] : op.inputs) {
      xs.push_back(p.input("x" + std::to_string(xs.size()), shape, elements));
      real->x.emplace_back(xs.back().value().copy());
    }
    {
      const Inference pause;
      real->y = loss != nullptr && !loss->argument ? loss->written(*real, Variable<T>()) : op.f(real->x);
    }
    std::vector<Wrt<T, std::function<Array<T>(const Array<T>&)>>> inputs;
    for (std::size_t i = 0; i < xs.size(); ++i) {
      const Loss* const here = loss != nullptr && loss->argument == i ? loss : nullptr;
      inputs.push_back({xs[i], [=](const Array<T>& dy) {
                          return here != nullptr ? here->written(*real, Variable<T>(dy)).value()
                                                 : real->vjp(i, dy);
                        }});
    }
    const Op recorded = op.name.c_str();
    if (!op.absolute)
      return record(recorded, real->y.value(), inputs) + 0;  // another op, which must not be named
    const auto absolute = [&] {
      return [f = *op.absolute](std::span<const Variable<T>> x) { return f(Inputs<T>(x.begin(), x.end())); };
    };
    const auto adds = summing(recorded, absolute);
    return (inputs.size() == 1 ? record(adds, real->y.value(), inputs[0])
                               : record(adds, real->y.value(), inputs[0], inputs[1])) +
           0;
  }
};

std::vector<LossyOp> lossy_ops();

}  // namespace xgrad::faults
