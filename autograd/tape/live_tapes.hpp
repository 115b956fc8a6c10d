// LiveTapes: the serial numbers of tapes, which of them are alive, and on which thread. Asked only of a
// variable that is not of the recording tape. Internal.
#pragma once

#include <cstdint>
#include <mutex>
#include <thread>
#include <unordered_map>

namespace xgrad {

class LiveTapes {
 public:
  enum class State { ended, this_thread, other_thread };

  /// The serial number of a new tape of this thread: 1, 2, ...
  std::uint64_t open() {
    const std::lock_guard lock(mutex_);
    thread_of_.emplace(++last_, std::this_thread::get_id());
    return last_;
  }
  void close(std::uint64_t serial) {
    const std::lock_guard lock(mutex_);
    thread_of_.erase(serial);
  }
  State state(std::uint64_t serial) {
    const std::lock_guard lock(mutex_);
    const auto it = thread_of_.find(serial);
    if (it == thread_of_.end()) return State::ended;
    return it->second == std::this_thread::get_id() ? State::this_thread : State::other_thread;
  }

 private:
  std::mutex mutex_;
  std::uint64_t last_ = 0;
  std::unordered_map<std::uint64_t, std::thread::id> thread_of_;
};

/// Those of all scalars.
inline LiveTapes& live_tapes() {
  static LiveTapes tapes;
  return tapes;
}

}  // namespace xgrad
