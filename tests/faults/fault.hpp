// A fault is a mistake in the vjp of one argument of an op: a corruption of what the library's vjp takes or
// returns (faults_corruptions.cpp), or a formula written down wrong (faults_formulas.cpp). `planted` records
// the op with it; the value, and the vjps of the other arguments, are the library's. gradcheck must find
// every fault, name op and argument, and say what it is: test_faults.cpp. Start with Fault.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <xgrad/autograd/gradcheck.hpp>
#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/tape.hpp>
#include <xgrad/autograd/time_step.hpp>
#include <xgrad/autograd/watcher.hpp>

#include "registry/registry.hpp"

namespace xgrad::faults {

using registry::Function;
using registry::Inputs;

/// What the author of a vjp did.
enum class Mistake {
  sign,           ///< signs are wrong, all or those of one branch
  slight_factor,  ///< a factor near 1: a constant typed with few digits
  factor,         ///< a factor forgotten, or one too many: the 1/N of a mean, the 2 of a square
  wrong_term,     ///< a term of the formula, or the gradient of some elements, dropped or replaced
  transposed,     ///< axes exchanged, or the elements read in the order of the transpose
  wrong_axis,     ///< along another axis
  broadcast_sum,  ///< the gradient of some copies of a broadcast argument, not the sum over all
  overwritten,    ///< dx = ... for dx += ..., or the last of several contributions alone
  not_finite,     ///< 0/0 or inf/inf, where the derivative is an ordinary number
  shifted,        ///< the neighbour along an axis: one step off in time
};

/// What the matrix calls them, and the defect that each is unless the fault says otherwise.
struct Kind {
  Mistake mistake;
  const char* name;
  Defect defect;
};
inline constexpr Kind kinds[] = {{Mistake::sign, "wrong sign", Defect::sign},
                                 {Mistake::slight_factor, "factor near 1", Defect::factor},
                                 {Mistake::factor, "factor forgotten or added", Defect::factor},
                                 {Mistake::wrong_term, "term dropped or wrong", Defect::missing_term},
                                 {Mistake::transposed, "transposed", Defect::transpose},
                                 {Mistake::wrong_axis, "wrong axis", Defect::wrong_axis},
                                 {Mistake::broadcast_sum, "forgotten broadcast sum", Defect::broadcast_sum},
                                 {Mistake::overwritten, "overwritten, not added to", Defect::overwritten},
                                 {Mistake::not_finite, "not finite", Defect::not_finite},
                                 {Mistake::shifted, "one step off", Defect::time_shift}};
inline Defect defect_of(Mistake mistake) {
  return std::find_if(std::begin(kinds), std::end(kinds), [=](const Kind& k) { return k.mistake == mistake; })
      ->defect;
}

/// An op as its vjps see it.
template <class T>
struct RealOp {
  const Function* f;  ///< outlives this
  Inputs<T> x;        ///< constants
  Variable<T> y;

  /// What the library's vjps add to the gradient of an argument, in a recording that `watcher` looks at.
  Array<T> vjp(std::size_t argument, const Variable<T>& dy, Watcher<T>& watcher) const {
    Tape<T> tape(watcher);
    Inputs<T> leaves;
    for (const auto& xi : x) leaves.push_back(tape.leaf(xi.value()));
    return tape.gradient((*f)(leaves), {.seed = dy.value(), .unreached = zeros})[leaves[argument]];
  }
  Array<T> vjp(std::size_t argument, const Variable<T>& dy) const {
    Watcher<T> changes_nothing;
    return vjp(argument, dy, changes_nothing);
  }
  /// The same op at other inputs, or another function of its inputs.
  RealOp at(Inputs<T> inputs) const { return {f, std::move(inputs), y}; }
  RealOp with(const Function& other) const { return {&other, x, y}; }
};

/// A generic callable in two scalars, such as those of gradcheck.
template <class InOne, class InOther>
class InBoth {
 public:
  template <class F>
  InBoth(F f) : one_(f), other_(f) {}  // NOLINT(google-explicit-constructor): meant to convert

  template <class... Arguments>
  auto operator()(const Arguments&... arguments) const {
    if constexpr (std::is_invocable_v<decltype(one_), const Arguments&...>)
      return one_(arguments...);
    else
      return other_(arguments...);
  }

 private:
  std::function<InOne> one_;
  std::function<InOther> other_;
};

/// A vjp: what it returns for dy.
using WrittenVjp = InBoth<Variable<double>(const RealOp<double>&, const Variable<double>&),
                          Variable<Complex>(const RealOp<Complex>&, const Variable<Complex>&)>;

struct Fault {
  std::string what;  ///< what the author wrote, for what he should have
  Mistake mistake;
  std::vector<Defect> defects;  ///< what gradcheck should call it, one of these
  std::string op;
  std::size_t argument;  ///< whose vjp is wrong
  std::string path;      ///< of the input that it is, or empty
  WrittenVjp vjp;
  bool overwrites = false;                    ///< loses what is in dx already
  std::optional<std::size_t> time_step = {};  ///< in that one alone
};

/// y = f(xs) as an op of that name, with the library's vjps but for the one that the fault replaces, if it is
/// one of this op.
template <class T>
Variable<T> planted(const char* name, const Function& f, const Inputs<T>& xs, const Fault* fault) {
  if (fault != nullptr && fault->op != name) fault = nullptr;
  if (fault != nullptr && fault->time_step && fault->time_step != TimeStep::current()) fault = nullptr;
  const auto op = std::make_shared<RealOp<T>>(RealOp<T>{&f, {}, {}});
  for (const auto& x : xs) op->x.emplace_back(x.value().copy());
  {
    const Inference pause;
    op->y = f(op->x);
  }
  const auto contribution = [=](std::size_t i, const Array<T>& dy) {
    return fault != nullptr && fault->argument == i ? fault->vjp(*op, Variable<T>(dy)).value()
                                                    : op->vjp(i, dy);
  };
  const auto recorded = [&](auto vjp_of) {
    std::vector<Wrt<T, decltype(vjp_of(0))>> inputs;
    for (std::size_t i = 0; i < xs.size(); ++i) inputs.push_back({xs[i], vjp_of(i)});
    return record(name, op->y.value(), std::move(inputs));
  };
  if (fault == nullptr || !fault->overwrites)
    return recorded([&](std::size_t i) { return [=](const Array<T>& dy) { return contribution(i, dy); }; });
  return recorded([&](std::size_t i) {
    return [=](const Array<T>& dy, Array<T>& dx) {
      dx = fault->argument == i ? contribution(i, dy) : dx + contribution(i, dy);
    };
  });
}

/// A function of parameters that records ops by `planted`.
using Planted = InBoth<Variable<double>(const Parameters<double>&, const Fault*),
                       Variable<Complex>(const Parameters<Complex>&, const Fault*)>;

/// A function with the faults that are planted in it, one at a time.
struct Subject {
  std::string family;  ///< of families(), or "time"
  std::string text;    ///< the call
  Planted f;
  std::vector<Fault> faults;
};

/// A call of an op beside another use of one of its inputs: y sum(x_argument).
inline Planted beside_another_use(std::string op, Function f, std::vector<Shape> shapes,
                                  std::vector<Initializer> numbers, std::size_t argument) {
  return [=]<class T>(const Parameters<T>& p, const Fault* fault) {
    Inputs<T> xs;
    for (std::size_t i = 0; i < shapes.size(); ++i)
      xs.push_back(p.input("x" + std::to_string(i), shapes[i], numbers[i]));
    const auto y = planted(op.c_str(), f, xs, fault);  // first: its vjps find a gradient already there
    return y * sum(xs[argument]);
  };
}

/// The rows of the registry, by family.
struct Family {
  const char* name;
  std::vector<registry::Row> rows;
};
const std::vector<Family>& families();

/// Adds to `faults` every corruption of the vjp of an argument of an op that the shapes have room for, xs of
/// its inputs and y of its value, but those whose text is in `known`; they are added there.
void add_corruptions(const std::string& op, std::size_t argument, const std::vector<Shape>& xs,
                     const Shape& y, std::set<std::string>& known, std::vector<Fault>& faults);

std::vector<Subject> corrupted_rows();  ///< the rows of the registry
std::vector<Subject> wrong_formulas();  ///< mistakes that are no corruption
Subject faults_over_time();             ///< corruptions at the steps of a recurrence

// What tables are written with: FUNCTION(x) is a call of an op, VJP(op, dy) what comes of dy.
#define FUNCTION(...) [=](const auto& x) { return __VA_ARGS__; }
#define VJP(...) [=]([[maybe_unused]] const auto& op, [[maybe_unused]] const auto& dy) { return __VA_ARGS__; }

/// An input of these elements.
inline Initializer numbers(std::vector<double> values) {
  return
      [=](Random&, std::span<double> target) { std::copy_n(values.begin(), target.size(), target.begin()); };
}

}  // namespace xgrad::faults
