// Checkpoint: all that a training run must remember, in one safetensors file, so that a run which is killed
// at any moment goes on from its last save and ends with the same bits as one that was never broken off. What
// belongs to it is said once, and then saved and loaded together:
//
//   Checkpoint checkpoint("run.safetensors");
//   checkpoint.keep("model", parameters).keep("adam", adam).keep("step", step).keep("state", state);
//   checkpoint.load();  // if there is one
//   for (; step < steps; ++step) {
//     if (step % 100 == 0) checkpoint.save();
//     ...
//   }
//
// Random draws by RandomKey need no saving if the keys follow from the step: key.fold(step).
#pragma once

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <xgrad/autograd/parameters.hpp>
#include <xgrad/training/state_dict.hpp>

namespace xgrad {

namespace detail {

/// What has a `state()` that `restore()` takes, such as an optimizer.
template <class X>
concept HasState = requires(const X& x, X& y, const StateDict& state) {
  { x.state() } -> std::same_as<StateDict>;
  y.restore(state);
};
template <class X>
inline constexpr bool is_parameters = false;
template <class T>
inline constexpr bool is_parameters<Parameters<T>> = true;
template <class T>
inline constexpr bool is_parameters<const Parameters<T>> = true;

/// What is one entry of a StateDict.
template <class X>
concept IsEntry = std::same_as<X, Array<float>> || std::same_as<X, Array<double>> ||
    std::same_as<X, StateDict::Integers> || std::same_as<X, std::string>;

/// What for_each_part takes apart; see layers/state.hpp.
template <class X>
concept HasParts = requires(X& x) {
  for_each_part(x, [](const auto&) {});
};

/// The name, below that of what is kept, of its only entry.
inline constexpr const char* only = "value";

/// @{ Of a kept X, and back. Other than the types named in Checkpoint::keep, a recurrent state is taken apart
/// by for_each_part (layers/state.hpp), which is found where X has one.
template <class T>
StateDict state_of_parameters(const Parameters<T>& parameters);
template <class T>
void restore_parameters(const Parameters<T>& parameters, const StateDict& state);

template <class X>
StateDict state_of(const X& x) {
  if constexpr (is_parameters<X>) {
    return state_of_parameters(x);
  } else if constexpr (HasState<X>) {
    return x.state();
  } else {
    StateDict state;
    if constexpr (std::integral<X>)
      state.put(only, static_cast<std::uint64_t>(x));
    else if constexpr (std::same_as<X, RandomKey>)
      state.put(only, x.seed());
    else if constexpr (std::same_as<X, Random>)
      state.put(only, x.state());
    else if constexpr (IsEntry<X> || std::floating_point<X>)
      state.put(only, x);
    else {
      static_assert(HasParts<const X>,
                    "Checkpoint::keep takes none of this type; for Variables and recurrent "
                    "states include <xgrad/layers/state.hpp>");
      for_each_part(x, [&](const auto& part) {
        state.put("part " + std::to_string(state.entries().size()), part.value());
      });
    }
    return state;
  }
}

template <class X>
void restore(X& x, const StateDict& state) {
  if constexpr (is_parameters<X>) {
    restore_parameters(x, state);
  } else if constexpr (HasState<X>) {
    x.restore(state);
  } else if constexpr (std::integral<X>) {
    const std::uint64_t integer = state.integer(only);
    if (static_cast<std::uint64_t>(static_cast<X>(integer)) != integer)
      throw Error("checkpoint", "has the integer " + std::to_string(integer) + ", which does not fit");
    x = static_cast<X>(integer);
  } else if constexpr (std::same_as<X, RandomKey>) {
    x = RandomKey(state.integer(only));
  } else if constexpr (std::same_as<X, Random>) {
    x.restore(state.text(only));
  } else if constexpr (std::floating_point<X>) {
    x = static_cast<X>(state.number(only));
  } else if constexpr (IsEntry<X>) {
    x = state.get<X>(only);
  } else {
    std::size_t n = 0;
    for_each_part(x, [&](auto& part) {
      using T = typename std::remove_reference_t<decltype(part)>::value_type;
      part = Variable<T>(state.get<Array<T>>("part " + std::to_string(n++)));
    });
    if (n != state.entries().size())
      throw Error("checkpoint", "has a state of " + std::to_string(state.entries().size()) +
                                    " parts, expected " + std::to_string(n));
  }
}
/// @}

}  // namespace detail

/// The parts of a training run that are saved and loaded together.
class Checkpoint {
 public:
  /// Of this file, which need not exist. The one before the last save is kept beside it, as
  /// "FILE.previous".
  explicit Checkpoint(std::filesystem::path file) : file_(std::move(file)) {}

  /// Names a part of the run. `x` is Parameters; an optimizer, a schedule, an average or anything else with a
  /// `StateDict state() const` and a `restore(const StateDict&)`; the state of a recurrent cell; a RandomKey
  /// or Random; an integer, a double, a bool or a std::string (such as JSON of the caller's); an Array; a
  /// std::vector<std::uint64_t>. It must live as long as this object. Which parameters are frozen is not
  /// kept, but is as the program has it. A Variable is a constant when it has been loaded, so do not keep a
  /// parameter by itself: keep Parameters. Throws Error if the name is taken, empty or has a '/'.
  template <class X>
  Checkpoint& keep(const std::string& name, X& x) {
    Part part;
    part.state = [&x] { return detail::state_of(x); };
    part.restore = [&x](const StateDict& state) { detail::restore(x, state); };
    part.is_parameters = detail::is_parameters<X>;
    add(name, std::move(part));
    return *this;
  }

  /// Writes all parts, each tensor under "name/..."; changes nothing in them. The file is replaced as a
  /// whole: at any moment, even of a crash, it has all of the old or all of the new. Throws Error with the
  /// system's reason, for a text that is not UTF-8, and for Parameters without any below their scope.
  void save() const;
  /// Reads all parts; returns false if there is no such file. Throws Error if the file is damaged, has not
  /// just these parts, each as it is expected, or is gone while the one before it is there; no part is
  /// changed then.
  bool load() const;

 private:
  struct Part {
    std::function<StateDict()> state;
    std::function<void(const StateDict&)> restore;
    bool is_parameters = false;  // which come first: an optimizer may have rows that are still to be updated
  };

  void add(const std::string& name, Part part);
  std::filesystem::path previous() const;
  std::string names() const;

  std::filesystem::path file_;
  std::vector<std::pair<std::string, Part>> parts_;  // by name
};

}  // namespace xgrad
