// safetensors, the file format in which models exchange named arrays, in many languages. A file is
//   the size N of the header, 8 bytes, little-endian | the header, N bytes of JSON | the elements
// (https://github.com/huggingface/safetensors). Reading is at least as strict as the reference
// implementation: a file need not be trusted. Start with File and `write`.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <xgrad/autograd/array.hpp>

namespace xgrad {
class MappedFile;
}

/// Files of named arrays in the format of Hugging Face.
namespace xgrad::safetensors {

static_assert(std::endian::native == std::endian::little,
              "safetensors files are little-endian: on this machine their numbers would have to be swapped");

/// The scalars that have both an Array and a dtype. The format has no complex<double>.
template <class T>
concept Scalar = std::same_as<T, float> || std::same_as<T, double>;

/// What else is kept in files: counts, and the states of random numbers.
template <class T>
concept Element = Scalar<T> || std::same_as<T, std::uint64_t>;

/// The format's name for a type of elements: "F32", "F64" or "U64".
template <Element T>
inline constexpr const char* dtype = std::same_as<T, float>    ? "F32"
                                     : std::same_as<T, double> ? "F64"
                                                               : "U64";

/// One named array of a file. It does not own its elements.
struct Tensor {
  std::string dtype;                 ///< one of the format's, such as "F32" or "I64"
  std::vector<std::uint64_t> shape;  ///< of any rank
  std::span<const std::byte> bytes;  ///< row-major, little-endian
};

using Tensors = std::map<std::string, Tensor>;        ///< by name
using Metadata = std::map<std::string, std::string>;  ///< texts that are kept with the tensors, by key

/// An array as it stands in a file. It must live, and keep its elements, as long as the result is used.
template <Scalar T>
Tensor tensor(const Array<T>& array) {
  const Shape& shape = array.shape();
  return {dtype<T>, {shape.begin(), shape.end()}, std::as_bytes(std::span(array.begin(), array.end()))};
}

/// Elements in row-major order. They must live as long as the result is used. `write` throws Error if they
/// are not as many as `shape` takes.
template <Element T>
Tensor tensor(std::span<const T> elements, std::vector<std::uint64_t> shape) {
  return {dtype<T>, std::move(shape), std::as_bytes(elements)};
}

/// @{ The same of a vector.
template <Element T>
Tensor tensor(const std::vector<T>& elements, std::vector<std::uint64_t> shape) {
  return tensor(std::span<const T>(elements), std::move(shape));
}
template <Element T>
Tensor tensor(std::vector<T>&& elements, std::vector<std::uint64_t> shape) = delete;  // they would not live
/// @}

/// "F32 (2, 3)"; for messages.
std::string to_string(const Tensor& tensor);

/// A file in memory. It can be moved, not copied, as its tensors point into it.
class File {
 public:
  /// Reads and checks the file. Throws Error, naming the file and the tensor and saying what was expected.
  explicit File(const std::filesystem::path& path);
  /// Checks bytes that are already in memory; errors call them `name`.
  File(std::vector<std::byte> bytes, std::string name);
  /// The same of a file that is mapped into memory rather than read: its elements are read from the disk as
  /// they are used. It must stay as it is while this lives.
  static File map(const std::filesystem::path& path);

  /// @{ The tensors of the moved file stay valid.
  File(File&&) = default;
  File& operator=(File&&) = default;
  /// @}

  const Tensors& tensors() const { return tensors_; }     ///< valid while the file lives
  const Metadata& metadata() const { return metadata_; }  ///< what stands under "__metadata__"
  /// A copy of one tensor's elements. F64, F32, F16 and BF16 are read as T: the same numbers, or, F64 as
  /// float, rounded to nearest. Throws Error if there is none of that name (saying which there are), if it is
  /// of another dtype, if a finite element is beyond the range of T, or if its shape is none that Array can
  /// have.
  template <Scalar T>
  Array<T> array(const std::string& name) const;
  /// The same of a tensor of any shape, in row-major order; U64 is read as std::uint64_t alone. The shape is
  /// `tensors().at(name).shape`.
  template <Element T>
  std::vector<T> numbers(const std::string& name) const;

 private:
  File() = default;
  void check(std::span<const std::byte> bytes);
  template <Element T>
  const Tensor& find(const std::string& name) const;

  std::vector<std::byte> bytes_;
  std::shared_ptr<const MappedFile> mapped_;
  std::string name_;
  Tensors tensors_;
  Metadata metadata_;
};

/// How `write` replaces a file.
struct WriteOptions {
  /// The file that the old content is kept in; empty: it is not kept. When the new content is safely on disk,
  /// and before it takes the place of the old, this file, if there is one, is replaced, too.
  std::filesystem::path previous{};
};

/// Writes a file, laid out as by the reference implementation: dtypes of large alignment first, then by name,
/// the header filled up with spaces to a multiple of 8. An old file is replaced as a whole: whenever the
/// program or the machine stops, the name has all of the old content or all of the new.
/// Throws Error with the system's reason, or for what a reader would refuse: an unknown dtype, bytes that are
/// not as many as the shape takes, the name "__metadata__", text that is not UTF-8.
void write(const std::filesystem::path& path, const Tensors& tensors, const Metadata& metadata = {},
           const WriteOptions& options = {});

}  // namespace xgrad::safetensors
