// Parameters in a file: round trips bit for bit, in place; a file that does not fit is refused with all that
// is wrong with it, and no parameter is changed by what fails.
#include <doctest/doctest.h>

#include <bit>
#include <cstring>
#include <limits>

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/parameters.hpp>
#include <xgrad/autograd/safetensors.hpp>
#include <xgrad/autograd/tape.hpp>

#include "autograd/errors.hpp"
#include "autograd/folder.hpp"

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
  const auto b = ramp<float>({4}), scalar = ramp<float>({1});
  safetensors::write(file, {{"rnn/W", safetensors::tensor(W)},
                            {"b", safetensors::tensor(b)},
                            {"scalar", safetensors::tensor(scalar)},
                            {"W", safetensors::tensor(extra)},
                            {"rnn/h", safetensors::tensor(b)}});
  CHECK(message_of([&] { p.load(file); }) == "[parameters] '" + file +
                                                 "' does not fit the parameters, none is changed:"
                                                 "\n  different: 'rnn/W' is F64 (3, 2), expected F64 (2, 3)"
                                                 "\n  different: 'b' is F32 (4,), expected F64 (4,)"
                                                 "\n  different: 'scalar' is F32 (1,), expected F64 ()"
                                                 "\n  missing: 'none', expected F64 (0, 5)"
                                                 "\n  unexpected: 'W', F64 (2,), is no parameter"
                                                 "\n  unexpected: 'rnn/h', F32 (4,), is no parameter");
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
  tensors["none"].dtype = "F32";
  refuses(tensors, "different: 'none' is F32 (0, 5), expected F64 (0, 5)");
  tensors = right;
  tensors["scalar"].dtype = "I64";
  refuses(tensors, "different: 'scalar' is I64 (), expected F64 ()");
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
