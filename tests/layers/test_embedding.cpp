// Embedding: rows of the table by ids of every rank, its parameter at birth, its row-sparse gradient, and the
// error for an unknown token.
#include <xgrad/layers/embedding.hpp>

#include "autograd/ops/checks.hpp"

using namespace xgrad;
using checks::numbers;

TEST_CASE_TEMPLATE("embedding: the vectors of tokens in any shape", T, float, double) {
  const Parameters<T> p(3);
  const Embedding layer(p / "embed", 6, 4);
  for (const Ids& ids : {Ids(Shape{}, {5}), Ids{0, 5, 0}, Ids({2, 3}, {1, 1, 2, 3, 5, 0}), Ids({0, 2}, {})}) {
    Shape shape = ids.shape();
    shape.push_back(4);
    checks::check_elements(layer(ids).value(), shape, 0, [&](std::size_t i) {
      return layer.W.value().data()[static_cast<std::size_t>(ids[i / 4]) * 4 + i % 4];
    });
  }
}

TEST_CASE("embedding: the table is born within a tenth") {
  const Parameters<double> p(1);
  const Embedding layer(p / "embed", 30, 20);
  CHECK(layer.W.parameter()->path == "embed/W");
  CHECK(to_string(layer.W.shape()) == "(30, 20)");
  const auto [low, high] = std::minmax_element(layer.W.value().begin(), layer.W.value().end());
  CHECK(*low >= -0.1);
  CHECK(*low < -0.099);
  CHECK(*high < 0.1);
  CHECK(*high > 0.099);
}

TEST_CASE("embedding: gradient of repeated and missing tokens") {
  const auto report = checks::prove_function([](auto p) {
    const Embedding layer(p, 5, 3);
    return square(layer(Ids({2, 3}, {4, 0, 4, 4, 2, 0}))) + layer(Ids({3}, {1, 0, 0}));
  });
  CHECK(report);
  CHECK(report.compared == 2 * (15));
}

TEST_CASE_TEMPLATE("embedding: the gradient stays row-sparse", T, float, double) {
  const Parameters<T> p;
  const Embedding layer(p, 1000, 2);
  Tape<T> tape;
  const auto gradients = tape.gradient(sum(layer({7, 999, 7})));
  const auto* sparse = std::get_if<RowSparse<T>>(gradients.stored(layer.W));
  REQUIRE(sparse != nullptr);
  CHECK(sparse->rows.size() == 2);
  CHECK(checks::identical(sparse->values, Array<T>({2, 2}, {2, 2, 1, 1})));
}

TEST_CASE("embedding: a token outside the vocabulary is named with its position") {
  const Parameters<float> p;
  const Embedding layer(p, 5, 2);
  checks::check_error(
      [&] {
        layer(Ids({2, 2}, {0, 4, 5, 1}));
      },
      {"[take] id 5 at position (1, 0)", "[0, 5)"});
}
