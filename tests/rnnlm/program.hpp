// The program rnnlm as its user meets it: run in a shell, judged by what it prints, what it leaves behind and
// how it exits.
#pragma once

#include <sys/wait.h>
#include <csignal>

#include <array>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

namespace checks {

/// What a program left.
struct Outcome {
  int status;
  std::string out;  ///< standard output and error together

  /// Without its newline.
  std::string last_line() const {
    const auto end = out.find_last_not_of('\n');
    const auto begin = out.find_last_of('\n', end);
    return out.substr(begin == std::string::npos ? 0 : begin + 1, end - begin);
  }
  bool says(const std::string& text) const { return out.find(text) != std::string::npos; }
};

/// Runs a command of the shell.
inline Outcome shell(const std::string& command) {
  Outcome result{0, ""};
  FILE* pipe = popen(("(" + command + ") 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::array<char, 4096> buffer;
  for (std::size_t n; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    result.out.append(buffer.data(), n);
  const int status = pclose(pipe);
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return result;
}

/// Runs rnnlm with these arguments, which the shell reads.
inline Outcome rnnlm(const std::string& arguments) { return shell("'" XGRAD_RNNLM "' " + arguments); }

/// A folder that is gone after the test.
class RunFolder {
 public:
  RunFolder() : path_(std::filesystem::temp_directory_path() / fmt::format("xgrad-rnnlm-{}", getpid())) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directory(path_);
  }
  ~RunFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
  }
  std::string read(const std::string& name) const {
    std::ifstream in(path_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  bool has(const std::string& name) const { return std::filesystem::exists(path_ / name); }
  void remove(const std::string& name) const { std::filesystem::remove(path_ / name); }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  std::string data() const { return "--data '" + path_.string() + "' "; }
  /// Runs rnnlm in this folder.
  Outcome rnnlm(const std::string& arguments) const {
    return shell("cd '" + path_.string() + "' && '" XGRAD_RNNLM "' " + arguments);
  }
  /// The lines of a log, without what differs from run to run.
  std::vector<nlohmann::json> log(const std::string& name) const {
    std::vector<nlohmann::json> lines;
    std::ifstream in(path_ / name);
    for (std::string line; std::getline(in, line);) {
      lines.push_back(nlohmann::json::parse(line));
      lines.back().erase("seconds");
    }
    return lines;
  }

 private:
  std::filesystem::path path_;
};

/// A run of rnnlm in a folder, which goes on beside the test; what it prints is in the folder's file "out".
class Child {
 public:
  Child(const RunFolder& folder, const std::string& arguments) : process_(fork()) {
    if (process_ != 0) return;
    const std::string command =
        "cd '" + folder / "" + "' && exec '" XGRAD_RNNLM "' " + arguments + " > out 2>&1 < /dev/null";
    execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    _exit(127);
  }
  void signal(int number) const { kill(process_, number); }
  /// The exit status; 128 and the signal's number if one ended it.
  int wait() const {
    int status = 0;
    waitpid(process_, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t process_;
};

inline std::string repeated(const std::string& text, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) result += text;
  return result;
}

/// So many lines of three words, of 24 in all, in no order.
inline std::string sentences(int count) {
  std::string result;
  std::uint32_t random = 1;
  const auto draw = [&] { return (random = random * 1664525 + 1013904223) >> 29; };  // 0 to 7
  for (int i = 0; i < count; ++i) {
    const auto subject = draw();
    result += fmt::format("s{} v{} o{}\n", subject, (subject + draw() / 4) % 8, draw());
  }
  return result;
}

/// Options of a run that takes no time.
inline const std::string small = "--emsize 8 --nhid 8 --batch-size 4 --bptt 5 --epochs 2 --sentences 1 ";

}  // namespace checks
