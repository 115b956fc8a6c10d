// The log of a training run, one JSON object a line, and its reader. A run that is killed, or whose disk is
// full, leaves whole lines behind. Start with Log; plot.hpp draws what read_log returns.
//
//   {"event":"settings","version":"0.1.0","settings":{"cell":"lstm"},"parameters":4000,"vocabulary":10}
//   {"event":"interval","epoch":1,"step":20,"tokens":140,"loss":6.12,"norm":0.24,"rate":4.0,"seconds":2.3}
//   {"event":"epoch","epoch":1,"step":33,"tokens":231,"loss":5.9,"valid_loss":5.5,"rate":4.0,"seconds":4.1}
//   {"event":"end","test_loss":5.4}
//
// Losses are in nats per token. Numbers read back as the same doubles; null is one that is not finite.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "files.hpp"

namespace xgrad {

/// Some steps of training, at the last of them.
struct Interval {
  std::uint64_t epoch;   ///< from 1
  std::uint64_t step;    ///< of the whole run, from 1
  std::uint64_t tokens;  ///< trained on in the whole run
  double loss;           ///< mean over the tokens since the last interval, in nats
  double norm;           ///< global norm of the gradient, before clipping
  double rate;           ///< learning rate
  double seconds;        ///< since the run began
};

/// A whole epoch, at its last step.
struct Epoch {
  std::uint64_t epoch;   ///< from 1
  std::uint64_t step;    ///< of the whole run, from 1
  std::uint64_t tokens;  ///< trained on in the whole run
  double loss;           ///< mean over the tokens of the epoch, in nats, each before its update
  double valid_loss;     ///< mean over the held-out tokens, in nats; NaN if there are none
  double rate;           ///< learning rate
  double seconds;        ///< since the run began
};

/// Writes a log. Each line is on its way to the disk when the call returns, by one write to the end of the
/// file, which is locked against a second run. Only regular files are written, to which links may lead, and
/// /dev/null and its like, which are not locked. All errors about the file are OutputError with the system's
/// reason.
class Log {
 public:
  /// No log: nothing is written.
  Log() = default;
  /// A new file; an empty one counts as new. Throws FileExists if there is one already, unless it is to be
  /// replaced, and OutputError if another run is writing it.
  static Log create(const std::filesystem::path& file, bool replace);
  /// Goes on after the first `size` bytes, which a checkpoint has noted: what comes after them is of steps
  /// that will be done again, and is cut off. Throws OutputError if the file is missing, shorter, or has no
  /// end of a line there, and is then unchanged.
  static Log resume(const std::filesystem::path& file, std::uint64_t size);

  /// Moves the file; `other` is then no log.
  Log(Log&& other) noexcept { swap(other); }
  /// Swaps the files.
  Log& operator=(Log&& other) noexcept {
    swap(other);
    return *this;
  }
  /// Closes the file.
  ~Log();

  /// Writes the first line: `facts` about the run, with "event" before them. plot.hpp knows
  /// "steps_per_epoch". A text in them that is not UTF-8 gets U+FFFD where it is not.
  /// Throws OutputError if the line cannot be written whole, and takes back the part that was; so do the
  /// other three.
  void settings(const nlohmann::ordered_json& facts);
  /// Writes the line of some steps.
  void write(const Interval& interval);
  /// Writes the line of an epoch.
  void write(const Epoch& epoch);
  /// Writes the last line, and waits until all are on the disk; the test loss, in nats, is there if there was
  /// a test text.
  void end(std::optional<double> test_loss);

  /// The number of bytes in the file, all of them in whole lines; 0 for no log.
  std::uint64_t size() const { return size_; }
  /// Waits until all lines are on the disk, where they outlast a power failure: call it before a checkpoint
  /// that notes size() is saved.
  void synchronize() const;

 private:
  void open(int flags);
  void lock() const;
  void swap(Log& other) noexcept;
  void line(const nlohmann::ordered_json& object);
  [[noreturn]] void fail(const std::string& reason) const;

  std::filesystem::path file_;
  int descriptor_ = -1;
  bool regular_ = false;
  std::uint64_t size_ = 0;
};

/// What a log says.
struct Run {
  std::string name;                 ///< for legends
  nlohmann::json settings;          ///< the first line as it is, null where there is none
  std::vector<Interval> intervals;  ///< in the order of the file
  std::vector<Epoch> epochs;        ///< in the order of the file
  bool ended = false;               ///< the last line is there
  std::optional<double> test_loss;  ///< in nats, NaN if it was not finite
};

/// Reads a log; null becomes NaN, and keys that are not known are passed over. A last line that is cut off is
/// left out: the run was killed. A line of the older form {"epoch": 1, "perplexity": 401.4} is an
/// epoch of which only the held-out loss is known. Throws BadData, naming `name` and the line, for everything
/// else.
Run read_log(std::string_view text, const std::string& name);

}  // namespace xgrad
