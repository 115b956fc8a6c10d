// Whole files: what is read is what was written, and whatever fails on the way, the old file stands and
// nothing is left beside it.
#include <xgrad/autograd/parameters/file.hpp>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <exception>
#include <thread>

#include "autograd/errors.hpp"
#include "autograd/folder.hpp"
#include "autograd/safetensors_files.hpp"

using namespace xgrad;
using namespace xgrad::testing;
namespace fs = std::filesystem;
using Names = std::vector<std::string>;

namespace {

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

void replace(const fs::path& path, std::initializer_list<std::string_view> texts) {
  std::vector<std::span<const std::byte>> pieces;
  for (const auto text : texts) pieces.push_back(bytes(text));
  replace_file(path, pieces);
}

std::string read(const fs::path& path) {
  const auto content = read_bytes(path);
  return {reinterpret_cast<const char*>(content.data()), content.size()};
}

// While in scope, no file of this process can grow beyond `size` bytes: a write fails as on a full disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t size) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &old_);
    const rlimit limit{size, old_.rlim_max};
    REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &old_);
    (void)std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  void (*handler_)(int);
  rlimit old_{};
};

// While in scope, this process may do no more than any user: root is another one.
class Unprivileged {
 public:
  Unprivileged() : root_(geteuid() == 0) {
    if (root_) REQUIRE(seteuid(65534) == 0);
  }
  ~Unprivileged() {
    if (root_) (void)!seteuid(0);
  }
  Unprivileged(const Unprivileged&) = delete;
  Unprivileged& operator=(const Unprivileged&) = delete;

 private:
  bool root_;
};

// Another process in the midst of `write`, of which no file can grow beyond `size` bytes: it stands still in
// the write that would, its temporary file open, until it is ended.
class StoppedProcess {
 public:
  template <class Write>
  StoppedProcess(rlim_t size, Write write) : pid_(fork()) {
    if (pid_ == 0) {
      (void)std::signal(SIGXFSZ, [](int) { (void)raise(SIGSTOP); });
      const rlimit limit{size, size};
      setrlimit(RLIMIT_FSIZE, &limit);
      try {
        write();
      } catch (...) {
      }
      _exit(0);
    }
    int status = 0;
    stopped_ = waitpid(pid_, &status, WUNTRACED) == pid_ && WIFSTOPPED(status);
  }
  ~StoppedProcess() { end(SIGKILL); }
  StoppedProcess(const StoppedProcess&) = delete;
  StoppedProcess& operator=(const StoppedProcess&) = delete;

  bool stopped() const { return stopped_; }
  // Kills it, or, by SIGCONT, lets it see that the write has failed.
  void end(int signal) {
    if (stopped_) {
      kill(pid_, signal);
      waitpid(pid_, nullptr, 0);
    }
    stopped_ = false;
  }

 private:
  pid_t pid_;
  bool stopped_ = false;
};

}  // namespace

TEST_CASE("file: what was written is read") {
  const Folder folder;
  replace(folder / "f", {});
  CHECK(read(folder / "f").empty());
  replace(folder / "f", {std::string_view("a\0\n", 3), "", "bc"});
  CHECK(read(folder / "f") == std::string("a\0\nbc", 5));
  const std::string large(3'000'000, 'x');
  replace(folder / "f", {large, "y"});
  CHECK(read(folder / "f") == large + "y");
  CHECK(folder.names() == Names{"f"});
}

TEST_CASE("file: a bare name is in the current folder") {
  const Folder folder;
  const auto before = fs::current_path();
  fs::current_path(folder.path());
  replace("bare", {"here"});
  const auto text = read("bare");
  fs::current_path(before);
  CHECK(text == "here");
  CHECK(folder.names() == Names{"bare"});
}

TEST_CASE("file: what cannot be read is refused with the reason") {
  const Folder folder;
  const auto message = [&](const std::string& name) {
    return message_of([&] { (void)read_bytes(folder / name); });
  };
  const auto text = [&](const std::string& name) {
    return "[file] cannot read '" + (folder / name).string() + "': ";
  };
  CHECK(message("none") == text("none") + "No such file or directory");
  fs::create_directory(folder / "d");
  CHECK(message("d") == text("d") + "it is not a regular file");
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK(message("pipe") == text("pipe") + "it is not a regular file");  // and nobody waits for a writer
  if (!address_sanitizer) {  // which reports an allocation this large as an error of its own
    folder.write("large", "");
    std::error_code status;
    fs::resize_file(folder / "large", std::uintmax_t{1} << 43,
                    status);  // takes no space; some systems refuse
    struct rlimit old {};
    getrlimit(RLIMIT_AS, &old);
    const rlimit limit{rlim_t{1} << 42, old.rlim_max};
    if (!status && setrlimit(RLIMIT_AS, &limit) == 0) {
      const auto refusal = message("large");
      setrlimit(RLIMIT_AS, &old);
      CHECK(refusal == text("large") + "its 8796093022208 bytes do not fit in memory");
    }
  }
}

TEST_CASE("file: a write that fails leaves the old file and nothing beside it") {
  const Folder folder;
  replace(folder / "f", {"the old text"});
  const std::string large(1000, 'x');
  for (const rlim_t limit : {0, 1, 999, 1000}) {  // in the first piece, and in the second
    std::string message;
    {
      const FileSizeLimit full(limit);
      message = message_of([&] { replace(folder / "f", {large, "more"}); });
    }
    CHECK(message == "[file] cannot write '" + (folder / "f").string() + "': File too large");
    CHECK(read(folder / "f") == "the old text");
    CHECK(folder.names() == Names{"f"});
  }
  {
    const FileSizeLimit enough(1004);
    replace(folder / "f", {large, "more"});
  }
  CHECK(read(folder / "f") == large + "more");
}

TEST_CASE("file: a first write that fails leaves nothing") {
  const Folder folder;
  std::string message;
  {
    const FileSizeLimit full(2);
    message = message_of([&] { replace(folder / "f", {"abc"}); });
  }
  CHECK(contains(message, "File too large"));
  CHECK(folder.names().empty());
}

TEST_CASE("file: where there is no folder, or something else has the name, nothing is written") {
  const Folder folder;
  const auto message = [&](const fs::path& path) { return message_of([&] { replace(path, {"text"}); }); };
  CHECK(message(folder / "no/f") ==
        "[file] cannot write '" + (folder / "no/f").string() + "': its folder: No such file or directory");
  folder.write("file", "old");
  CHECK(message(folder / "file/f") ==
        "[file] cannot write '" + (folder / "file/f").string() + "': Not a directory");
  fs::create_directory(folder / "d");
  CHECK(message(folder / "d") ==
        "[file] cannot write '" + (folder / "d").string() + "': it is not a regular file");
  CHECK(contains(message(folder / std::string(255, 'n')), "a temporary file beside it: File name too long"));
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK(contains(message(folder / "pipe"), "it is not a regular file"));  // nor would /dev/null be replaced
  CHECK(fs::is_fifo(folder / "pipe"));
  CHECK(contains(message(""), "No such file or directory"));
  CHECK(folder.names() == Names{"d", "file", "pipe"});
  CHECK(folder.read("file") == "old");
}

TEST_CASE("file: a folder that may not be written to") {
  const Folder folder;
  folder.write("f", "old");
  fs::permissions(folder.path(), fs::perms{0555});
  std::string message;
  {
    const Unprivileged user;
    message = message_of([&] { replace(folder / "f", {"new"}); });
  }
  fs::permissions(folder.path(), fs::perms::owner_all);
  CHECK(contains(message, "a temporary file beside it: Permission denied"));
  CHECK(folder.read("f") == "old");
}

TEST_CASE("file: permissions are kept and links are followed") {
  const Folder folder;
  replace(folder / "f", {"old"});
  for (const auto mode : {fs::perms{0640}, fs::perms{0600}, fs::perms{0666}}) {
    fs::permissions(folder / "f", mode);
    replace(folder / "f", {"new"});
    CHECK(fs::status(folder / "f").permissions() == mode);
  }
  fs::create_directory(folder / "d");
  fs::create_symlink("../f", folder / "d/link");
  replace(folder / "d/link", {"through the link"});
  CHECK(fs::is_symlink(folder / "d/link"));
  CHECK(folder.read("f") == "through the link");
  fs::remove(folder / "f");  // the link leads nowhere
  fs::create_symlink("d/link", folder / "to_link");
  replace(folder / "to_link", {"through two links"});
  CHECK(fs::is_symlink(folder / "to_link"));
  CHECK(fs::is_symlink(folder / "d/link"));
  CHECK(folder.read("f") == "through two links");
  CHECK(folder.names() == Names{"d", "f", "to_link"});
}

TEST_CASE("file: whoever has the old file open goes on reading it") {
  const Folder folder;
  replace(folder / "f", {"the old text"});
  std::ifstream in(folder / "f");
  replace(folder / "f", {"new"});
  std::string line;
  std::getline(in, line);
  CHECK(line == "the old text");
  CHECK(folder.read("f") == "new");
}

TEST_CASE("file: what a killed process left is removed by the next save, and nothing else") {
  const Folder folder;
  replace(folder / "f", {"old"});
  const Names others = {"f.tmp-",      "f.tmp-1",     "f.tmp-1-",   "f.tmp-1-2x", "f.tmp--2",
                        "f.tmp-notes", "f.tmp-1-2-3", "f2.tmp-1-2", "h.tmp-1-2",  "xf.tmp-1-2"};
  for (const auto& name : others) folder.write(name, "mine");
  fs::create_directory(folder / "f.tmp-1-3");
  fs::create_symlink("h.tmp-1-2", folder / "f.tmp-1-4");
  REQUIRE(mkfifo((folder / "f.tmp-1-5").c_str(), 0600) == 0);
  const auto before = folder.names();

  StoppedProcess other(10, [&] { replace(folder / "f", {"0123456789", "more"}); });
  REQUIRE(other.stopped());
  CHECK(folder.names().size() == before.size() + 1);
  replace(folder / "f", {"new"});  // the other process lives, if only just
  CHECK(folder.names().size() == before.size() + 1);
  other.end(SIGKILL);
  CHECK(folder.names().size() == before.size() + 1);
  folder.write("f.tmp-1-6", "left long ago");
  replace(folder / "g", {"another file"});  // is not what they were made for
  CHECK(folder.names().size() == before.size() + 3);
  fs::remove(folder / "g");
  replace(folder / "f", {"newer"});
  CHECK(folder.names() == before);
  CHECK(folder.read("f") == "newer");
  for (const auto& name : others) CHECK(folder.read(name) == "mine");
}

TEST_CASE("file: what was left of a read-only file is removed, too") {
  const Folder folder;
  fs::permissions(folder.path(), fs::perms{0777});
  const Unprivileged user;
  replace(folder / "f", {"old"});
  fs::permissions(folder / "f", fs::perms{0444});
  StoppedProcess other(10, [&] { replace(folder / "f", {"0123456789", "more"}); });
  REQUIRE(other.stopped());
  other.end(SIGKILL);
  REQUIRE(folder.names().size() == 2);
  replace(folder / "f", {"new"});
  CHECK(folder.names() == Names{"f"});
  CHECK(folder.read("f") == "new");
}

TEST_CASE("file: leftovers are removed before the disk is needed, and where a link leads") {
  const Folder folder;
  fs::create_directory(folder / "d");
  fs::create_symlink("d/f", folder / "link");
  folder.write("d/f.tmp-1-2", "left");
  folder.write("link.tmp-1-2", "not left");
  {
    const FileSizeLimit full(0);
    CHECK(contains(message_of([&] { replace(folder / "link", {"new"}); }), "File too large"));
  }
  CHECK(!fs::exists(folder / "d/f.tmp-1-2"));
  CHECK(fs::exists(folder / "link.tmp-1-2"));
}

TEST_CASE("file: a process whose save fails after others have saved takes its own file away") {
  const Folder folder;
  StoppedProcess other(10, [&] { replace(folder / "f", {"0123456789", "more"}); });
  REQUIRE(other.stopped());
  replace(folder / "f", {"new"});
  other.end(SIGCONT);
  CHECK(folder.names() == Names{"f"});
  CHECK(folder.read("f") == "new");
}

TEST_CASE("file: a file that is locked by anybody is not removed") {
  const Folder folder;
  folder.write("f.tmp-1-2", "");
  const int fd = ::open((folder / "f.tmp-1-2").c_str(), O_RDONLY | O_CLOEXEC);
  REQUIRE(flock(fd, LOCK_EX | LOCK_NB) == 0);
  replace(folder / "f", {"new"});
  CHECK(folder.names() == Names{"f", "f.tmp-1-2"});
  close(fd);
  replace(folder / "f", {"new"});
  CHECK(folder.names() == Names{"f"});
}

TEST_CASE("file: many save one file at once, and each takes the others' files for alive") {
  const Folder folder;
  std::vector<std::exception_ptr> failures(4);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < failures.size(); ++i)
    threads.emplace_back([&, i] {
      try {
        const std::string text(10'000 + i, static_cast<char>('a' + i));
        for (int round = 0; round < 50; ++round) {
          const auto piece = bytes(text);
          replace_file(folder / "f", {&piece, 1}, i % 2 == 0 ? folder / "previous" : fs::path());
        }
      } catch (...) {
        failures[i] = std::current_exception();
      }
    });
  for (auto& thread : threads) thread.join();
  for (const auto& failure : failures) CHECK(!failure);
  for (const auto* const name : {"f", "previous"}) {
    const auto text = folder.read(name);
    REQUIRE(text.size() >= 10'000);
    CHECK(text == std::string(text.size(), static_cast<char>('a' + text.size() - 10'000)));
  }
  replace(folder / "f", {"x"});
  replace(folder / "previous", {"x"});
  CHECK(folder.names() == Names{"f", "previous"});
}

TEST_CASE("file: the old content is kept under another name") {
  const Folder folder;
  const auto save = [&](std::string_view text) {
    const auto piece = bytes(text);
    replace_file(folder / "f", {&piece, 1}, folder / "f.previous");
  };
  save("1");
  CHECK(folder.names() == Names{"f"});  // there is nothing to keep
  fs::permissions(folder / "f", fs::perms{0600});
  save("2");
  CHECK(folder.read("f.previous") == "1");
  save("3");
  CHECK(folder.read("f") == "3");
  CHECK(folder.read("f.previous") == "2");
  CHECK(fs::status(folder / "f.previous").permissions() == fs::perms{0600});
  CHECK(fs::hard_link_count(folder / "f.previous") == 1);
  {
    const FileSizeLimit full(0);
    CHECK(contains(message_of([&] { save("4"); }), "File too large"));
  }
  CHECK(folder.read("f") == "3");
  CHECK(folder.read("f.previous") == "2");

  // What a crash leaves: both names for one file, and a third.
  fs::remove(folder / "f.previous");
  fs::create_hard_link(folder / "f", folder / "f.previous");
  fs::create_hard_link(folder / "f", folder / "f.previous.tmp-1-2");
  save("5");
  CHECK(folder.read("f") == "5");
  CHECK(folder.read("f.previous") == "3");
  CHECK(folder.names() == Names{"f", "f.previous"});
  fs::remove(folder / "f");
  save("6");  // somebody has removed the file: the one before it stays
  CHECK(folder.read("f.previous") == "3");
}

TEST_CASE("file: the old content is kept where the system gives no second name") {
  const Folder folder;
  const fs::path elsewhere = "/dev/shm/xgrad_test_" + folder.path().filename().string();
  struct stat here {
  }, there{};
  if (stat(folder.path().c_str(), &here) != 0 || stat("/dev/shm", &there) != 0 ||
      here.st_dev == there.st_dev || access("/dev/shm", W_OK) != 0)
    return;  // there is no second file system
  fs::create_directory(elsewhere);
  const auto save = [&](std::string_view text) {
    const auto piece = bytes(text);
    replace_file(folder / "f", {&piece, 1}, elsewhere / "kept");
  };
  save("1");
  fs::permissions(folder / "f", fs::perms{0600});
  save("2");
  const auto first = read(elsewhere / "kept");
  const auto mode = fs::status(elsewhere / "kept").permissions();
  save("3");
  const auto second = read(elsewhere / "kept");
  const auto files = std::distance(fs::directory_iterator(elsewhere), fs::directory_iterator());
  fs::remove_all(elsewhere);
  CHECK(first == "1");
  CHECK(second == "2");
  CHECK(mode == fs::perms{0600});
  CHECK(files == 1);
  CHECK(folder.names() == Names{"f"});
}

TEST_CASE("file: where the old content cannot be kept, nothing is written") {
  const Folder folder;
  replace(folder / "f", {"old"});
  fs::create_directory(folder / "d");
  fs::create_symlink("d", folder / "e");
  fs::create_symlink("../f", folder / "d/link");
  const auto message = [&](const fs::path& previous) {
    const auto piece = bytes("new");
    return message_of([&] { replace_file(folder / "f", {&piece, 1}, previous); });
  };
  const auto text = [&](const std::string& name) {
    return "[file] cannot keep the old content in '" + (folder / name).string() + "': ";
  };
  CHECK(message(folder / "d") == text("d") + "it is not a regular file");
  CHECK(message(folder / "f") == text("f") + "it is the file that is written");
  CHECK(message(folder / "d/../f") == text("d/../f") + "it is the file that is written");
  CHECK(message(folder / "e/link") == text("e/link") + "it is the file that is written");
  CHECK(message(folder / "no/f") == text("no/f") + "its folder: No such file or directory");
  CHECK(folder.names() == Names{"d", "e", "f"});
  CHECK(folder.read("f") == "old");
}

TEST_CASE("file: a process that keeps the old content and is killed at any moment leaves whole files") {
  const Folder folder;
  const std::string first(100'000, 'a');
  replace(folder / "f", {first});
  const auto whole = [&](const std::string& name) {
    const auto text = folder.read(name);
    return text.size() == 100'000 && text == std::string(text.size(), text[0]);
  };
  for (int round = 0; round < 20; ++round) {
    const pid_t pid = fork();
    if (pid == 0) {
      try {
        for (char c = 'b';; c = c == 'z' ? 'a' : static_cast<char>(c + 1)) {
          const std::string text(100'000, c);
          const auto piece = bytes(text);
          replace_file(folder / "f", {&piece, 1}, folder / "previous");
        }
      } catch (...) {
        _exit(1);
      }
    }
    REQUIRE(pid > 0);
    usleep(static_cast<useconds_t>(500 * round));
    kill(pid, SIGKILL);
    int status = 0;
    waitpid(pid, &status, 0);
    CHECK(WIFSIGNALED(status));  // it had not failed
    CHECK(whole("f"));
    CHECK((!fs::exists(folder / "previous") || whole("previous")));
  }
  const auto piece = bytes(first);
  replace_file(folder / "f", {&piece, 1}, folder / "previous");
  CHECK(folder.names() == Names{"f", "previous"});
  CHECK(whole("previous"));
}

TEST_CASE("file: links that lead nowhere yet are followed, and loops refused") {
  const Folder folder;
  fs::create_directories(folder / "d/e");
  fs::create_symlink("e/one", folder / "d/relative");  // relative to d, not to where we are
  fs::create_symlink(folder / "two", folder / "d/absolute");
  fs::create_symlink("../../three", folder / "d/e/up");
  fs::create_symlink("d/e", folder / "shortcut");
  fs::create_symlink("shortcut/up", folder / "through");  // .. is of the folder that the shortcut leads to
  replace(folder / "d/relative", {"1"});
  replace(folder / "d/absolute", {"2"});
  replace(folder / "through", {"3"});
  CHECK(folder.read("d/e/one") == "1");
  CHECK(folder.read("two") == "2");
  CHECK(folder.read("three") == "3");
  for (const auto* const link : {"d/relative", "d/absolute", "d/e/up", "through"})
    CHECK(fs::is_symlink(folder / link));

  fs::create_symlink("no/f", folder / "nowhere");
  fs::create_symlink("loop2", folder / "loop");
  fs::create_symlink("loop", folder / "loop2");
  fs::create_symlink("self", folder / "self");
  const auto names = folder.names();
  const auto write = [&](const std::string& name) {
    return message_of([&] { replace(folder / name, {"text"}); });
  };
  CHECK(write("nowhere") ==
        "[file] cannot write '" + (folder / "nowhere").string() + "': its folder: No such file or directory");
  for (const std::string name : {"loop", "self"}) {
    CHECK(write(name) ==
          "[file] cannot write '" + (folder / name).string() + "': Too many levels of symbolic links");
    CHECK(message_of([&] { (void)read_bytes(folder / name); }) ==
          "[file] cannot read '" + (folder / name).string() + "': Too many levels of symbolic links");
  }
  CHECK(folder.names() == names);
}

TEST_CASE("file: names of files are escaped and cut in messages, and a NUL does not end them") {
  const Folder folder;
  for (const std::string& name :
       {std::string("a\x1b[2J\n\xff"), std::string("a\0b", 3), std::string(5000, 'n')}) {
    for (const auto& message : {message_of([&] { (void)read_bytes(folder / name); }),
                                message_of([&] { replace(folder / name / "f", {"text"}); })}) {
      CHECK(message.starts_with("[file] cannot "));
      CHECK(unfit(message) == "");
    }
  }
  const std::string name("a\0b", 3);
  CHECK(message_of([&] { replace(folder / name, {"text"}); }) ==
        "[file] cannot write '" + (folder / "a").string() + "\\u0000b': a NUL is in its name");
  CHECK(contains(message_of([&] { (void)read_bytes(folder / name); }), "a NUL is in its name"));
  CHECK(folder.names().empty());
  CHECK(contains(message_of([&] { (void)read_bytes("/dev/zero"); }), "it is not a regular file"));
  CHECK(contains(message_of([&] { replace("/dev/null", {"text"}); }), "it is not a regular file"));
}
