// Tracer: the watcher behind find_nonfinite. An *event* is an origin of numbers that are not finite. Every
// value and every gradient with such numbers is given the event that it stems from: that of an input, or of
// dy, which is not finite already, else a new one. So at the end the loss, or a parameter's gradient, knows
// its first culprit, and events that reached neither are never reported. Where several inputs are not finite,
// those with a NaN go before those with infinities alone if the result has a NaN, as what spreads is the NaN;
// then the earliest goes first. Start with value().
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include <xgrad/autograd/checks/trace.hpp>
#include <xgrad/autograd/nonfinite.hpp>

namespace xgrad::nonfinite {

/// An origin of numbers that are not finite.
template <class T>
struct Event {
  Nonfinite kind;
  std::size_t order;                // of two, the one that happened first has the lower
  Array<T> numbers;                 // which are not finite
  std::optional<std::size_t> op{};  // its place in ops(); none for the loss itself and a leaf's gradient
  std::size_t argument = 0;         // of that op; for parameter, input and backward
  std::string path{};               // of the parameter whose numbers or gradient they are
  Array<T> dy{};                    // for backward
  std::vector<NonfiniteCause> contributions{};  // for sum: the largest at the first number that is not finite
};

template <class T>
class Tracer final : public Trace<T> {
 public:
  Array<T> value(const Op& op, std::uint32_t node, const Array<T>& y,
                 std::span<const WatchedInput<T>> inputs) override;
  void contribution(std::uint32_t output, std::uint32_t input, std::uint32_t argument, const Array<T>& dy,
                    const GradientSum<T>& dx) override;
  Gradient<T> gradient(std::uint32_t node, Gradient<T> dy, bool leaf) override;

  using Trace<T>::ops;
  /// The event that the loss, which is not finite, stems from.
  const Event<T>& of_loss(const Variable<T>& loss);
  /// The first event that reached the gradient of a parameter or leaf, or null, and the path of that
  /// parameter.
  struct Harm {
    const Event<T>* event = nullptr;
    std::string path{};  // empty for a leaf
  };
  Harm of_gradients() const;

 private:
  using Id = std::size_t;  // of an event
  struct Contribution {
    std::size_t op, argument;
    Gradient<T> dx;
  };

  Id add(Event<T> event);
  std::size_t next_order() const { return ops().size() + sweep_; }
  std::optional<Id> known(const Array<T>& value) const;
  Id origin(std::size_t op, std::size_t argument);
  std::optional<Id> earliest_input(std::size_t op, bool result_has_nan);
  std::string path_at(std::uint32_t node) const;
  std::vector<NonfiniteCause> largest_contributions(std::uint32_t node, std::size_t index) const;

  std::unordered_map<std::uint32_t, std::string> path_of_;  // of parameters, by node
  std::vector<Event<T>> events_;
  std::unordered_map<std::uint32_t, Id> value_, gradient_;  // of nodes with such a value, such a gradient
  std::vector<std::pair<Array<T>, Id>> arrays_;             // such values, those of constants too
  std::unordered_map<std::uint32_t, std::vector<Contribution>> contributions_;  // until they are summed
  std::vector<std::uint32_t> harmed_;                                           // leaves with such a gradient
  std::size_t sweep_ = 0;  // gradients and contributions seen
};

extern template class Tracer<float>;
extern template class Tracer<double>;
extern template class Tracer<Complex>;

}  // namespace xgrad::nonfinite
