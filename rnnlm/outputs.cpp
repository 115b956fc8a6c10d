// See outputs.hpp.
#include "outputs.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include <xgrad/autograd/error.hpp>
#include <xgrad/autograd/parameters/quote.hpp>

#include "signals.hpp"

namespace xgrad {

namespace {

using Status = struct stat;

// Makes an empty file of a name that was free; another run may look for one at the same moment.
std::string reserve(const std::filesystem::path& folder) {
  for (int i = 1;; ++i) {
    const std::string file =
        (folder / (i == 1 ? "rnnlm.safetensors" : fmt::format("rnnlm-{}.safetensors", i))).string();
    const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor != -1) {
      ::close(descriptor);
      return file;
    }
    if (errno != EEXIST)
      throw OutputError{
          fmt::format("the model {} cannot be written: {}", quote_file(file), std::strerror(errno))};
  }
}

}  // namespace

OwnFile::OwnFile(std::string option, std::string path) : option_(std::move(option)), path_(std::move(path)) {
  open();
  if (descriptor_ == -1) return;
  while (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) break;  // this file system has no locks
    ::close(std::exchange(descriptor_, -1));
    throw OutputError{
        fmt::format("{} {} cannot be written: another run is writing it", option_, quote_file(path_))};
  }
}

OwnFile::~OwnFile() {
  if (descriptor_ != -1) ::close(descriptor_);
}

// Only regular files: they are replaced, and others written to.
void OwnFile::open() {
  if (descriptor_ != -1) ::close(std::exchange(descriptor_, -1));
  Status status{};
  if (::stat(path_.c_str(), &status) == 0 && S_ISREG(status.st_mode))
    descriptor_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

OwnFile::Found OwnFile::found() const {
  Status now{}, own{};
  if (::stat(path_.c_str(), &now) != 0) return Found::none;
  if (!S_ISREG(now.st_mode)) return Found::own;
  if (descriptor_ == -1 || ::fstat(descriptor_, &own) != 0) return Found::other;
  // While it is open, no other file gets its number.
  return now.st_dev == own.st_dev && now.st_ino == own.st_ino ? Found::own : Found::other;
}

void OwnFile::replace(const std::function<void()>& write) {
  if (found() == Found::other)
    throw OutputError{fmt::format("{} {} is not replaced: meanwhile another program has written it", option_,
                                  quote_file(path_))};
  try {
    write();
  } catch (const Error& error) {
    throw OutputError{sentence(error)};
  }
  open();
  if (descriptor_ != -1) ::flock(descriptor_, LOCK_EX | LOCK_NB);
}

void Outputs::say(std::string_view text) {
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return;
  const int reason = errno;  // of the first failure: what is in the buffer is tried again
  std::clearerr(stdout);
  if (reason == EPIPE)
    ask_to_stop(SIGPIPE);
  else
    note("standard output", fmt::format("cannot write to standard output: {}", std::strerror(reason)));
}

bool Outputs::attempt(const std::string& name, const std::function<void()>& write) {
  const bool written = attempt_once(name, write);
  if (written) failures_.erase(name);
  return written;
}

bool Outputs::attempt_once(const std::string& name, const std::function<void()>& write) {
  try {
    write();
    return true;
  } catch (const OutputError& error) {
    note(name, error.message);
    return false;
  }
}

void Outputs::note(const std::string& name, const std::string& message) {
  if (!failures_.emplace(name, message).second) return;
  std::fputs(fmt::format("rnnlm: warning: {}; the run goes on\n", message).c_str(), stderr);
}

void Outputs::finish() const {
  if (!failures_.empty()) throw OutputError{failures_.begin()->second};
}

std::string save_under_free_name(const std::function<void(const std::string& file)>& save) {
  std::error_code none;
  std::string reason;
  for (const std::filesystem::path& folder :
       {std::filesystem::path(), std::filesystem::temp_directory_path(none)}) {
    std::string file;
    try {
      file = reserve(folder);
      save(file);
      return file;
    } catch (const OutputError& error) {
      if (!file.empty()) ::unlink(file.c_str());
      if (reason.empty()) reason = error.message;
    }
  }
  throw OutputError{reason};
}

}  // namespace xgrad
