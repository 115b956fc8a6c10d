// Parameters in a file: round trips bit for bit, in place; a file that does not fit is refused with all that
// is wrong with it, and no parameter is changed by what fails.
#include <doctest/doctest.h>

#include <bit>
#include <cstring>
#include <limits>

#include <fmt/format.h>

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/parameters.hpp>
#include <xgrad/autograd/safetensors.hpp>
#include <xgrad/autograd/tape.hpp>

#include "autograd/errors.hpp"
#include "autograd/folder.hpp"
#include "autograd/safetensors_files.hpp"

using namespace xgrad;
using namespace xgrad::testing;

namespace {

template <class T>
Parameters<T> model(std::uint32_t seed) {
  const Parameters<T> p(seed);
  (void)(p / "rnn").weight("W", {2, 3});
  (void)p.bias("b", {4});
  (void)p.weight("scalar", {});
  (void)p.weight("none", {0, 5});
  return p;
}

template <class T>
std::vector<std::byte> all_bytes(const Parameters<T>& p) {
  std::vector<std::byte> result;
  for (const auto& parameter : p.list()) {
    const auto bytes = safetensors::tensor(parameter.value()).bytes;
    result.insert(result.end(), bytes.begin(), bytes.end());
  }
  return result;
}

}  // namespace

TEST_CASE_TEMPLATE("Parameters: what was saved is loaded bit for bit", T, float, double) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  using limits = std::numeric_limits<T>;
  const Folder folder;
  const auto file = folder / "model.safetensors";
  const auto p = model<T>(1), q = model<T>(2);
  const auto nan = std::bit_cast<T>(static_cast<Bits>(std::bit_cast<Bits>(limits::quiet_NaN()) | 0x123));
  p.assign("b", Array<T>({4}, {nan, -limits::infinity(), T(-0.0), limits::denorm_min()}));
  REQUIRE(all_bytes(p) != all_bytes(q));
  p.save(file);
  q.load(file);
  CHECK(all_bytes(p) == all_bytes(q));
  CHECK(all_bytes(p).size() == 11 * sizeof(T));
  CHECK(folder.names() == std::vector<std::string>{"model.safetensors"});

  const safetensors::File written(file);
  CHECK(written.tensors().size() == 4);
  CHECK(to_string(written.tensors().at("rnn/W")) == (sizeof(T) == 4 ? "F32 (2, 3)" : "F64 (2, 3)"));
  CHECK(to_string(written.tensors().at("scalar")) == (sizeof(T) == 4 ? "F32 ()" : "F64 ()"));

  const Parameters<T> empty, none;
  empty.save(file);
  CHECK_NOTHROW(none.load(file));
}

TEST_CASE("Parameters: a file keeps texts beside the parameters") {
  const Folder folder;
  const auto file = folder / "f";
  const auto p = model<float>(1), q = model<float>(2);
  p.save(file, {{"vocabulary", "[\"a\"]"}, {"", "empty key"}});
  CHECK(safetensors::File(file).metadata().at("vocabulary") == "[\"a\"]");
  CHECK(safetensors::File(file).metadata().size() == 2);
  q.load(file);
  CHECK(all_bytes(p) == all_bytes(q));
  CHECK(contains(message_of([&] { p.save(file, {{"a", "\xff"}}); }), "UTF-8"));
  CHECK(safetensors::File(file).metadata().size() == 2);
}

TEST_CASE("Parameters: loading is in place and every handle sees it") {
  const Folder folder;
  const auto file = (folder / "f").string();
  const auto p = model<double>(1), q = model<double>(2);
  p.save(file);
  const auto W = q["rnn/W"];
  const auto before = W.value().version();
  q.load(file);
  CHECK(numbers(W.value()) == numbers(p["rnn/W"].value()));
  CHECK(W.value().version() == before + 1);
  CHECK(W.value().shares_block_with(q["rnn/W"].value()));
}

TEST_CASE("Parameters: a scope is saved and loaded by itself, by the paths below it") {
  const Folder folder;
  const auto file = (folder / "f").string();
  const auto p = model<double>(1);
  const Parameters<double> q(2);
  (void)(q / "other").weight("W", {2, 3});
  const auto b = q.bias("b", {4});
  (p / "rnn").save(file);
  CHECK(safetensors::File(file).tensors().contains("W"));
  (q / "other").load(file);
  CHECK(numbers(q["other/W"].value()) == numbers(p["rnn/W"].value()));
  CHECK(b.value().version() == 0);
  CHECK(contains(message_of([&] { q.load(file); }), "missing: 'other/W', expected F64 (2, 3)"));
}

TEST_CASE("Parameters: loading between forward pass and gradient is an error of the tape") {
  const Folder folder;
  const auto p = model<float>(1);
  p.save(folder / "f");
  Tape<float> tape;
  const auto loss = sum(square(p["rnn/W"]));
  p.load(folder / "f");
  CHECK(contains(message_of([&] { (void)tape.gradient(loss); }), "'rnn/W'"));
}

TEST_CASE("Parameters: a file that does not fit is refused with everything that is wrong") {
  const Folder folder;
  const auto file = (folder / "f").string();
  const auto p = model<double>(1);
  const auto before = all_bytes(p);
  const auto W = ramp<double>({3, 2}), extra = ramp<double>({2});
  const auto b = ramp<float>({5}), scalar = ramp<float>({1});
  safetensors::write(file, {{"rnn/W", safetensors::tensor(W)},
                            {"b", safetensors::tensor(b)},
                            {"scalar", safetensors::tensor(scalar)},
                            {"W", safetensors::tensor(extra)},
                            {"rnn/h", safetensors::tensor(b)}});
  CHECK(message_of([&] { p.load(file); }) == "[parameters] '" + file +
                                                 "' does not fit the parameters, none is changed:"
                                                 "\n  different: 'rnn/W' is F64 (3, 2), expected F64 (2, 3)"
                                                 "\n  different: 'b' is F32 (5,), expected F64 (4,)"
                                                 "\n  different: 'scalar' is F32 (1,), expected F64 ()"
                                                 "\n  missing: 'none', expected F64 (0, 5)"
                                                 "\n  unexpected: 'W', F64 (2,), is no parameter"
                                                 "\n  unexpected: 'rnn/h', F32 (5,), is no parameter");
  CHECK(all_bytes(p) == before);
  CHECK(p["rnn/W"].value().version() == 0);

  // One thing wrong is enough, for each kind.
  const auto q = model<double>(2);
  const auto refuses = [&](const safetensors::Tensors& tensors, const std::string& line) {
    safetensors::write(file, tensors);
    CHECK(message_of([&] { p.load(file); }).ends_with("none is changed:\n  " + line));
    CHECK(all_bytes(p) == before);
  };
  safetensors::Tensors right;
  for (const auto& parameter : q.list())
    right.emplace(parameter.parameter()->path, safetensors::tensor(parameter.value()));
  auto tensors = right;
  tensors.erase("none");
  refuses(tensors, "missing: 'none', expected F64 (0, 5)");
  tensors = right;
  tensors["extra"] = safetensors::tensor(extra);
  refuses(tensors, "unexpected: 'extra', F64 (2,), is no parameter");
  tensors = right;
  tensors["none"].shape = {5, 0};
  refuses(tensors, "different: 'none' is F64 (5, 0), expected F64 (0, 5)");
  tensors = right;
  tensors["none"].dtype = "U64";
  refuses(tensors, "different: 'none' is U64 (0, 5), expected F64, F32, F16 or BF16");
  tensors = right;
  tensors["scalar"].dtype = "I64";
  refuses(tensors, "different: 'scalar' is I64 (), expected F64, F32, F16 or BF16");
  safetensors::write(file, right);
  p.load(file);
  CHECK(all_bytes(p) == all_bytes(q));
}

TEST_CASE("Parameters: a damaged or missing file changes nothing") {
  const Folder folder;
  const auto p = model<float>(1);
  model<float>(2).save(folder / "f");
  const auto text = folder.read("f");
  const auto before = all_bytes(p);
  for (const std::size_t size : {std::size_t{0}, std::size_t{20}, text.size() - 1}) {
    folder.write("cut", text.substr(0, size));
    CHECK(
        contains(message_of([&] { p.load(folder / "cut"); }), "[safetensors] '" + (folder / "cut").string()));
  }
  CHECK(contains(message_of([&] { p.load(folder / "none"); }), "No such file or directory"));
  CHECK(contains(message_of([&] { p.save(folder / "no/f"); }), "No such file or directory"));
  CHECK(all_bytes(p) == before);
}

TEST_CASE("Parameters: a path that is no UTF-8 is refused when saved") {
  const Folder folder;
  const Parameters<float> p;
  (void)p.bias("\xff", {1});
  CHECK(contains(message_of([&] { p.save(folder / "f"); }), "is not UTF-8"));
  CHECK(folder.names().empty());
}

TEST_CASE("Parameters: a scope in a file of its own") {
  const Folder folder;
  const auto p = model<float>(1), q = model<float>(2);
  (p / "rnn").save(folder / "f");
  const safetensors::File file(folder / "f");
  CHECK(file.tensors().size() == 1);
  CHECK(file.tensors().contains("W"));
  const auto b = numbers(q["scalar"].value());
  (q / "rnn").load(folder / "f");
  CHECK(numbers(q["rnn/W"].value()) == numbers(p["rnn/W"].value()));
  CHECK(numbers(q["scalar"].value()) == b);
  p.save(folder / "f");
  CHECK(message_of([&] { (q / "rnn").load(folder / "f"); })
            .starts_with("[parameters] '" + (folder / "f").string() +
                         "' does not fit the parameters below 'rnn', none is changed:\n  missing: 'W', "));
  safetensors::write(folder / "empty", {});
  CHECK(message_of([&] { (q / "rn").load(folder / "empty"); }) ==
        "[parameters] there is nothing to load below 'rn'");
  CHECK(message_of([&] { (q / "rn").save(folder / "g"); }) ==
        "[parameters] there is nothing to save below 'rn'");
}

TEST_CASE_TEMPLATE("Parameters: files of other floating dtypes are read as the parameters' scalar", T, float,
                   double) {
  const Folder folder;
  const auto file = folder / "f";
  const Parameters<T> p(1);
  for (const auto* const name : {"a", "b", "c", "d"}) (void)p.bias(name, {2});
  const std::vector<double> a = {0.1, 1e-300};
  const std::vector<float> b = {0.1F, 3e38F};
  const std::vector<std::uint16_t> c = {0x3c00, 0x8001}, d = {0xbf80, 0x7f80};
  safetensors::write(file, {{"a", safetensors::tensor(a, {2})},
                            {"b", safetensors::tensor(b, {2})},
                            {"c", {"F16", {2}, std::as_bytes(std::span(c))}},
                            {"d", {"BF16", {2}, std::as_bytes(std::span(d))}}});
  p.load(file);
  CHECK(numbers(p["a"].value()) == std::vector<T>{static_cast<T>(0.1), static_cast<T>(1e-300)});
  CHECK(numbers(p["b"].value()) == std::vector<T>{T(0.1F), T(3e38F)});
  CHECK(numbers(p["c"].value()) == std::vector<T>{1, T(-0x1p-24)});
  CHECK(numbers(p["d"].value()) == std::vector<T>{-1, std::numeric_limits<T>::infinity()});
}

TEST_CASE("Parameters: a double that no float is near is refused by name and element") {
  const Folder folder;
  const auto file = folder / "f";
  const Parameters<float> p(1);
  (void)p.bias("a", {2});
  (void)p.bias("b", {2, 3});
  const auto a = ramp<double>({2});
  const Array<double> b({2, 3}, {1, 2, 3, 4, 5, -1e39});
  const safetensors::Tensors tensors = {{"a", safetensors::tensor(a)}, {"b", safetensors::tensor(b)}};
  safetensors::write(file, tensors);
  const auto before = all_bytes(p);
  const auto text = "[parameters] '" + file.string() +
                    "' does not fit the parameters, none is changed: 'b' has -1e+39 at (1, 2), beyond the "
                    "range of F32";
  CHECK(message_of([&] { p.load(file); }) == text);
  CHECK(message_of([&] { (void)p.load(file, {.only = "*"}); }) == text);
  CHECK(all_bytes(p) == before);
  CHECK(p["a"].value().version() == 0);
  CHECK(p.load(file, {.only = "a"}).taken == std::vector<std::string>{"a"});
  CHECK(numbers(p["a"].value()) == std::vector<float>{1, 2});
}

namespace {

using Names = std::vector<std::string>;

// An encoder of two layers and a head; W of shape (2, size), b of (3,).
Parameters<float> network(std::uint32_t seed, std::size_t size = 3) {
  const Parameters<float> p(seed);
  for (const auto* const layer : {"0", "1"}) {
    (void)(p / "encoder" / layer).weight("W", {2, size});
    (void)(p / "encoder" / layer).weight("b", {3});
  }
  (void)(p / "head").weight("W", {2, size});
  return p;
}

bool equal(const Parameters<float>& p, const std::string& a, const Parameters<float>& q,
           const std::string& b) {
  return numbers(p[a].value()) == numbers(q[b].value());
}

}  // namespace

TEST_CASE("Parameters: those that a pattern chooses are loaded, and the others stand") {
  const Folder folder;
  const auto file = folder / "f";
  const auto p = network(1);
  p.save(file);
  {
    const auto q = network(2), old = network(2);
    const Loaded loaded = q.load(file, {.only = "encoder/**"});
    CHECK(loaded.taken == Names{"encoder/0/W", "encoder/0/b", "encoder/1/W", "encoder/1/b"});
    CHECK(loaded.missing == Names{"head/W"});
    CHECK(loaded.left == Names{"head/W"});
    CHECK(equal(q, "encoder/1/b", p, "encoder/1/b"));
    CHECK(equal(q, "head/W", old, "head/W"));
    CHECK(q["head/W"].value().version() == 0);
  }
  {
    const auto q = network(2);
    const Loaded loaded = q.load(file, {.only = "**/b"});
    CHECK(loaded.taken == Names{"encoder/0/b", "encoder/1/b"});
    CHECK(loaded.missing == Names{"encoder/0/W", "encoder/1/W", "head/W"});
    CHECK(loaded.left == Names{"encoder/0/W", "encoder/1/W", "head/W"});
  }
  {  // a parameter that is new, and one that is gone
    const auto q = network(2);
    (void)q.bias("scale", {1});
    const Loaded loaded = q.load(file, {});
    CHECK(loaded.taken.size() == 5);
    CHECK(loaded.missing == Names{"scale"});
    CHECK(loaded.left.empty());
    q.save(file);
    const auto more = p.load(file, LoadOptions{});
    CHECK(more.missing.empty());
    CHECK(more.left == Names{"scale"});
  }
}

TEST_CASE("Parameters: a file with names of its own is loaded by what they are renamed to") {
  const Folder folder;
  const auto file = folder / "f";
  const auto p = network(1);
  p.save(file);
  const auto q = network(2);
  // Two parameters of one name begin as copies of each other.
  const Loaded loaded = q.load(
      file, {.rename = [](const std::string& path) { return path == "head/W" ? "encoder/0/W" : path; }});
  CHECK(loaded.taken.size() == 5);
  CHECK(loaded.left == Names{"head/W"});
  CHECK(equal(q, "head/W", p, "encoder/0/W"));
  CHECK(equal(q, "encoder/0/W", p, "encoder/0/W"));

  // Below a scope paths are those below it.
  const auto r = network(3), old = network(3);
  Names asked;
  const Loaded below = (r / "encoder").load(file, {.only = "*/W", .rename = [&](const std::string& path) {
                                                     asked.push_back(path);
                                                     return "encoder/" + path;
                                                   }});
  CHECK(asked == Names{"0/W", "1/W"});
  CHECK(below.taken == Names{"0/W", "1/W"});
  CHECK(below.missing == Names{"0/b", "1/b"});
  CHECK(below.left == Names{"encoder/0/b", "encoder/1/b", "head/W"});
  CHECK(equal(r, "encoder/1/W", p, "encoder/1/W"));
  CHECK(equal(r, "head/W", old, "head/W"));

  const auto before = all_bytes(r);
  CHECK_THROWS_AS((void)r.load(file, {.rename = [](const std::string& path) -> std::string {
                                 if (path == "head/W") throw std::runtime_error("mine");
                                 return path;
                               }}),
                  std::runtime_error);
  CHECK(all_bytes(r) == before);
}

TEST_CASE("Parameters: of what a pattern chooses another shape is an error, and so is nothing at all") {
  const Folder folder;
  const auto file = folder / "f";
  network(1).save(file);
  const auto q = network(2, 4);  // whose W have another shape
  const auto before = all_bytes(q);
  const auto start = "[parameters] '" + file.string() + "' ";
  CHECK(message_of([&] { (void)q.load(file, {.only = "encoder/**"}); }) ==
        start +
            "does not fit the parameters, none is changed:"
            "\n  different: 'encoder/0/W' is F32 (2, 3), expected F32 (2, 4)"
            "\n  different: 'encoder/1/W' is F32 (2, 3), expected F32 (2, 4)");
  CHECK(message_of([&] {
          (void)q.load(file, {.only = "head/*", .rename = [](const auto&) { return "encoder/0/W"; }});
        }) == start +
                  "does not fit the parameters, none is changed:"
                  "\n  different: 'head/W', in the file 'encoder/0/W', is F32 (2, 3), expected F32 (2, 4)");
  CHECK(message_of([&] { (void)q.load(file, {.only = "decoder/**"}); }) ==
        start +
            "has none of the parameters that 'decoder/**' chooses:"
            "\n  unused: 'encoder/0/W', F32 (2, 3)"
            "\n  unused: 'encoder/0/b', F32 (3,)"
            "\n  unused: and 3 more");
  CHECK(message_of([&] { (void)(q / "encoder").load(file, {.only = "*/b"}); }) ==
        start +
            "has none of the parameters below 'encoder' that '*/b' chooses:"
            "\n  missing: '0/b', expected F32 (3,)"
            "\n  missing: '1/b', expected F32 (3,)"
            "\n  unused: 'encoder/0/W', F32 (2, 3)"
            "\n  unused: 'encoder/0/b', F32 (3,)"
            "\n  unused: and 3 more");
  CHECK(all_bytes(q) == before);
  CHECK(q.load(file, {.only = "**/b"}).taken.size() == 2);  // whose shapes fit; nobody asked for the others
}

TEST_CASE("Parameters: however many things are wrong, the message is short") {
  const Folder folder;
  const auto file = folder / "f";
  const Parameters<double> p(1);
  for (int i = 0; i < 1000; ++i) {
    (void)p.bias(fmt::format("missing{}", i), {2});
    (void)p.bias(fmt::format("different{}", i), {1, 2, 1, 2, 1, 2});
  }
  (void)p.bias("right", {1});
  const auto before = all_bytes(p);
  const std::vector<float> numbers(1);
  safetensors::Tensors tensors;
  for (int i = 0; i < 1000; ++i) {
    tensors.emplace(fmt::format("unexpected{}", i), safetensors::tensor(numbers, {1}));
    tensors.emplace(fmt::format("different{}", i), safetensors::tensor(numbers, {1}));
  }
  tensors.emplace("right", safetensors::tensor(numbers, {1}));
  safetensors::write(file, tensors);
  CHECK(message_of([&] { p.load(file); }) ==
        "[parameters] '" + file.string() +
            "' does not fit the parameters, none is changed:"
            "\n  different: 'different0' is F32 (1,), expected F64 (1, 2, 1, 2, 1, 2)"
            "\n  different: 'different1' is F32 (1,), expected F64 (1, 2, 1, 2, 1, 2)"
            "\n  different: and 998 more"
            "\n  missing: 'missing0', expected F64 (2,)"
            "\n  missing: 'missing1', expected F64 (2,)"
            "\n  missing: and 998 more"
            "\n  unexpected: 'unexpected0', F32 (1,), is no parameter"
            "\n  unexpected: 'unexpected1', F32 (1,), is no parameter"
            "\n  unexpected: and 998 more");
  const auto short_and_nothing_changed = [&](const Parameters<double>& q, const LoadOptions& options) {
    for (const auto& message :
         {message_of([&] { q.load(file); }), message_of([&] { (void)q.load(file, options); })}) {
      CHECK(message.starts_with("[parameters] '" + file.string() + "' "));
      CHECK(unfit(message) == "");
    }
    CHECK(all_bytes(p) == before);
  };
  short_and_nothing_changed(p, {});
  short_and_nothing_changed(p, {.only = std::string(10'000, '\x1b')});

  // Names and shapes that are long and not meant for a terminal.
  const std::string name = "\x1b[2J\n\0\x07" + std::string(100'000, 'n');
  tensors.clear();
  std::vector<std::uint64_t> axes(5000, 18446744073709551615U);
  axes[0] = 0;
  for (int i = 0; i < 10; ++i) {
    tensors.emplace(name + std::to_string(i), safetensors::tensor(numbers, {1}));
    tensors.emplace(fmt::format("different{}", i), safetensors::Tensor{"F64", axes, {}});
    tensors.emplace("different1" + std::to_string(i), safetensors::Tensor{"I64", axes, {}});
  }
  safetensors::write(file, tensors);
  short_and_nothing_changed(p, {});
  short_and_nothing_changed(p, {.rename = [&](const std::string&) { return "different1"; }});
  short_and_nothing_changed(p, {.only = "miss*", .rename = [&](const std::string&) { return name + "1"; }});
  const Parameters<double> q(1);
  (void)(q / name).bias(name, {2});
  short_and_nothing_changed(q, {});
  short_and_nothing_changed(q / name, {});
}
