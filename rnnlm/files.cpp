// See files.hpp.
#include "files.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <unistd.h>

#include <xgrad/autograd/error.hpp>
#include <xgrad/autograd/parameters/quote.hpp>
#include <xgrad/training/corpus.hpp>

namespace xgrad {

namespace fs = std::filesystem;

std::string sentence(const std::exception& error) {
  std::string text = error.what();
  for (auto end = text.find("] "); text.starts_with('[') && end != std::string::npos; end = text.find("] "))
    text.erase(0, end + 2);
  return text;
}

std::vector<std::string> input_files(const Settings& settings) {
  std::vector<std::string> files = settings.configs;
  if (!settings.train.data) return files;
  std::error_code ignored;
  if (!fs::is_directory(*settings.train.data, ignored)) {
    files.push_back(*settings.train.data);
  } else {
    for (const char* prefix : {"", "ptb."})
      for (const char* split : {"train", "valid", "test"})
        files.push_back((fs::path(*settings.train.data) / (std::string(prefix) + split + ".txt")).string());
  }
  return files;
}

void check_input(const std::string& path, const std::string& kind) {
  std::error_code failed;
  const auto type = fs::status(path, failed).type();
  if (!failed && type == fs::file_type::directory)
    throw NoInput("file", fmt::format("{} is a folder, expected {}", quote_file(path), kind));
  if (!failed && type != fs::file_type::regular)
    throw NoInput("file", fmt::format("{} is no regular file, expected {}", quote_file(path), kind));
  if (!failed && access(path.c_str(), R_OK) != 0) failed = {errno, std::generic_category()};
  if (failed) throw NoInput("file", fmt::format("cannot read {}: {}", quote_file(path), failed.message()));
}

void check_output(const std::string& option, const std::string& path, bool replace,
                  const std::vector<std::string>& others) {
  const std::string name = option + " " + quote_file(path);
  if (path == "-") throw OutputError{name + ": expected the name of a file; standard output has the report"};
  for (const std::string& other : others) {
    std::error_code ignored;
    if (path == other || fs::equivalent(path, other, ignored))
      throw FileExists{
          fmt::format("{} is {}, which the run needs; expected another name", name, quote_file(other))};
  }
  std::error_code failed;
  const auto status = fs::status(path, failed);
  if (fs::exists(status)) {
    if (fs::is_directory(status)) throw OutputError{name + " is a folder, expected the name of a file"};
    if (!fs::is_regular_file(status) && path != "/dev/null" && path != "/dev/full")
      throw OutputError{name + " is no regular file"};
    if (!replace && fs::is_regular_file(status))
      throw FileExists{name + " is there already; --force replaces it"};
  } else if (failed && failed != std::errc::no_such_file_or_directory) {
    throw OutputError{fmt::format("{} cannot be written: {}", name, failed.message())};
  }
  const fs::path parent = fs::path(path).parent_path();
  const std::string folder = parent.empty() ? "." : parent.string();
  if (access(folder.c_str(), W_OK | X_OK) != 0)
    throw OutputError{fmt::format("{} cannot be written: the folder {}: {}", name, quote_file(folder),
                                  std::strerror(errno))};
}

void write_file(const std::string& option, const std::string& path, const std::string& text) {
  std::error_code none;
  const auto status = fs::status(path, none);
  if (fs::exists(status) && !fs::is_regular_file(status)) {  // a device, which must not be replaced
    std::ofstream out(path, std::ios::binary);
    if (!(out << text << std::flush))
      throw OutputError{
          fmt::format("{}: cannot write {}: {}", option, quote_file(path), std::strerror(errno))};
  } else {
    const std::span<const std::byte> bytes = std::as_bytes(std::span(text));
    try {
      replace_file(path, {&bytes, 1});
    } catch (const Error& error) {
      throw OutputError{option + ": " + sentence(error)};
    }
  }
}

std::string temporary_folder() {
  const char* const folder = std::getenv("TMPDIR");
  return folder != nullptr && *folder != '\0' ? folder : "/tmp";
}

TemporaryFile::TemporaryFile(const std::string& folder) : folder_(folder) {
  std::string name = folder + "/rnnlm-XXXXXX";
  descriptor_ = mkstemp(name.data());
  if (descriptor_ < 0) fail();
  unlink(name.c_str());
}

TemporaryFile::~TemporaryFile() { close(descriptor_); }

void TemporaryFile::write(std::span<const std::byte> bytes, std::size_t offset) {
  while (!bytes.empty()) {
    const ssize_t n = pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) fail();
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::size_t>(n);
  }
}

MappedFile TemporaryFile::map() const { return MappedFile(fmt::format("/proc/self/fd/{}", descriptor_)); }

void TemporaryFile::fail() const {
  throw OutputError{fmt::format("cannot write a temporary file in {}: {}; TMPDIR names another folder",
                                quote_file(folder_), std::strerror(errno))};
}

}  // namespace xgrad
