// Files as a whole: read at once, and replaced at once. A model that took a week to train must not be lost
// because the disk filled up, or the power failed, while it was saved again under the same name. So the new
// content goes to a file beside the old one, which takes the name only when every byte is safely on disk.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <utility>
#include <vector>

namespace xgrad {

/// All bytes of a regular file. Throws Error with the system's reason.
std::vector<std::byte> read_bytes(const std::filesystem::path& path);

/// The bytes of a regular file, mapped into memory: they are read from the disk as they are used, and take no
/// memory that the system could not have back. The file must stay as it is meanwhile.
class MappedFile {
 public:
  /// Throws Error with the system's reason.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  MappedFile& operator=(MappedFile&&) = delete;

  std::span<const std::byte> bytes() const { return bytes_; }  ///< valid while this lives

 private:
  std::span<const std::byte> bytes_;
};

/// Makes `pieces`, one after the other, the content of the file `path`, at once: whoever opens it, even after
/// a crash, finds all of the old content or all of the new. Keeps an existing file's permissions, and follows
/// a link to it, even to where nothing is yet. The file is written as `path.tmp-PID-N`; what such files
/// killed runs left behind is removed first. (Where locks are of one machine alone, as on some network file
/// systems, two machines that save the same file at once may take each other's for such; that save fails, and
/// the file stands.) Throws Error with the system's reason; the old file is then untouched and nothing is
/// left beside it. (One error says otherwise: where only the folder, at the very end, cannot be
/// synchronized.)
///
/// Where `previous` is not empty, the old file is kept under that name, in place of what has it. That is done
/// when the new content is safely on disk: at every moment `path` is there and whole. Where the system makes
/// no second name for a file, `previous` is a copy.
void replace_file(const std::filesystem::path& path, std::span<const std::span<const std::byte>> pieces,
                  const std::filesystem::path& previous = {});

}  // namespace xgrad
