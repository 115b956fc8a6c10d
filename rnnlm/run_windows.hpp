// The windows that a run trains on and is measured on.
#pragma once

#include <functional>
#include <optional>

#include <xgrad/training/windows.hpp>

#include "settings.hpp"
#include "text.hpp"

namespace xgrad {

/// The windows of an epoch, in the layout of the protocol.
class EpochWindows {
 public:
  /// Throws BadData, naming the options, for a text that is too short.
  EpochWindows(const Settings& settings, const TokenSequence& tokens);
  /// Windows in an epoch.
  std::size_t size() const { return streams_ ? streams_->size() : reference_->size(); }
  /// Window `i` of an epoch, which is number `step` of the run.
  Window at(std::size_t i, std::size_t step) const { return streams_ ? (*streams_)[i] : (*reference_)[step]; }

 private:
  std::optional<StreamWindows> streams_;
  std::optional<ReferenceWindows> reference_;
};

/// A held-out text as windows of so many tracks, if it is long enough: an end of sentence goes before it, so
/// that its first word is predicted too. On one track the sum is that of `rnnlm eval`; more are faster, and
/// begin in the initial state.
StreamWindows heldout_windows(const Text& text, const TrainSettings& settings, const HeldOut& heldout,
                              std::size_t tracks);

/// Windows that tell how many of them have been read.
struct Watched {
  const StreamWindows& windows;
  std::function<void(std::size_t done)> tell;
  std::size_t size() const { return windows.size(); }  ///< as of the windows
  /// Window i, which is told of.
  Window operator[](std::size_t i) const {
    tell(i);
    return windows[i];
  }
};

}  // namespace xgrad
