// See progress.hpp. On a terminal the cursor rests at the beginning of the line, not at its end: if the
// terminal becomes narrower and breaks the line in two, all of it is behind the cursor, and wiped.
#include "progress.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "files.hpp"

namespace xgrad {

namespace {

constexpr std::size_t longest_line = 100;  // where there is no terminal

double number(std::size_t n) { return static_cast<double>(n); }

// Rounded down: 100 % is all.
std::string percent(std::size_t done, std::size_t windows) {
  const double share = windows > 0 ? std::min(number(done) / number(windows), 1.0) : 1;
  return fmt::format("{:.0f} %", std::floor(100 * share));
}

std::string perplexity(double loss) {
  const double value = std::exp(loss);
  return value < 1e5 ? fmt::format("{:.1f}", value) : fmt::format("{:.2e}", value);
}

std::string short_number(double value) {
  return value >= 0.1 && value < 1e4 ? fmt::format("{:.2f}", value) : fmt::format("{:.2g}", value);
}

// Nothing where that is not known.
std::string duration(double seconds) {
  if (!(seconds >= 0 && seconds < 1e9)) return {};
  const auto whole = static_cast<long>(std::ceil(seconds));
  const long days = whole / 86400, hours = whole / 3600 % 24, minutes = whole / 60 % 60;
  if (days > 0) return fmt::format("{} d {} h", days, hours);
  if (hours > 0) return fmt::format("{}:{:02}:{:02}", hours, minutes, whole % 60);
  return fmt::format("{}:{:02}", minutes, whole % 60);
}

// The first of the forms that fits, from the longest on, and after the longest as many pieces as fit, too.
std::string fit(const std::vector<std::string>& forms, const std::vector<std::string>& pieces,
                std::size_t width) {
  const auto form =
      std::find_if(forms.begin(), forms.end(), [&](const auto& text) { return text.size() <= width; });
  if (form == forms.end()) return {};
  std::string line = *form;
  if (form != forms.begin()) return line;
  for (const std::string& piece : pieces) {
    if (line.size() + 2 + piece.size() > width) break;
    line += "  " + piece;
  }
  return line;
}

std::size_t stdout_width() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

void write_stdout(std::string_view text) {
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    throw OutputError{fmt::format("cannot write to standard output: {}", std::strerror(errno))};
}

bool is_set(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

}  // namespace

Progress::Progress(Screen screen, std::size_t interval) : screen_(std::move(screen)), interval_(interval) {}

Progress Progress::of_stdout(std::size_t interval, std::function<void(std::string_view)> write) {
  const bool codes = is_set("TERM") && std::strcmp(std::getenv("TERM"), "dumb") != 0 && !is_set("NO_COLOR");
  if (!write) write = write_stdout;
  return Progress({::isatty(STDOUT_FILENO) == 1, codes, stdout_width, std::move(write)}, interval);
}

Progress::~Progress() {
  try {
    clear();
  } catch (...) {  // what cannot be written has been said, or will be
  }
}

void Progress::update(const Status& status) {
  const double done = (number(status.epoch) - 1) * number(status.windows) + number(status.done);
  if (!start_) {
    start_ = screen_.now();
    before_ = done;
  }
  if (screen_.terminal ? !due() : !interval_ends(status)) return;
  const std::string share = percent(status.done, status.windows);
  const std::string epochs = fmt::format("{}/{}", status.epoch, status.epochs);
  std::vector<std::string> pieces{fmt::format("loss {:.3f}", status.loss), "ppl " + perplexity(status.loss),
                                  "norm " + short_number(status.norm)};
  const double remaining = number(status.epochs) * number(status.windows) - done;
  const std::chrono::duration<double> elapsed = screen_.now() - *start_;
  if (const std::string left = duration(elapsed.count() / (done - before_) * remaining); !left.empty())
    pieces.insert(pieces.end() - 1, left + " left");
  pieces.push_back(fmt::format("rate {:.4g}", status.rate));
  if (std::isfinite(status.tokens_per_second))
    pieces.push_back(fmt::format("{:.0f} tokens/s", status.tokens_per_second));
  show({"epoch " + epochs + "  " + share, epochs + "  " + share, share}, pieces);
}

void Progress::evaluating(std::string_view name, std::size_t done, std::size_t windows) {
  if (!screen_.terminal || !due()) return;
  const std::string share = percent(done, windows), text = fmt::format("{} {}", name, share);
  show({"evaluating " + text, text, share}, {});
}

void Progress::clear() {
  if (shown_ == 0) return;
  const std::size_t blanks = std::min(std::exchange(shown_, 0), columns());
  // Not from the first column on: on the screen's first line that wipes all of it, and tmux keeps a copy.
  screen_.write(screen_.codes ? "\r \033[J\r" : fmt::format("\r{:{}}\r", "", blanks));
}

bool Progress::due() {
  const Clock::time_point now = screen_.now();
  if (next_ && now < *next_) return false;
  next_ = now + std::chrono::milliseconds(100);
  return true;
}

// Whether this window is the last of an interval; they are counted on through the epochs. A run may begin
// within one, where it went on.
bool Progress::interval_ends(const Status& status) {
  const std::size_t done = (status.epoch - 1) * status.windows + status.done;
  const std::size_t before = std::exchange(last_, done).value_or(done - 1);
  return interval_ > 0 && done / interval_ > before / interval_;
}

// The last column stays free, since terminals differ in where the cursor is behind it.
std::size_t Progress::columns() const {
  if (!screen_.terminal) return longest_line;
  return std::max<std::size_t>(screen_.width(), 1) - 1;
}

void Progress::show(const std::vector<std::string>& forms, const std::vector<std::string>& pieces) {
  const std::size_t width = columns();
  std::string line = fit(forms, pieces, width);
  if (!screen_.terminal) {
    screen_.write(line + '\n');
    return;
  }
  const std::size_t size = line.size();
  if (size == 0) return clear();
  if (screen_.codes)
    line += "\033[J";
  else
    line.resize(std::max(size, std::min(shown_, width)), ' ');
  shown_ = size;
  screen_.write("\r" + line + "\r");
}

}  // namespace xgrad
