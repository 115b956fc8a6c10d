// Safetensors files that are damaged or made to do damage: each is refused with its sentence, wherever a file
// is cut and whatever its bytes are changed to.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cstring>
#include <filesystem>
#include <random>

#include <xgrad/autograd/parameters.hpp>
#include <xgrad/autograd/safetensors.hpp>

#include "folder.hpp"
#include "safetensors_files.hpp"

using namespace xgrad;
using namespace xgrad::testing;
namespace st = xgrad::safetensors;
namespace fs = std::filesystem;
using namespace std::string_literals;

TEST_CASE("safetensors: malformed files are refused with their sentence") {
  const auto one = [](const std::string& dtype, const std::string& shape, const std::string& offsets) {
    return "{\"x\":{\"dtype\":" + dtype + ",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}}";
  };
  const std::string good = one("\"F32\"", "[1]", "[0,4]"), four = "abcd";
  REQUIRE_NOTHROW((void)parse(content(good, four)));
  const auto two = [](const std::string& a, const std::string& b) {
    return "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":" + a +
           "},\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":" + b + "}}";
  };
  REQUIRE_NOTHROW((void)parse(content(two("[2,4]", "[0,2]"), four)));

  const std::vector<std::pair<std::string, std::string>> malformed = {
      // around the header
      {"", "the file has 0 bytes, expected at least 8, the header's size"},
      {"1234567", "the file has 7 bytes, expected at least 8"},
      {"\x01\xe1\xf5\x05\0\0\0\0"s, "the header's size is 100000001, expected at most 100000000"},
      {"\xff\xff\xff\xff\xff\xff\xff\xff{}", "the header's size is 18446744073709551615, expected at most"},
      {"\xf8\xff\xff\xff\xff\xff\xff\xff{}", "the header's size is 18446744073709551608, expected at most"},
      {"not a tensor", "the header's size is 7310503696657575790, expected at most"},
      {"\x03\0\0\0\0\0\0\0{}"s, "the header's size is 3, but 2 bytes follow: the file is cut short"},
      {content(""), "the header is empty, expected at least {}"},
      {content("", four), "the header is empty, expected at least {}"},
      // its first and last byte
      {content(" {}"), "the header begins with byte 0x20, expected a brace, 0x7b"},
      {content("\xef\xbb\xbf{}"), "the header begins with byte 0xef"},
      {content("[]"), "the header begins with byte 0x5b"},
      {content("   "), "the header begins with byte 0x20"},
      {content("{}\0\0"s), "the header has a NUL at byte 2"},
      {content("{}\0{}"s), "the header has a NUL at byte 2"},
      {content("{}\n"),
       "the header ends with byte 0x0a, expected a brace, 0x7d, and then nothing but spaces"},
      {content("{} \t"), "the header ends with byte 0x09"},
      {content("{\"x\""), "the header ends with byte 0x22"},
      {content("{"), "the header ends with byte 0x7b"},
      // JSON
      {content("{\"\xff\":{}}"), "the header is not UTF-8"},
      {content("{\"\xc0\xaf\":{}}"), "the header is not UTF-8"},      // an overlong form
      {content("{\"\xed\xa0\x80\":{}}"), "the header is not UTF-8"},  // a surrogate
      {content("{\"\xc3\":{}}"), "the header is not UTF-8"},          // a character cut short
      {content("{\"\\ud800\":{}}"), "the header is not JSON from byte"},
      {content("{\"x\":}"), "the header is not JSON from byte 6 on"},
      {content("{}}"), "the header is not JSON from byte 3 on"},
      {content("{} {}"), "the header is not JSON from byte 4 on"},
      {content("{,}"), "the header is not JSON from byte 2 on"},
      {content("{'x':{}}"), "the header is not JSON"},
      {content("{/**/}"), "the header is not JSON"},
      {content("{\"a\nb\":{}}"), "the header is not JSON"},
      {content(one("\"F32\"", "[1,]", "[0,4]"), four), "the header is not JSON"},
      {content(one("\"F32\"", "[01]", "[0,4]"), four), "the header is not JSON"},
      {content(one("\"F32\"", "[NaN]", "[0,4]"), four), "the header is not JSON"},
      {content(one("\"F32\"", "[1e999]", "[0,4]"), four), "the header is not JSON"},
      {content(one("\"F32\"", "[[[1]]]", "[0,4]"), four), "the header is nested deeper than the 3 levels"},
      {content(one("\"F32\"", "[[1]]", "[0,4]"), four), "the header is nested deeper than the 3 levels"},
      {content("{\"x\":" + std::string(1'000'000, '[') + "}"),
       "the header is nested deeper than the 3 levels"},
      {content("{\"x\":{},\"x\":{}}"), "the header has the key 'x' twice"},
      {content("{\"x\":{},\"\\u0078\":{}}"), "the header has the key 'x' twice"},
      {content("{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"shape\":[1],\"data_offsets\":[0,4]}}", four),
       "the header has the key 'shape' twice"},
      {content("{\"__metadata__\":{},\"__metadata__\":{}}"), "the header has the key '__metadata__' twice"},
      {content("{\"__metadata__\":{\"k\":\"a\",\"k\":\"a\"}}"), "the header has the key 'k' twice"},
      // metadata
      {content("{\"__metadata__\":[]}"), "__metadata__ is an array, expected an object of strings"},
      {content("{\"__metadata__\":null}"), "__metadata__ is null, expected an object of strings"},
      {content("{\"__metadata__\":{\"epoch\":3}}"), "__metadata__ has 3 for 'epoch', expected a string"},
      {content("{\"__metadata__\":{\"k\":{}}}"), "__metadata__ has an object for 'k', expected a string"},
      // the form of an entry
      {content("{\"x\":4}"), "tensor 'x' is 4, expected an object of dtype, shape and data_offsets"},
      {content("{\"x\":[]}"), "tensor 'x' is an array, expected an object"},
      {content("{\"x\":{}}"), "tensor 'x' has no dtype"},
      {content("{\"x\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", four), "tensor 'x' has no shape"},
      {content("{\"x\":{\"dtype\":\"F32\",\"shape\":[1]}}", four), "tensor 'x' has no data_offsets"},
      {content("{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"y\":1}}", four),
       "tensor 'x' has a field 'y', expected dtype, shape and data_offsets alone"},
      {content("{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"\":1}}", four),
       "tensor 'x' has a field '', expected"},
      {content(one("7", "[1]", "[0,4]"), four), "dtype of tensor 'x' is 7, expected a string"},
      {content(one("\"F128\"", "[1]", "[0,4]"), four), "tensor 'x' has the unknown dtype 'F128'"},
      {content(one("\"f32\"", "[1]", "[0,4]"), four), "tensor 'x' has the unknown dtype 'f32'"},
      {content(one("\"\"", "[1]", "[0,4]"), four), "tensor 'x' has the unknown dtype ''"},
      {content(one("\"F32\"", "1", "[0,4]"), four),
       "shape of tensor 'x' is 1, expected an array of integers"},
      {content(one("\"F32\"", "[-1]", "[0,4]"), four),
       "an axis of tensor 'x' is -1, expected an integer from 0 to 2^64 - 1"},
      {content(one("\"F32\"", "[-0]", "[0,4]"), four),
       "an axis of tensor 'x' is 0, expected an integer from"},
      {content(one("\"F32\"", "[1.0]", "[0,4]"), four), "an axis of tensor 'x' is 1.0, expected an integer"},
      {content(one("\"F32\"", "[1e0]", "[0,4]"), four), "an axis of tensor 'x' is 1.0, expected an integer"},
      {content(one("\"F32\"", "[\"1\"]", "[0,4]"), four),
       "an axis of tensor 'x' is '1', expected an integer"},
      {content(one("\"F32\"", "[true]", "[0,4]"), four),
       "an axis of tensor 'x' is true, expected an integer"},
      {content(one("\"F32\"", "[18446744073709551616]", "[0,4]"), four),
       "an axis of tensor 'x' is 1.8446744073"},
      {content(one("\"F32\"", "[1]", "4"), four), "data_offsets of tensor 'x' is 4, expected an array of 2"},
      {content(one("\"F32\"", "[1]", "[4]"), four), "data_offsets of tensor 'x' has 1 entries, expected 2"},
      {content(one("\"F32\"", "[1]", "[0,4,8]"), four),
       "data_offsets of tensor 'x' has 3 entries, expected 2"},
      {content(one("\"F32\"", "[1]", "[-0,4]"), four),
       "a data_offset of tensor 'x' is 0, expected an integer"},
      {content(one("\"F32\"", "[1]", "[0,4.0]"), four),
       "a data_offset of tensor 'x' is 4.0, expected an integer"},
      // sizes and places
      {content(one("\"F32\"", "[2]", "[0,4]"), four),
       "tensor 'x', at [0, 4), has 4 bytes, expected 8 for F32 (2,)"},
      {content(one("\"F32\"", "[]", "[0,0]")), "tensor 'x', at [0, 0), has 0 bytes, expected 4 for F32 ()"},
      {content(one("\"F32\"", "[0]", "[0,4]"), four), "has 4 bytes, expected 0 for F32 (0,)"},
      {content(one("\"F4\"", "[3]", "[0,2]"), "ab"),
       "tensor 'x', F4 (3,), has 12 bits, expected whole bytes"},
      {content(one("\"F6_E2M3\"", "[2]", "[0,1]"), "a"), "F6_E2M3 (2,), has 12 bits, expected whole bytes"},
      {content(one("\"F32\"", "[4294967296,4294967296]", "[0,0]")),
       "tensor 'x', F32 (4294967296, 4294967296), has 2^64 numbers or more"},  // their product wraps to 0
      {content(one("\"F32\"", "[4294967296,4294967296,0]", "[0,0]")), "has 2^64 numbers or more"},
      {content(one("\"F32\"", "[4611686018427387904]", "[0,0]")), "has 2^64 bits or more"},
      {content(one("\"F32\"", "[4611686018427387905]", "[0,4]"), four), "has 2^64 bits or more"},
      {content(one("\"U8\"", "[4]", "[4,0]"), four),
       "tensor 'x', at [4, 0), does not begin at 0, where the header"},
      {content(one("\"U8\"", "[0]", "[0,0]"), four),
       "4 bytes follow the header, expected 0, where tensor 'x' ends"},
      {content(two("[0,2]", "[2,1]"), four), "tensor 'b', at [2, 1), ends before it begins"},
      {content(two("[0,2]", "[3,5]"), "abcde"), "'b', at [3, 5), does not begin at 2, where tensor 'a' ends"},
      {content(two("[0,2]", "[1,3]"), "abc"), "'b', at [1, 3), does not begin at 2, where tensor 'a' ends"},
      {content(two("[0,2]", "[0,2]"), "ab"), "'b', at [0, 2), does not begin at 2, where tensor 'a' ends"},
      {content(two("[1,3]", "[3,5]"), "abcde"), "'a', at [1, 3), does not begin at 0, where the header ends"},
      {content(two("[0,2]", "[2,4]"), "abc"), "3 bytes follow the header, expected 4, where tensor 'b' ends"},
      {content(two("[0,2]", "[2,4]"), "abcde"),
       "5 bytes follow the header, expected 4, where tensor 'b' ends"},
      {content("{}", "a"), "1 bytes follow the header, expected 0, where the header ends"},
      {content(one("\"U8\"", "[18446744073709551615]", "[0,18446744073709551615]"), four),
       "has 2^64 bits or more"},
      {content(one("\"U8\"", "[2305843009213693951]", "[0,2305843009213693951]"), four),
       "4 bytes follow the header, expected 2305843009213693951, where tensor 'x' ends"},
  };
  CHECK(malformed.size() >= 30);
  const Folder folder;
  const Parameters<float> p(1);
  const auto x = p.weight("x", {1}), b = p.weight("b", {2});
  const auto before = numbers(x.value());
  for (const auto& known : malformed) {
    const std::string &text = known.first, &sentence = known.second;
    const auto message = refusal(text);
    CHECK(message.starts_with("[safetensors] 'f': "));
    CHECK_MESSAGE(contains(message, sentence), message << "\n  should say\n" << sentence);
    CHECK(unfit(message) == "");
    folder.write("f", text);
    for (const auto& loading :
         {message_of([&] { p.load(folder / "f"); }), message_of([&] { (void)p.load(folder / "f", {}); })}) {
      CHECK_MESSAGE(contains(loading, sentence), loading << "\n  should say\n" << sentence);
      CHECK(unfit(loading) == "");
    }
  }
  CHECK(numbers(x.value()) == before);
  CHECK(x.value().version() == 0);
  CHECK(b.value().version() == 0);
}

TEST_CASE(
    "safetensors: files with long names, many axes and what a terminal obeys are refused in short lines") {
  const std::string escape = R"(\u001b[2J\n\u0000\u009b)", name = escape + std::string(100'000, 'n');
  std::string axes = "[0";
  for (int i = 0; i < 5000; ++i) axes += ",18446744073709551615";
  axes += "]";
  const auto entry = [](const std::string& key, const std::string& dtype, const std::string& shape,
                        const std::string& offsets) {
    return fmt::format(R"("{}":{{"dtype":"{}","shape":{},"data_offsets":{}}})", key, dtype, shape, offsets);
  };
  const std::string large = "[18446744073709551615,18446744073709551615]";
  const auto header = [](const std::string& entries) { return content("{" + entries + "}", "abcd"); };
  const std::vector<std::string> files = {
      header("\"" + name + "\":1"),
      header("\"" + name + "\":\"" + name + "\""),
      header("\"" + name + "\":{},\"" + name + "\":{}"),
      header("\"" + name + "\":{\"" + name + "\":1,\"dtype\":1,\"shape\":[],\"data_offsets\":[]}"),
      header(entry(name, name, "[1]", "[0,4]")),
      header(entry(name, "F32", "[\"" + name + "\"]", "[0,4]")),
      header(entry(name, "F32", "[1]", "[0,\"" + name + "\"]")),
      header(entry(name, "F32", axes, "[0,4]")),
      header(entry(name, "F32", large, "[0,4]")),
      header(entry(name, "F32", "[1]", large)),
      header(entry(name, "F32", "[2]", "[0,18446744073709551615]")),
      header(entry(name, "F32", "[1]", "[0,4]") + "," + entry(name + "2", "F32", "[1]", "[5,9]")),
      header(entry(name, "U8", "[1]", "[0,1]")),
      header("\"__metadata__\":\"" + name + "\""),
      header("\"__metadata__\":{\"" + name + "\":" + std::string(400, '1') + "}"),
      header("\"__metadata__\":{\"" + name + "\":\"" + name + "\",\"" + name + "\":\"\"}"),
  };
  const Folder folder;
  const Parameters<float> p(1);
  const auto x = p.weight("x", {1});
  const auto before = numbers(x.value());
  const std::string path = "f\x1b\n";
  for (const auto& file : files) {
    folder.write(path, file);
    for (const auto& message : {refusal(file), message_of([&] { p.load(folder / path); }),
                                message_of([&] { (void)p.load(folder / path, {}); })}) {
      CHECK(message.starts_with("[safetensors] '"));
      CHECK(unfit(message) == "");
    }
  }
  const auto valid = parse(header(entry(name, "U8", "[4]", "[0,4]")));
  CHECK(unfit(message_of([&] { (void)valid.array<float>("x"); })) == "");
  CHECK(unfit(message_of([&] { (void)valid.array<float>(valid.tensors().begin()->first); })) == "");
  CHECK(numbers(x.value()) == before);
}

TEST_CASE("safetensors: what is no regular file is refused") {
  const Folder folder;
  fs::create_directory(folder / "d");
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  fs::create_symlink("loop", folder / "loop");
  fs::create_symlink("none", folder / "dangling");
  const Parameters<float> p(1);
  const auto x = p.weight("x", {1});
  for (const fs::path& path : {folder / "d", folder / "pipe", folder / "loop", folder / "dangling",
                               fs::path("/dev/zero"), folder / std::string("x\0y", 3)})
    for (const auto& message :
         {message_of([&] { p.load(path); }), message_of([&] { (void)p.load(path, {}); })}) {
      CHECK(message.starts_with("[file] cannot read '"));
      CHECK(unfit(message) == "");
    }
  CHECK(x.value().version() == 0);
}

TEST_CASE("safetensors: names in messages are quoted, escaped and cut") {
  CHECK(contains(refusal(content("{\"a\\u001b[2J\\n\":1}")), "tensor 'a\\u001b[2J\\n' is 1, expected"));
  CHECK(contains(refusal(content("{\"a\\u0000b\":1}")), "tensor 'a\\u0000b' is 1, expected"));
  const auto message = refusal(content(fmt::format("{{\"{}\":1}}", std::string(100'000, 'n'))));
  CHECK(contains(message,
                 fmt::format("tensor '{}...{}' is 1, expected", std::string(32, 'n'), std::string(29, 'n'))));
}

TEST_CASE("safetensors: a file cut short anywhere is refused") {
  const Folder folder;
  const auto a = ramp<float>({2, 3});
  const auto b = ramp<double>({2});
  st::write(folder / "f", {{"a", st::tensor(a)}, {"b", st::tensor(b)}}, {{"format", "xgrad"}});
  const std::string text = folder.read("f");
  REQUIRE_NOTHROW((void)parse(text));
  for (std::size_t size = 0; size < text.size(); ++size) {
    const auto message = refusal(text.substr(0, size));
    CHECK_MESSAGE(contains(message, "[safetensors] 'f': "), size);
    CHECK(unfit(message) == "");
  }
  CHECK(contains(refusal(text + " "), "bytes follow the header"));
}

TEST_CASE("safetensors: whatever a byte is changed to, the file is read or refused") {
  const Folder folder;
  const auto a = ramp<float>({2, 3});
  const auto b = ramp<double>({2});
  st::write(folder / "f", {{"a", st::tensor(a)}, {"b", st::tensor(b)}}, {{"k", "v"}});
  const std::string text = folder.read("f");
  const std::size_t header_end = text.size() - 40;
  std::size_t read = 0, refused = 0;
  unsigned sum = 0;
  std::string changed = text;
  const auto check = [&] {
    try {
      const auto file = parse(changed);
      std::size_t total = 0;
      for (const auto& [name, tensor] : file.tensors()) {
        total += tensor.bytes.size();
        for (const std::byte byte : tensor.bytes) sum += std::to_integer<unsigned>(byte);  // within the file?
      }
      CHECK(total == 40);
      ++read;
    } catch (const Error& error) {
      ++refused;
      if (const auto why = unfit(error.what()); !why.empty()) FAIL_CHECK(why);
    }
  };
  for (std::size_t i = 0; i < header_end; ++i) {
    for (int value = 0; value < 256; ++value) {
      changed[i] = static_cast<char>(value);
      check();
    }
    changed[i] = text[i];
  }
  CHECK(read > header_end);  // the byte itself is among the values, and a name may become another
  CHECK(refused > 100 * header_end);
  // Several bytes at once, taken from what the header is made of.
  std::mt19937 random(7);
  const std::string letters = "{}[]\",:0123456789-.eE \\ua\xc3\xff";
  for (int round = 0; round < 20'000; ++round) {
    changed = text;
    for (int edit = 0; edit < 1 + round % 4; ++edit) {
      const std::size_t at = 8 + random() % (header_end - 8);
      const char letter = letters[random() % letters.size()];
      if (random() % 3 == 0)
        changed.insert(at, 1, letter);
      else if (random() % 2 == 0)
        changed.erase(at, 1);
      else
        changed[at] = letter;
    }
    const std::uint64_t size = changed.size() - 48;
    std::memcpy(changed.data(), &size, 8);
    check();
  }
  CHECK(read + refused == 256 * header_end + 20'000);
  CHECK(sum > 0);
}
