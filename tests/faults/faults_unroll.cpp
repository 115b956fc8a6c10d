// Faults over time: corruptions of the ops of a cell that is unrolled, at all time steps or at one of them.
#include <map>

#include "fault.hpp"

namespace xgrad::faults {

namespace {

constexpr std::size_t steps = 3;
const Shape sequence{steps, 1, 2}, state{1, 2}, weights{2, 2}, biases{2};

// An Elman cell, unrolled as layers/unroll.hpp does it.
struct Elman {
  std::vector<Function> selects;
  Function affine = [](const auto& x) { return xgrad::affine({x[0], x[1]}, {x[2], x[3]}, x[4]); };
  Function tanh = [](const auto& x) { return xgrad::tanh(x[0]); };
  Function stack = [](const auto& x) { return xgrad::stack(x); };

  Elman() {
    for (std::size_t t = 0; t < steps; ++t)
      selects.emplace_back([=](const auto& x) { return select(x[0], static_cast<std::ptrdiff_t>(t)); });
  }

  template <class T>
  Variable<T> operator()(const Parameters<T>& p, const Fault* fault) const {
    const auto xs = p.input("xs", sequence), W = p.weight("W", weights), U = p.weight("U", weights),
               b = p.input("b", biases);
    Variable<T> h = p.input("h0", state);
    Inputs<T> hs;
    for (std::size_t t = 0; t < steps; ++t) {
      const TimeStep now(t);
      const auto x = planted<T>("select", selects[t], {xs}, fault);
      h = planted<T>("tanh", tanh, {planted<T>("affine", affine, {x, W, h, U, b}, fault)}, fault);
      hs.push_back(h);
    }
    return planted<T>("stack", stack, hs, fault);
  }
};

}  // namespace

Subject faults_over_time() {
  Subject subject{"time", "unrolled", Elman(), {}};
  std::set<std::string> known;
  add_corruptions("select", 0, {sequence}, state, known, subject.faults);
  for (const std::size_t i : {0, 1, 2})
    add_corruptions("affine", i, {state, weights, state, weights, biases}, state, known, subject.faults);
  add_corruptions("tanh", 0, {state}, state, known, subject.faults);
  add_corruptions("stack", 1, std::vector<Shape>(steps, state), sequence, known, subject.faults);
  bool alone = false;
  for (Fault& fault : subject.faults) {
    fault.what = "unrolled " + fault.what;
    alone = !alone && fault.op != "stack";
    if (alone) {  // neither the first step nor the last
      fault.what += ", at step 1 alone";
      fault.time_step = 1;
    }
    const std::map<std::string, std::string> paths{
        {"select 0", "xs"}, {"affine 1", "W"}, {"affine 2", alone ? "" : "h0"}};
    const auto path = paths.find(fault.op + " " + std::to_string(fault.argument));
    fault.path = path == paths.end() ? "" : path->second;
  }
  return subject;
}

}  // namespace xgrad::faults
