// take and reset_rows: values by index arithmetic, gradients with ids that repeat or are missing, row-sparse
// gradients that equal the dense ones, and the texts of errors.
#include "autograd/ops/checks.hpp"

using namespace xgrad;
using checks::check_error;
using checks::identical;
using checks::numbers;
using checks::prove;

namespace {

const std::vector<Ids> id_lists = {
    Ids(Shape{}, {2}), {3}, {0, 3, 0, 0, 1}, Ids({2, 3}, {3, 1, 1, 0, 3, 3}), Ids({0}, {}), Ids({2, 0}, {})};

}  // namespace

TEST_CASE_TEMPLATE("take: rows of tables of every rank by ids of every rank", T, float, double) {
  for (const Shape& table : {Shape{4}, Shape{4, 5}, Shape{4, 2, 3}, Shape{4, 0}})
    for (const Ids& ids : id_lists) {
      CAPTURE(to_string(table));
      CAPTURE(to_string(ids.shape()));
      const Variable<T> W = numbers<T>(table);
      const std::size_t width = table.size() / 4;
      Shape shape = ids.shape();
      for (std::size_t d = 1; d < table.rank(); ++d) shape.push_back(table[d]);
      checks::check_elements(take(W, ids).value(), shape, 0, [&](std::size_t i) {
        return W.value().data()[static_cast<std::size_t>(ids[i / width]) * width + i % width];
      });
    }
  CHECK(to_string(take(Variable<T>(Array<T>::zeros({0, 3})), Ids()).shape()) == "(0, 3)");
}

TEST_CASE("take: gradients") {
  for (const Ids& ids : id_lists) {
    prove([&](const auto& x) { return take(x[0], ids); }, {{4}});
    prove([&](const auto& x) { return square(take(x[0], ids)); }, {{4, 3}});
    prove(
        [&](const auto& x) {
          return take(x[0], ids) * sum(take(x[0], {1, 1}) * take(x[0], {2, 0}));
        },
        {{4, 2}});
    prove([&](const auto& x) { return sum(take(x[0], ids)) * x[0]; }, {{4, 2}});
    prove([&](const auto& x) { return take(slice(tanh(x[0]), 1, 5), ids); }, {{6, 2}});
  }
}

TEST_CASE_TEMPLATE("take: only rows that were read are stored in ascending order", T, float, double) {
  const Parameters<T> p;
  const auto W = p.weight("W", {6, 2});
  const Ids first = {4, 1, 4}, second = Ids({2, 2}, {1, 5, 5, 5});
  Tape<T> tape;
  const auto c = Variable<T>(numbers<T>({3, 2})), d = Variable<T>(numbers<T>({2, 2, 2}, -1, 1, 2));
  const auto gradients = tape.gradient(sum(take(W, first) * c) + sum(take(W, second) * d));
  const auto* sparse = std::get_if<RowSparse<T>>(gradients.stored(W));
  REQUIRE(sparse != nullptr);
  CHECK(std::vector<std::int64_t>(sparse->rows.begin(), sparse->rows.end()) ==
        std::vector<std::int64_t>{1, 4, 5});
  CHECK(to_string(sparse->values.shape()) == "(3, 2)");
  std::vector<long double> expected(12);
  for (std::size_t i = 0; i < 6; ++i)
    expected[static_cast<std::size_t>(first[i / 2]) * 2 + i % 2] += c.value().data()[i];
  for (std::size_t i = 0; i < 8; ++i)
    expected[static_cast<std::size_t>(second[i / 2]) * 2 + i % 2] += d.value().data()[i];
  const auto dense = gradients[W];
  CHECK(to_string(dense.shape()) == "(6, 2)");
  for (std::size_t i = 0; i < 12; ++i)
    CHECK(std::abs(dense.data()[i] - expected[i]) <= 4 * static_cast<long double>(checks::epsilon<T>));
}

TEST_CASE("take: ids out of range are named with their position") {
  const Parameters<double> p;
  const auto W = p.weight("W", {4, 2});
  check_error([&] { take(W, {0, 4}); }, {"[take] id 4 at position (1,) is outside [0, 4)"});
  check_error([&] { take(W, {-1}); }, {"[take] id -1 at position (0,) is outside [0, 4)"});
  check_error(
      [&] {
        take(W, Ids({2, 2}, {0, 1, 9, -3}));
      },
      {"[take] id 9 at position (1, 0) is outside [0, 4)"});
  check_error([&] { take(W, Ids(Shape{}, {7})); }, {"[take] id 7 at position () is outside [0, 4)"});
  check_error([&] { take(Variable<double>(Array<double>::zeros({0, 2})), {0}); }, {"[take] id 0", "[0, 0)"});
  check_error([&] { take(Variable<double>(1.0), {0}); }, {"[take]", "at least one axis"});
}

TEST_CASE_TEMPLATE("reset_rows: marked rows are zero and others keep their bits", T, float, double) {
  for (const Shape& shape : {Shape{3}, Shape{3, 4}, Shape{3, 2, 2}, Shape{3, 0}}) {
    const Variable<T> x = numbers<T>(shape, 1, 2);
    const std::size_t width = shape.size() / 3;
    checks::check_elements(reset_rows(x, {0, 1, -5}).value(), shape, 0,
                           [&](std::size_t i) { return i / width == 0 ? x.value().data()[i] : T(0); });
    CHECK(identical(reset_rows(x, {0, 0, 0}).value(), x.value()));
  }
  const T nan = std::numeric_limits<T>::quiet_NaN();
  const auto reset =
      reset_rows(Variable<T>(Array<T>({2}, {nan, nan})), {1, 0});  // selects, does not multiply
  CHECK(reset.value().data()[0] == 0);
  CHECK(std::isnan(reset.value().data()[1]));
  CHECK(to_string(reset_rows(Variable<T>(Array<T>::zeros({0, 3})), Ids()).shape()) == "(0, 3)");
}

TEST_CASE("reset_rows: cuts the gradient of marked rows alone") {
  prove([](const auto& x) { return reset_rows(x[0], {0, 1, 0}); }, {{3, 2}});
  prove([](const auto& x) { return square(reset_rows(x[0], {1, 0, 1})) + x[0]; }, {{3}});
  Tape<double> tape;
  const auto x = tape.leaf(numbers<double>({3, 2}));
  const auto dx = tape.gradient(sum(reset_rows(x, {1, 0, 1})))[x];
  checks::check_elements(dx, {3, 2}, 0, [](std::size_t i) { return i / 2 == 1 ? 1 : 0; });
}

TEST_CASE("reset_rows: a mask that does not fit") {
  const Variable<double> x = numbers<double>({3, 2});
  check_error([&] { reset_rows(x, {1, 0}); }, {"[reset_rows]", "(2,)", "(3, 2)", "one entry per row"});
  check_error([&] { reset_rows(x, Ids({3, 2}, {0, 0, 0, 0, 0, 0})); }, {"[reset_rows]", "(3, 2)"});
  check_error([&] { reset_rows(Variable<double>(1.0), {1}); }, {"[reset_rows]", "(1,)", "()"});
}

TEST_CASE("indexing: an entry that is named twice is added to twice") {
  Tape<double> tape;
  const auto x = tape.leaf(Array<double>({2, 3}, {1, 2, 3, 4, 5, 6})),
             y = tape.leaf(Array<double>({2, 2}, {1, 10, 100, 1000}));
  const Ids ids({2, 2}, {2, 2, 0, 1});
  CHECK(checks::identical(gather(x, ids).value(), Array<double>({2, 2}, {3, 3, 4, 5})));
  const auto z = scatter_add(x, ids, y);
  CHECK(checks::identical(z.value(), Array<double>({2, 3}, {1, 2, 14, 104, 1005, 6})));
  CHECK(checks::identical(tape.gradient(sum(gather(x, ids)), {.keep = true})[x],
                          Array<double>({2, 3}, {0, 0, 2, 1, 1, 0})));
  const auto gradients = tape.gradient(z, {.seed = Array<double>({2, 3}, {1, 2, 3, 4, 5, 6})});
  CHECK(checks::identical(gradients[y], Array<double>({2, 2}, {3, 3, 4, 5})));
}

TEST_CASE("indexing: one_hot times a table takes its rows") {
  const Variable<double> table = checks::numbers<double>({4, 3});
  const Ids ids({2, 2}, {3, 0, 0, 1});
  CHECK(checks::identical(matmul(one_hot<double>(ids, 4), table).value(), take(table, ids).value()));
}

TEST_CASE_TEMPLATE("indexing: a million terms in one element keep their digits", T, float, double) {
  constexpr std::size_t n = 1'000'000;
  const Ids same({n}, std::vector<Ids::value_type>(n, 1));
  const auto exact = static_cast<double>(static_cast<long double>(T(0.1)) * n);
  const auto about = doctest::Approx(exact).epsilon(2 * checks::epsilon<T>);
  const Variable<T> terms = Array<T>::full({n}, T(0.1));
  CHECK(scatter_add(Variable<T>(Array<T>::zeros({2})), same, terms, 0).value().data()[1] == about);
  CHECK(scatter_add(Variable<T>(Array<T>::zeros({2})), same, Variable<T>(Array<T>::full({n}, T(INFINITY))), 0)
            .value()
            .data()[1] == T(INFINITY));
  Tape<T> tape;
  const Variable<T> x = tape.leaf(Array<T>({2}, {1, 2})), W = tape.leaf(Array<T>({2, 1}, {1, 2}));
  const auto g = tape.gradient(T(0.1) * sum(gather(x, same, 0)) + T(0.1) * sum(take(W, same)));
  CHECK(g[x].data()[1] == about);
  CHECK(g[W].data()[1] == about);
}
