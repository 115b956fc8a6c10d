// find_nonfinite: where the first NaN or infinity of a loss or a gradient came from. It runs the forward pass
// again under a watcher, and follows what is not finite from the loss, or from the parameters' gradients,
// back to its origin (docs/nonfinite.md). Start with find_nonfinite; how it is followed stands in
// nonfinite/tracer.hpp.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include <xgrad/autograd/variable.hpp>

namespace xgrad {

/// Where the first element that is not finite came from.
enum class Nonfinite {
  none,       ///< there is none
  parameter,  ///< a parameter held it before
  input,      ///< a constant or leaf held it before
  forward,    ///< an op made it from finite inputs
  seed,       ///< the sweep began with it
  backward,   ///< a vjp made it from a finite dy, with finite inputs and output
  sum,        ///< finite contributions to one gradient added up to it
};
/// Its name: "parameter".
std::string to_string(Nonfinite kind);

/// Where in a window an element stands, as far as is known.
///
/// Inside a TimeStep (which unroll opens) that is the step, and the leading axis of an array (N, ...) of rank
/// 2 or more, or of any rank if the tokens' N is its size, is the row. Outside, the tokens' shape (T, N)
/// decides: arrays (T, N, ...) and (T N, ...) have step and row, others neither. Parameters and their
/// gradients have no row.
struct WindowPlace {
  std::optional<std::size_t> time_step,  ///< of the sequence
      row;                               ///< of the batch
  std::optional<std::int64_t> token;     ///< the input id at that step and row
};

/// One of the finite elements that made one that is not.
struct NonfiniteCause {
  std::string name;       ///< "argument 0", "y", "dy"; of a sum, "the vjp of matmul, argument 1"
  std::string path;       ///< of the parameter that the argument is, or empty
  Shape shape;            ///< of the array it stands in
  std::size_t index = 0;  ///< its flat position there
  double value = 0;       ///< of a complex number the real part
  bool largest = false;   ///< the largest magnitude of those that count, not the number at the element itself
  WindowPlace where;      ///< in the window
};

/// What find_nonfinite found: the first element that is not finite and harmed the loss or a gradient.
struct NonfiniteReport {
  Nonfinite kind = Nonfinite::none;  ///< where it came from; none if the run is finite
  double loss = 0;                   ///< of this run; may be finite while only a gradient is not
  std::string harmed;  ///< the first parameter whose gradient is not finite, or "a leaf"; empty for the loss
  std::string op;  ///< the op that made it, read it first, or whose vjp made it; empty where there was none
  std::string scope;                    ///< of that op: the layer's path, or empty
  std::optional<std::size_t> argument;  ///< which of the op's arguments, except for forward, seed and sum
  std::string path;                     ///< of the parameter that holds it, or whose gradient it is
  WindowPlace where;                    ///< in the window
  std::string word;                     ///< of the token, if options.word was given
  Shape shape;                          ///< of the value, parameter, input or gradient
  std::size_t index = 0;                ///< flat position of its first element that is not finite and counts
  double value = 0;                     ///< that element
  std::size_t count = 0;                ///< how many there are in it
  std::vector<NonfiniteCause> causes;   ///< for forward, backward and sum

  /// True if the loss and the gradients of all parameters and leaves are finite.
  bool finite() const { return kind == Nonfinite::none; }
};

/// A sentence or two.
std::string to_string(const NonfiniteReport& report);
/// Prints to_string(report).
std::ostream& operator<<(std::ostream& out, const NonfiniteReport& report);

/// What find_nonfinite is told of the run; all of it may be left out.
struct NonfiniteOptions {
  std::optional<Ids> tokens{};  ///< the window's input ids (T, N): name steps, rows and tokens
  double seed = 1;              ///< dL/dloss that the sweep begins with
  std::function<std::string(Ids::value_type)> word{};  ///< the text of a token, for the report
};

namespace detail {
template <class T>
NonfiniteReport find_nonfinite(const std::function<Variable<T>()>& forward, const NonfiniteOptions& options);
}  // namespace detail

/// Calls `forward()`, which returns the loss, a variable of one element, and sweeps back from it unless it is
/// already not finite. Opens a tape of its own; another that is open is suspended meanwhile. It keeps all
/// values of the run, and is meant for the one window that went wrong. A finite run is reported as such.
/// Throws Error if the loss is not one element, the tokens are not (T, N), and whatever forward throws.
template <class Forward>
NonfiniteReport find_nonfinite(Forward&& forward, const NonfiniteOptions& options = {}) {
  using Loss = std::remove_cvref_t<std::invoke_result_t<Forward&>>;
  return detail::find_nonfinite<typename Loss::value_type>(std::ref(forward), options);
}

}  // namespace xgrad
