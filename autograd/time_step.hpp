// TimeStep: which step of a sequence is being computed on this thread, so that a report can say
// "time step 3". Whatever unrolls a loop over time opens one per step.
#pragma once

#include <cstddef>
#include <optional>

namespace xgrad {

/// Says which time step is being computed on this thread, until the brace.
class TimeStep {
 public:
  /// What is recorded on this thread until the brace belongs to step t.
  explicit TimeStep(std::size_t t) : outer_(current_) { current_ = t; }
  ~TimeStep() { current_ = outer_; }
  TimeStep(const TimeStep&) = delete;
  TimeStep& operator=(const TimeStep&) = delete;

  /// The innermost step that is open on this thread, or nothing.
  static std::optional<std::size_t> current() { return current_; }

 private:
  static inline thread_local std::optional<std::size_t> current_;
  std::optional<std::size_t> outer_;
};

}  // namespace xgrad
