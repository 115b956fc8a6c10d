// See report.hpp.
#include "report.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace xgrad {

Progress::Progress(std::size_t epochs) : epochs_(epochs), terminal_(isatty(STDOUT_FILENO) == 1) {}

void Progress::update(std::size_t epoch, std::size_t done, std::size_t total, double tokens_per_second) {
  if (!terminal_ || Clock::now() < next_) return;
  next_ = Clock::now() + std::chrono::milliseconds(100);
  fmt::print("\r\033[Kepoch {}/{}: {:3.0f} %, {:.0f} tokens/s", epoch, epochs_,
             100.0 * static_cast<double>(done) / static_cast<double>(total), tokens_per_second);
  std::fflush(stdout);
  shown_ = true;
}

void Progress::clear() {
  if (shown_) fmt::print("\r\033[K");
  shown_ = false;
}

Log::Log(const std::optional<std::string>& path) {
  if (!path) return;
  path_ = *path;
  errno = 0;
  out_.open(path_, std::ios::trunc);
  if (!out_) throw OutputError{fmt::format("cannot write the log '{}': {}", path_, std::strerror(errno))};
}

void Log::write(std::size_t epoch, double perplexity) {
  if (!out_.is_open()) return;
  errno = 0;
  out_ << fmt::format("{{\"epoch\": {}, \"perplexity\": {:.17g}}}\n", epoch, perplexity) << std::flush;
  if (!out_) throw OutputError{fmt::format("cannot write the log '{}': {}", path_, std::strerror(errno))};
}

}  // namespace xgrad
