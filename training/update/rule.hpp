// Rule: the formula of one optimizer, for some numbers of one parameter. Internal: a rule knows nothing of
// parameters, gradients or sparsity; parameter_update.hpp applies it to whole parameters and to single rows.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <xgrad/autograd/numbers/instantiate.hpp>
#include <xgrad/training/update/options.hpp>

namespace xgrad::detail {

/// What is particular to one update of a parameter: its number, from 1, and its rate.
struct Instant {
  std::uint64_t step;
  double rate;
};

/// One number per number of the parameter that the rule remembers.
struct Slot {
  const char* name;
  double start;
};
inline constexpr std::size_t most_slots = 4;

/// Some numbers of a parameter, and what is remembered of each, in the order of the rule's slots.
template <class T>
struct Numbers {
  T* w;
  T* slots[most_slots];
  std::size_t n;
};

/// What an update with a gradient of zeros changes.
enum class Idle { nothing, memory, weights };

template <class T>
class Rule {
 public:
  virtual ~Rule() = default;
  /// The optimizer's name in messages.
  const char* name() const { return name_; }
  Idle idle() const { return idle_; }
  const std::vector<Slot>& slots() const { return slots_; }
  /// One update with the gradient g of n numbers.
  virtual void update(const Numbers<T>& x, const T* g, const Instant& at) const = 0;
  /// All of the updates `missed`, at least one, with gradients of zeros: equal, but for rounding, to as many
  /// calls of `update`, which is what it does by default.
  virtual void skip(const Numbers<T>& x, std::span<const Instant> missed) const {
    const std::vector<T> zeros(x.n, T(0));
    for (const Instant& at : missed) update(x, zeros.data(), at);
  }

 protected:
  /// A rule says the rest of what it is in its constructor: it adds its slots, and checks its options.
  Rule(const char* name, Idle idle) : name_(name), idle_(idle) {}
  void add_slot(const char* name, double start = 0) { slots_.push_back({name, start}); }
  OptionCheck check() const { return {name_}; }

 private:
  const char* name_;
  Idle idle_;
  std::vector<Slot> slots_;
};

/// Makes the rule R of options with a part of their weight decay.
template <class R, class Options>
auto decaying(Options options) {
  return [options](double factor) {
    Options part = options;
    part.weight_decay *= factor;
    return std::make_unique<R>(part);
  };
}

}  // namespace xgrad::detail
