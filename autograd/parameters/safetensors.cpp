// What the entries of a safetensors header mean, and the file around them; see safetensors.hpp. No number of
// a file is trusted: each is compared with what is there before it is used, in arithmetic that cannot wrap.
#include <xgrad/autograd/safetensors.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <tuple>

#include <fmt/format.h>

#include <xgrad/autograd/parameters/elements.hpp>
#include <xgrad/autograd/parameters/file.hpp>
#include <xgrad/autograd/parameters/safetensors_header.hpp>

namespace xgrad::safetensors {

namespace {

constexpr std::uint64_t largest_header = 100'000'000;  // the reference's limit

struct Dtype {
  std::string_view name;
  unsigned bits;
};

// In the format's order: by alignment, so that a file that begins with the last has every tensor aligned.
constexpr std::array<Dtype, 22> dtypes = {{
    {"BOOL", 8},    {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6},     {"U8", 8},          {"I8", 8},
    {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"I16", 16},
    {"U16", 16},    {"F16", 16},    {"BF16", 16},   {"I32", 32},        {"U32", 32},        {"F32", 32},
    {"C64", 64},    {"F64", 64},    {"I64", 64},    {"U64", 64},
}};

std::string to_string(const std::string& dtype, const std::vector<std::uint64_t>& shape) {
  return dtype + " " + tuple_of(shape);
}

// The place of a dtype in the list above.
std::size_t rank_of(const std::string& file, const std::string& name, const std::string& dtype) {
  const auto found =
      std::find_if(dtypes.begin(), dtypes.end(), [&](const Dtype& d) { return d.name == dtype; });
  if (found == dtypes.end()) refuse(file, "tensor {} has the unknown dtype {}", quote(name), quote(dtype));
  return static_cast<std::size_t>(found - dtypes.begin());
}

// Throws, calling it `tensor`, unless a tensor has just the bytes that its dtype and shape take.
void check_bytes(const std::string& file, const std::string& name, const std::string& tensor,
                 const std::string& dtype, const std::vector<std::uint64_t>& shape, std::uint64_t bytes) {
  const auto fail = [&](const std::string& message) {
    refuse(file, "tensor {}, {}, {}", quote(name), to_string(dtype, shape), message);
  };
  std::uint64_t bits = dtypes[rank_of(file, name, dtype)].bits, count = 1;
  for (const std::uint64_t dim : shape)
    if (__builtin_mul_overflow(count, dim, &count)) fail("has 2^64 numbers or more");
  if (__builtin_mul_overflow(bits, count, &bits)) fail("has 2^64 bits or more");
  if (bits % 8 != 0) fail(fmt::format("has {} bits, expected whole bytes", bits));
  if (bytes != bits / 8)
    refuse(file, "{} has {} bytes, expected {} for {}", tensor, bytes, bits / 8, to_string(dtype, shape));
}

// The tensors, in the order of their places, take all `size` bytes once: no holes, no overlaps, no rest.
void check_places(const std::string& file, Header& header, std::uint64_t size) {
  std::sort(header.tensors.begin(), header.tensors.end(), [](const auto& a, const auto& b) {
    return std::tie(a.second.begin, a.second.end, a.first) < std::tie(b.second.begin, b.second.end, b.first);
  });
  std::uint64_t end = 0;
  std::string last = "the header";
  for (const auto& [name, entry] : header.tensors) {
    const std::string tensor = fmt::format("tensor {}, at [{}, {}),", quote(name), entry.begin, entry.end);
    if (entry.begin != end) refuse(file, "{} does not begin at {}, where {} ends", tensor, end, last);
    if (entry.end < entry.begin) refuse(file, "{} ends before it begins", tensor);
    check_bytes(file, name, tensor, entry.dtype, entry.shape, entry.end - entry.begin);
    end = entry.end;
    last = "tensor " + quote(name);
  }
  if (end != size) refuse(file, "{} bytes follow the header, expected {}, where {} ends", size, end, last);
}

}  // namespace

std::string to_string(const Tensor& tensor) { return to_string(tensor.dtype, tensor.shape); }

File::File(const std::filesystem::path& path) : File(read_bytes(path), path.string()) {}

File::File(std::vector<std::byte> bytes, std::string name)
    : bytes_(std::move(bytes)), name_(std::move(name)) {
  check(bytes_);
}

File File::map(const std::filesystem::path& path) {
  File result;
  result.name_ = path.string();
  result.mapped_ = std::make_shared<const MappedFile>(path);
  result.check(result.mapped_->bytes());
  return result;
}

void File::check(std::span<const std::byte> bytes) {
  std::uint64_t size = 0;
  if (bytes.size() < sizeof(size))
    refuse(name_, "the file has {} bytes, expected at least 8, the header's size", bytes.size());
  std::memcpy(&size, bytes.data(), sizeof(size));
  if (size > largest_header)
    refuse(name_, "the header's size is {}, expected at most {} (is this a safetensors file?)", size,
           largest_header);
  const auto rest = bytes.subspan(sizeof(size));
  if (size > rest.size())
    refuse(name_, "the header's size is {}, but {} bytes follow: the file is cut short", size, rest.size());

  const auto numbers = rest.subspan(size);
  Header header = parse_header(name_, {reinterpret_cast<const char*>(rest.data()), size});
  check_places(name_, header, numbers.size());
  for (auto& [tensor, entry] : header.tensors)
    tensors_.emplace(tensor, Tensor{std::move(entry.dtype), std::move(entry.shape),
                                    numbers.subspan(entry.begin, entry.end - entry.begin)});
  metadata_ = std::move(header.metadata);
}

template <Element T>
const Tensor& File::find(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) {
    std::string known;
    std::size_t shown = 0;
    for (auto item = tensors_.begin(); item != tensors_.end() && known.size() < 60; ++item, ++shown)
      known += (known.empty() ? "" : ", ") + quote(item->first);
    if (shown < tensors_.size()) known += fmt::format(" and {} more", tensors_.size() - shown);
    refuse(name_, "there is no tensor {}; there are: {}", quote(name), known.empty() ? "none" : known);
  }
  const Tensor& tensor = found->second;
  if (!readable<T>(tensor.dtype))
    refuse(name_, "tensor {} is {}, expected dtype {}", quote(name), to_string(tensor), readable_dtypes<T>);
  if (const auto beyond = first_beyond<T>(tensor))
    refuse(name_, "tensor {} has {} at {}, beyond the range of {}", quote(name), beyond->value,
           index_of(beyond->position, tensor.shape), dtype<T>);
  return tensor;
}

template <Scalar T>
Array<T> File::array(const std::string& name) const {
  const Tensor& tensor = find<T>(name);
  try {
    auto array = Array<T>::uninitialized(Shape(tensor.shape.begin(), tensor.shape.end()));
    copy_elements(tensor, array.mutable_data());
    array.written();
    return array;
  } catch (const Error& error) {  // a shape that Array cannot have
    throw error.with_context(fmt::format("tensor {} of {}", quote(name), quote_file(name_)));
  }
}

template <Element T>
std::vector<T> File::numbers(const std::string& name) const {
  const Tensor& tensor = find<T>(name);
  std::size_t size = 1;
  for (const std::uint64_t dim : tensor.shape) size *= dim;  // which did not wrap when the file was checked
  std::vector<T> result(size);
  copy_elements(tensor, result.data());
  return result;
}

void write(const std::filesystem::path& path, const Tensors& tensors, const Metadata& metadata,
           const WriteOptions& options) {
  const std::string file = path.string();
  std::vector<Tensors::const_pointer> ordered;
  for (const auto& item : tensors) ordered.push_back(&item);
  std::stable_sort(ordered.begin(), ordered.end(), [&](const auto* a, const auto* b) {
    return rank_of(file, a->first, a->second.dtype) > rank_of(file, b->first, b->second.dtype);
  });

  Header header{{}, metadata};
  std::vector<std::span<const std::byte>> pieces(2);  // the header's size, the header, then the numbers
  std::uint64_t end = 0;
  for (const auto* item : ordered) {
    const auto& [name, tensor] = *item;
    check_bytes(file, name, "tensor " + quote(name), tensor.dtype, tensor.shape, tensor.bytes.size());
    header.tensors.emplace_back(name, Entry{tensor.dtype, tensor.shape, end, end + tensor.bytes.size()});
    pieces.push_back(tensor.bytes);
    end += tensor.bytes.size();
  }
  const std::string text = header_text(file, header);
  const std::uint64_t size = text.size();
  if (size > largest_header)
    refuse(file, "the header would have {} bytes, expected at most {}", size, largest_header);
  pieces[0] = std::as_bytes(std::span(&size, 1));
  pieces[1] = std::as_bytes(std::span(text));
  replace_file(path, pieces, options.previous);
}

template Array<float> File::array(const std::string&) const;
template Array<double> File::array(const std::string&) const;
template std::vector<float> File::numbers(const std::string&) const;
template std::vector<double> File::numbers(const std::string&) const;
template std::vector<std::uint64_t> File::numbers(const std::string&) const;

}  // namespace xgrad::safetensors
