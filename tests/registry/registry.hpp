// The registry: all that the tests know of each op of the library, a row an op. A row says how to make valid
// calls of the op, what NumPy or PyTorch would compute for them, and which calls are refused with which
// message. From the rows alone follow the proof over random shapes (test_proof.cpp), the comparison with the
// tables of tests/oracle, of ops (test_oracle.cpp) and of random programs (test_programs.cpp), the tests of
// messages and the names that record() accepts (test_registry.cpp), and the corruptions of vjps that
// gradcheck must catch (tests/faults). So a new op needs its row and no test. Each family has its file.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/random.hpp>

namespace registry {

using xgrad::Complex;
using xgrad::Ids;
using xgrad::Shape;
using xgrad::Variable;

template <class T>
using Inputs = std::vector<Variable<T>>;

/// A function of several inputs in every scalar, made from one generic callable.
class Function {
 public:
  template <class F>
  Function(F f)
      : float_(f), double_(f), complex_(f) {}  // NOLINT(google-explicit-constructor): meant to convert

  Variable<float> operator()(const Inputs<float>& xs) const { return float_(xs); }
  Variable<double> operator()(const Inputs<double>& xs) const { return double_(xs); }
  Variable<Complex> operator()(const Inputs<Complex>& xs) const { return complex_(xs); }

 private:
  std::function<Variable<float>(const Inputs<float>&)> float_;
  std::function<Variable<double>(const Inputs<double>&)> double_;
  std::function<Variable<Complex>(const Inputs<Complex>&)> complex_;
};

/// The numbers that an input is drawn from, so that derivatives of all orders exist and are of moderate size.
struct Domain {
  double low = -2, high = 2;
  /// Beyond that range, some that the exact derivatives must master too.
  std::vector<double> extremes = {1e-30, -1e-60, 60, -60};
  /// Numbers nearer to 0 than this are moved away by as much: from a pole or a kink.
  double gap = 0;
  /// If above 0: numbers that far apart, from `low` on in random order, so that no two come near a tie.
  double spacing = 0;

  /// Draws from [low, high]; with `extreme`, about every fourth number of 8 and more from the extremes.
  xgrad::Initializer numbers(bool extreme = false) const;
};

/// One valid call.
struct Call {
  std::vector<Shape> shapes;  ///< of the inputs
  Function f;
  /// The same in Python, with the inputs as x[0], x[1], ... (arrays of NumPy) or t[0], t[1], ... (tensors of
  /// PyTorch).
  std::string python;
};

/// One call that is refused.
struct Refusal {
  std::function<void()> call;
  std::string message;
};

/// Draws shapes and attributes; the same seed, the same calls.
class Draw {
 public:
  explicit Draw(std::uint32_t seed) : random_(seed) {}

  /// In [low, high].
  std::ptrdiff_t number(std::ptrdiff_t low, std::ptrdiff_t high);
  std::size_t index(std::size_t count) { return static_cast<std::size_t>(number(0, signed_of(count) - 1)); }
  bool coin() { return number(0, 1) == 1; }
  /// 0, 1, 2, 3, 5, 8 or 17; `least` or more.
  std::size_t size(std::size_t least = 0);
  /// Of a rank in [least_rank, most_rank] and at most 300 numbers. 0 has half the chance of other sizes.
  Shape shape(std::size_t least_rank = 0, std::size_t most_rank = 4, std::size_t least_size = 0);
  /// Two shapes that broadcast, in either order.
  std::pair<Shape, Shape> pair();
  /// An axis of an array of that rank, counted from either end.
  std::ptrdiff_t axis(std::size_t rank) { return number(-signed_of(rank), signed_of(rank) - 1); }
  /// Indices in [0, count).
  Ids ids(const Shape& shape, std::size_t count);

  static std::ptrdiff_t signed_of(std::size_t n) { return static_cast<std::ptrdiff_t>(n); }

 private:
  xgrad::Random random_;
};

struct Row {
  std::string name;  ///< of the function, and what it gives to record()
  std::function<Call(Draw&)> valid;
  std::vector<Refusal> refusals = {};
  std::vector<Domain> domains = {{}};  ///< of each input; the last one is that of all further ones
  /// True if each number of the result depends on one number of each input: then the table has edge values.
  bool elementwise = false;

  const Domain& domain(std::size_t input) const { return domains[std::min(input, domains.size() - 1)]; }
};

// The rows, by family.
std::vector<Row> activation();
std::vector<Row> arithmetic();
std::vector<Row> choice();
std::vector<Row> elementwise();
std::vector<Row> indexing();
std::vector<Row> linear();
std::vector<Row> losses();
std::vector<Row> network();
std::vector<Row> pointwise_rows();  // `pointwise` is the op
std::vector<Row> reduce();
std::vector<Row> shape();
std::vector<Row> slicing();
std::vector<Row> softmax();

/// All of them.
const std::vector<Row>& ops();

// What rows are written with.

/// "(2, 3)" as Python reads it; "(2,)" and "()" too.
inline std::string python(const Shape& shape) { return to_string(shape); }
/// "np.array([...]).reshape(...)".
std::string python(const Ids& ids);

/// A row's `valid` for a function of one variable of any shape.
inline std::function<Call(Draw&)> unary(Function f, const std::string& python) {
  return [=](Draw& draw) { return Call{{draw.shape()}, f, python}; };
}
/// The same for two operands that broadcast.
inline std::function<Call(Draw&)> binary(Function f, const std::string& python) {
  return [=](Draw& draw) {
    const auto [a, b] = draw.pair();
    return Call{{a, b}, f, python};
  };
}

/// All axes, one of them from either end, or two; also in Python.
std::pair<xgrad::Axes, std::string> draw_axes(Draw& draw, const Shape& x);

/// Numbers away from a kink or a pole at 0.
inline const Domain away_from_0{-2, 2, {1e-30, -1e-60, 60, -60}, 0.5};
inline const Domain positive{0.5, 3, {1e-30, 1e-60, 60}};

inline std::size_t from_front(std::ptrdiff_t axis, std::size_t rank) {
  return static_cast<std::size_t>(axis < 0 ? axis + Draw::signed_of(rank) : axis);
}

/// An input of a refused call: ones of this shape.
inline Variable<double> ones(const Shape& shape) { return xgrad::Array<double>::full(shape, 1); }

}  // namespace registry
