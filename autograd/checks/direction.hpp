// Directions: numbers that carry a derivative. x + ihv with h = 1e-100 goes into a function, and Im(y)/h of
// what comes out is J v, exact to rounding (Squire & Trapp 1998). The proof of an op puts directions in and
// takes derivatives out here; derivatives along a given direction, of any size, are made in forward.hpp.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>
#include <span>
#include <string>

#include <xgrad/autograd/parameters.hpp>

namespace xgrad {

/// Numbers by path: the values of a model, or directions.
using Values = std::map<std::string, Array<double>>;

/// A function of the parameters it declares, in one scalar.
template <class T>
using ParameterFunction = std::function<Variable<T>(const Parameters<T>&)>;

/// The size s of a direction that suits an element x: 1, unless x is very small or large. ihs must vanish
/// beside x and beside 1, the scale of exp, and the derivatives of x x and 1 / x must not vanish with it.
inline double direction_size(double x) {
  const double size = std::abs(x);
  if (size > 0 && size < 1e-40) return std::min(1e20 * std::sqrt(size), 1e91 * size);
  if (size > 1e40 && std::isfinite(size)) return std::min(1e-40 * size, 1e91);
  return 1;
}

/// What a change of x is measured by, beside the rounding of a value that is computed from it: 1, or the size
/// of an x that is very large.
inline double natural_size(double x) { return std::abs(x) > 1e20 ? std::abs(x) : 1; }

/// x + ihsv with s = direction_size(x). The shapes must be equal.
inline Array<Complex> with_direction(const Array<double>& x, const Array<double>& v) {
  auto result = Array<Complex>::uninitialized(x.shape());
  std::transform(x.begin(), x.end(), v.begin(), result.mutable_data(), [](double xi, double vi) {
    return Complex(xi, scalar::complex_step * (direction_size(xi) * vi));
  });
  return result;
}
/// The same by path; without a direction where `directions` lacks the path.
inline std::map<std::string, Array<Complex>> with_directions(const Values& values, const Values& directions) {
  std::map<std::string, Array<Complex>> result;
  for (const auto& [path, value] : values) {
    const auto v = directions.find(path);
    result.emplace(path, v == directions.end() ? value.cast<Complex>() : with_direction(value, v->second));
  }
  return result;
}

/// Im(y)/h: the derivative that y carries.
inline Array<double> carried_derivative(const Array<Complex>& y) {
  auto result = Array<double>::uninitialized(y.shape());
  std::transform(y.begin(), y.end(), result.mutable_data(),
                 [](Complex yi) { return yi.imag() / scalar::complex_step; });
  return result;
}

/// Numbers +-[0.5, 1]: none is so small that what it is multiplied with gets lost.
inline Array<double> random_direction(const Shape& shape, Random& random) {
  auto result = Array<double>::uninitialized(shape);
  std::generate_n(result.mutable_data(), result.size(), [&] {
    const double r = random.uniform() - 0.5;
    return r + (r < 0 ? -0.5 : 0.5);
  });
  return result;
}
/// 1 at one element, 0 elsewhere.
inline Array<double> unit_direction(const Shape& shape, std::size_t element) {
  auto v = Array<double>::zeros(shape);
  v.mutable_data()[element] = 1;
  return v;
}
/// v in [first, last) of its row-major numbers, 0 elsewhere.
inline Array<double> restricted_direction(const Array<double>& v, std::size_t first, std::size_t last) {
  auto result = Array<double>::zeros(v.shape());
  std::copy(v.begin() + first, v.begin() + last, result.mutable_data() + first);
  return result;
}

namespace proof {

/// The largest magnitude; 0 of nothing.
inline double largest(std::span<const double> numbers) {
  double result = 0;
  for (const double x : numbers) result = std::max(result, std::abs(x));
  return result;
}

/// The inner product; a long double, as squares of doubles can be out of their range.
inline long double inner(std::span<const double> x, std::span<const double> y) {
  return std::inner_product(x.begin(), x.end(), y.begin(), 0.0L, std::plus<>(),
                            [](long double a, double b) { return a * b; });
}

/// A sum of products, and of their magnitudes.
struct Contraction {
  long double value = 0, magnitude = 0;

  void add(const Array<double>& u, const Array<double>& v, int sign) {
    for (std::size_t i = 0; i < u.size(); ++i) {
      const long double term = static_cast<long double>(u.data()[i]) * v.data()[i];
      value += sign * term;
      magnitude += std::abs(term);
    }
  }
};

/// The worst element, found by halving: `error(w)` says how wrong the derivative is along w, a part of v.
template <class F>
std::size_t worst_element(const Array<double>& v, F error) {
  std::size_t first = 0, last = v.size();
  while (last - first > 1) {
    const std::size_t middle = first + (last - first) / 2;
    const double low = error(restricted_direction(v, first, middle)),
                 high = error(restricted_direction(v, middle, last));
    (low >= high ? last : first) = middle;
  }
  return first;
}

}  // namespace proof

}  // namespace xgrad
