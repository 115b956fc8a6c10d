// Following numbers that are not finite to their origin; see tracer.hpp.
#include <xgrad/autograd/checks/nonfinite/tracer.hpp>

#include <algorithm>

#include <fmt/format.h>

#include <xgrad/autograd/checks/nonfinite/numbers.hpp>

namespace xgrad::nonfinite {

namespace {

template <class T>
bool overlap(const Array<T>& a, const Array<T>& b) {
  return a.shares_block_with(b) && a.begin() < b.end() && b.begin() < a.end();
}

template <class T>
const Array<T>& numbers_of(const Gradient<T>& gradient) {
  const auto* sparse = std::get_if<RowSparse<T>>(&gradient);
  return sparse != nullptr ? sparse->values : std::get<Array<T>>(gradient);
}

template <class T>
Array<T> dense(const Gradient<T>& gradient) {
  const auto* sparse = std::get_if<RowSparse<T>>(&gradient);
  return sparse != nullptr ? sparse->dense() : std::get<Array<T>>(gradient);
}

// What `gradient` has at flat position `index` of its table: several numbers if a row occurs more than once.
template <class T, class F>
void for_each_at(const Gradient<T>& gradient, std::size_t index, F f) {
  const auto* sparse = std::get_if<RowSparse<T>>(&gradient);
  if (sparse == nullptr) return f(std::get<Array<T>>(gradient).data()[index]);
  const std::size_t width = sparse->shape.size() / sparse->shape[0];
  for (std::size_t r = 0; r < sparse->rows.size(); ++r)
    if (static_cast<std::size_t>(sparse->rows[r]) == index / width)
      f(sparse->values.data()[r * width + index % width]);
}

}  // namespace

template <class T>
typename Tracer<T>::Id Tracer<T>::add(Event<T> event) {
  events_.push_back(std::move(event));
  return events_.size() - 1;
}

// The event of a value that the tape knows only as a constant: an op on constants made it, or it was
// detached.
template <class T>
std::optional<typename Tracer<T>::Id> Tracer<T>::known(const Array<T>& value) const {
  const auto it = std::find_if(arrays_.rbegin(), arrays_.rend(),
                               [&](const auto& array) { return overlap(array.first, value); });
  if (it == arrays_.rend()) return std::nullopt;
  return it->second;
}

template <class T>
std::string Tracer<T>::path_at(std::uint32_t node) const {
  const auto it = path_of_.find(node);
  return it == path_of_.end() ? "" : it->second;
}

// The event of an input that is not finite. If no op made it, its use here is the event.
template <class T>
typename Tracer<T>::Id Tracer<T>::origin(std::size_t op, std::size_t argument) {
  const TracedInput<T>& x = ops()[op].inputs[argument];
  if (x.node != no_node) {
    if (const auto it = value_.find(x.node); it != value_.end()) return it->second;
  } else if (const auto id = known(x.value)) {
    return *id;
  }
  const bool parameter = x.parameter != TracedInput<T>::none;
  const Id id = add({.kind = parameter ? Nonfinite::parameter : Nonfinite::input,
                     .order = op,
                     .numbers = x.value,
                     .op = op,
                     .argument = argument,
                     .path = parameter ? this->paths()[x.parameter] : ""});
  if (x.node != no_node) value_.emplace(x.node, id);
  arrays_.emplace_back(x.value, id);
  return id;
}

template <class T>
std::optional<typename Tracer<T>::Id> Tracer<T>::earliest_input(std::size_t op, bool result_has_nan) {
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

template <class T>
Array<T> Tracer<T>::value(const Op& op, std::uint32_t node, const Array<T>& y,
                          std::span<const WatchedInput<T>> inputs) {
  const std::size_t index = ops().size();
  Trace<T>::value(op, node, y, inputs);
  for (const auto& input : inputs)
    if (input.x.parameter() != nullptr) path_of_.emplace(input.node, input.x.parameter()->path);
  if (all_finite(y)) return y;
  auto id = earliest_input(index, has_nan(y));
  if (!id) id = add({.kind = Nonfinite::forward, .order = index, .numbers = y, .op = index});
  if (node != no_node) value_.emplace(node, *id);
  arrays_.emplace_back(y, *id);
  return y;
}

template <class T>
void Tracer<T>::contribution(std::uint32_t output, std::uint32_t input, std::uint32_t argument,
                             const Array<T>& dy, const GradientSum<T>& dx) {
  ++sweep_;
  const std::size_t op = this->op_of(output);
  auto& contributions = contributions_[input];
  const std::size_t before = contributions.size();
  if (dx.dense() != nullptr) contributions.push_back({op, argument, *dx.dense()});
  if (dx.sparse() != nullptr)
    for (const auto& part : *dx.sparse()) contributions.push_back({op, argument, part});

  for (std::size_t i = before; i < contributions.size(); ++i) {
    const Array<T> numbers = numbers_of(contributions[i].dx);
    if (all_finite(numbers)) continue;
    std::optional<Id> id;
    if (!all_finite(dy)) {
      id = gradient_.at(output);
    } else {
      id = earliest_input(op, has_nan(numbers));
      if (const auto it = value_.find(output); !id && it != value_.end()) id = it->second;
      if (!id)
        id = add({.kind = Nonfinite::backward,
                  .order = next_order(),
                  .numbers = dense(contributions[i].dx),
                  .op = op,
                  .argument = argument,
                  .path = path_at(input),
                  .dy = dy});
    }
    const auto [it, is_new] = gradient_.emplace(input, *id);
    if (!is_new && events_[*id].order < events_[it->second].order) it->second = *id;
  }
}

template <class T>
Gradient<T> Tracer<T>::gradient(std::uint32_t node, Gradient<T> dy, bool leaf) {
  const bool is_seed = sweep_++ == 0;
  if (!all_finite(numbers_of(dy))) {
    if (gradient_.find(node) == gradient_.end()) {
      const Array<T> numbers = dense(dy);
      const std::size_t op = this->op_of(node);
      gradient_.emplace(
          node, add({.kind = is_seed ? Nonfinite::seed : Nonfinite::sum,
                     .order = next_order(),
                     .numbers = numbers,
                     .op = op == TracedInput<T>::none ? std::nullopt : std::optional(op),
                     .path = path_at(node),
                     .contributions = largest_contributions(node, first_nonfinite(numbers).value_or(0))}));
    }
    if (leaf) harmed_.push_back(node);
  }
  contributions_.erase(node);
  return dy;
}

template <class T>
std::vector<NonfiniteCause> Tracer<T>::largest_contributions(std::uint32_t node, std::size_t index) const {
  std::vector<NonfiniteCause> causes;
  const auto found = contributions_.find(node);
  if (found == contributions_.end()) return causes;
  for (const Contribution& part : found->second)
    for_each_at(part.dx, index, [&](T value) {
      NonfiniteCause cause;
      cause.name = fmt::format("the vjp of {}, argument {}", ops()[part.op].op.name(), part.argument);
      cause.index = index;
      cause.value = shown(value);
      cause.where.time_step = ops()[part.op].step;
      causes.push_back(cause);
    });
  std::stable_sort(causes.begin(), causes.end(),
                   [](const auto& a, const auto& b) { return std::abs(a.value) > std::abs(b.value); });
  constexpr std::size_t shown_at_most = 3;
  if (causes.size() > shown_at_most) causes.resize(shown_at_most);
  return causes;
}

template <class T>
const Event<T>& Tracer<T>::of_loss(const Variable<T>& loss) {
  if (const auto id = known(loss.value())) return events_[*id];
  const bool parameter = loss.parameter() != nullptr;  // nothing was computed
  return events_[add({.kind = parameter ? Nonfinite::parameter : Nonfinite::input,
                      .order = next_order(),
                      .numbers = loss.value(),
                      .path = parameter ? loss.parameter()->path : ""})];
}

template <class T>
typename Tracer<T>::Harm Tracer<T>::of_gradients() const {
  Harm first;
  std::uint32_t first_node = 0;
  for (const std::uint32_t node : harmed_) {
    const Event<T>& event = events_[gradient_.at(node)];
    const bool earlier = first.event == nullptr || event.order < first.event->order ||
                         (event.order == first.event->order && node < first_node);
    if (!earlier) continue;
    first = {&event, path_at(node)};
    first_node = node;
  }
  return first;
}

template class Tracer<float>;
template class Tracer<double>;
template class Tracer<Complex>;

}  // namespace xgrad::nonfinite
