// What a run writes while it trains, and what becomes of the run where that fails. A disk that is full does
// not end a run of hours: each failure is said once, the run goes on and tries again, and only its end is an
// error. Start with Outputs.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "files.hpp"

namespace xgrad {

/// A file that a run replaces again and again, and that no other run may replace meanwhile. The file is kept
/// open and locked, so that it is known again.
class OwnFile {
 public:
  /// The file that is there now, if there is one. Throws OutputError if another run has it.
  OwnFile(std::string option, std::string path);
  ~OwnFile();
  OwnFile(const OwnFile&) = delete;
  OwnFile& operator=(const OwnFile&) = delete;

  /// Whether the file, as it was found or written last, is there.
  bool is_there() const { return found() == Found::own; }
  /// Calls `write`, which replaces the file. Throws OutputError, and does not call it, if there is another
  /// file than the one that was there when this object was made or was written last; and with the reason of
  /// an Error that `write` throws.
  void replace(const std::function<void()>& write);

 private:
  enum class Found { none, own, other };

  void open();
  Found found() const;

  std::string option_, path_;
  int descriptor_ = -1;
};

/// The report on standard output, and all failures.
class Outputs {
 public:
  /// Prints to standard output at once. A reader that has gone asks the run to stop, as a signal would.
  void say(std::string_view text);
  /// Calls `write` and returns true. An OutputError that it throws is said on standard error, unless the last
  /// call with this `name` failed as well.
  bool attempt(const std::string& name, const std::function<void()>& write);
  /// The same where there is no second chance, so that a failure stays one.
  bool attempt_once(const std::string& name, const std::function<void()>& write);
  /// Whether what has this `name` is not written.
  bool failed(const std::string& name) const { return failures_.contains(name); }
  /// Throws OutputError, with the first of the messages, if something is still not written.
  void finish() const;

 private:
  void note(const std::string& name, const std::string& message);

  std::map<std::string, std::string> failures_;  // the message, by what could not be written
};

/// Calls `save` with a name in the working folder that no file has, rnnlm.safetensors, rnnlm-2.safetensors
/// and so on, and returns it; where that fails, with one in the folder for temporary files. Throws the
/// OutputError of the working folder if both do.
std::string save_under_free_name(const std::function<void(const std::string& file)>& save);

}  // namespace xgrad
