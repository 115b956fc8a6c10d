// Reading and replacing files by the system's own calls, since streams neither synchronize nor say reliably
// why they failed; see file.hpp. Start with replace_file.
#include <xgrad/autograd/parameters/file.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>
#include <string>
#include <utility>

#include <xgrad/autograd/error.hpp>

namespace xgrad {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const char* verb, const fs::path& path, const std::string& reason) {
  throw Error("file", std::string("cannot ") + verb + " '" + path.string() + "': " + reason);
}

// The same for the reason that the last system call left in errno.
[[noreturn]] void fail(const char* verb, const fs::path& path, const char* step = "") {
  const std::string reason = std::strerror(errno);
  refuse(verb, path, step + reason);
}

// An open file, closed with the scope.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { (void)close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return fd_; }
  bool good() const { return fd_ >= 0; }
  bool close() { return !good() || ::close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

// A new file beside `target`, removed with the scope unless it has taken the target's name.
class Temporary {
 public:
  explicit Temporary(const fs::path& target) {
    static std::atomic<unsigned> count{0};
    do {  // a file that a killed process left behind is passed over
      path_ = target;
      path_ += ".tmp-" + std::to_string(::getpid()) + "-" + std::to_string(count++);
      fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    } while (fd_ < 0 && errno == EEXIST);
  }
  ~Temporary() {
    if (fd_ >= 0 && !renamed_) ::unlink(path_.c_str());
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;

  int descriptor() const { return fd_; }
  bool rename(const fs::path& target) { return renamed_ = std::rename(path_.c_str(), target.c_str()) == 0; }

 private:
  fs::path path_;
  int fd_ = -1;
  bool renamed_ = false;
};

bool write_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno != EINTR) return false;
    if (n > 0) bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace

std::vector<std::byte> read_bytes(const fs::path& path) {
  const Descriptor in(
      ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));  // a pipe must not make us wait
  struct stat status {};
  if (!in.good() || ::fstat(in.get(), &status) != 0) fail("read", path);
  if (!S_ISREG(status.st_mode)) refuse("read", path, "it is not a regular file");

  std::vector<std::byte> bytes;
  try {
    bytes.resize(static_cast<std::size_t>(status.st_size));
  } catch (const std::bad_alloc&) {
    refuse("read", path, "its " + std::to_string(status.st_size) + " bytes do not fit in memory");
  }
  std::size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t n = ::read(in.get(), bytes.data() + size, bytes.size() - size);
    if (n < 0 && errno != EINTR) fail("read", path);
    if (n == 0) break;  // it has become shorter
    if (n > 0) size += static_cast<std::size_t>(n);
  }
  bytes.resize(size);
  return bytes;
}

void replace_file(const fs::path& path, std::span<const std::span<const std::byte>> pieces) {
  struct stat old {};
  const bool exists = ::stat(path.c_str(), &old) == 0;
  if (!exists && errno != ENOENT) fail("write", path);
  if (exists && !S_ISREG(old.st_mode))  // to rename over /dev/null would be the end of it
    refuse("write", path, "it is not a regular file");
  std::error_code not_there;
  fs::path target = path;  // what a link leads to, even if nothing is there yet
  while (fs::is_symlink(target, not_there)) target = target.parent_path() / fs::read_symlink(target);

  // Before anything is written: a folder that cannot be opened is refused while the old file stands.
  const Descriptor folder(::open(target.has_parent_path() ? target.parent_path().c_str() : ".",
                                 O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.good()) fail("write", path, "its folder: ");
  Temporary temporary(target);
  Descriptor out(temporary.descriptor());
  if (!out.good()) fail("write", path, "a temporary file beside it: ");
  if (exists && ::fchmod(out.get(), old.st_mode & 07777) != 0) fail("write", path, "its permissions: ");
  for (const auto piece : pieces)
    if (!write_all(out.get(), piece)) fail("write", path);
  // Before the new name, or a crash may leave the name with nothing behind it.
  if (::fsync(out.get()) != 0 || !out.close()) fail("write", path);
  if (!temporary.rename(target)) fail("write", path);
  if (::fsync(folder.get()) != 0 && errno != EINVAL)  // EINVAL: this file system has no such thing
    fail("synchronize the folder of", path, "the file is written, but may not outlast a power failure: ");
}

}  // namespace xgrad
