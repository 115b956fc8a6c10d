// Elements are read byte by byte, as those of a file may lie at any place; see elements.hpp. Start with
// copy_elements.
#include <xgrad/autograd/parameters/elements.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <type_traits>

#include <fmt/format.h>

namespace xgrad::safetensors {

namespace {

// The upper half of a float.
struct Bfloat16 {
  std::uint16_t bits;
  explicit operator float() const { return std::bit_cast<float>(std::uint32_t{bits} << 16); }
  explicit operator double() const { return static_cast<double>(static_cast<float>(*this)); }
};

// binary16 of IEEE 754: a sign, 5 bits of exponent of bias 15, 10 of fraction.
struct Float16 {
  std::uint16_t bits;
  explicit operator float() const {
    const std::uint32_t sign = (bits & 0x8000U) << 16, rest = bits & 0x7fffU;
    if (rest >= 0x7c00) return std::bit_cast<float>(sign | 0x7f800000U | rest << 13);  // infinite, NaN
    if (rest >= 0x0400) return std::bit_cast<float>(sign | ((rest << 13) + ((127U - 15U) << 23)));
    const float subnormal = static_cast<float>(rest) * 0x1p-24F;
    return (sign != 0) ? -subnormal : subnormal;
  }
  explicit operator double() const { return static_cast<double>(static_cast<float>(*this)); }
};

// Calls `function` with an empty number of the type of this dtype, if there is one here.
bool with_type(const std::string& dtype, auto function) {
  if (dtype == "F64") return function(double()), true;
  if (dtype == "F32") return function(float()), true;
  if (dtype == "F16") return function(Float16()), true;
  if (dtype == "BF16") return function(Bfloat16()), true;
  if (dtype == "U64") return function(std::uint64_t()), true;
  return false;
}

template <class From, class To>
constexpr bool converts = std::is_same_v<From, std::uint64_t> == std::is_same_v<To, std::uint64_t>;

template <class From>
From element(const Tensor& tensor, std::size_t i) {
  From from;
  std::memcpy(&from, tensor.bytes.data() + i * sizeof(From), sizeof(From));
  return from;
}

}  // namespace

template <Element T>
bool readable(const std::string& dtype) {
  bool result = false;
  with_type(dtype, [&]<class From>(From) { result = converts<From, T>; });
  return result;
}

template <Element T>
std::optional<Beyond> first_beyond(const Tensor& tensor) {
  if (!std::is_same_v<T, float> || tensor.dtype != "F64") return std::nullopt;
  const std::size_t size = tensor.bytes.size() / sizeof(double);
  for (std::size_t i = 0; i < size; ++i) {
    const auto value = element<double>(tensor, i);
    if (std::isfinite(value) && !std::isfinite(static_cast<float>(value))) return Beyond{i, value};
  }
  return std::nullopt;
}

template <Element T>
void copy_elements(const Tensor& tensor, T* to) {
  if (tensor.dtype == dtype<T>) {  // bit for bit, NaN included
    std::copy(tensor.bytes.begin(), tensor.bytes.end(), reinterpret_cast<std::byte*>(to));
    return;
  }
  with_type(tensor.dtype, [&]<class From>(From) {
    if constexpr (converts<From, T>) {
      const std::size_t size = tensor.bytes.size() / sizeof(From);
      for (std::size_t i = 0; i < size; ++i) to[i] = static_cast<T>(element<From>(tensor, i));
    }
  });
}

std::string index_of(std::uint64_t position, const std::vector<std::uint64_t>& shape) {
  std::vector<std::uint64_t> index(shape.size());
  for (std::size_t axis = shape.size(); axis-- > 0; position /= shape[axis])
    index[axis] = position % shape[axis];
  return tuple_of(index);
}

std::string tuple_of(const std::vector<std::uint64_t>& numbers) {
  std::string text;
  std::size_t shown = 0;
  for (; shown < numbers.size() && text.size() < 40; ++shown)
    text += (shown == 0 ? "" : ", ") + std::to_string(numbers[shown]);
  return fmt::format("({}{})", text, shown < numbers.size() ? ", ..." : numbers.size() == 1 ? "," : "");
}

#define XGRAD_INSTANTIATE(T)                                     \
  template bool readable<T>(const std::string&);                 \
  template std::optional<Beyond> first_beyond<T>(const Tensor&); \
  template void copy_elements(const Tensor&, T*);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
XGRAD_INSTANTIATE(std::uint64_t)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::safetensors
