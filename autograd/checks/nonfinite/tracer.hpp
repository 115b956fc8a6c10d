// Tracer: the watcher behind find_nonfinite. An *event* is an origin of numbers that are not finite. Every
// value and every gradient with such numbers is given the event that it stems from: that of an input, or of
// dy, which is not finite already, else a new one. So at the end the loss, or a parameter's gradient, knows
// its first culprit, and events that reached neither are never reported. Where several inputs are not finite,
// those with a NaN go before those with infinities alone if the result has a NaN, as what spreads is the NaN;
// then the earliest goes first. Start with value().
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include <fmt/format.h>

#include <xgrad/autograd/checks/trace.hpp>
#include <xgrad/autograd/nonfinite.hpp>

namespace xgrad::nonfinite {

inline bool is_finite(double x) { return std::isfinite(x); }
inline bool is_finite(Complex x) { return std::isfinite(x.real()) && std::isfinite(x.imag()); }

template <class T>
std::optional<std::size_t> first_nonfinite(const Array<T>& x) {
  for (std::size_t i = 0; i < x.size(); ++i)
    if (!is_finite(x.data()[i])) return i;
  return std::nullopt;
}

template <class T>
bool all_finite(const Array<T>& x) {
  return !first_nonfinite(x);
}

template <class T>
bool has_nan(const Array<T>& x) {
  return std::any_of(x.begin(), x.end(), [](T xi) { return xi != xi; });
}

/// As a double; of a complex number the part that is not finite, if it is one.
inline double shown(double x) { return x; }
inline double shown(Complex x) { return std::isfinite(x.real()) && !is_finite(x) ? x.imag() : x.real(); }

/// An origin of numbers that are not finite.
template <class T>
struct Event {
  NonfiniteReport report;  // its kind, argument and path; for a sum, its causes
  std::size_t order;       // of two, the one that happened first has the lower
  Array<T> numbers;        // which are not finite
  std::size_t op;          // its place in ops(); none for the loss itself and a leaf's gradient
  Array<T> dy{};           // for backward
};

template <class T>
class Tracer final : public Trace<T> {
 public:
  using Trace<T>::ops;

  Array<T> value(const Op& op, std::uint32_t node, const Array<T>& y,
                 std::span<const WatchedInput<T>> inputs) override {
    const std::size_t index = ops().size();
    Trace<T>::value(op, node, y, inputs);
    if (all_finite(y)) return y;
    auto id = earliest_input(index, has_nan(y));
    if (!id) id = add(Nonfinite::forward, index, y, index);
    if (node != no_node) value_.emplace(node, *id);
    arrays_.emplace_back(y, *id);
    return y;
  }

  void contribution(std::uint32_t output, std::uint32_t input, std::uint32_t argument, const Array<T>& dy,
                    const GradientSum<T>& dx) override {
    ++sweep_;
    const std::size_t op = this->op_of(output);
    const auto see = [&](const Gradient<T>& part, const Array<T>& numbers) {
      contributions_[input].push_back({op, argument, part});
      if (all_finite(numbers)) return;
      std::optional<Id> id;
      if (!all_finite(dy)) {
        id = gradient_.at(output);
      } else {
        id = earliest_input(op, has_nan(numbers));
        if (const auto it = value_.find(output); !id && it != value_.end()) id = it->second;
        if (!id) {
          id = add(Nonfinite::backward, next_order(), dense(part), op, argument, path_at(input));
          events_.back().dy = dy;
        }
      }
      const auto [it, is_new] = gradient_.emplace(input, *id);
      if (!is_new && events_[*id].order < events_[it->second].order) it->second = *id;
    };
    if (dx.dense() != nullptr) see(*dx.dense(), *dx.dense());
    if (dx.sparse() != nullptr)
      for (const auto& part : *dx.sparse()) see(part, part.values);
  }

  Gradient<T> gradient(std::uint32_t node, Gradient<T> dy, bool leaf) override {
    const bool is_seed = sweep_++ == 0;
    const auto* const sparse = std::get_if<RowSparse<T>>(&dy);
    if (!all_finite(sparse != nullptr ? sparse->values : std::get<Array<T>>(dy))) {
      const Array<T> numbers = dense(dy);
      if (!gradient_.contains(node)) {
        gradient_.emplace(node, add(is_seed ? Nonfinite::seed : Nonfinite::sum, next_order(), numbers,
                                    this->op_of(node), std::nullopt, path_at(node)));
        events_.back().report.causes = largest_contributions(node, first_nonfinite(numbers).value_or(0));
      }
      const auto rank = [&](std::uint32_t harmed) { return std::pair(of_gradient(harmed).order, harmed); };
      if (leaf && (!harmed_ || rank(node) < rank(*harmed_))) harmed_ = node;
    }
    contributions_.erase(node);
    return dy;
  }

  /// The event that the loss, which is not finite, stems from.
  const Event<T>& of_loss(const Variable<T>& loss) {
    if (const auto id = known(loss.value())) return events_[*id];
    const bool parameter = loss.parameter() != nullptr;  // nothing was computed
    return events_[add(parameter ? Nonfinite::parameter : Nonfinite::input, next_order(), loss.value(),
                       TracedInput<T>::none, std::nullopt, parameter ? loss.parameter()->path : "")];
  }

  /// The event that the gradient at a node, which is not finite, stems from.
  const Event<T>& of_gradient(std::uint32_t node) const { return events_[gradient_.at(node)]; }
  /// The parameter or leaf whose gradient was the first to be reached by an event, or nothing.
  std::optional<std::uint32_t> first_harmed() const { return harmed_; }
  /// The path of the parameter at a node; empty for anything else.
  std::string path_at(std::uint32_t node) const {
    for (const auto& op : ops())
      for (const auto& x : op.inputs)
        if (x.node == node && x.parameter != TracedInput<T>::none) return this->paths()[x.parameter];
    return "";
  }

 private:
  using Id = std::size_t;  // of an event
  struct Contribution {
    std::size_t op, argument;
    Gradient<T> dx;
  };

  Id add(Nonfinite kind, std::size_t order, const Array<T>& numbers, std::size_t op,
         std::optional<std::size_t> argument = {}, const std::string& path = "") {
    NonfiniteReport& report = events_.emplace_back(Event<T>{{}, order, numbers, op}).report;
    report.kind = kind;
    report.argument = argument;
    report.path = path;
    return events_.size() - 1;
  }

  std::size_t next_order() const { return ops().size() + sweep_; }

  // The event of a value that the tape knows only as a constant: an op on constants made it, or it was
  // detached.
  std::optional<Id> known(const Array<T>& value) const {
    const auto it = std::find_if(arrays_.rbegin(), arrays_.rend(), [&](const auto& known) {
      const Array<T>& array = known.first;
      return array.shares_block_with(value) && array.begin() < value.end() && value.begin() < array.end();
    });
    return it == arrays_.rend() ? std::nullopt : std::optional(it->second);
  }

  // The event of an input that is not finite. If no op made it, its use here is the event.
  Id origin(std::size_t op, std::size_t argument) {
    const TracedInput<T>& x = ops()[op].inputs[argument];
    if (x.node != no_node) {
      if (const auto it = value_.find(x.node); it != value_.end()) return it->second;
    } else if (const auto id = known(x.value)) {
      return *id;
    }
    const bool parameter = x.parameter != TracedInput<T>::none;
    const Id id = add(parameter ? Nonfinite::parameter : Nonfinite::input, op, x.value, op, argument,
                      parameter ? this->paths()[x.parameter] : "");
    if (x.node != no_node) value_.emplace(x.node, id);
    arrays_.emplace_back(x.value, id);
    return id;
  }

  std::optional<Id> earliest_input(std::size_t op, bool result_has_nan) {
    std::optional<Id> best;
    bool best_has_nan = false;
    for (std::size_t j = 0; j < ops()[op].inputs.size(); ++j) {
      const Array<T> x = ops()[op].inputs[j].value;
      if (all_finite(x)) continue;
      const Id id = origin(op, j);
      const bool nan = result_has_nan && has_nan(x);
      if (!best || nan > best_has_nan || (nan == best_has_nan && events_[id].order < events_[*best].order)) {
        best = id;
        best_has_nan = nan;
      }
    }
    return best;
  }

  static Array<T> dense(const Gradient<T>& gradient) {
    const auto* sparse = std::get_if<RowSparse<T>>(&gradient);
    return sparse != nullptr ? sparse->dense() : std::get<Array<T>>(gradient);
  }

  // What `gradient` has at flat position `index` of its table: several numbers if a row occurs more than
  // once.
  template <class F>
  static void for_each_at(const Gradient<T>& gradient, std::size_t index, F f) {
    const auto* sparse = std::get_if<RowSparse<T>>(&gradient);
    if (sparse == nullptr) return f(std::get<Array<T>>(gradient).data()[index]);
    const std::size_t width = sparse->shape.size() / sparse->shape[0];
    for (std::size_t r = 0; r < sparse->rows.size(); ++r)
      if (static_cast<std::size_t>(sparse->rows[r]) == index / width)
        f(sparse->values.data()[r * width + index % width]);
  }

  std::vector<NonfiniteCause> largest_contributions(std::uint32_t node, std::size_t index) const {
    std::vector<NonfiniteCause> causes;
    const auto found = contributions_.find(node);
    if (found == contributions_.end()) return causes;
    for (const Contribution& part : found->second)
      for_each_at(part.dx, index, [&](T value) {
        const TracedOp<T>& op = ops()[part.op];
        std::string name = fmt::format("the vjp of {}, argument {}", op.op.name(), part.argument);
        const WindowPlace where{op.step, {}, {}};
        causes.push_back({std::move(name), "", {}, index, shown(value), false, where});
      });
    std::stable_sort(causes.begin(), causes.end(),
                     [](const auto& a, const auto& b) { return std::abs(a.value) > std::abs(b.value); });
    constexpr std::size_t shown_at_most = 3;
    if (causes.size() > shown_at_most) causes.resize(shown_at_most);
    return causes;
  }

  std::vector<Event<T>> events_;
  std::unordered_map<std::uint32_t, Id> value_, gradient_;  // of nodes with such a value, such a gradient
  std::vector<std::pair<Array<T>, Id>> arrays_;             // such values, those of constants too
  std::unordered_map<std::uint32_t, std::vector<Contribution>> contributions_;  // until they are summed
  std::optional<std::uint32_t> harmed_;  // the leaf with such a gradient whose event is the first
  std::size_t sweep_ = 0;                // gradients and contributions seen
};

}  // namespace xgrad::nonfinite
