// The safetensors format: a small file written out by hand, round trips bit for bit, every dtype, and what is
// refused when it is written or asked for. test_safetensors_refusals.cpp has what is refused when it is read.
#include <xgrad/autograd/safetensors.hpp>

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "folder.hpp"
#include "ops/checks.hpp"
#include "safetensors_files.hpp"

using namespace xgrad;
using namespace xgrad::testing;
namespace st = xgrad::safetensors;
using namespace std::string_literals;

namespace {

// Numbers of which only the bits say that they are the same.
template <class T>
Array<T> special() {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  using limits = std::numeric_limits<T>;
  const auto nan = std::bit_cast<T>(static_cast<Bits>(std::bit_cast<Bits>(limits::quiet_NaN()) | 0x123));
  return Array<T>({2, 4}, {nan, -nan, limits::infinity(), -limits::infinity(), T(-0.0), limits::denorm_min(),
                           limits::max(), T(0.1)});
}

}  // namespace

TEST_CASE("safetensors: a file byte by byte") {
  const Folder folder;
  const Array<double> z({}, {1.0});
  const Array<float> a({2}, {1.0F, -2.0F}), b({0, 3}, {}), c({1, 1}, {0.5F});
  st::write(folder / "f",
            {{"z", st::tensor(z)}, {"c\"\n", st::tensor(c)}, {"b", st::tensor(b)}, {"a", st::tensor(a)}},
            {{"k", "v"}});
  // F64 before F32, then by name; 6 spaces up to 256 bytes of header.
  const std::string header = R"({"__metadata__":{"k":"v"},)"
                             R"("z":{"dtype":"F64","shape":[],"data_offsets":[0,8]},)"
                             R"("a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]},)"
                             R"("b":{"dtype":"F32","shape":[0,3],"data_offsets":[16,16]},)"
                             R"("c\"\n":{"dtype":"F32","shape":[1,1],"data_offsets":[16,20]}}      )";
  const std::string numbers =
      "\x00\x00\x00\x00\x00\x00\xf0\x3f"
      "\x00\x00\x80\x3f\x00\x00\x00\xc0"
      "\x00\x00\x00\x3f"s;
  CHECK(folder.read("f") == "\x00\x01\x00\x00\x00\x00\x00\x00"s + header + numbers);

  const st::File file(folder / "f");
  CHECK(file.tensors().size() == 4);
  CHECK(file.metadata() == st::Metadata{{"k", "v"}});
  CHECK(checks::identical(file.array<double>("z"), z));
  CHECK(checks::identical(file.array<float>("a"), a));
  CHECK(checks::identical(file.array<float>("b"), b));
  CHECK(checks::identical(file.array<float>("c\"\n"), c));
}

TEST_CASE("safetensors: an empty file of the format is two braces") {
  const Folder folder;
  st::write(folder / "f", {});
  CHECK(folder.read("f") == content("{}      "));
  CHECK(st::File(folder / "f").tensors().empty());
  st::write(folder / "f", {}, {{"step", "12"}, {"r\xc3\xa9sum\xc3\xa9", "\x01\x7f\xf0\x9f\x8e\x89"}});
  CHECK(st::File(folder / "f").metadata() ==
        st::Metadata{{"step", "12"}, {"r\xc3\xa9sum\xc3\xa9", "\x01\x7f\xf0\x9f\x8e\x89"}});
}

TEST_CASE("safetensors: the header is filled up to a multiple of 8, and no further") {
  const Folder folder;
  for (std::size_t length = 0; length < 16; ++length) {
    st::write(folder / "f", {}, {{"k", std::string(length, 'v')}});
    const std::size_t size = std::string(R"({"__metadata__":{"k":""}})").size() + length;
    const auto text = folder.read("f");
    CHECK(text.size() % 8 == 0);
    CHECK(text.substr(8 + size) == std::string(text.size() - 8 - size, ' '));
    CHECK(text.size() - 8 - size < 8);
  }
}

TEST_CASE_TEMPLATE("safetensors: every number comes back bit for bit", T, float, double) {
  const Folder folder;
  const auto values = special<T>();
  const auto scalar = Array<T>(T(3)), none = Array<T>::zeros({4, 0, 2}), six = ramp<T>({1, 2, 1, 2, 1, 3});
  st::write(folder / "f", {{"values", st::tensor(values)},
                           {"scalar", st::tensor(scalar)},
                           {"none", st::tensor(none)},
                           {"six", st::tensor(six)}});
  auto file = st::File(folder / "f");
  const auto moved = std::move(file);  // tensors point into what moves along
  CHECK(checks::identical(moved.array<T>("values"), values));
  CHECK(checks::identical(moved.array<T>("scalar"), scalar));
  CHECK(checks::identical(moved.array<T>("none"), none));
  CHECK(checks::identical(moved.array<T>("six"), six));
}

TEST_CASE("safetensors: what an array cannot hold is refused when it is asked for") {
  const auto file = parse(content(R"({"h":{"dtype":"I16","shape":[2],"data_offsets":[0,4]},)"
                                  R"("w":{"dtype":"F32","shape":[1,1,1,1,1,1,1],"data_offsets":[4,8]},)"
                                  R"("n":{"dtype":"F32","shape":[0,4294967296],"data_offsets":[8,8]}})",
                                  "abcdefgh"));
  CHECK(file.tensors().at("h").bytes.size() == 4);
  CHECK(to_string(file.tensors().at("h")) == "I16 (2,)");
  CHECK(message_of([&] { (void)file.array<float>("h"); }) ==
        "[safetensors] 'f': tensor 'h' is I16 (2,), expected dtype F64, F32, F16 or BF16");
  CHECK(message_of([&] { (void)file.numbers<std::uint64_t>("w"); }) ==
        "[safetensors] 'f': tensor 'w' is F32 (1, 1, 1, 1, 1, 1, 1), expected dtype U64");
  CHECK(message_of([&] { (void)file.array<float>("w"); }) ==
        "[shape] an array has at most 6 axes, asked for more (tensor 'w' of 'f')");
  CHECK(file.numbers<double>("w").size() == 1);  // a vector holds it
  CHECK(contains(message_of([&] { (void)file.array<float>("n"); }), "axis 1 has size 4294967296"));
  CHECK(message_of([&] { (void)file.array<float>("x"); }) ==
        "[safetensors] 'f': there is no tensor 'x'; there are: 'h', 'n', 'w'");
  CHECK(message_of([&] { (void)parse(content("{}")).numbers<float>("x"); }) ==
        "[safetensors] 'f': there is no tensor 'x'; there are: none");
}

TEST_CASE("safetensors: arrays of other floating dtypes, and what is beyond the range") {
  const auto file = parse(content(R"({"h":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},)"
                                  R"("d":{"dtype":"F64","shape":[1,2],"data_offsets":[4,20]}})",
                                  "\x00\x3c\x01\x80"
                                  "\0\0\0\0\0\0\xf0\x3f"
                                  "\0\0\0\0\0\0\xe0\x47"s));
  CHECK(checks::identical(file.array<float>("h"), Array<float>({2}, {1, -0x1p-24F})));
  CHECK(checks::identical(file.array<double>("h"), Array<double>({2}, {1, -0x1p-24})));
  CHECK(checks::identical(file.array<float>("d"), Array<float>({1, 2}, {1, 0x1p127F})));
  const auto beyond = parse(content(R"({"d":{"dtype":"F64","shape":[1,2],"data_offsets":[0,16]}})",
                                    "\0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\xf0\x47"s));
  const std::string message =
      "[safetensors] 'f': tensor 'd' has 3.402823669209385e+38 at (0, 1), beyond the range of F32";
  CHECK(message_of([&] { (void)beyond.array<float>("d"); }) == message);
  CHECK(message_of([&] { (void)beyond.numbers<float>("d"); }) == message);
  CHECK(beyond.numbers<double>("d") == std::vector<double>{1, 0x1p128});

  const auto at = [](const std::string& shape) {
    const auto one = parse(content(R"({"d":{"dtype":"F64","shape":[)" + shape + R"(],"data_offsets":[0,8]}})",
                                   "\0\0\0\0\0\0\xf0\x47"s));
    return message_of([&] { (void)one.numbers<float>("d"); });
  };
  CHECK(contains(at(""), " at (), beyond"));
  CHECK(contains(at("1"), " at (0,), beyond"));
  std::string thousand = "1";
  for (int axis = 1; axis < 1000; ++axis) thousand += ",1";
  CHECK(contains(at(thousand), ", 0, ...), beyond"));
  CHECK(at(thousand).size() < 200);
}

TEST_CASE("safetensors: counts and numbers of any shape, from vectors and back") {
  const Folder folder;
  const std::vector<std::uint64_t> counts = {0, 1, 18446744073709551615U}, none;
  const std::vector<double> doubles = {0.1, -0.0, 1e300, 5e-324, 3, 4, 5, 6};
  const std::vector<float> floats = {0.1F};
  st::write(folder / "f", {{"counts", st::tensor(counts, {3})},
                           {"none", st::tensor(none, {0, 5})},
                           {"one", st::tensor(std::span(counts).first(1), {})},
                           {"doubles", st::tensor(doubles, {1, 2, 1, 2, 1, 2, 1, 1})},
                           {"floats", st::tensor(floats, {1})}});
  const st::File file(folder / "f");
  CHECK(to_string(file.tensors().at("counts")) == "U64 (3,)");
  CHECK(file.tensors().at("doubles").shape.size() == 8);
  CHECK(file.numbers<std::uint64_t>("counts") == counts);
  CHECK(file.numbers<std::uint64_t>("none").empty());
  CHECK(file.numbers<std::uint64_t>("one") == std::vector<std::uint64_t>{0});
  CHECK(file.numbers<double>("doubles") == doubles);
  CHECK(std::signbit(file.numbers<double>("doubles")[1]));
  CHECK(file.numbers<float>("floats") == floats);
  CHECK(file.numbers<double>("floats") == std::vector<double>{0.1F});
  CHECK(
      contains(message_of([&] { (void)file.numbers<double>("counts"); }), "is U64 (3,), expected dtype F64"));
  CHECK(contains(message_of([&] {
                   st::write(folder / "g", {{"x", st::tensor(counts, {2})}});
                 }),
                 "tensor 'x' has 24 bytes, expected 16 for U64 (2,)"));
}

TEST_CASE("safetensors: the file before is kept where that is asked for") {
  const Folder folder;
  for (const auto* const step : {"1", "2", "3"})
    st::write(folder / "f", {}, {{"step", step}}, {.previous = folder / "f.previous"});
  CHECK(st::File(folder / "f").metadata().at("step") == "3");
  CHECK(st::File(folder / "f.previous").metadata().at("step") == "2");
  CHECK(folder.names() == std::vector<std::string>{"f", "f.previous"});
}

TEST_CASE("safetensors: every dtype of the format is known with its size") {
  const std::vector<std::pair<std::string, unsigned>> dtypes = {
      {"BOOL", 8},    {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6},     {"U8", 8},          {"I8", 8},
      {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"I16", 16},
      {"U16", 16},    {"F16", 16},    {"BF16", 16},   {"I32", 32},        {"U32", 32},        {"F32", 32},
      {"C64", 64},    {"F64", 64},    {"I64", 64},    {"U64", 64}};
  const Folder folder;
  st::Tensors all;
  std::string order;
  const std::vector<std::byte> data(32);
  for (std::size_t i = 0; i < dtypes.size(); ++i) {
    const std::string& dtype = dtypes[i].first;
    CAPTURE(dtype);
    const std::size_t size = 4 * dtypes[i].second / 8;
    const auto text = [&](std::size_t n) {
      return content("{\"x\":{\"dtype\":\"" + dtype + "\",\"shape\":[4],\"data_offsets\":[0," +
                         std::to_string(n) + "]}}",
                     std::string(n, 'x'));
    };
    CHECK_NOTHROW((void)parse(text(size)));
    CHECK(contains(refusal(text(size + 1)), "expected " + std::to_string(size) + " for " + dtype + " (4,)"));
    all[std::string(1, static_cast<char>('a' + i))] = {dtype, {4}, std::span(data).first(size)};
  }
  st::write(folder / "f", all);
  const std::string written = folder.read("f");
  std::size_t last = written.size();
  for (const auto& [dtype, bits] : dtypes) {  // a writer puts the last first
    const auto at = written.find('"' + dtype + '"');
    CHECK(at < last);
    last = at;
  }
  CHECK(st::File(folder / "f").tensors().size() == dtypes.size());
}

TEST_CASE("safetensors: valid files, however they are laid out") {
  // Fields and tensors in any order, spaces inside, no padding, empty tensors between others.
  CHECK_NOTHROW((void)parse(content("{}")));
  CHECK_NOTHROW((void)parse(content("{ }  ")));
  CHECK(parse(content(R"({"__metadata__":{}})")).metadata().empty());
  const auto file =
      parse(content("{\"b\": {\"shape\": [1], \"data_offsets\": [1, 2], \"dtype\": \"U8\"},\n"
                    "\"e\": {\"dtype\":\"F64\",\"shape\":[0],\"data_offsets\":[1,1]},"
                    "\"o\": {\"dtype\":\"F64\",\"shape\":[2,0,9],\"data_offsets\":[0,0]},"
                    "\"a\": {\"dtype\":\"BOOL\",\"shape\":[],\"data_offsets\":[0,1]}}",
                    "xy"));
  CHECK(file.tensors().at("a").bytes[0] == std::byte{'x'});
  CHECK(file.tensors().at("b").bytes[0] == std::byte{'y'});
  CHECK(file.tensors().at("e").bytes.empty());
  CHECK(
      parse(content(R"({"":{"dtype":"F4","shape":[2],"data_offsets":[0,1]}})", "x")).tensors().contains(""));
}

TEST_CASE("safetensors: a header of many tensors takes linear time") {
  // With a search among all names for each, this would take minutes.
  const Folder folder;
  const auto x = ramp<float>({1});
  st::Tensors tensors;
  for (int i = 0; i < 50'000; ++i) tensors["layer/" + std::to_string(i)] = st::tensor(x);
  st::write(folder / "f", tensors);
  CHECK(st::File(folder / "f").tensors().size() == 50'000);
}

TEST_CASE("safetensors: what no reader would take is not written") {
  const Folder folder;
  folder.write("f", "old");
  const auto x = ramp<float>({2});
  const auto good = st::tensor(x);
  const auto message = [&](const st::Tensors& tensors, const st::Metadata& metadata = {}) {
    const auto text = message_of([&] { st::write(folder / "f", tensors, metadata); });
    const std::string start = "[safetensors] '" + (folder / "f").string() + "': ";
    CHECK(text.starts_with(start));
    return text.substr(std::min(start.size(), text.size()));
  };
  CHECK(message({{"x", {"C128", {2}, good.bytes}}}) == "tensor 'x' has the unknown dtype 'C128'");
  CHECK(message({{"x", {"F32", {3}, good.bytes}}}) == "tensor 'x' has 8 bytes, expected 12 for F32 (3,)");
  CHECK(message({{"x", {"F4", {3}, good.bytes}}}) ==
        "tensor 'x', F4 (3,), has 12 bits, expected whole bytes");
  CHECK(message({{"x", {"F32", {std::uint64_t{1} << 62}, {}}}}) ==
        "tensor 'x', F32 (4611686018427387904,), has 2^64 bits or more");
  CHECK(message({{"__metadata__", good}}) == "a tensor cannot be called '__metadata__'");
  CHECK(message({{"\xff", good}}) == "tensor '\\xff' is not UTF-8");
  CHECK(message({{"x", good}}, {{"\xff", "v"}}) == "the metadata's key '\\xff' is not UTF-8");
  CHECK(message({{"x", good}}, {{"k", "\xff"}}) == "the metadata's value of 'k', '\\xff' is not UTF-8");
  CHECK(contains(message({}, {{"k", std::string(100'000'000, 'v')}}), "expected at most 100000000"));
  CHECK(folder.read("f") == "old");
  CHECK(folder.names() == std::vector<std::string>{"f"});
}

TEST_CASE("safetensors: files that are missing or cannot be written") {
  const Folder folder;
  CHECK(message_of([&] { (void)st::File(folder / "none"); }) ==
        "[file] cannot read '" + (folder / "none").string() + "': No such file or directory");
  CHECK(message_of([&] { st::write(folder / "no/f", {}); }) ==
        "[file] cannot write '" + (folder / "no/f").string() + "': its folder: No such file or directory");
  folder.write("f", "1234");
  CHECK(message_of([&] { (void)st::File(folder / "f"); }) ==
        "[safetensors] '" + (folder / "f").string() +
            "': the file has 4 bytes, expected at least 8, the header's size");
}
