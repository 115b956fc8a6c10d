// The line that moves while a model trains, or, where nobody looks at a terminal, a plain line now and then.
// Start with Progress::of_stdout.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xgrad {

/// How far training is, after a window.
struct Status {
  std::size_t epoch, epochs;  ///< the epoch, from 1, and how many there are
  std::size_t done, windows;  ///< windows of the epoch that are done, and all
  double loss;                ///< nats per token
  double norm;                ///< global norm of the gradient, before clipping
  double rate;                ///< learning rate
  double tokens_per_second;
};

/// Shows how far a run is. Lines never wrap: what does not fit is left out, from the end on.
class Progress {
 public:
  /// What time differences are taken of.
  using Clock = std::chrono::steady_clock;

  /// All that it depends on.
  struct Screen {
    bool terminal;                                ///< whether lines can be written over
    bool codes;                                   ///< whether the terminal understands ESC [ J
    std::function<std::size_t()> width;           ///< columns of the terminal, asked for each line
    std::function<void(std::string_view)> write;  ///< writes and flushes
    std::function<Clock::time_point()> now = Clock::now;
  };

  /// Without a terminal: a line whenever another `interval` windows are done, none if that is 0.
  Progress(Screen screen, std::size_t interval);
  /// Standard output as it is: whether it is a terminal, its width at each moment, and TERM and NO_COLOR.
  /// Lines go to `write`; without one, calls throw OutputError if standard output cannot be written.
  static Progress of_stdout(std::size_t interval, std::function<void(std::string_view)> write = {});
  /// Clears the line.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Shows that another window is done; on a terminal at most ten times a second. The time left is that of
  /// the remaining windows of all epochs, at the mean speed since the first call, evaluations included.
  void update(const Status& status);
  /// Shows that `done` of `windows` windows of a text are evaluated, "valid" or "test"; nothing without a
  /// terminal.
  void evaluating(std::string_view name, std::size_t done, std::size_t windows);
  /// Wipes the line, before other output.
  void clear();

 private:
  bool due();
  bool interval_ends(const Status& status);
  std::size_t columns() const;
  void show(const std::vector<std::string>& forms, const std::vector<std::string>& pieces);

  Screen screen_;
  std::size_t interval_;
  std::size_t shown_ = 0;                  // columns of the line on the terminal
  std::optional<Clock::time_point> next_;  // when the next line is due
  std::optional<Clock::time_point> start_;
  double before_ = 0;                // windows that were done at the start
  std::optional<std::size_t> last_;  // windows done at the last update without a terminal
};

}  // namespace xgrad
