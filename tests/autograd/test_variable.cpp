// Variable: conversions both ways, operators with plain numbers of every arithmetic type, detach, and how
// errors describe a variable. What happens on a tape is in test_tape.cpp.
#include <xgrad/autograd/variable.hpp>

#include <doctest/doctest.h>

#include <sstream>
#include <type_traits>

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/parameters.hpp>
#include <xgrad/autograd/tape.hpp>

#include "errors.hpp"
#include "xtensor_all.hpp"

using xgrad::Array;
using xgrad::Parameters;
using xgrad::Shape;
using xgrad::Tape;
using xgrad::Variable;
using namespace xgrad::testing;

TEST_CASE_TEMPLATE("Variable: converts from numbers and arrays and xtensor expressions", T, float, double) {
  CHECK(Variable<T>().shape() == Shape{0});
  const Variable<T> number = 2;
  CHECK(number.rank() == 0);
  CHECK(number.item() == T(2));
  const Array<T> a({2, 2}, {1, 2, 3, 4}), written = ramp<T>({2, 2});
  const Variable<T> x = a, y = written;
  CHECK(x.value().shares_block_with(a));
  CHECK(!y.value().shares_block_with(written));  // somebody may have a pointer yet
  CHECK(x.size() == 4);
  const xt::xarray<T> xs = {1, 2, 3};
  const Variable<T> lazy = xs * T(2);
  CHECK(numbers(lazy.value()) == std::vector<T>{2, 4, 6});
  CHECK(x.parameter() == nullptr);
  CHECK(contains(message_of([&] { (void)x.item(); }), "got shape (2, 2)"));
}

TEST_CASE_TEMPLATE("Variable: converts to xtensor and back", T, float, double) {
  const Variable<T> x = ramp<T>({2, 2});
  const xt::xarray<T> y = x.xt() + T(1);
  CHECK(y(1, 1) == T(5));
  CHECK(x.xt().data() == x.value().data());
  CHECK(numbers(Variable<T>(y).value()) == std::vector<T>{2, 3, 4, 5});
}

TEST_CASE_TEMPLATE("Variable: operators between variables compute", T, float, double) {
  const Variable<T> a = ramp<T>({2, 1}), b = ramp<T>({2}, 3);
  CHECK(numbers((a + b).value()) == std::vector<T>{4, 5, 5, 6});
  CHECK(numbers((a - b).value()) == std::vector<T>{-2, -3, -1, -2});
  CHECK(numbers((a * b).value()) == std::vector<T>{3, 4, 6, 8});
  CHECK(numbers((b / a).value()) == std::vector<T>{3, 4, T(1.5), 2});
  CHECK(numbers((-a).value()) == std::vector<T>{-1, -2});
  const Array<T> plain = ramp<T>({2, 1});
  CHECK(numbers((plain * b).value()) == std::vector<T>{3, 4, 6, 8});
  CHECK(numbers((b * plain).value()) == std::vector<T>{3, 4, 6, 8});
}

namespace {

// All eight forms of a number beside a variable, with value and slope.
template <class T, class S>
void check_numbers(S two) {
  Tape<T> tape;
  const auto x = tape.leaf(Array<T>({2}, {1, 4}));
  const auto check = [&](const Variable<T>& y, std::vector<T> value, std::vector<T> slope) {
    CHECK(numbers(y.value()) == value);
    const auto g = tape.gradient(y, {.seed = Array<T>::full({2}, 1), .keep = true});
    CHECK(numbers(g[x]) == slope);
  };
  check(x + two, {3, 6}, {1, 1});
  check(two + x, {3, 6}, {1, 1});
  check(x - two, {-1, 2}, {1, 1});
  check(two - x, {1, -2}, {-1, -1});
  check(x * two, {2, 8}, {2, 2});
  check(two * x, {2, 8}, {2, 2});
  check(x / two, {T(0.5), 2}, {T(0.5), T(0.5)});
  check(two / x, {2, T(0.5)}, {-2, T(-0.125)});
}

}  // namespace

TEST_CASE_TEMPLATE("Variable: operators take numbers of every arithmetic type", T, float, double) {
  check_numbers<T>(2);
  check_numbers<T>(2U);
  check_numbers<T>(2L);
  check_numbers<T>(std::size_t{2});
  check_numbers<T>(short{2});
  check_numbers<T>(static_cast<unsigned char>(2));
  check_numbers<T>(2.F);
  check_numbers<T>(2.);
  check_numbers<T>(2.L);
  CHECK(numbers((Variable<T>(ramp<T>({2})) * true).value()) == std::vector<T>{1, 2});
}

TEST_CASE("Variable: the value of a temporary does not dangle") {
  const Variable<double> x = ramp<double>({3});
  double sum = 0;
  if constexpr (!std::is_reference_v<decltype((x + 1).value())>)  // or the loop would read freed numbers
    for (const double number : (x + 1).value()) sum += number;
  CHECK(sum == 9);
}

TEST_CASE("Variable: prints its numbers") {
  std::ostringstream out;
  out << Variable<double>(Array<double>({2}, {1, 2.5}));
  CHECK(out.str() == "{ 1. ,  2.5}");
}

TEST_CASE("Variable: detach shares a value but copies a parameter's") {
  const Variable<double> x = ramp<double>({3});
  CHECK(detach(x).value().shares_block_with(x.value()));

  const Parameters<double> p;
  const auto W = p.weight("W", {2, 2});
  const auto view = select(W, 0);
  CHECK_FALSE(view.value().shares_block_with(W.value()));  // else training would change it
  const auto cut = detach(W), cut_view = detach(view);
  const auto before = numbers(W.value());
  p.assign("W", Array<double>::full({2, 2}, 9));
  CHECK(numbers(cut.value()) == before);
  CHECK(numbers(cut_view.value()) == std::vector<double>{before[0], before[1]});
  CHECK(cut.parameter() == nullptr);
  CHECK_FALSE(cut.value().in_parameter());
}

TEST_CASE("Variable: errors describe a parameter by its path") {
  const Parameters<float> p;
  CHECK(describe(Variable<float>(ramp<float>({3, 4}))) == "(3, 4)");
  CHECK(describe((p / "rnn").weight("Wh", {3, 4})) == "(3, 4) (parameter 'rnn/Wh')");
  CHECK(describe(p["rnn/Wh"] + 1) == "(3, 4)");
}
