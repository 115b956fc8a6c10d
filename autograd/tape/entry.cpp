// Who may enter a tape, and every refusal; see tape.hpp for the two rules behind them.
#include <xgrad/autograd/tape.hpp>

#include <algorithm>

#include <xgrad/autograd/numbers/instantiate.hpp>
#include <xgrad/autograd/tape/live_tapes.hpp>

namespace xgrad {

namespace {

std::string argument_of(std::size_t argument, const Shape& shape) {
  return "argument " + std::to_string(argument) + " of shape " + to_string(shape);
}

// What an op is told whose argument is `x`, recorded on another tape that is still open, or was opened later.
[[noreturn]] void refuse_other_tape(const Op& op, const std::string& x, LiveTapes::State state) {
  if (state == LiveTapes::State::ended)
    throw Error(op.name(),
                x + " was recorded on a tape that was opened after this one and has ended, so its gradient "
                    "would be lost; compute it without that tape, or pass detach(x)");
  if (state == LiveTapes::State::this_thread)
    throw Error(op.name(),
                x + " is recorded on an outer tape that this one suspends; variables of two tapes cannot be "
                    "mixed: end one tape first, or pass detach(x)");
  throw Error(op.name(), x + " is recorded on a tape of another thread, still open there; pass detach(x), or "
                             "end that tape first");
}

}  // namespace

// What lies in a parameter's block, where an update would change it under the sweep's feet, is watched like
// the parameter.
template <class T>
std::uint32_t Tape<T>::enter_constant(const Variable<T>& x) {
  if (x.value_.in_parameter()) graph_.views.push_back({x.value_, x.value_.version()});
  return no_node;
}

// The node of input x, or no_node for a constant. Refuses what could lose a gradient silently.
template <class T>
std::uint32_t Tape<T>::enter(const Op& op, std::size_t argument, const Variable<T>& x) {
  using Kind = typename Variable<T>::Kind;
  if (x.kind_ == Kind::taped && x.tape_ == serial_) return x.node_;
  if (x.kind_ == Kind::constant) return enter_constant(x);
  if (x.kind_ == Kind::parameter) {
    const auto [known, is_new] = node_of_.try_emplace(x.parameter_.get(), no_node);
    if (is_new) {
      known->second = add_node("parameter", x.shape(), Graph<T>::no_time_step);
      graph_.uses.push_back({x.parameter_, known->second, x.value_.version()});
    }
    return known->second;
  }
  if (x.kind_ == Kind::untaped)
    throw Error(op.name(),
                argument_of(argument, x.shape()) + " was computed from " +
                    (x.parameter_ ? "the parameter '" + x.parameter_->path + "'" : "a recorded variable") +
                    " while nothing recorded, so its gradient would be lost; compute it in the tape's scope, "
                    "or pass detach(x) if a constant is meant");
  const auto state = live_tapes().state(x.tape_);
  if (state != LiveTapes::State::ended || x.tape_ > serial_)
    refuse_other_tape(op, argument_of(argument, x.shape()), state);
  adds_ended_ = adds_ended_ || (x.rank() == 0 && op.kind() == OpKind::addition);
  return enter_constant(x);
}

// Remembers that y was computed, while nothing recorded, from something that has a gradient.
template <class T>
void Tape<T>::mark_untaped(Variable<T>& y, const Variable<T>& x) {
  using Kind = typename Variable<T>::Kind;
  if (x.kind_ == Kind::constant || y.kind_ == Kind::untaped) return;
  if (x.kind_ == Kind::taped && live_tapes().state(x.tape_) == LiveTapes::State::ended) return;
  y.kind_ = Kind::untaped;
  y.parameter_ = x.parameter_;
}

template <class T>
void Tape<T>::check_thread(const char* op) const {
  if (thread_ != &scopes())
    throw Error(op, "this tape belongs to another thread; a tape is used on the thread that opened it");
}

template <class T>
void Tape<T>::check_parameters() const {
  for (const auto& use : graph_.uses)
    if (use.parameter->value.version() != use.version)
      throw Error("gradient",
                  "the parameter '" + use.parameter->path +
                      "' was changed after this tape used it, so the gradient would mix old and new "
                      "values; call gradient() before the optimizer's step");
  for (const auto& view : graph_.views)
    if (view.value.version() != view.version)
      throw Error("gradient",
                  "a constant of shape " + to_string(view.value.shape()) +
                      " shares the numbers of a parameter that was changed after this tape used it; pass "
                      "detach(x), which copies them");
}

template <class T>
void Tape<T>::check_gradient(const Variable<T>& y, const GradientOptions<T>& options) {
  using Kind = typename Variable<T>::Kind;
  check_thread("gradient");
  const std::string shape = to_string(y.shape());
  if (graph_.swept)
    throw Error("gradient",
                "the saved values of this tape were freed by an earlier gradient(); pass {.keep = true} to "
                "that call to sweep again");
  if (y.kind_ == Kind::untaped) enter("gradient", 0, y);  // throws, with the reason
  const bool here = node(y) != no_node;
  if (y.kind_ == Kind::taped && !here && live_tapes().state(y.tape_) == LiveTapes::State::ended)
    throw Error(
        "gradient",
        "the value of shape " + shape +
            " was recorded on a tape that has ended, and is a constant here; call gradient() before that "
            "tape's brace, and to train on several windows at once record them on one tape");
  const auto& ended = graph_.ended_sums;
  if (here && std::find(ended.begin(), ended.end(), y.node_) != ended.end())
    throw Error(
        "gradient",
        "the value is the sum of a number of this tape and one of a tape that has ended, whose gradient "
        "would be missing; take the gradient of each window's own loss, and add up numbers, total += "
        "loss.item(), or pass detach(x) if a constant is meant");
  if (!here && !y.parameter())
    throw Error(
        "gradient",
        "the value of shape " + shape +
            " is not recorded on this tape: it is a constant here, computed from constants only, before the "
            "tape, or on another one; compute it in the tape's scope from parameters or from "
            "tape.leaf(array)");
  if (!options.seed && y.size() != 1)
    throw Error("gradient",
                "a value of shape " + shape +
                    " has no single gradient; reduce it with sum() or mean(), or pass {.seed = dy}");
  if (options.seed && options.seed->shape() != y.shape())
    throw Error("gradient", "the seed has shape " + to_string(options.seed->shape()) +
                                ", expected that of the value, " + shape);
  check_parameters();
}

#define XGRAD_INSTANTIATE(T)                                                            \
  template std::uint32_t Tape<T>::enter_constant(const Variable<T>&);                   \
  template std::uint32_t Tape<T>::enter(const Op&, std::size_t, const Variable<T>&);    \
  template void Tape<T>::mark_untaped(Variable<T>&, const Variable<T>&);                \
  template void Tape<T>::check_thread(const char*) const;                               \
  template void Tape<T>::check_gradient(const Variable<T>&, const GradientOptions<T>&); \
  template void Tape<T>::check_parameters() const;
XGRAD_FOR_SCALARS(XGRAD_INSTANTIATE)

}  // namespace xgrad
