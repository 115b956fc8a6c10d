// Each kind of defect is a hypothesis: a way to derive the wrong Jacobian from the right one. The first that explains
// every entry is the diagnosis.
#include <xgrad/autograd/gradcheck/defect.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <numeric>
#include <optional>
#include <set>

#include <xgrad/autograd/error.hpp>

namespace xgrad {

namespace {

using Index = std::vector<std::size_t>;

double largest(const std::vector<double>& entries) {
  double result = 0;
  for (const double e : entries) result = std::max(result, std::abs(e));
  return result;
}

// Equal up to rounding, beside entries of the size `scale`.
bool near(double a, double b, double scale) { return std::abs(a - b) <= 1e-10 * scale; }

bool all_near(const std::vector<double>& a, const std::vector<double>& b, double scale) {
  for (std::size_t k = 0; k < a.size(); ++k)
    if (!near(a[k], b[k], scale)) return false;
  return true;
}

Index unflatten(std::size_t flat, const Shape& shape) {
  Index index(shape.rank());
  for (std::size_t axis = shape.rank(); axis-- > 0;) {
    index[axis] = flat % shape[axis];
    flat /= shape[axis];
  }
  return index;
}

std::size_t flatten(const Index& index, const Shape& shape) {
  std::size_t flat = 0;
  for (std::size_t axis = 0; axis < shape.rank(); ++axis) flat = flat * shape[axis] + index[axis];
  return flat;
}

constexpr std::size_t outside = ~std::size_t{0};
using Move = std::function<std::size_t(std::size_t)>;  // of a flat position; `outside` where there is none

Move stay() {
  return [](std::size_t flat) { return flat; };
}

Move swap_axes(const Shape& shape, std::size_t a, std::size_t b) {
  return [=](std::size_t flat) {
    Index index = unflatten(flat, shape);
    std::swap(index[a], index[b]);
    return flatten(index, shape);
  };
}

// The numbers of a matrix of `rows` rows read as those of its transpose.
Move reread_transposed(std::size_t rows, std::size_t columns) {
  return [=](std::size_t flat) { return flat % columns * rows + flat / columns; };
}

Move shift(const Shape& shape, std::size_t axis, int by, bool cyclic) {
  return [=](std::size_t flat) {
    Index index = unflatten(flat, shape);
    const auto n = static_cast<std::ptrdiff_t>(shape[axis]);
    auto moved = static_cast<std::ptrdiff_t>(index[axis]) + by;
    if (cyclic) moved = (moved + n) % n;
    if (moved < 0 || moved >= n) return outside;
    index[axis] = static_cast<std::size_t>(moved);
    return flatten(index, shape);
  };
}

// True if tape(i, m) is exact(y_move(i), x_move(m)) everywhere, for moves that do not lead outside.
bool is_moved(const Jacobian& tape, const Jacobian& exact, const Move& y_move, const Move& x_move) {
  const double scale = largest(exact.entries);
  for (std::size_t i = 0; i < exact.y.size(); ++i)
    for (std::size_t m = 0; m < exact.x.size(); ++m)
      if (!near(tape.at(i, m), exact.at(y_move(i), x_move(m)), scale)) return false;
  return true;
}

// True if tape(i, m) is exact(y_move(i), x_move(m)) wherever the moves do not lead outside, and differs from
// exact(i, m) somewhere there. What a loop that is one step off finds beyond the last step, zeros, the last step
// again or the first one, is its own affair.
bool is_neighbour(const Jacobian& tape, const Jacobian& exact, const Move& y_move, const Move& x_move) {
  const double scale = largest(exact.entries);
  bool explains = false;
  for (std::size_t i = 0; i < exact.y.size(); ++i)
    for (std::size_t m = 0; m < exact.x.size(); ++m) {
      const std::size_t from_i = y_move(i), from_m = x_move(m);
      if (from_i == outside || from_m == outside) continue;
      if (!near(tape.at(i, m), exact.at(from_i, from_m), scale)) return false;
      explains = explains || !near(tape.at(i, m), exact.at(i, m), scale);
    }
  return explains;
}

bool is_time_shift(const Jacobian& tape, const Jacobian& exact) {
  for (const int by : {-1, 1}) {
    for (std::size_t axis = 0; axis < exact.x.rank(); ++axis)
      if (exact.x[axis] > 2 && is_neighbour(tape, exact, stay(), shift(exact.x, axis, by, false)))
        return true;
    for (std::size_t axis = 0; axis < exact.y.rank(); ++axis)
      if (exact.y[axis] > 2 && is_neighbour(tape, exact, shift(exact.y, axis, by, false), stay()))
        return true;
  }
  return false;
}

bool is_square_swap(const Jacobian& tape, const Jacobian& exact, bool of_y) {
  const Shape& shape = of_y ? exact.y : exact.x;
  for (std::size_t a = 0; a < shape.rank(); ++a)
    for (std::size_t b = a + 1; b < shape.rank(); ++b) {
      if (shape[a] != shape[b] || shape[a] < 2) continue;
      const Move swap = swap_axes(shape, a, b);
      if (is_moved(tape, exact, of_y ? swap : stay(), of_y ? stay() : swap)) return true;
    }
  return false;
}

// The swap of two axes of equal size, in y and in x alike, that turns the one Jacobian into the other.
std::optional<std::array<std::size_t, 2>> swapped_axes(const Jacobian& tape, const Jacobian& exact) {
  const Shape& shape = exact.x;
  if (exact.y != shape) return std::nullopt;
  for (std::size_t a = 0; a < shape.rank(); ++a)
    for (std::size_t b = a + 1; b < shape.rank(); ++b) {
      if (shape[a] != shape[b]) continue;
      const Move swap = swap_axes(shape, a, b);
      if (is_moved(tape, exact, swap, swap)) return {{a, b}};
    }
  return std::nullopt;
}

// Something that is the same all along one axis, such as a mask of rows, taken along another.
bool is_wrong_direction(const Jacobian& tape, const Jacobian& exact) {
  const auto axes = swapped_axes(tape, exact);
  return axes && std::any_of(axes->begin(), axes->end(), [&](std::size_t axis) {
           const Move next = shift(exact.x, axis, 1, true);
           return is_moved(exact, exact, next, next);
         });
}

bool is_transpose(const Jacobian& tape, const Jacobian& exact) {
  if (exact.y.size() == exact.x.size()) {  // dy W for dy W^T
    bool transposed = true;
    for (std::size_t i = 0; i < exact.y.size() && transposed; ++i)
      for (std::size_t m = 0; m < exact.x.size() && transposed; ++m)
        transposed = near(tape.at(i, m), exact.at(m, i), largest(exact.entries));
    if (transposed) return true;
  }
  if (exact.x.rank() == 2) {
    const std::size_t K = exact.x[0], M = exact.x[1];
    if (is_moved(tape, exact, stay(), reread_transposed(K, M))) return true;
    if (is_moved(tape, exact, stay(), reread_transposed(M, K))) return true;
  }
  return is_square_swap(tape, exact, false) || is_square_swap(tape, exact, true);
}

// The axes along which a number of y depends on numbers of x at another place, for shapes of equal rank.
std::set<std::size_t> coupled_axes(const Jacobian& J) {
  std::set<std::size_t> axes;
  for (std::size_t i = 0; i < J.y.size(); ++i)
    for (std::size_t m = 0; m < J.x.size(); ++m) {
      if (J.at(i, m) == 0) continue;
      const Index y = unflatten(i, J.y), x = unflatten(m, J.x);
      for (std::size_t axis = 0; axis < y.size(); ++axis)
        if (y[axis] != x[axis]) axes.insert(axis);
    }
  return axes;
}

// A reduction whose gradient is spread along another axis than was reduced, or a broadcast that is undone by
// the sum over another axis than was stretched.
bool is_wrong_reduction(const Jacobian& tape, const Jacobian& exact) {
  if (exact.y.size() < exact.x.size()) {
    const bool keeps_axes = exact.y.rank() == exact.x.rank() && broadcast(exact.y, exact.x) == exact.x;
    return (keeps_axes || exact.y.rank() < exact.x.rank()) && is_square_swap(tape, exact, false);
  }
  const bool stretches = exact.x.size() < exact.y.size() && broadcast(exact.x, exact.y) == exact.y;
  return stretches && is_square_swap(tape, exact, true);
}

bool is_wrong_coupling(const Jacobian& tape, const Jacobian& exact) {
  if (exact.y.rank() != exact.x.rank()) return false;
  const auto right = coupled_axes(exact), wrong = coupled_axes(tape);
  return !wrong.empty() && !std::includes(right.begin(), right.end(), wrong.begin(), wrong.end());
}

bool is_broadcast_sum(const Jacobian& tape, const Jacobian& exact) {
  if (exact.x.size() >= exact.y.size() || broadcast(exact.x, exact.y) != exact.y) return false;
  const double scale = largest(exact.entries);
  for (std::size_t k = 0; k < exact.entries.size(); ++k)
    if (tape.entries[k] != 0 && !near(tape.entries[k], exact.entries[k], scale)) return false;
  return largest(tape.entries) > 0;
}

std::optional<Diagnosis> scaled(const std::vector<double>& tape, const std::vector<double>& exact) {
  const double square = std::inner_product(exact.begin(), exact.end(), exact.begin(), 0.0);
  if (square == 0) return std::nullopt;
  const double factor = std::inner_product(exact.begin(), exact.end(), tape.begin(), 0.0) / square;
  std::vector<double> expected = exact;
  for (double& e : expected) e *= factor;
  if (factor == 0 || !all_near(tape, expected, std::abs(factor) * largest(exact))) return std::nullopt;
  if (near(factor, -1, 1)) return Diagnosis{Defect::sign, -1};
  return Diagnosis{Defect::factor, factor};
}

// A vjp can be right for each single number of dy and wrong for their sum, if a term lacks its dy: dy - p for
// dy - p sum dy.
bool right_one_by_one(const std::vector<double>& tape, const std::vector<double>& exact) {
  const double rounding = 1e-14 * largest(exact);
  return std::equal(tape.begin(), tape.end(), exact.begin(),
                    [=](double a, double b) { return std::abs(a - b) <= rounding; });
}

bool finite(const std::vector<double>& entries) {
  return std::all_of(entries.begin(), entries.end(), [](double e) { return std::isfinite(e); });
}

}  // namespace

std::string to_string(Defect defect) {
  switch (defect) {
    case Defect::not_finite:
      return "not finite";
    case Defect::independent:
      return "the value does not depend on this argument (an op computes its value from arrays, or with "
             "recording "
             "paused by Inference, not with recorded ops)";
    case Defect::overwritten:
      return "the gradient that is already there is overwritten, not added to";
    case Defect::sign:
      return "wrong sign";
    case Defect::factor:
      return "wrong factor";
    case Defect::time_shift:
      return "one step off along an axis";
    case Defect::transpose:
      return "transposed";
    case Defect::wrong_axis:
      return "along the wrong axis";
    case Defect::broadcast_sum:
      return "missing sum over a broadcast axis";
    case Defect::missing_term:
      break;
  }
  return "a term is missing or wrong";
}

Diagnosis diagnose(const std::vector<double>& tape, const std::vector<double>& exact) {
  if (!finite(tape) || !finite(exact)) return {Defect::not_finite};
  if (largest(exact) == 0) return {Defect::independent};
  if (right_one_by_one(tape, exact)) return {};
  return scaled(tape, exact).value_or(Diagnosis{});
}

Diagnosis diagnose(const Jacobian& tape, const Jacobian& exact) {
  const Diagnosis simple = diagnose(tape.entries, exact.entries);
  if (simple.defect != Defect::missing_term || right_one_by_one(tape.entries, exact.entries)) return simple;
  if (is_time_shift(tape, exact)) return {Defect::time_shift};
  if (is_wrong_reduction(tape, exact) || is_wrong_direction(tape, exact)) return {Defect::wrong_axis};
  if (is_transpose(tape, exact)) return {Defect::transpose};
  if (is_wrong_coupling(tape, exact)) return {Defect::wrong_axis};
  if (swapped_axes(tape, exact)) return {Defect::transpose};  // of what the vjp has saved
  if (is_broadcast_sum(tape, exact)) return {Defect::broadcast_sum};
  return {};
}

}  // namespace xgrad
