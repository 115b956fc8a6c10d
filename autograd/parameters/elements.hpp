// The elements of a tensor in a file as numbers of C++, whatever dtype they were written in.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <xgrad/autograd/safetensors.hpp>

namespace xgrad::safetensors {

/// Whether elements of `dtype` can be read as T: F64, F32, F16 and BF16 as float and double, U64 as itself.
template <Element T>
bool readable(const std::string& dtype);

/// The dtypes that can be read as T, for messages.
template <Element T>
inline constexpr const char* readable_dtypes =
    std::same_as<T, std::uint64_t> ? "U64" : "F64, F32, F16 or BF16";

/// The flat position and value of the first element that is finite in the file and infinite as T.
struct Beyond {
  std::uint64_t position = 0;
  double value = 0;
};
template <Element T>
std::optional<Beyond> first_beyond(const Tensor& tensor);

/// Writes all elements to `to`: the same numbers, those that T has not (of F64 as float) rounded to nearest.
/// The dtype must be `readable`.
template <Element T>
void copy_elements(const Tensor& tensor, T* to);

/// "(0, 3)": the index tuple of a flat position in row-major order; the shape has no axis of 0.
std::string index_of(std::uint64_t position, const std::vector<std::uint64_t>& shape);

/// "(2, 3)", "(2,)", as a shape or an index stands in a message: of many numbers the first few.
std::string tuple_of(const std::vector<std::uint64_t>& numbers);

}  // namespace xgrad::safetensors
