// Every fast path beside the plain one: the loss, the carried state and all gradients of a language model
// over each cell, with one path switched off and with all, in double to 1e-12.
#include <xgrad/autograd/fast_paths.hpp>

#include <doctest/doctest.h>

#include <xgrad/models/rnnlm.hpp>

#include "layers/cells.hpp"

using namespace xgrad;

namespace {

constexpr std::size_t steps = 70, N = 3, V = 11, D = 5,
                      H = 6;  // more steps than the first product of rows covers

Ids some_ids(std::size_t seed) {
  std::vector<Ids::value_type> ids(steps * N);
  for (std::size_t i = 0; i < ids.size(); ++i)
    ids[i] = static_cast<Ids::value_type>((i * i + seed * i + 3 * seed) % V);
  return Ids({steps, N}, ids);
}

// Loss, parts of the state, gradients of all parameters and of the embedded tokens of two steps.
std::vector<Array<double>> results(const std::string& cell) {
  const Parameters<double> p{7};
  const Rnnlm<double, cells::NamedCell<double>> model(p, V, D, H, {}, cell);
  Tape<double> tape;
  const auto embedded = model.embed(some_ids(1));
  const auto fifth = select(embedded, 5);
  auto state = model.cell.zero(N);
  const auto unrolled = unroll(model.cell, embedded, state);
  const auto loss =
      softmax_cross_entropy(model.affine()(unrolled.ys), some_ids(2)) + 0.1 * sum(square(fifth));
  std::vector<Array<double>> all{loss.value()};
  for (const auto& part : parts<double>(unrolled.state)) all.push_back(part.value());
  const auto gradients = tape.gradient(loss, {.of = {embedded, fifth}, .unreached = zeros});
  for (const auto& parameter : p.list()) all.push_back(gradients[parameter]);
  all.push_back(gradients[embedded]);
  all.push_back(gradients[fifth]);
  return all;
}

void check_same(const std::vector<Array<double>>& fast, const std::vector<Array<double>>& plain) {
  REQUIRE(fast.size() == plain.size());
  for (std::size_t k = 0; k < fast.size(); ++k) {
    CAPTURE(k);
    REQUIRE(fast[k].shape() == plain[k].shape());
    double largest = 0, difference = 0;
    for (std::size_t i = 0; i < fast[k].size(); ++i) {
      largest = std::max(largest, std::abs(plain[k].data()[i]));
      difference = std::max(difference, std::abs(fast[k].data()[i] - plain[k].data()[i]));
    }
    CHECK(difference <= 1e-12 * largest);
  }
}

}  // namespace

TEST_CASE("fast paths: each cell's loss, state and gradients are those of the plain paths") {
  for (const auto& cell : cells::names) {
    CAPTURE(cell);
    const auto fast = results(cell);
    std::vector<FastPath> all;
    for (const auto& [name, path] : fast_path_names) {
      const std::string switched_off = name;
      CAPTURE(switched_off);
      const SwitchedOff off({path});
      check_same(fast, results(cell));
      all.push_back(path);
    }
    const SwitchedOff off(all);
    check_same(fast, results(cell));
  }
}
