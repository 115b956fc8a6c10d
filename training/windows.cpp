// See windows.hpp.
#include <xgrad/training/windows.hpp>

#include <algorithm>
#include <limits>
#include <string>

#include <xgrad/training/corpus.hpp>

namespace xgrad {

namespace {

// Throws BadData unless N rows of `steps` targets can be made of the tokens.
void check(std::size_t tokens, std::size_t N, std::size_t T, std::size_t steps) {
  if (N == 0 || T == 0) throw BadData("windows", "batch size and window length must be at least 1");
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  const std::size_t least = N > (most - 1) / steps ? most : N * steps + 1;  // no text has the most
  if (tokens < least)
    throw BadData("windows", "a text of " + std::to_string(tokens) + " tokens is too short for " +
                                 std::to_string(N) + " rows of windows of " + std::to_string(T) +
                                 " steps: it needs " + std::to_string(least));
}

// `position(t, n)` is where the input of step t, row n stands in the text.
template <class Position>
Window window(const TokenSequence& tokens, std::size_t T, std::size_t N, Position position) {
  std::vector<Ids::value_type> inputs, targets;
  inputs.reserve(T * N);
  targets.reserve(T * N);
  for (std::size_t t = 0; t < T; ++t)
    for (std::size_t n = 0; n < N; ++n) {
      inputs.push_back(tokens[position(t, n)]);
      targets.push_back(tokens[position(t, n) + 1]);
    }
  return {Ids({T, N}, std::move(inputs)), Ids({T, N}, std::move(targets))};
}

}  // namespace

StreamWindows::StreamWindows(TokenSequence tokens, std::size_t N, std::size_t T)
    : tokens_(std::move(tokens)), N_(N), T_(T) {
  check(tokens_.size(), N, T, 1);
  const std::size_t targets = tokens_.size() - 1;
  length_ = targets / N;
  longer_ = targets % N;
  full_ = length_ / T + (length_ % T > 0 ? 1 : 0);
}

Window StreamWindows::operator[](std::size_t i) const {
  const auto start = [this](std::size_t n) { return n * length_ + std::min(n, longer_); };
  if (i >= size())
    throw Error("windows",
                "there is no window " + std::to_string(i) + ", expected less than " + std::to_string(size()));
  if (i == full_)
    return window(tokens_, 1, longer_, [&](std::size_t, std::size_t n) { return start(n) + length_; });
  const std::size_t first = i * T_;
  return window(tokens_, std::min(T_, length_ - first), N_,
                [&](std::size_t t, std::size_t n) { return start(n) + first + t; });
}

ReferenceWindows::ReferenceWindows(TokenSequence tokens, std::size_t N, std::size_t T)
    : tokens_(std::move(tokens)), N_(N), T_(T) {
  check(tokens_.size(), N, T, T);
}

Window ReferenceWindows::operator[](std::size_t i) const {
  const std::size_t targets = tokens_.size() - 1, jump = targets / N_;
  const std::size_t time = i % targets * (T_ % targets) % targets;
  return window(tokens_, T_, N_,
                [&](std::size_t t, std::size_t n) { return (n * jump + time + t) % targets; });
}

}  // namespace xgrad
