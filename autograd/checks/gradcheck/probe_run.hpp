// ProbeRun: one run of a function under the probe. A run that judges sets a random direction at every value;
// a run that looks for something sets one at a single value, the input of the suspect, so that what the
// suspect's value carries is the effect of that input alone. Internal to gradcheck. Start with `value`.
#pragma once

#include <functional>

#include <xgrad/autograd/checks/gradcheck/probed_op.hpp>

namespace xgrad::proof {

using OpAction = std::function<void(const ProbedOp&)>;

class ProbeRun : public Watcher<Complex> {
 public:
  /// A run that judges: every value carries a random direction, `each` sees every op.
  ProbeRun(const ParameterFunction<Complex>& f, const Values& values, Random& random, OpAction each);
  /// A run on plain numbers, as in training: nothing carries a direction, `each` sees every op.
  ProbeRun(const ParameterFunction<Complex>& f, const Values& values, OpAction each);
  /// A run that looks: `source` alone carries `v`; `at` sees op number `instance`.
  ProbeRun(const ParameterFunction<Complex>& f, const Values& values, const Source& source, Direction v,
           std::size_t instance, OpAction at);

  Array<Complex> value(const Op& op, std::uint32_t node, const Array<Complex>& y,
                       std::span<const WatchedInput<Complex>> inputs) override;

 private:
  void run(const ParameterFunction<Complex>& f, const std::map<std::string, Array<Complex>>& values);

  Random* random_ = nullptr;
  OpAction action_;
  const Source* source_ = nullptr;
  Direction v_;
  std::size_t looked_for_ = 0, instance_ = 0;  // 0: every op is looked at
};

}  // namespace xgrad::proof
