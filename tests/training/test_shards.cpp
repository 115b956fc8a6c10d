// Shards: the tree, columns of a window, and that the gradient is that of the whole batch, added up by the
// tree. Sums across processes are in distributed/.
#include <xgrad/training/shards.hpp>

#include <fmt/format.h>

#include <xgrad/autograd/tape.hpp>
#include <xgrad/layers/gru.hpp>
#include <xgrad/models/rnnlm.hpp>

#include "autograd/ops/checks.hpp"

using namespace xgrad;

namespace {

Ids counted(const Shape& shape, Ids::value_type modulus) {
  std::vector<Ids::value_type> ids(shape.size());
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<Ids::value_type>(i * i + 1) % modulus;
  return Ids(shape, std::move(ids));
}

std::string text_of(const std::vector<ShardRange>& nodes) {
  std::string text;
  for (const auto& node : nodes) text += fmt::format("[{}, {}) ", node.first, node.last);
  return text;
}

}  // namespace

TEST_CASE("shards: the largest nodes of the tree within a range") {
  CHECK(text_of(nodes_within({0, 8}, 8)) == "[0, 8) ");
  CHECK(text_of(nodes_within({4, 6}, 8)) == "[4, 6) ");
  CHECK(text_of(nodes_within({2, 5}, 8)) == "[2, 4) [4, 5) ");
  CHECK(text_of(nodes_within({1, 7}, 8)) == "[1, 2) [2, 4) [4, 6) [6, 7) ");
  CHECK(text_of(nodes_within({0, 3}, 5)) == "[0, 3) ");  // the first half has the one more
  CHECK(text_of(nodes_within({3, 5}, 5)) == "[3, 5) ");
  CHECK(text_of(nodes_within({2, 4}, 5)) == "[2, 3) [3, 4) ");
  CHECK(text_of(nodes_within({0, 1}, 1)) == "[0, 1) ");
}

TEST_CASE("shards: columns of a batch, and of a window that has fewer") {
  const Shards<float> shards(Parameters<float>(1), 3);
  CHECK(shards.columns(0, 7).first == 0);
  CHECK(shards.columns(1, 7).first == 2);
  CHECK(shards.columns(2, 7).first == 4);
  CHECK(shards.columns(2, 7).last == 7);
  CHECK(shards.columns(7).size() == 7);
  const Window window{counted({2, 3}, 100), counted({2, 3}, 50)};
  const Window part = columns(window, {1, 5});
  CHECK(part.inputs.shape() == Shape{2, 2});
  CHECK(std::vector<Ids::value_type>(part.inputs.begin(), part.inputs.end()) ==
        std::vector<Ids::value_type>{2, 5, 17, 26});
  CHECK(part.targets.shape() == Shape{2, 2});
  CHECK(columns(window, {3, 5}).inputs.shape() == Shape{2, 0});
}

TEST_CASE_TEMPLATE("shards: the gradient of the whole batch, by the tree", T, float, double) {
  const Parameters<T> p(1);
  const Rnnlm<T, Gru<T>> model(p, 30, 6, 6);
  const std::size_t N = 7;
  const Window window{counted({4, N}, 30), counted({4, N}, 29)};
  const auto loss_of = [&](const Window& part) {
    return model.loss(part.inputs, part.targets, model.zero(part.inputs.shape()[1]), Reduction::sum).y;
  };
  for (const std::size_t count : {1, 2, 5, 9}) {  // with 9 two are empty
    CAPTURE(count);
    const Shards<T> shards(p, count);
    std::vector<Gradients<T>> of(count);
    double total = 0;
    for (std::size_t shard = 0; shard < count; ++shard) {
      const Window part = columns(window, shards.columns(shard, N));
      if (part.inputs.size() == 0) continue;
      Tape<T> tape;
      const auto loss = loss_of(part);
      total += loss.item();
      of[shard] = tape.gradient(loss);
    }
    const auto sum = [&](auto self, ShardRange node) -> Gradients<T> {
      if (node.size() == 1) return of[node.first];
      return self(self, {node.first, node.middle()}) + self(self, {node.middle(), node.last});
    };
    const Gradients<T> expected = sum(sum, {0, count});
    std::size_t next = 0;
    const auto result = shards.gradient([&](std::size_t shard) -> std::optional<Variable<T>> {
      CHECK(shard == next++);
      const Window part = columns(window, shards.columns(shard, N));
      if (part.inputs.size() == 0) return std::nullopt;
      return loss_of(part);
    });
    CHECK(next == count);
    CHECK(result.loss == total);
    Tape<T> tape;
    const auto whole = tape.gradient(loss_of(window));
    for (const auto& w : p.list()) {
      CHECK(checks::identical(result.gradients[w], expected[w]));
      CHECK(checks::distance(result.gradients[w], whole[w]) < 100 * checks::epsilon<T>);
    }
    CHECK(std::holds_alternative<RowSparse<T>>(*result.gradients.stored(model.embed.W)));
  }
}

TEST_CASE("shards: a parameter that no shard reaches, frozen ones, and what is refused") {
  const Parameters<double> p(1);
  const auto a = p.weight("a", {2}), b = p.weight("b", {2}), c = (p / "frozen").weight("c", {2});
  freeze(p / "frozen");
  const Shards<double> shards(p, 2);
  const auto result = shards.gradient([&](std::size_t shard) { return shard == 0 ? sum(a * c) : sum(a); });
  CHECK(result.gradients.reached(a));
  CHECK(!result.gradients.reached(b));
  checks::check_error([&] { (void)result.gradients[b]; }, {"does not depend on the parameter 'b'"});
  CHECK(!result.gradients.reached(c));
  checks::check_error([&] { Shards<double>(p, 0); }, {"[Shards] needs at least one shard"});
  checks::check_error([&] { (void)shards.gradient([&](std::size_t) { return a * 2.0; }); }, {"(2,)"});
}
