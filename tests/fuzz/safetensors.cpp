// A safetensors file from bytes in memory, every tensor of it as every type, and the file written again.
#include <algorithm>
#include <cstddef>
#include <span>

#include <xgrad/autograd/parameters/safetensors_header.hpp>
#include <xgrad/autograd/safetensors.hpp>

#include "fuzz.hpp"

namespace {

using namespace xgrad;
using fuzz::require;

template <class T>
void read_as(const safetensors::File& file, const std::string& name) {
  std::vector<T> numbers;
  try {
    numbers = file.numbers<T>(name);
  } catch (const Error&) {
    return;
  }
  std::uint64_t size = 1;
  for (const std::uint64_t dim : file.tensors().at(name).shape) size *= dim;
  require(numbers.size() == size, "a tensor has as many numbers as its shape says");
  if constexpr (safetensors::Scalar<T>) {
    try {
      const Array<T> array = file.array<T>(name);
      require(std::ranges::equal(safetensors::tensor(array).bytes, std::as_bytes(std::span(numbers))),
              "array() and numbers() give the same");
    } catch (const Error&) {  // a shape that Array cannot have
    }
  }
}

// As `write` lays them out, but in the order of the file.
std::string written(const safetensors::File& file) {
  std::vector<safetensors::Tensors::const_pointer> tensors;
  for (const auto& tensor : file.tensors()) tensors.push_back(&tensor);
  const auto place = [](const auto* tensor) {
    return std::pair(tensor->second.bytes.data(), tensor->second.bytes.size());
  };
  std::stable_sort(tensors.begin(), tensors.end(),
                   [&](const auto* a, const auto* b) { return place(a) < place(b); });
  safetensors::Header header{{}, file.metadata()};
  std::string elements;
  for (const auto* tensor : tensors) {
    const auto& [name, content] = *tensor;
    const std::uint64_t begin = elements.size();
    elements.append(reinterpret_cast<const char*>(content.bytes.data()), content.bytes.size());
    header.tensors.emplace_back(name,
                                safetensors::Entry{content.dtype, content.shape, begin, elements.size()});
  }
  return header_text("again", header) + '\n' + elements;
}

safetensors::File read(std::string_view bytes) {
  const auto span = std::as_bytes(std::span(bytes));
  return {{span.begin(), span.end()}, "input"};
}

void run(std::string_view input) {
  try {
    const safetensors::File file = read(input);
    std::size_t bytes = 0;
    for (const auto& [name, tensor] : file.tensors()) {
      bytes += tensor.bytes.size();
      read_as<float>(file, name);
      read_as<double>(file, name);
      read_as<std::uint64_t>(file, name);
      (void)to_string(tensor);
    }
    std::uint64_t header = 0;
    std::memcpy(&header, input.data(), sizeof(header));
    require(sizeof(header) + header + bytes == input.size(), "header and tensors are all of the file");

    const safetensors::File again = read(fuzz::safetensors_file(written(file)));
    require(again.metadata() == file.metadata() && again.tensors().size() == file.tensors().size(),
            "what was read can be written and read again");
    for (const auto& [name, tensor] : file.tensors()) {
      const safetensors::Tensor& other = again.tensors().at(name);
      require(
          tensor.dtype == other.dtype && tensor.shape == other.shape &&
              std::equal(tensor.bytes.begin(), tensor.bytes.end(), other.bytes.begin(), other.bytes.end()),
          "a tensor that is written again is the same");
    }
  } catch (const Error&) {
  }
}

const fuzz::Target target("safetensors", run);

}  // namespace
