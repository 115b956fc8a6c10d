// Windows: a long sequence of tokens cut into the batches that truncated backpropagation through time trains
// on (Williams & Peng 1990). Time-major: inputs and targets are (T, N), a target is the token after its
// input. Two layouts.
#pragma once

#include <cstdint>
#include <vector>

#include <xgrad/autograd/array.hpp>
#include <xgrad/training/tokens.hpp>

namespace xgrad {

/// N rows of T consecutive tokens each, side by side.
struct Window {
  Ids inputs,   ///< (T, N)
      targets;  ///< (T, N), the token after each input
};

/// N contiguous tracks read side by side; every target of the text occurs exactly once in an epoch. Where the
/// tracks cannot be equally long, the first ones have one token more, and the last window has only their
/// rows: carry the state over with first_rows().
class StreamWindows {
 public:
  /// Throws BadData if there are fewer than N + 1 tokens, or N or T is 0.
  StreamWindows(TokenSequence tokens, std::size_t N, std::size_t T);

  /// Windows in an epoch.
  std::size_t size() const { return full_ + (longer_ > 0 ? 1 : 0); }
  /// Window i, counted from 0. The last window of all N rows may have fewer than T steps, and one of fewer
  /// rows has a single step. Throws Error if there is no window i.
  Window operator[](std::size_t i) const;

 private:
  TokenSequence tokens_;
  std::size_t N_, T_;
  std::size_t length_;  // targets of the shorter tracks
  std::size_t longer_;  // tracks with one target more
  std::size_t full_;    // windows in which all tracks have rows
};

/// The layout of many teaching programs: row i starts at offset i floor((n - 1) / N), a time counter runs on
/// from epoch to epoch, and indices wrap around. Windows are not aligned with the end of the text, and some
/// targets of an epoch are left out.
class ReferenceWindows {
 public:
  /// Throws BadData if there are not enough tokens for one window, or N or T is 0.
  ReferenceWindows(TokenSequence tokens, std::size_t N, std::size_t T);

  /// Windows in an epoch: floor((n - 1) / (N T)).
  std::size_t size() const { return (tokens_.size() - 1) / (N_ * T_); }
  /// Window i of a run, counted on through the epochs, always (T, N).
  Window operator[](std::size_t i) const;
  /// The next window: number 0, then 1, and so on.
  Window next() { return (*this)[next_++]; }

 private:
  TokenSequence tokens_;
  std::size_t N_, T_;
  std::size_t next_ = 0;
};

}  // namespace xgrad
