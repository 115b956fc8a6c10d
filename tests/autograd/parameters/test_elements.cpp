// Elements of every dtype that is read: all halves there are beside their definition, doubles as floats at
// the edges of the range, and what is refused.
#include <xgrad/autograd/parameters/elements.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "autograd/safetensors_files.hpp"

using namespace xgrad;
using namespace xgrad::testing;
namespace st = xgrad::safetensors;

namespace {

// The number that `bits` mean by the definition of IEEE 754 and its likes.
double by_definition(unsigned bits, int exponent_bits, int fraction_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const unsigned fraction = bits & ((1U << fraction_bits) - 1);
  const int exponent = static_cast<int>(bits >> fraction_bits) & ((1 << exponent_bits) - 1);
  double size = std::ldexp(fraction, 1 - bias - fraction_bits);
  if (exponent == (1 << exponent_bits) - 1)
    size = fraction == 0 ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  else if (exponent > 0)
    size = std::ldexp((1U << fraction_bits) + fraction, exponent - bias - fraction_bits);
  return bits >> 15 == 0 ? size : -size;
}

template <class T>
std::vector<T> read(const std::string& dtype, std::span<const std::byte> bytes, std::size_t size) {
  const st::Tensor tensor{dtype, {size}, bytes};
  REQUIRE(st::readable<T>(dtype));
  std::vector<T> result(size);
  st::copy_elements(tensor, result.data());
  return result;
}

template <class T>
bool same(T a, T b) {
  return std::isnan(a) ? std::isnan(b) : a == b && std::signbit(a) == std::signbit(b);
}

}  // namespace

TEST_CASE_TEMPLATE("elements: all F16 and BF16 there are", T, float, double) {
  std::vector<std::uint16_t> all(1 << 16);
  std::iota(all.begin(), all.end(), std::uint16_t{0});
  const auto f16 = read<T>("F16", std::as_bytes(std::span(all)), all.size());
  const auto bf16 = read<T>("BF16", std::as_bytes(std::span(all)), all.size());
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {  // each of them is a float, so the cast is exact
    const auto bits = static_cast<unsigned>(i);
    wrong += same(f16[i], static_cast<T>(by_definition(bits, 5, 10))) ? 0 : 1;
    wrong += same(bf16[i], static_cast<T>(by_definition(bits, 8, 7))) ? 0 : 1;
    if (std::isnan(f16[i])) wrong += std::signbit(f16[i]) == (bits >> 15 != 0) ? 0 : 1;
  }
  CHECK(wrong == 0);
  CHECK(f16[0x3c00] == 1);
  CHECK(f16[0x0001] == T(0x1p-24));
  CHECK(f16[0x7bff] == 65504);
  CHECK(std::signbit(f16[0x8000]));
  CHECK(bf16[0x3f80] == 1);
  CHECK(bf16[0x0001] == T(0x1p-133));
}

TEST_CASE("elements: floats as doubles, and doubles as floats rounded to nearest") {
  using limits = std::numeric_limits<float>;
  const std::vector<float> floats = {
      0.1F, -0.0F, limits::denorm_min(), limits::max(), limits::infinity(), limits::quiet_NaN()};
  const auto widened = read<double>("F32", std::as_bytes(std::span(floats)), floats.size());
  for (std::size_t i = 0; i < floats.size(); ++i) CHECK(same(widened[i], static_cast<double>(floats[i])));

  const double half = 0x1p-24, most = limits::max();
  const std::vector<std::pair<double, float>> pairs = {
      {0.1, 0.1F},
      {1 + half, 1},  // a tie, to even
      {1 + 3 * half, 1 + 0x1p-22F},
      {1 + half * 1.0001, 1 + 0x1p-23F},
      {-0.0, -0.0F},
      {0x1p-149, limits::denorm_min()},
      {0x1p-150, 0},  // a tie, to even
      {-0x1.8p-150, -limits::denorm_min()},
      {5e-324, 0},
      {most, limits::max()},
      {most + 0x1p102, limits::max()},  // less than half a step beyond
      {std::numeric_limits<double>::infinity(), limits::infinity()},
      {std::numeric_limits<double>::quiet_NaN(), limits::quiet_NaN()}};
  std::vector<double> doubles;
  for (const auto& pair : pairs) doubles.push_back(pair.first);
  const st::Tensor tensor{"F64", {doubles.size()}, std::as_bytes(std::span(doubles))};
  CHECK(!st::first_beyond<float>(tensor));
  const auto rounded = read<float>("F64", tensor.bytes, doubles.size());
  for (std::size_t i = 0; i < pairs.size(); ++i) CHECK_MESSAGE(same(rounded[i], pairs[i].second), i);

  for (const double beyond : {most + 0x1p103, 1e39, -1e300, std::numeric_limits<double>::lowest()}) {
    doubles.back() = beyond;
    const auto found = st::first_beyond<float>(tensor);
    REQUIRE(found);
    CHECK(found->position == doubles.size() - 1);
    CHECK(found->value == beyond);
    CHECK(!st::first_beyond<double>(tensor));
  }
}

TEST_CASE("elements: tensors that lie at odd places") {
  std::vector<std::byte> bytes(1 + 8);
  const double value = 0.7;
  std::memcpy(bytes.data() + 1, &value, sizeof(value));
  CHECK(read<float>("F64", std::span(bytes).subspan(1), 1)[0] == 0.7F);
  CHECK(read<double>("F64", std::span(bytes).subspan(1), 1)[0] == 0.7);
}

TEST_CASE("elements: what is read as what") {
  const std::vector<std::string> floating = {"F64", "F32", "F16", "BF16"};
  for (const auto* const dtype :
       {"F64", "F32", "F16", "BF16", "U64", "I64", "I32", "U8", "BOOL", "C64", "F8_E4M3", ""}) {
    const bool real = std::find(floating.begin(), floating.end(), dtype) != floating.end();
    CHECK(st::readable<float>(dtype) == real);
    CHECK(st::readable<double>(dtype) == real);
    CHECK(st::readable<std::uint64_t>(dtype) == (std::string(dtype) == "U64"));
  }
}
