// A fault is a function of one op, a copy of one of the library's, that comes in two versions: right, and
// with one mistake of the kind that people make in a vjp. gradcheck must find every one of them and say what
// it is. The faults stand in faults_<family>.cpp, one list for each family of ops; test_faults.cpp checks
// them and prints the matrix that docs/proof.md shows. Start with Fault.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <xgrad/autograd/gradcheck.hpp>
#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/tape.hpp>

namespace xgrad::faults {

/// What the author of the op did.
enum class Mistake {
  sign,              ///< signs are wrong, all or those of one branch
  slight_factor,     ///< a factor 1 + 1e-6
  factor,            ///< a factor forgotten, or one too many: the 1/N of a mean, the 2 of a square
  rounded_constant,  ///< a constant typed with few digits
  wrong_term,        ///< a term of the formula dropped or replaced
  transposed,        ///< a matrix for its transpose
  wrong_axis,        ///< along another axis
  broadcast_sum,     ///< the gradient of one copy of a broadcast argument, not the sum over all
  overwritten,       ///< dx = ... for dx += ...
  not_finite,        ///< 0/0 or inf/inf, where the derivative is an ordinary number
  time_shift,        ///< one step off
};

/// An input of the op whose vjp is wrong, and the parameter that it is.
struct Argument {
  std::size_t index;
  std::string path;
};

template <class T>
using Versions = std::function<Variable<T>(const Parameters<T>&, bool wrong)>;

struct Fault {
  std::string what;  ///< what the author wrote, for what he should have
  Mistake mistake;
  Defect defect;  ///< what gradcheck should call it
  std::string op;
  std::vector<Argument> wrong;
  std::vector<std::string> parameters;  ///< those whose gradient is wrong in the whole function
  Versions<double> in_double;
  Versions<Complex> in_complex;
};

/// The defect that a mistake is, unless the fault says otherwise.
inline Defect defect_of(Mistake mistake) {
  switch (mistake) {
    case Mistake::sign:
      return Defect::sign;
    case Mistake::slight_factor:
    case Mistake::factor:
    case Mistake::rounded_constant:
      return Defect::factor;
    case Mistake::transposed:
      return Defect::transpose;
    case Mistake::wrong_axis:
      return Defect::wrong_axis;
    case Mistake::broadcast_sum:
      return Defect::broadcast_sum;
    case Mistake::overwritten:
      return Defect::overwritten;
    case Mistake::not_finite:
      return Defect::not_finite;
    case Mistake::time_shift:
      return Defect::time_shift;
    case Mistake::wrong_term:
      break;
  }
  return Defect::missing_term;
}

/// `f(p, wrong)` is generic in the scalar of p.
template <class F>
Fault fault(std::string what, Mistake mistake, std::string op, std::vector<Argument> wrong, F f) {
  std::vector<std::string> parameters;
  for (const Argument& argument : wrong) parameters.push_back(argument.path);
  return {std::move(what),
          mistake,
          defect_of(mistake),
          std::move(op),
          std::move(wrong),
          std::move(parameters),
          f,
          f};
}

std::vector<Fault> activation_faults();
std::vector<Fault> arithmetic_faults();
std::vector<Fault> choice_faults();
std::vector<Fault> cross_entropy_faults();
std::vector<Fault> elementwise_faults();
std::vector<Fault> extrema_faults();
std::vector<Fault> gather_faults();
std::vector<Fault> indexing_faults();
std::vector<Fault> linear_faults();
std::vector<Fault> network_faults();
std::vector<Fault> products_faults();
std::vector<Fault> reduce_faults();
std::vector<Fault> shape_faults();
std::vector<Fault> slicing_faults();
std::vector<Fault> softmax_faults();
std::vector<Fault> target_losses_faults();
std::vector<Fault> unroll_faults();

/// A row whose last number is `last`.
inline Initializer ending_with(double last) {
  return [=](Random& random, std::span<double> numbers) {
    uniform(0.5, 1)(random, numbers);
    numbers.back() = last;
  };
}

/// The given numbers, where chance could put two of them at a kink or all on one side of it.
inline Initializer numbers(std::vector<double> values) {
  return [values = std::move(values)](Random&, std::span<double> target) {
    std::copy_n(values.begin(), target.size(), target.begin());
  };
}

/// Numbers of changing sign, away from the kink at 0.
inline void both_signs(Random& random, std::span<double> target) {
  uniform(0.5, 1)(random, target);
  for (std::size_t i = 0; i < target.size(); i += 2) target[i] = -target[i];
}

/// The value of a recorded computation, as an op of one's own computes it.
template <class F>
auto value_of(F f) {
  const Inference pause;
  return f().value();
}

/// f of the numbers of arrays of one shape.
template <class F, class T, class... Rest>
Array<T> each(F f, const Array<T>& first, const Rest&... rest) {
  auto y = Array<T>::uninitialized(first.shape());
  T* const out = y.mutable_data();
  for (std::size_t i = 0; i < y.size(); ++i) out[i] = f(first.data()[i], rest.data()[i]...);
  return y;
}

/// y = f(x)                          dx = dy slope(x, y)
template <class T, class F, class Slope>
Variable<T> elementwise(const char* op, const Variable<T>& x, F f, Slope slope) {
  const Array<T> y = each(f, x.value());
  return record(op, y, wrt(x, [x = x.value(), y, slope](const Array<T>& dy) {
                  return each([&](T dyi, T xi, T yi) { return dyi * slope(xi, yi); }, dy, x, y);
                }));
}

/// a b of matrices.
template <class T>
Array<T> product(const Array<T>& a, const Array<T>& b) {
  return value_of([&] { return matmul(Variable<T>(a), Variable<T>(b)); });
}

/// a with its axes in the given order, reversed if none is given.
template <class T>
Array<T> transposed(const Array<T>& a, const std::vector<std::ptrdiff_t>& order = {}) {
  return value_of([&] { return transpose(Variable<T>(a), order); });
}

template <class T>
Array<T> sum_over(const Array<T>& a, int axis, bool keep_axes = false) {
  return value_of([&] { return sum(Variable<T>(a), axis, keep_axes); });
}

/// dx += contribution, or dx = contribution.
template <class T>
void add_to(Array<T>& dx, const Array<T>& contribution, bool overwrites) {
  dx = overwrites ? contribution : dx + contribution;
}

/// y and another use of x, recorded later: when the sweep comes to y, a gradient of x is already there.
template <class T>
Variable<T> with_another_use(const Variable<T>& y, const Variable<T>& x) {
  return y + sum(square(x));
}

}  // namespace xgrad::faults
