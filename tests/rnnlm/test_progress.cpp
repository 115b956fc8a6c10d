// The progress line: what it shows, that it never wraps or leaves anything behind, and what becomes of it
// where there is no terminal. `Screen` below is a terminal of one line that writes down what it is told.

#include "progress.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "files.hpp"

namespace {

using namespace std::chrono_literals;
using xgrad::Progress;
using xgrad::Status;

class Screen {
 public:
  explicit Screen(std::size_t width) : width_(width) {}

  // A Progress on a terminal, or without one.
  Progress::Screen terminal(bool codes) { return screen(true, codes); }
  Progress::Screen none() { return screen(false, true); }

  void wait(std::chrono::milliseconds time) { now_ += time; }
  void resize(std::size_t width) { width_ = width; }

  // What is on the line now, without blanks at its end.
  std::string line() const {
    std::string line;
    std::size_t at = 0;
    for (std::size_t i = 0; i < written.size(); ++i) {
      if (written[i] == '\r' || written[i] == '\n') {
        if (written[i] == '\n') line.clear();
        at = 0;
      } else if (written.compare(i, 3, "\033[J") == 0) {
        line.resize(std::min(line.size(), at));
        i += 2;
      } else {
        if (line.size() <= at) line.resize(at + 1, ' ');
        line[at++] = written[i];
      }
    }
    line.erase(line.find_last_not_of(' ') + 1);
    return line;
  }

  std::string written;
  std::size_t farthest = 0;  // the most columns that were written to, and not written over
  std::size_t writes = 0;

 private:
  Progress::Screen screen(bool terminal, bool codes) {
    return {terminal, codes, [this] { return width_; },
            [this](std::string_view text) {
              written += text;
              ++writes;
              std::size_t column = 0;
              for (std::size_t i = 0; i < text.size(); ++i) {
                if (text[i] == '\r' || text[i] == '\n') {
                  column = 0;
                } else if (text[i] == '\033') {
                  i += 2;
                } else {
                  farthest = std::max(farthest, ++column);
                }
              }
            },
            [this] { return now_; }};
  }

  std::size_t width_;
  Progress::Clock::time_point now_{};
};

const Status third{3, 12, 45, 100, 4.812, 0.2111, 20, 8123.4};

Status at(std::size_t epoch, std::size_t done) {
  Status status = third;
  status.epoch = epoch;
  status.done = done;
  return status;
}

}  // namespace

TEST_CASE("progress: everything on a line that is wide enough") {
  Screen screen(120);
  Progress progress(screen.terminal(true), 0);
  progress.update(at(3, 44));
  CHECK(screen.line() == "epoch 3/12  44 %  loss 4.812  ppl 123.0  norm 0.21  rate 20  8123 tokens/s");
  screen.wait(50ms);
  progress.update(at(3, 45));
  CHECK(screen.line() ==
        "epoch 3/12  44 %  loss 4.812  ppl 123.0  norm 0.21  rate 20  8123 tokens/s");  // too soon
  screen.wait(1000ms);
  progress.update(third);
  CHECK(screen.written.ends_with("\r"));
  progress.clear();
  CHECK(screen.line().empty());
}

TEST_CASE("progress: the time left is that of all epochs at the speed so far") {
  struct Case {
    std::chrono::milliseconds window;  // for one of 955 that are left
    std::string left;
  };
  const std::vector<Case> cases{{87ms, "  1:24 left"},
                                {1000ms, "  15:55 left"},
                                {10000ms, "  2:39:10 left"},
                                {100000ms, "  1 d 2 h left"},
                                {1000ms * 1000000000, ""}};  // is not shown
  for (const auto& known : cases) {
    Screen screen(120);
    Progress progress(screen.none(), 49);
    progress.update(at(3, 40));  // where the run went on: what was before took no time
    screen.wait(5 * known.window);
    progress.update(third);
    CHECK_MESSAGE(
        screen.written.ends_with("  ppl 123.0" + known.left + "  norm 0.21  rate 20  8123 tokens/s\n"),
        screen.written);
  }
}

TEST_CASE("progress: no line is as wide as the terminal, nor is anything left of the last") {
  for (const bool codes : {false, true})
    for (std::size_t width = 20; width <= 200; ++width) {
      CAPTURE(width);
      Screen screen(width);
      Progress progress(screen.terminal(codes), 0);
      Status status = third;
      for (const double loss : {1.0, 1e-300, 12345.678, std::numeric_limits<double>::infinity()}) {
        status.loss = status.norm = status.rate = loss;
        status.tokens_per_second = 1 / loss;
        ++status.done;
        screen.wait(200ms);
        progress.update(status);
        const std::string line = screen.line();
        CHECK(line.starts_with("epoch 3/12  4"));
        CHECK(line.find("left") == line.rfind("left"));
        CHECK(line.find_last_of("%0123456789stf") == line.size() - 1);
        screen.wait(200ms);
        progress.evaluating("valid", status.done, 100);
        CHECK(screen.line().starts_with(width < 22 ? "valid 4" : "evaluating valid 4"));
        CHECK(screen.line().ends_with(" %"));
      }
      CHECK(screen.farthest < width);
      CHECK((screen.written.find('\033') != std::string::npos) == codes);
      CHECK(screen.written.find('\n') == std::string::npos);
      progress.clear();
      CHECK(screen.line().empty());
    }
}

TEST_CASE("progress: what does not fit is left out from the end on") {
  const auto line = [](std::size_t width, const Status& status) {
    Screen screen(width);
    Progress progress(screen.terminal(false), 0);
    progress.update(status);
    return screen.line();
  };
  CHECK(line(20, third) == "epoch 3/12  45 %");
  CHECK(line(28, third) == "epoch 3/12  45 %");
  CHECK(line(29, third) == "epoch 3/12  45 %  loss 4.812");
  CHECK(line(40, third) == "epoch 3/12  45 %  loss 4.812  ppl 123.0");
  Status many = third;
  many.epoch = 12345;
  many.epochs = 123456;
  CHECK(line(20, many) == "12345/123456  45 %");
  many.epoch = many.epochs = std::numeric_limits<std::size_t>::max();
  CHECK(line(20, many) == "45 %");
  for (std::size_t width = 0; width < 20; ++width)
    CHECK(line(width, many).size() < std::max<std::size_t>(width, 1));
  Status small = third;
  small.norm = 0.00123;
  small.done = 199;
  small.windows = 200;
  CHECK(line(53, small) == "epoch 3/12  99 %  loss 4.812  ppl 123.0  norm 0.0012");
}

TEST_CASE("progress: at most ten lines a second, and evaluations count") {
  Screen screen(80);
  Progress progress(screen.terminal(true), 0);
  for (std::size_t i = 0; i < 3000; ++i) {
    if (i % 2 == 0)
      progress.update(at(1, 1));
    else
      progress.evaluating("valid", i, 3000);
    screen.wait(1ms);
  }
  CHECK(screen.writes <= 30);
  CHECK(screen.writes >= 29);
  progress.clear();
  const std::size_t writes = screen.writes;
  progress.clear();  // there is nothing to clear
  CHECK(screen.writes == writes);
}

TEST_CASE("progress: the line follows the terminal when that becomes narrower") {
  for (const bool codes : {false, true}) {
    Screen screen(100);
    Progress progress(screen.terminal(codes), 0);
    progress.update(third);
    screen.resize(30);
    screen.farthest = 0;
    screen.wait(1000ms);
    progress.update(third);
    CHECK(screen.farthest < 30);
    progress.clear();
    CHECK(screen.farthest < 30);
    if (codes) CHECK(screen.line().empty());
  }
}

TEST_CASE("progress: the line is cleared at the end") {
  Screen screen(80);
  {
    Progress progress(screen.terminal(true), 0);
    progress.update(third);
    CHECK_FALSE(screen.line().empty());
  }
  CHECK(screen.line().empty());
}

TEST_CASE("progress: without a terminal a plain line after each interval") {
  Screen screen(20);  // which is of no terminal
  {
    Progress progress(screen.none(), 30);
    for (std::size_t epoch = 1; epoch <= 2; ++epoch) {
      for (std::size_t done = epoch == 1 ? 35 : 1; done <= 100; ++done) {
        progress.update(at(epoch, done));
        screen.wait(1ms);
      }
      progress.evaluating("valid", 1, 2);
    }
    progress.clear();
  }
  std::string shown = screen.written;
  for (const char* share : {"1/12  60 %", "1/12  90 %", "2/12  20 %", "2/12  50 %", "2/12  80 %"}) {
    const std::string begin = std::string("epoch ") + share + "  loss 4.812  ppl 123.0  0:0";
    CHECK_MESSAGE(shown.starts_with(begin), shown);
    shown.erase(0, shown.find('\n') + 1);
  }
  CHECK(shown.empty());
  CHECK(screen.written.find('\r') == std::string::npos);
  CHECK(screen.written.find('\033') == std::string::npos);

  Screen each(20);
  Progress every(each.none(), 1);
  for (const std::size_t epoch : {1U, 2U})
    for (const std::size_t done : {1U, 2U}) every.update(at(epoch, done));
  CHECK(std::count(each.written.begin(), each.written.end(), '\n') == 4);

  Screen wide(20), silent(20);
  Progress progress(wide.none(), 1), nothing(silent.none(), 0);
  Status status = third;
  status.loss = status.norm = status.rate = -1.2345e-300;
  status.epoch = status.epochs = 1234567890123;
  status.tokens_per_second = 1e60;
  progress.update(status);
  nothing.update(status);
  CHECK(wide.farthest <= 100);
  CHECK(wide.written.ends_with("\n"));
  CHECK(silent.written.empty());
}

TEST_CASE("progress: standard output that is full is an error with the reason") {
  if (access("/dev/full", W_OK) != 0) return;
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    if (std::freopen("/dev/full", "w", stdout) == nullptr) _exit(2);
    Progress progress = Progress::of_stdout(1);
    try {
      progress.update(third);
    } catch (const xgrad::OutputError& error) {
      _exit(error.message == "cannot write to standard output: No space left on device" ? 0 : 3);
    }
    _exit(4);
  }
  int status = -1;
  waitpid(child, &status, 0);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("progress: standard output is asked whether it is a terminal, and how wide") {
  const auto output = [](const char* term, const char* no_color) {
    const int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    REQUIRE(terminal >= 0);
    REQUIRE(grantpt(terminal) == 0);
    REQUIRE(unlockpt(terminal) == 0);
    const winsize size{24, 40, 0, 0};
    REQUIRE(ioctl(terminal, TIOCSWINSZ, &size) == 0);
    const std::string name = ptsname(terminal);
    std::fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
      setenv("TERM", term, 1);
      setenv("NO_COLOR", no_color, 1);
      if (std::freopen(name.c_str(), "w", stdout) == nullptr) _exit(1);
      {
        Progress progress = Progress::of_stdout(1);
        progress.update(third);
      }
      std::fputs("end", stdout);
      std::fflush(stdout);
      _exit(0);
    }
    std::string text;
    while (!text.ends_with("end")) {
      char buffer[256];
      const ssize_t n = read(terminal, buffer, sizeof buffer);
      if (n <= 0) break;
      text.append(buffer, static_cast<std::size_t>(n));
    }
    waitpid(child, nullptr, 0);
    close(terminal);
    return text;
  };
  const std::string line = "\repoch 3/12  45 %  loss 4.812  ppl 123.0";
  CHECK(output("xterm", "") == line + "\033[J\r\r \033[J\rend");
  const std::string plain = line + "\r\r" + std::string(39, ' ') + "\rend";
  CHECK(output("xterm", "1") == plain);
  CHECK(output("dumb", "") == plain);
}
