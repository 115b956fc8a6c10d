// Reading and replacing files by the system's own calls, since streams neither synchronize nor say reliably
// why they failed; see file.hpp. Start with replace_file.
#include <xgrad/autograd/parameters/file.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <xgrad/autograd/error.hpp>
#include <xgrad/autograd/parameters/quote.hpp>

namespace xgrad {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const char* verb, const fs::path& path, const std::string& reason) {
  throw Error("file", std::string("cannot ") + verb + " " + quote_file(path) + ": " + reason);
}

// The same for the reason that the last system call left in errno.
[[noreturn]] void fail(const char* verb, const fs::path& path, const char* step = "") {
  const std::string reason = std::strerror(errno);
  refuse(verb, path, step + reason);
}

// The status of what `path` leads to, or nothing where nothing is there. Only regular files are read, since a
// pipe may never end, and written, since to rename over /dev/null would be the end of it.
std::optional<struct stat> regular_file(const char* verb, const fs::path& path) {
  if (path.native().find('\0') != std::string::npos) refuse(verb, path, "a NUL is in its name");
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno != ENOENT) fail(verb, path);
    return std::nullopt;
  }
  if (!S_ISREG(status.st_mode)) refuse(verb, path, "it is not a regular file");
  return status;
}

// An open file, closed with the scope.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (good()) ::close(fd_);
  }

  int get() const { return fd_; }
  bool good() const { return fd_ >= 0; }

 private:
  int fd_;
};

constexpr std::string_view temporary_mark = ".tmp-";

fs::path folder_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : "."; }

bool same_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// A name beside `target` that no other call makes. (But in another container, where it may be taken.)
fs::path temporary_name(const fs::path& target) {
  static std::atomic<unsigned> count{0};
  fs::path name = target;
  return name += fmt::format("{}{}-{}", temporary_mark, ::getpid(), count++);
}

// A new file beside `target`, removed with the scope unless it has taken the target's name. It is locked
// while it lives, so that nobody takes it for one that a killed process left: see remove_leftovers.
class Temporary {
 public:
  explicit Temporary(const fs::path& target) {
    while (true) {
      path_ = temporary_name(target);
      Descriptor out(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
      if (!out.good() && errno == EEXIST) continue;
      if (!out.good()) return;
      // Another process may take this for a leftover as long as it has no lock, and be about to remove it or
      // have done so. Where the file system has no locks nothing is removed.
      struct stat status {};
      if (::flock(out.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) continue;
      if (::fstat(out.get(), &status) == 0 && status.st_nlink == 0) continue;
      out_ = std::move(out);
      return;
    }
  }
  ~Temporary() {
    if (out_.good() && !renamed_) ::unlink(path_.c_str());
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;

  bool good() const { return out_.good(); }
  int descriptor() const { return out_.get(); }
  bool rename(const fs::path& target) { return renamed_ = std::rename(path_.c_str(), target.c_str()) == 0; }

 private:
  fs::path path_;
  Descriptor out_{-1};
  bool renamed_ = false;
};

// Whether `name` is one that temporary_name makes for the file called `target`, in whatever process.
bool is_temporary(std::string_view name, std::string_view target) {
  if (!name.starts_with(target)) return false;
  name.remove_prefix(target.size());
  if (!name.starts_with(temporary_mark)) return false;
  name.remove_prefix(temporary_mark.size());
  const auto digits = [](std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  };
  const auto dash = name.find('-');
  return dash != std::string_view::npos && digits(name.substr(0, dash)) && digits(name.substr(dash + 1));
}

// Removes a file that nobody has locked. Its writer may be between open and lock: it then finds that the file
// is gone, and makes another. It may be writing: then the lock is taken. Or it has given the file its final
// name since it was opened here: then the last comparison fails.
void remove_if_dead(const fs::path& path) {
  struct stat named {};
  struct stat opened {};
  if (::lstat(path.c_str(), &named) != 0 || !S_ISREG(named.st_mode)) return;
  // For writing, without which NFS gives no such lock; or, of a file that has the permissions of a read-only
  // one, for reading.
  constexpr int flags = O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  Descriptor file(::open(path.c_str(), O_RDWR | flags));
  if (!file.good() && errno == EACCES) file = Descriptor(::open(path.c_str(), O_RDONLY | flags));
  if (!file.good() || ::flock(file.get(), LOCK_EX | LOCK_NB) != 0) return;
  if (::fstat(file.get(), &opened) == 0 && ::lstat(path.c_str(), &named) == 0 && same_file(named, opened))
    ::unlink(path.c_str());
}

// Removes the temporary files of earlier calls for `target` that a signal or a crash ended. What cannot be
// listed, opened or locked stays. Whether a process of that number lives says nothing, as it may be in
// another container.
void remove_leftovers(const fs::path& target) {
  const std::string name = target.filename().native();
  if (name.empty()) return;
  std::error_code error;
  for (fs::directory_iterator entry(folder_of(target), error), end; !error && entry != end;
       entry.increment(error))
    if (is_temporary(entry->path().filename().native(), name)) remove_if_dead(entry->path());
}

bool write_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno != EINTR) return false;
    if (n > 0) bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return true;
}

// What `path` leads to through all links, even if nothing is there yet.
fs::path followed(const char* verb, const fs::path& path) {
  constexpr int most = 40;  // as the system
  fs::path target = path;
  std::error_code not_there;
  for (int links = 0; fs::is_symlink(target, not_there); ++links) {
    if (links == most) refuse(verb, path, "it leads through too many links");
    const fs::path next = fs::read_symlink(target, not_there);
    if (not_there) break;
    target = target.parent_path() / next;
  }
  return target;
}

// A folder that can be synchronized: what is renamed in it outlasts a power failure only then.
class Folder {
 public:
  explicit Folder(const fs::path& of)
      : folder_(::open(folder_of(of).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {}
  bool good() const { return folder_.good(); }
  bool synchronize() const {
    return ::fsync(folder_.get()) == 0 || errno == EINVAL;  // EINVAL: this file system has no such thing
  }

 private:
  Descriptor folder_;
};

// Fills the file that is to be `path`, with the permissions of `old`.
void write_content(const Temporary& out, const char* verb, const fs::path& path,
                   const std::optional<struct stat>& old,
                   std::span<const std::span<const std::byte>> pieces) {
  if (!out.good()) fail(verb, path, "a temporary file beside it: ");
  if (old && ::fchmod(out.descriptor(), old->st_mode & 07777) != 0) fail(verb, path, "its permissions: ");
  for (const auto piece : pieces)
    if (!write_all(out.descriptor(), piece)) fail(verb, path);
  // Before the new name, or a crash may leave the name with nothing behind it.
  if (::fsync(out.descriptor()) != 0) fail(verb, path);
}

// Gives the file `target` the second name `previous`, at once. False: the system does not do that here.
bool link_as(const fs::path& target, const fs::path& previous) {
  struct stat file {};
  struct stat old {};
  if (::stat(target.c_str(), &file) != 0) return errno == ENOENT;  // it has just been removed
  if (::lstat(previous.c_str(), &old) == 0 && same_file(file, old)) return true;
  fs::path temporary;
  while (true) {
    temporary = temporary_name(previous);
    if (::link(target.c_str(), temporary.c_str()) != 0) {
      if (errno == EEXIST) continue;
      return errno == ENOENT && ::stat(target.c_str(), &file) != 0;
    }
    if (std::rename(temporary.c_str(), previous.c_str()) == 0) break;
    if (errno == ENOENT) continue;  // another process took it for a leftover
    ::unlink(temporary.c_str());
    return false;
  }
  // Two names of one file are not renamed, so a call that did the same meanwhile has left this one.
  if (::lstat(temporary.c_str(), &old) == 0 && same_file(file, old)) ::unlink(temporary.c_str());
  return true;
}

}  // namespace

std::vector<std::byte> read_bytes(const fs::path& path) {
  (void)regular_file("read", path);  // to open a device may be to use it
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

MappedFile::MappedFile(const fs::path& path) {
  if (!regular_file("read", path)) refuse("read", path, std::strerror(ENOENT));
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (!file.good() || ::fstat(file.get(), &status) != 0) fail("read", path);
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return;  // which cannot be mapped
  void* const address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (address == MAP_FAILED) fail("map", path);
  bytes_ = {static_cast<const std::byte*>(address), size};
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

void replace_file(const fs::path& path, std::span<const std::span<const std::byte>> pieces,
                  const fs::path& previous) {
  constexpr const char *write = "write", *keep = "keep the old content in";
  const auto old = regular_file(write, path);
  const fs::path target = followed(write, path);
  // Before anything is written: a folder that cannot be opened is refused while the old file stands.
  const Folder folder(target);
  if (!folder.good()) fail(write, path, "its folder: ");
  const bool keeps = !previous.empty() && old;
  fs::path second;
  if (!previous.empty()) {
    (void)regular_file(keep, previous);
    second = followed(keep, previous);
    std::error_code not_there;
    if (second.filename() == target.filename() &&
        fs::equivalent(folder_of(second), folder_of(target), not_there))
      refuse(keep, previous, "it is the file that is written");
  }
  const Folder second_folder(keeps ? second : target);
  if (!second_folder.good()) fail(keep, previous, "its folder: ");

  remove_leftovers(target);
  if (keeps) remove_leftovers(second);
  Temporary temporary(target);
  write_content(temporary, write, path, old, pieces);
  if (keeps && !link_as(target, second)) {
    const auto content = read_bytes(target);
    const std::span<const std::byte> all = content;
    Temporary copy(second);
    write_content(copy, keep, previous, old, {&all, 1});
    if (!copy.rename(second)) fail(keep, previous);
  }
  if (keeps && !second_folder.synchronize()) fail(keep, previous, "its folder: ");
  if (!temporary.rename(target)) fail(write, path);
  if (!folder.synchronize())
    fail("synchronize the folder of", path, "the file is written, but may not outlast a power failure: ");
}

}  // namespace xgrad
