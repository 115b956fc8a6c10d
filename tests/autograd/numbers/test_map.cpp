// map against plain loops: under broadcasting of one to three operands, at every length of the tail that does
// not fill a register, and the rule that a value does not depend on where in an array it stands.
#include <xgrad/autograd/numbers/map.hpp>

#include <doctest/doctest.h>

#include <cstring>

#include "../errors.hpp"

using xgrad::Array;
using xgrad::Shape;
using xgrad::to_string;
using xgrad::kernels::map;
namespace formulas = xgrad::kernels::formulas;
using namespace xgrad::testing;

namespace {

// The number of `a` that stands at flat position `flat` of the common shape.
template <class T>
T at(const Array<T>& a, std::size_t flat, const Shape& shape) {
  std::size_t position = 0, step = 1;
  for (std::size_t i = 1; i <= shape.rank(); ++i) {
    const std::size_t dim = shape[shape.rank() - i], index = flat % dim;
    flat /= dim;
    if (i > a.rank()) continue;
    const std::size_t own = a.shape()[a.rank() - i];
    position += (own == 1 ? 0 : index) * step;
    step *= own;
  }
  return a.data()[position];
}

}  // namespace

TEST_CASE_TEMPLATE("map: broadcasts one to three operands like plain loops", T, float, double) {
  const std::vector<Shape> shapes{{},
                                  {1},
                                  {9},
                                  {3, 1},
                                  {1, 9},
                                  {3, 9},
                                  {2, 1, 1},
                                  {2, 1, 9},
                                  {2, 3, 1},
                                  {2, 3, 9},
                                  {1, 1, 1, 1},
                                  {4, 1, 1, 9},
                                  {4, 2, 1, 1},
                                  {4, 1, 3, 1},
                                  {2, 4, 2, 3, 9},
                                  {1, 1, 4, 1, 1, 9}};
  std::size_t compared = 0;
  for (const Shape& s : shapes) {
    for (const Shape& t : shapes) {
      const auto a = ramp<T>(s), b = ramp<T>(t, 2, 3);
      const auto two = xgrad::broadcast(s, t);
      REQUIRE(two);
      const auto y = map(formulas::Multiply(), a, b);
      REQUIRE(y.shape() == *two);
      bool same = true;
      for (std::size_t i = 0; i < y.size(); ++i)
        same = same && y.data()[i] == at(a, i, *two) * at(b, i, *two);
      CHECK_MESSAGE(same, to_string(s), " and ", to_string(t));
      for (const Shape& u : {Shape{}, {3, 1}, {2, 1, 9}, {2, 3, 1}}) {
        const auto c = ramp<T>(u, -5, 2);
        const auto three = xgrad::broadcast(*two, u);
        REQUIRE(three);
        const auto z = map(formulas::AddProduct(), a, b, c);
        REQUIRE(z.shape() == *three);
        for (std::size_t i = 0; i < z.size(); ++i, ++compared)
          same = same && z.data()[i] == at(a, i, *three) + at(b, i, *three) * at(c, i, *three);
        CHECK_MESSAGE(same, to_string(s), " and ", to_string(t), " and ", to_string(u));
      }
    }
  }
  CHECK(compared > 10000);
}

TEST_CASE_TEMPLATE("map: every length of tail is computed and nothing beside it is written", T, float,
                   double) {
  for (std::size_t n = 0; n <= 40; ++n) {
    CAPTURE(n);
    const auto a = ramp<T>({n}), b = ramp<T>({n}, 3);
    auto y = Array<T>::full({n + 16}, -1);
    auto target = y.rows(8, 8 + n);
    y = Array<T>();  // the view owns the block now and is written in place
    xgrad::kernels::map_into(target, formulas::Multiply(), a, b);
    for (std::size_t i = 0; i < n; ++i) CHECK(target.data()[i] == a.data()[i] * b.data()[i]);
    if (n == 0) continue;
    for (std::size_t i = 0; i < 8; ++i) {
      CHECK(*(target.data() - 1 - i) == T(-1));
      CHECK(*(target.data() + n + i) == T(-1));
    }
    const auto row = map(formulas::Subtract(), a, Array<T>(1));
    for (std::size_t i = 0; i < n; ++i) CHECK(row.data()[i] == a.data()[i] - 1);
  }
}

TEST_CASE_TEMPLATE("map: a value does not depend on its position", T, float, double) {
  namespace functions = xgrad::functions;
  const auto values =
      std::make_tuple(functions::Value<functions::Tanh>(), functions::Value<functions::Exp>(),
                      functions::Value<functions::Sigmoid>(), functions::Value<functions::Gelu>());
  const auto check = [](const auto& f) {
    for (const double number : {0.3, -1.7, 5.0, 1e-6}) {
      const T expected = map(f, Array<T>(number)).item();
      for (std::size_t n = 1; n <= 40; ++n) {
        const auto a = Array<T>::full({n + 1}, static_cast<T>(number));
        for (const auto& y : {map(f, a), map(f, a.rows(1, n + 1)), map(f, a.reshaped({n + 1, 1}))})
          for (const T& x : y)
            if (std::memcmp(&x, &expected, sizeof(T)) != 0)
              FAIL_CHECK("f(", number, ") is ", x, " at ", &x - y.data(), " of ", y.size(), ", else ",
                         expected);
      }
    }
  };
  std::apply([&](const auto&... f) { (check(f), ...); }, values);
}
