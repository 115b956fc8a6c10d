// What tests of ops and layers share: reproducible numbers, comparison with an independent computation, the
// text of an error, and `prove`, which checks a gradient in every way there is: op by op, exhaustively,
// against central differences, and in float against double.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <xgrad/autograd/gradcheck.hpp>
#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/tape.hpp>

namespace checks {

using xgrad::Array;
using xgrad::Ids;
using xgrad::Shape;
using xgrad::Tape;
using xgrad::Variable;

template <class T>
inline constexpr double epsilon = static_cast<double>(std::numeric_limits<T>::epsilon());

/// Uniform in [low, high); the same numbers for every scalar, up to rounding.
template <class T>
Array<T> numbers(const Shape& shape, double low = -1, double high = 1, std::uint32_t seed = 1) {
  std::vector<double> values(shape.size());
  xgrad::Random random(seed);
  xgrad::uniform(low, high)(random, values);
  return Array<double>(shape, values).cast<T>();
}

/// True if shapes and bits are equal, NaN and -0 included.
template <class T>
bool identical(const Array<T>& a, const Array<T>& b) {
  return a.shape() == b.shape() &&
         (a.size() == 0 || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

/// The largest |a - b|, relative to the largest |b|; infinite if the shapes differ or a number is NaN.
template <class T>
double distance(const Array<T>& a, const Array<T>& b) {
  if (a.shape() != b.shape()) return std::numeric_limits<double>::infinity();
  double worst = 0, largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = static_cast<double>(a.data()[i]), y = static_cast<double>(b.data()[i]);
    if (!(std::abs(x - y) <= std::numeric_limits<double>::max()))
      return std::numeric_limits<double>::infinity();
    worst = std::max(worst, std::abs(x - y));
    largest = std::max(largest, std::abs(y));
  }
  return worst == 0 ? 0 : worst / largest;
}

/// Each element of y against `expected(flat index)`, within `relative` of it.
template <class T, class F>
void check_elements(const Array<T>& y, const Shape& shape, double relative, F expected) {
  CHECK(to_string(y.shape()) == to_string(shape));
  REQUIRE(y.size() == shape.size());
  for (std::size_t i = 0; i < y.size(); ++i) {
    const auto want = static_cast<long double>(expected(i));
    const auto got = static_cast<long double>(y.data()[i]);
    CHECK_MESSAGE(std::abs(got - want) <= relative * std::abs(want),
                  "element " << index_of(i, shape) << " of shape " << to_string(shape) << " is "
                             << static_cast<double>(got) << " and should be " << static_cast<double>(want));
  }
}

/// The text of the Error that `call` throws.
template <class Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const xgrad::Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

/// `call` throws an Error whose text has all of `parts`.
template <class Call>
void check_error(Call call, std::initializer_list<const char*> parts) {
  const std::string text = error_of(call);
  for (const std::string part : parts)
    CHECK_MESSAGE(text.find(part) != std::string::npos, "\"" << text << "\" lacks \"" << part << "\"");
}

template <class T>
using Function = std::function<Variable<T>(const std::vector<Variable<T>>&)>;

/// The gradients of <c, f(xs)> with respect to leaves of the given values, for a fixed c.
template <class T>
std::vector<Array<T>> gradients(const Function<T>& f, const std::vector<Array<double>>& values) {
  Tape<T> tape;
  std::vector<Variable<T>> xs;
  for (const auto& value : values) xs.push_back(tape.leaf(value.cast<T>()));
  const Variable<T> y = f(xs);
  const auto found = tape.gradient(y, {.seed = numbers<T>(y.shape(), -1, 1, 7), .unreached = xgrad::zeros});
  std::vector<Array<T>> result;
  for (const auto& x : xs) result.push_back(found[x]);
  return result;
}

/// gradcheck in all its forms at once: op by op, every derivative exactly, and every one by central
/// differences.
template <class F>
xgrad::GradcheckReport prove_function(F f) {
  return xgrad::gradcheck(f, {.exhaustive = true, .differences = true});
}

/// A function of inputs of given shapes in all scalars; what `prove` proves.
struct Proof {
  Function<double> f;
  Function<xgrad::Complex> f_complex;
  Function<float> f_float;
  std::vector<Shape> shapes;
  double low, high;

  Variable<double> operator()(const xgrad::Parameters<double>& p) const { return f(inputs(p)); }
  Variable<xgrad::Complex> operator()(const xgrad::Parameters<xgrad::Complex>& p) const {
    return f_complex(inputs(p));
  }

  template <class T>
  std::vector<Variable<T>> inputs(const xgrad::Parameters<T>& p) const {
    std::vector<Variable<T>> xs;
    for (std::size_t i = 0; i < shapes.size(); ++i)
      xs.push_back(p.input(std::string_view("abcdefgh").substr(i, 1), shapes[i], xgrad::uniform(low, high)));
    return xs;
  }

  void run() const {
    std::string text;
    std::size_t total = 0;
    std::vector<Array<double>> values;
    for (const Shape& shape : shapes) {
      text += to_string(shape) + " ";
      total += shape.size();
      values.push_back(numbers<double>(shape, low, high, static_cast<std::uint32_t>(values.size() + 3)));
    }
    INFO("inputs of shapes " << text);
    const auto report = prove_function(*this);
    CHECK_MESSAGE(report, report);
    CHECK(report.compared == 2 * total);
    const auto exact = gradients<double>(f, values);
    const auto rounded = gradients<float>(f_float, values);
    for (std::size_t i = 0; i < exact.size(); ++i)
      CHECK(distance(rounded[i].template cast<double>(), exact[i]) < 1e-5);
  }
};

/// Checks the gradient of f, a generic function of a vector of variables, at inputs of the given shapes.
template <class F>
void prove(F f, const std::vector<Shape>& shapes, double low = -1, double high = 1) {
  const auto whole = [f](const auto& xs) {
    auto y = f(xs);
    return y.size() == 0 ? sum(y) : y;
  };
  Proof{whole, whole, whole, shapes, low, high}.run();
}

}  // namespace checks
