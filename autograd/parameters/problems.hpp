// Problems: what a message about many things that do not fit says of each kind, in a few lines. Internal.
#pragma once

#include <string>
#include <vector>

#include <fmt/format.h>

namespace xgrad {

/// The first few problems of one kind, a line each, and how many more there are.
class Problems {
 public:
  explicit Problems(const char* kind) : kind_(kind) {}

  /// A line without its kind.
  void add(const std::string& problem) {
    if (++count_ <= shown) lines_.push_back(fmt::format("\n  {}: {}", kind_, problem));
  }
  /// All lines, each after a line break; empty if there are none.
  std::string text() const {
    std::string result;
    for (const auto& line : lines_) result += &line == &lines_.back() && count_ > shown ? "" : line;
    if (count_ > shown) result += fmt::format("\n  {}: and {} more", kind_, count_ - shown + 1);
    return result;
  }

 private:
  static constexpr std::size_t shown = 3;  // of three kinds, below a line that says what they are about

  const char* kind_;
  std::size_t count_ = 0;
  std::vector<std::string> lines_;
};

}  // namespace xgrad
