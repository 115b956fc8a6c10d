// Clipping by the global norm: dense and row-sparse gradients count alike, and all are scaled by one factor.
#include <xgrad/training/clipping.hpp>

#include <cmath>
#include <limits>

#include <doctest/doctest.h>

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/tape.hpp>

using namespace xgrad;

namespace {

// The loss 3 a_0 + 4 (E_1 read twice): gradients (3, 0), and row 1 of the table (4, 0).
template <class T>
Gradients<T> gradients_of(const Parameters<T>& p) {
  Tape<T> tape;
  const Variable<T> first = Array<T>({2}, {1, 0});
  const auto loss = sum(p["a"] * first * 3) + sum(take(p["E"], Ids{1, 1}) * first * 2);
  return tape.gradient(loss, {.unreached = zeros});
}

template <class T>
Parameters<T> parameters() {
  Parameters<T> p;
  p.weight("a", {2});
  p.weight("E", {3, 2});
  p.weight("idle", {4});
  return p;
}

}  // namespace

TEST_CASE_TEMPLATE("clip_global_norm: scales every gradient by one factor", T, float, double) {
  const auto p = parameters<T>();
  auto gradients = gradients_of(p);
  CHECK(clip_global_norm(gradients, p, 2.5) == doctest::Approx(5));  // sqrt(3^2 + 4^2)
  CHECK(gradients[p["a"]].data()[0] == doctest::Approx(1.5));
  CHECK(std::holds_alternative<RowSparse<T>>(*gradients.stored(p["E"])));
  CHECK(gradients[p["E"]].data()[2] == doctest::Approx(2));
  CHECK(gradients[p["E"]].data()[0] == 0);
  CHECK(gradients[p["idle"]].data()[0] == 0);
  CHECK(clip_global_norm(gradients, p, 2.5) == doctest::Approx(2.5));
}

TEST_CASE("clip_global_norm: leaves small gradients as they are") {
  const auto p = parameters<double>();
  auto gradients = gradients_of(p);
  CHECK(clip_global_norm(gradients, p, 5.1) == doctest::Approx(5));
  CHECK(gradients[p["a"]].data()[0] == 3);
  CHECK(gradients[p["E"]].data()[2] == 4);
}

TEST_CASE("clip_global_norm: does not hide a norm that is not finite") {
  const Parameters<float> p;
  const auto w = p.weight("w", {1});
  Tape<float> tape;
  auto gradients = tape.gradient(sum(w * std::numeric_limits<float>::infinity()));
  CHECK(std::isinf(clip_global_norm(gradients, p, 1)));
  CHECK(std::isinf(gradients[w].item()));
  Tape<float> next;
  auto large = next.gradient(sum(w * 1e30F));  // whose square no float holds
  CHECK(clip_global_norm(large, p, 1) == doctest::Approx(1e30));
  CHECK(large[w].item() == doctest::Approx(1));
}

TEST_CASE("clip_global_norm: refuses a bound that is not positive and a missing gradient") {
  const auto p = parameters<double>();
  auto gradients = gradients_of(p);
  for (const double bound : {0.0, -1.0, std::nan("")})
    CHECK_THROWS_WITH_AS(clip_global_norm(gradients, p, bound),
                         doctest::Contains("[clip_global_norm] needs a norm > 0"), Error);
  Tape<double> tape;
  auto partial = tape.gradient(sum(p["a"]));
  CHECK_THROWS_WITH_AS(clip_global_norm(partial, p, 1), doctest::Contains("'E'"), Error);
}

TEST_CASE_TEMPLATE("global_norm: of dense and row-sparse gradients, a tied parameter once", T, float,
                   double) {
  const auto p = parameters<T>();
  const auto gradients = gradients_of(p);
  CHECK(global_norm(gradients, p) == doctest::Approx(5));
  CHECK(gradients[p["a"]].data()[0] == 3);  // nothing is scaled

  const Parameters<T> tied;
  const auto w = tied.weight("w", {1});
  const auto also_w = w;
  Tape<T> tape;
  CHECK(global_norm(tape.gradient(sum(w * 3) + sum(also_w * 4)), tied) == doctest::Approx(7));
}

TEST_CASE("global_norm: is not finite if and only if a gradient is not") {
  const Parameters<double> p;
  const auto w = p.weight("w", {3});
  const auto norm = [&](const Array<double>& gradient) {
    Tape<double> tape;
    return global_norm(tape.gradient(sum(w * Variable<double>(gradient))), p);
  };
  constexpr double inf = std::numeric_limits<double>::infinity();
  CHECK(norm(Array<double>({3}, {3e200, 0, -4e200})) ==
        doctest::Approx(5e200));  // whose squares no double holds
  CHECK(std::isnan(norm(Array<double>({3}, {1, std::nan(""), 3e200}))));
  CHECK(norm(Array<double>({3}, {1, -inf, 3e200})) == inf);
  for (const auto& both :
       {Array<double>({3}, {std::nan(""), inf, 1}), Array<double>({3}, {inf, 3e200, std::nan("")})})
    CHECK(std::isnan(norm(both)));  // as NumPy and PyTorch have it
  CHECK(norm(Array<double>({3}, {0, 0, 0})) == 0);
}

TEST_CASE("global_norm: squares neither overflow nor vanish") {
  const Parameters<double> p;
  const auto w = p.weight("w", {3}), table = p.weight("table", {2, 1});
  const auto gradients = [&](const Array<double>& dense, double of_row) {
    Tape<double> tape;
    return tape.gradient(sum(w * Variable<double>(dense)) + sum(take(table, {1})) * of_row);
  };
  for (const double unit :
       {1e-322, 1e-300, 1e-200, 1e-162, 1e-154, 1e-147, 1e-140, 1.0, 1e154, 1e200, 1e300}) {
    CAPTURE(unit);
    const Array<double> parts({3}, {2 * unit, 0, -6 * unit});
    auto g = gradients(parts, 9 * unit);
    CHECK(global_norm(g, p) / unit == doctest::Approx(11).epsilon(unit < 1e-300 ? 0.1 : 1e-15));
    if (unit < 1e-300) continue;
    clip_global_norm(g, p, 5.5 * unit);
    for (std::size_t i : {0U, 2U})
      CHECK(g[w].data()[i] / parts.data()[i] == doctest::Approx(0.5).epsilon(1e-15));
    CHECK(g[table].data()[1] / unit == doctest::Approx(4.5).epsilon(1e-15));
  }
  const double nan = std::nan("");
  CHECK(std::isnan(global_norm(gradients(Array<double>({3}, {1e-200, nan, 0}), 1e-200), p)));
  CHECK(global_norm(gradients(Array<double>({3}, {0, 0, 0}), 0), p) == 0);
}

TEST_CASE("clip_global_norm: a factor that is no normal float takes no digits") {
  const Parameters<float> p;
  const auto w = p.weight("w", {1000});
  const auto large = Array<float>::full({1000}, 3e38F);
  Tape<float> tape;
  auto gradients = tape.gradient(sum(w * Variable<float>(large)));
  CHECK(clip_global_norm(gradients, p, 0.25) == doctest::Approx(3e38 * std::sqrt(1000.0)).epsilon(1e-7));
  CHECK(gradients[w].data()[7] == doctest::Approx(0.25 / std::sqrt(1000.0)).epsilon(3e-7));
}

TEST_CASE_TEMPLATE("global_norm: of 10^6 numbers is right to the last digits of a double", T, float, double) {
  const Parameters<T> p;
  const auto w = p.weight("w", {1000003});
  Tape<T> tape;
  const auto gradients = tape.gradient(sum(w * T(0.1)));
  const long double expected = static_cast<long double>(T(0.1)) * std::sqrt(1000003.0L);
  CHECK(global_norm(gradients, p) == doctest::Approx(static_cast<double>(expected)).epsilon(1e-13));
}

TEST_CASE("global_norm: refuses a parameter without a gradient") {
  const auto p = parameters<double>();
  Tape<double> tape;
  const auto partial = tape.gradient(sum(p["a"]));
  CHECK_THROWS_WITH_AS(global_norm(partial, p), doctest::Contains("'E'"), Error);
}
