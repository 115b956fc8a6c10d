// What the fuzz targets share. A target takes any bytes and throws nothing: it catches the errors that the
// reader under test may throw by its documentation, so that every other one ends the program, and requires
// what must hold. libfuzzer.cpp runs one target on bytes that libFuzzer makes up (./run fuzz), run_corpus.cpp
// all targets on the files of corpus/, as a test. Start with `Target`.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fuzz {

/// A function to be run on bytes; it enters the list when the program starts.
struct Target {
  using Function = void (*)(std::string_view input);

  Target(const char* target, Function function) : name(target), run(function) { all().push_back(*this); }
  /// Those of this program.
  static std::vector<Target>& all() {
    static std::vector<Target> list;
    return list;
  }

  std::string name;  ///< also of its folder in corpus/
  Function run;
};

/// Ends the program unless `right`: what the reader promises, in words, is not so.
inline void require(bool right, const char* promise) {
  if (right) return;
  std::fprintf(stderr, "broken: %s\n", promise);
  std::abort();
}

/// A regular file in memory, for what reads from a path.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes) : descriptor_(memfd_create("fuzz", 0)) {
    for (std::size_t done = 0; done < bytes.size();) {
      const auto n = ::write(descriptor_, bytes.data() + done, bytes.size() - done);
      require(n > 0, "a file in memory can be written");
      done += static_cast<std::size_t>(n);
    }
  }
  ~MemoryFile() { ::close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

/// What f prints; standard output is a file in memory from the first call on. What it threw is thrown on.
template <class F>
std::string printed(F f) {
  static const int file = [] {
    const int descriptor = memfd_create("standard output", 0);
    require(::dup2(descriptor, STDOUT_FILENO) == STDOUT_FILENO, "standard output can be caught");
    return descriptor;
  }();
  std::fflush(stdout);  // what was printed before an error
  require(::ftruncate(file, 0) == 0 && ::lseek(file, 0, SEEK_SET) == 0, "standard output can be emptied");
  f();
  std::fflush(stdout);
  std::string text(static_cast<std::size_t>(::lseek(file, 0, SEEK_CUR)), '\0');
  require(::pread(file, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()),
          "standard output can be read");
  return text;
}

/// The safetensors file of a header, which ends at the first newline, and the elements after it: so that the
/// fuzzer need not keep the header's size right.
inline std::string safetensors_file(std::string_view input) {
  const std::uint64_t size = std::min(input.find('\n'), input.size());
  std::string file(sizeof(size), '\0');
  std::memcpy(file.data(), &size, sizeof(size));
  file += input.substr(0, size);
  if (size < input.size()) file += input.substr(size + 1);
  return file;
}

}  // namespace fuzz
