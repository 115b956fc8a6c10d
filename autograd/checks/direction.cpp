// Putting directions in and taking derivatives out; see direction.hpp.
#include <xgrad/autograd/checks/direction.hpp>

#include <algorithm>

namespace xgrad {

Array<Complex> with_direction(const Array<double>& x, const Array<double>& v) {
  auto result = Array<Complex>::uninitialized(x.shape());
  std::transform(x.begin(), x.end(), v.begin(), result.mutable_data(),
                 [](double xi, double vi) { return Complex(xi, scalar::complex_step * vi); });
  return result;
}

std::map<std::string, Array<Complex>> with_directions(const Values& values, const Values& directions) {
  std::map<std::string, Array<Complex>> result;
  for (const auto& [path, value] : values) {
    const auto v = directions.find(path);
    result.emplace(path, v == directions.end() ? value.cast<Complex>() : with_direction(value, v->second));
  }
  return result;
}

Array<double> carried_derivative(const Array<Complex>& y) {
  auto result = Array<double>::uninitialized(y.shape());
  std::transform(y.begin(), y.end(), result.mutable_data(),
                 [](Complex yi) { return yi.imag() / scalar::complex_step; });
  return result;
}

Array<double> random_direction(const Shape& shape, Random& random) {
  auto result = Array<double>::uninitialized(shape);
  double* const out = result.mutable_data();
  for (std::size_t i = 0; i < result.size(); ++i) {
    const double r = random.uniform() - 0.5;
    out[i] = r + (r < 0 ? -0.5 : 0.5);
  }
  return result;
}

Array<double> unit_direction(const Shape& shape, std::size_t element) {
  auto v = Array<double>::zeros(shape);
  v.mutable_data()[element] = 1;
  return v;
}

Array<double> restricted_direction(const Array<double>& v, std::size_t first, std::size_t last) {
  auto result = Array<double>::zeros(v.shape());
  std::copy(v.begin() + first, v.begin() + last, result.mutable_data() + first);
  return result;
}

}  // namespace xgrad
