// What the program shows while it trains: a progress line on a terminal, one line per epoch, and the log
// file.
#pragma once

#include <chrono>
#include <cstdio>
#include <fstream>
#include <optional>
#include <string>

namespace xgrad {

/// A file that cannot be written.
struct OutputError {
  std::string message;
};

/// The line that moves while an epoch runs; nothing where standard output is not a terminal.
class Progress {
 public:
  explicit Progress(std::size_t epochs);
  /// Shows `done` of `total` windows of `epoch`, at most ten times a second.
  void update(std::size_t epoch, std::size_t done, std::size_t total, double tokens_per_second);
  /// Wipes the line, for other output.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  std::size_t epochs_;
  bool terminal_;
  bool shown_ = false;
  Clock::time_point next_ = Clock::now();
};

/// One JSON object per line and epoch: {"epoch": 1, "perplexity": 401.40759276257922}.
class Log {
 public:
  /// Throws OutputError, with the system's reason, if the file cannot be opened.
  explicit Log(const std::optional<std::string>& path);
  /// Throws OutputError if the line cannot be written.
  void write(std::size_t epoch, double perplexity);

 private:
  std::string path_;
  std::ofstream out_;
};

}  // namespace xgrad
