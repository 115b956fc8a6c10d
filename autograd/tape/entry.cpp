// Who may enter a tape, and every refusal; see tape.hpp for the two rules behind them.
#include <xgrad/autograd/tape.hpp>

#include <algorithm>

#include <fmt/format.h>

#include <xgrad/autograd/numbers/instantiate.hpp>
#include <xgrad/autograd/tape/live_tapes.hpp>

namespace xgrad {

namespace {

std::string argument_of(std::size_t argument, const Shape& shape) {
  return fmt::format("argument {} of shape {}", argument, to_string(shape));
}

// Why an op may not take a variable of another tape, which is still open, or was opened later.
const char* reason(LiveTapes::State state) {
  if (state == LiveTapes::State::ended)
    return "was recorded on a tape that was opened after this one and has ended, so its gradient would be "
           "lost; compute it without that tape, or pass detach(x)";
  if (state == LiveTapes::State::this_thread)
    return "is recorded on an outer tape that this one suspends; variables of two tapes cannot be mixed: end "
           "one tape first, or pass detach(x)";
  return "is recorded on a tape of another thread, still open there; pass detach(x), or end that tape first";
}

template <class T>
void check_unchanged(const Graph<T>& graph) {
  for (const auto& use : graph.uses) {
    const std::string& path = use.parameter->path;
    if (use.parameter->frozen() != (use.node == no_node))
      throw Error("gradient",
                  fmt::format("the parameter '{}' was {} after this tape used it; call gradient() "
                              "before that, or record anew",
                              path, use.parameter->frozen() ? "frozen" : "unfrozen"));
    if (use.parameter->value.version() != use.version)
      throw Error(
          "gradient",
          fmt::format("the parameter '{}' was changed after this tape used it, so the gradient would mix old "
                      "and new values; call gradient() before the optimizer's step",
                      path));
  }
  for (const auto& view : graph.views)
    if (view.value.version() != view.version)
      throw Error(
          "gradient",
          fmt::format("a constant of shape {} shares the numbers of a parameter that was changed after this "
                      "tape used it; pass detach(x), which copies them",
                      to_string(view.value.shape())));
}

// Whether the value at `node` is one of `values`, or was computed from one.
template <class T>
bool depends(const Graph<T>& graph, std::uint32_t node, const std::vector<std::uint32_t>& values) {
  if (values.empty()) return false;
  std::vector<bool> used(graph.nodes.size(), false);
  used[node] = true;
  for (auto edge = graph.edges.rbegin(); edge != graph.edges.rend(); ++edge)
    if (used[edge->output]) used[edge->input] = true;
  return std::any_of(values.begin(), values.end(), [&](std::uint32_t value) { return used[value]; });
}

}  // namespace

// Refuses input x of an op if it could lose a gradient silently. Changes nothing: where an op is refused, the
// tape goes on as if it had not been tried.
template <class T>
void Tape<T>::check_entry(const Op& op, std::size_t argument, const Variable<T>& x) const {
  using Kind = typename Variable<T>::Kind;
  if (x.kind_ == Kind::taped && x.tape_ != serial_ && !captures(x)) {
    const auto state = live_tapes().state(x.tape_);
    if (state != LiveTapes::State::ended || x.tape_ > serial_)
      throw Error(op.name(), argument_of(argument, x.shape()) + " " + reason(state));
  }
  if (x.kind_ == Kind::untaped)
    throw Error(
        op.name(),
        fmt::format("{} was computed from {} while nothing recorded, so its gradient would be lost; compute "
                    "it in the tape's scope, or pass detach(x) if a constant is meant",
                    argument_of(argument, x.shape()),
                    x.parameter_ ? "the parameter '" + x.parameter_->path + "'" : "a recorded variable"));
}

// The node of input x, which has been checked, or no_node for a constant, such as a frozen parameter.
template <class T>
std::uint32_t Tape<T>::enter(const Variable<T>& x) {
  using Kind = typename Variable<T>::Kind;
  if (x.kind_ == Kind::taped && x.tape_ == serial_) return x.node_;
  if (captures(x)) return capture(x);
  if (x.kind_ == Kind::parameter) {
    const auto known = node_of_.find(x.parameter_.get());
    if (known != node_of_.end()) return known->second;
    const std::uint32_t node =
        x.parameter_->frozen() ? no_node : add_node("parameter", x.shape(), Graph<T>::no_time_step);
    graph_.uses.push_back({x.parameter_, node, x.value_.version()});
    node_of_.emplace(x.parameter_.get(), node);
    return node;
  }
  // A constant. What lies in a parameter's block, where an update would change it under the sweep's feet, is
  // watched like the parameter.
  if (x.value_.in_parameter()) graph_.views.push_back({x.value_, x.value_.version()});
  return no_node;
}

template <class T>
bool Tape<T>::captures(const Variable<T>& x) const {
  if (x.kind_ != Variable<T>::Kind::taped || x.node_ == no_node) return false;
  if (outer_ != nullptr) return outer_->node(x) != no_node || outer_->captures(x);
  return std::any_of(captured_.begin(), captured_.end(), [&](const auto& c) { return c.x.same_as(x); });
}

// The leaf that stands for it.
template <class T>
std::uint32_t Tape<T>::capture(const Variable<T>& x) {
  auto known =
      std::find_if(captured_.begin(), captured_.end(), [&](const auto& c) { return c.x.same_as(x); });
  if (known == captured_.end()) known = captured_.insert(captured_.end(), {x});
  if (known->node == no_node) known->node = add_node("leaf", x.shape(), Graph<T>::no_time_step);
  return known->node;
}

// Whether x is a number of a tape that has ended, or a weighted sum of which one is a part. A loss that is
// has the gradient of its other part only, and nothing would show it. So these are followed up to the first
// op that is not linear. A state that is carried over has more elements than one or, in a cell, comes to
// such an op. On this tape they are `ended_sums`; constants bear the ended tape's serial number, and no
// node unless they are values of that tape itself.
template <class T>
bool Tape<T>::of_ended(const Variable<T>& x) const {
  const auto& sums = graph_.ended_sums;
  if (x.kind_ != Variable<T>::Kind::taped) return false;
  if (x.tape_ != serial_) return !captures(x) && (x.rank() == 0 || x.node_ == no_node);
  return !sums.empty() && std::binary_search(sums.begin(), sums.end(), x.node_);
}

// Whether the op makes a weighted sum of such an input; `with_others` if other inputs are recorded.
template <class T>
bool Tape<T>::sums_up(const Op& op, bool with_others) {
  switch (op.kind()) {
    case OpKind::addition:
    case OpKind::joining:
      return true;
    case OpKind::scaling:
    case OpKind::product:
    case OpKind::reduction:
    case OpKind::slicing:
    case OpKind::reshaping:
      return !with_others;
    default:
      return false;
  }
}

// Remembers that y was computed, while nothing recorded, from something that has a gradient, or that is a
// part of such a sum, or from a gradient.
template <class T>
void Tape<T>::mark_untaped(const Op& op, Variable<T>& y, const Variable<T>& x) {
  using Kind = typename Variable<T>::Kind;
  y.value_.mark_gradient(std::max(y.value_.gradient_of(), x.value_.gradient_of()));
  if (x.kind_ == Kind::constant || y.kind_ == Kind::untaped) return;
  if (x.kind_ == Kind::parameter && x.parameter_->frozen()) return;
  if (x.kind_ == Kind::taped && live_tapes().state(x.tape_) == LiveTapes::State::ended) {
    if ((x.rank() > 0 && x.node_ != no_node) || !sums_up(op, false)) return;
    y.kind_ = Kind::taped;
    y.tape_ = std::max(y.tape_, x.tape_);
    y.node_ = no_node;
    return;
  }
  y.kind_ = Kind::untaped;
  y.parameter_ = x.parameter_;
}

template <class T>
void Tape<T>::check_thread(const char* op) const {
  if (thread_ != &scopes())
    throw Error(op, "this tape belongs to another thread; a tape is used on the thread that opened it");
}

template <class T>
void Tape<T>::check_gradient(const Variable<T>& y, const GradientOptions<T>& options) {
  using Kind = typename Variable<T>::Kind;
  const auto refuse = [](const std::string& text) { throw Error("gradient", text); };
  const std::string shape = to_string(y.shape());
  check_thread("gradient");
  if (graph_.broken_off)
    refuse(
        "an earlier gradient() of this tape ended by an error, on the way to which saved values were freed; "
        "record anew, or pass {.keep = true} to a call that may fail");
  const std::uint32_t place = node(y);
  const bool here = place != no_node;
  if (here ? depends(graph_, place, graph_.of_gradients) : y.value_.gradient_of() == mark_)
    refuse(
        "the value of shape " + shape +
        " depends on a gradient of this tape, which is a constant on it, so the second derivative along "
        "it would be missing silently; for that call hvp (derivatives.hpp), or pass detach(g) in the place "
        "of the gradient if a constant is meant");
  if (graph_.swept)
    refuse(
        "the saved values of this tape were freed by an earlier gradient(); pass {.keep = true} to that call "
        "to sweep again");
  if (y.kind_ == Kind::untaped) check_entry("gradient", 0, y);  // throws, with the reason
  if (y.kind_ == Kind::taped && !here && live_tapes().state(y.tape_) == LiveTapes::State::ended)
    refuse("the value of shape " + shape +
           " was recorded on a tape that has ended, and is a constant here; call gradient() before that "
           "tape's brace, and to train on several windows at once record them on one tape");
  if (here && of_ended(y))
    refuse(
        "the value adds up a number of this tape and one of a tape that has ended, whose gradient would be "
        "missing; take the gradient of each window's own loss, and add up numbers, total += loss.item(), or "
        "pass detach(x) if a constant is meant");
  if (!here && y.parameter() && y.parameter()->frozen())
    refuse("the parameter '" + y.parameter()->path + "' is frozen: a constant to every tape");
  if (!here && !y.parameter())
    refuse("the value of shape " + shape +
           " is not recorded on this tape: it is a constant here, computed from constants only, before the "
           "tape, or on another one; compute it in the tape's scope from parameters or from "
           "tape.leaf(array)");
  if (!options.seed && y.size() != 1)
    refuse("a value of shape " + shape +
           " has no single gradient; reduce it with sum() or mean(), or pass {.seed = dy}");
  if (options.seed && options.seed->shape() != y.shape())
    refuse("the seed has shape " + to_string(options.seed->shape()) + ", expected that of the value, " +
           shape);
  check_unchanged(graph_);
  for (const Variable<T>& x : options.of) check_entry("gradient", 0, x);
}

#define XGRAD_INSTANTIATE(T)                                                            \
  template void Tape<T>::check_entry(const Op&, std::size_t, const Variable<T>&) const; \
  template std::uint32_t Tape<T>::enter(const Variable<T>&);                            \
  template bool Tape<T>::captures(const Variable<T>&) const;                            \
  template std::uint32_t Tape<T>::capture(const Variable<T>&);                          \
  template bool Tape<T>::of_ended(const Variable<T>&) const;                            \
  template bool Tape<T>::sums_up(const Op&, bool);                                      \
  template void Tape<T>::mark_untaped(const Op&, Variable<T>&, const Variable<T>&);     \
  template void Tape<T>::check_thread(const char*) const;                               \
  template void Tape<T>::check_gradient(const Variable<T>&, const GradientOptions<T>&);
XGRAD_FOR_SCALARS(XGRAD_INSTANTIATE)

}  // namespace xgrad
