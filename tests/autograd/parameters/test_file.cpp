// Whole files: what is read is what was written, and whatever fails on the way, the old file stands and
// nothing is left beside it.
#include <xgrad/autograd/parameters/file.hpp>

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "autograd/errors.hpp"
#include "autograd/folder.hpp"

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
  if (geteuid() == 0) return;  // root may
  const Folder folder;
  folder.write("f", "old");
  fs::permissions(folder.path(), fs::perms::owner_read | fs::perms::owner_exec);
  const auto message = message_of([&] { replace(folder / "f", {"new"}); });
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
