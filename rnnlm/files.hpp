// The files that a run writes: they never take the place of an input, nor, unless that is asked for, of
// anything else.
#pragma once

#include <cstddef>
#include <exception>
#include <span>
#include <string>
#include <vector>

#include <xgrad/autograd/parameters/file.hpp>

#include "settings.hpp"

namespace xgrad {

/// A file, or standard output, that cannot be written.
struct OutputError {
  std::string message;
};

/// There is a file of that name, and nobody has said that it may be replaced.
struct FileExists {
  std::string message;
};

/// What an error says, without "[corpus] " and its like, which name functions of the library.
std::string sentence(const std::exception& error);

/// The files that the settings have the program read.
std::vector<std::string> input_files(const Settings& settings);

/// Throws NoInput unless there is a regular file of this name that can be read; `kind` is what was expected,
/// "a model file".
void check_input(const std::string& path, const std::string& kind);

/// Throws unless a regular file of this name can be made, or replaced: FileExists if there is one and
/// `replace` is false, or if it is one of `others` in any case; OutputError if it is no regular file, or its
/// folder is missing or cannot be written. `option` is what errors call it, "--save". Nothing is written.
void check_output(const std::string& option, const std::string& path, bool replace,
                  const std::vector<std::string>& others);

/// Makes `text` the content of a file, as a whole. Throws OutputError, with what errors call it.
void write_file(const std::string& option, const std::string& path, const std::string& text);

/// The folder for temporary files: TMPDIR, or /tmp.
std::string temporary_folder();

/// A file without a name, which is gone when it is neither open nor mapped.
class TemporaryFile {
 public:
  /// Makes it in the folder. Throws OutputError, as `write` does.
  explicit TemporaryFile(const std::string& folder);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  /// Writes at an offset of its own, so that several threads may write at once.
  void write(std::span<const std::byte> bytes, std::size_t offset);
  /// What was written so far, which outlives this.
  MappedFile map() const;

 private:
  [[noreturn]] void fail() const;

  std::string folder_;
  int descriptor_;
};

}  // namespace xgrad
