// Each kind of defect is a hypothesis: a way to derive the wrong Jacobian from the right one. The first that
// explains every entry is the diagnosis. Start with `diagnose` at the end, which asks them in turn.
#include <xgrad/autograd/checks/gradcheck/report.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <numeric>
#include <optional>
#include <set>
#include <utility>

#include <xgrad/autograd/checks/direction.hpp>

namespace xgrad {

using proof::inner, proof::largest;

namespace {

// Equal up to rounding, beside entries of the size `scale`.
bool near(double a, double b, double scale) { return std::abs(a - b) <= 1e-10 * scale; }

// True if every tape(i, m) is `expected(i, m)`.
template <class F>
bool agrees(const Jacobian& tape, const Jacobian& exact, F expected) {
  const double scale = largest(exact.entries);
  for (std::size_t i = 0; i < exact.y.size(); ++i)
    for (std::size_t m = 0; m < exact.x.size(); ++m)
      if (!near(tape.at(i, m), expected(i, m), scale)) return false;
  return true;
}

// The index along an axis of a flat position.
std::size_t place(std::size_t flat, const Shape& shape, std::size_t axis) {
  return flat / shape.stride(axis) % shape[axis];
}

// The right derivatives at the wrong places: each of these hypotheses is a way to move the entries of the
// right Jacobian that gives the wrong one.
constexpr std::size_t outside = ~std::size_t{0};

// A step along an axis. A move maps a flat position in a shape to another one, or to `outside`.
auto shift(std::size_t axis, std::size_t by, bool cyclic) {
  return [=](std::size_t flat, const Shape& shape) {
    const std::size_t from = place(flat, shape, axis);
    const std::size_t to = cyclic ? (from + by) % shape[axis] : from + by;
    return to < shape[axis] ? flat + (to - from) * shape.stride(axis) : outside;
  };
}

// True if tape(i, m) is exact(i, m) with i moved if `in_y` and m if `in_x`, wherever that does not lead
// outside. What a loop that is one step off finds beyond the last step, zeros, the last step again or the
// first one, is its own affair.
template <class Move>
bool is_moved(const Jacobian& tape, const Jacobian& exact, bool in_y, bool in_x, const Move& move) {
  return agrees(tape, exact, [&](auto i, auto m) {
    const std::size_t from_i = in_y ? move(i, exact.y) : i, from_m = in_x ? move(m, exact.x) : m;
    return from_i == outside || from_m == outside ? tape.at(i, m) : exact.at(from_i, from_m);
  });
}

// The swap of two axes of equal size, in y, in x or in both alike, that turns the one Jacobian into the
// other.
std::optional<std::array<std::size_t, 2>> swapped_axes(const Jacobian& tape, const Jacobian& exact, bool in_y,
                                                       bool in_x) {
  const Shape& shape = in_x ? exact.x : exact.y;
  if (in_x && in_y && exact.x != exact.y) return std::nullopt;
  for (std::size_t a = 0; a < shape.rank(); ++a)
    for (std::size_t b = a + 1; b < shape.rank(); ++b) {
      if (shape[a] != shape[b] || shape[a] < 2) continue;
      const auto swap = [&](std::size_t flat, const Shape&) {
        const std::size_t i = place(flat, shape, a), k = place(flat, shape, b);
        return flat + (k - i) * shape.stride(a) + (i - k) * shape.stride(b);
      };
      if (is_moved(tape, exact, in_y, in_x, swap)) return {{a, b}};
    }
  return std::nullopt;
}

// The axes along which a number of y depends on numbers of x at another place. x has the rank of y, or
// broadcasts to it.
std::set<std::size_t> coupled_axes(const Jacobian& J) {
  const std::size_t lacks = J.y.rank() - J.x.rank();  // leading axes
  std::set<std::size_t> axes;
  for (std::size_t i = 0; i < J.y.size(); ++i)
    for (std::size_t m = 0; m < J.x.size(); ++m)
      for (std::size_t axis = 0; axis < J.y.rank() && J.at(i, m) != 0; ++axis)
        if (place(i, J.y, axis) != (axis < lacks ? 0 : place(m, J.x, axis - lacks))) axes.insert(axis);
  return axes;
}

// Along an axis of x, of y, or of both: then the numbers that the vjp has saved are one step off. Those must
// be of more than two values: a mask that is dropped or inverted often looks like its neighbour.
bool is_time_shift(const Jacobian& tape, const Jacobian& exact) {
  if (largest(tape.entries) == 0) return false;  // nothing came from a neighbour
  const bool may_be_saved = exact.y.rank() == exact.x.rank() &&
                            std::set(exact.entries.begin(), exact.entries.end()).size() > 3;  // and 0
  for (const std::size_t by : {std::size_t(-1), std::size_t{1}})
    for (const auto& [in_y, in_x] : {std::pair(false, true), {true, false}, {true, true}}) {
      const Shape& shape = in_x ? exact.x : exact.y;
      for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
        if (shape[axis] < 3 || (in_y && in_x && !(may_be_saved && exact.y[axis] == exact.x[axis]))) continue;
        const auto step = shift(axis, by, false);
        if (is_moved(tape, exact, in_y, in_x, step) && !is_moved(exact, exact, in_y, in_x, step)) return true;
      }
    }
  return false;
}

// Something that is the same all along one axis, such as a mask of rows, taken along another.
bool is_wrong_direction(const Jacobian& tape, const Jacobian& exact) {
  const auto axes = swapped_axes(tape, exact, true, true);
  return axes && std::any_of(axes->begin(), axes->end(), [&](std::size_t axis) {
           return is_moved(exact, exact, true, true, shift(axis, 1, true));
         });
}

// A matrix, y or x, read in the order of its transpose, or the other way round.
bool is_reread(const Jacobian& tape, const Jacobian& exact, bool of_y) {
  const Shape& shape = of_y ? exact.y : exact.x;
  if (shape.rank() != 2) return false;
  const auto reread_by = [&](std::size_t rows) {
    return is_moved(tape, exact, of_y, !of_y,
                    [=, columns = shape.size() / rows](std::size_t flat, const Shape&) {
                      return flat % columns * rows + flat / columns;
                    });
  };
  return reread_by(shape[0]) || reread_by(shape[1]);
}

bool is_transpose(const Jacobian& tape, const Jacobian& exact) {
  if (exact.y.size() == exact.x.size() &&  // dy W for dy W^T
      agrees(tape, exact, [&](auto i, auto m) { return exact.at(m, i); }))
    return true;
  return is_reread(tape, exact, false) || is_reread(tape, exact, true) ||
         swapped_axes(tape, exact, false, true) || swapped_axes(tape, exact, true, false);
}

// A reduction whose gradient is spread along another axis than was reduced, or a broadcast that is undone by
// the sum over another axis than was stretched.
bool is_wrong_reduction(const Jacobian& tape, const Jacobian& exact) {
  if (exact.y.size() < exact.x.size())
    return (exact.y.rank() < exact.x.rank() || broadcast(exact.y, exact.x) == exact.x) &&
           swapped_axes(tape, exact, false, true);
  const bool stretches = exact.x.size() < exact.y.size() && broadcast(exact.x, exact.y) == exact.y;
  return stretches && swapped_axes(tape, exact, true, false);
}

bool is_wrong_coupling(const Jacobian& tape, const Jacobian& exact) {
  if (exact.y.rank() != exact.x.rank() && broadcast(exact.x, exact.y) != exact.y) return false;
  const auto right = coupled_axes(exact), wrong = coupled_axes(tape);
  return !right.empty() && !std::includes(right.begin(), right.end(), wrong.begin(), wrong.end());
}

// Which copy of x element i of y belongs to: its place along the axes of y that x lacks or has with size 1.
std::vector<std::size_t> copy_of(std::size_t i, const Shape& x, const Shape& y) {
  const std::size_t lacks = y.rank() - x.rank();
  std::vector<std::size_t> copy(y.rank());
  for (std::size_t axis = 0; axis < y.rank(); ++axis)
    copy[axis] = axis >= lacks && x[axis - lacks] > 1 ? 0 : place(i, y, axis);
  return copy;
}

// True if whole copies of x send no gradient back, and the others theirs.
bool is_broadcast_sum(const Jacobian& tape, const Jacobian& exact) {
  if (exact.y.rank() != exact.x.rank() && broadcast(exact.x, exact.y) != exact.y) return false;
  const double scale = largest(exact.entries);
  std::set<std::vector<std::size_t>> sent, lost;
  for (std::size_t i = 0; i < exact.y.size(); ++i)
    for (std::size_t m = 0; m < exact.x.size(); ++m) {
      const bool right = near(tape.at(i, m), exact.at(i, m), scale);
      if (!right && tape.at(i, m) != 0) return false;
      if (exact.at(i, m) != 0) (right ? sent : lost).insert(copy_of(i, exact.x, exact.y));
    }
  return !sent.empty() &&
         std::none_of(lost.begin(), lost.end(), [&](const auto& copy) { return sent.contains(copy); });
}

// True if, of the numbers of y that depend on one of x, the last alone sends its gradient back: each has
// replaced what those before had put there.
bool keeps_the_last(const Jacobian& tape, const Jacobian& exact) {
  return agrees(tape, exact, [&](auto i, auto m) {
    for (std::size_t later = i + 1; later < exact.y.size(); ++later)
      if (exact.at(later, m) != 0) return 0.0;
    return exact.at(i, m);
  });
}

// A vjp can be right for each single number of dy and wrong for their sum, if a term lacks its dy: dy - p for
// dy - p sum dy.
bool right_one_by_one(const std::vector<double>& tape, const std::vector<double>& exact) {
  const double rounding = 1e-14 * largest(exact);
  return std::equal(tape.begin(), tape.end(), exact.begin(),
                    [=](double a, double b) { return std::abs(a - b) <= rounding; });
}

// The factor that explains all entries, if there is one other than 0. Entries have rounding errors of the
// size `scale`.
std::optional<double> common_factor(const std::vector<double>& tape, const std::vector<double>& exact,
                                    double scale) {
  const long double square = inner(exact, exact);
  if (square == 0) return std::nullopt;
  const auto factor = static_cast<double>(inner(exact, tape) / square);
  if (factor == 0) return std::nullopt;
  for (std::size_t k = 0; k < exact.size(); ++k)
    if (!near(tape[k], factor * exact[k], std::abs(factor) * scale)) return std::nullopt;
  return factor;
}

std::optional<Diagnosis> scaled(const std::vector<double>& tape, const std::vector<double>& exact,
                                double scale, Extent extent) {
  const auto factor = common_factor(tape, exact, scale);
  if (!factor) return std::nullopt;
  return near(*factor, -1, 1) ? Diagnosis{Defect::sign, -1, extent}
                              : Diagnosis{Defect::factor, *factor, extent};
}

// Several derivatives are off by one factor and the others are right: a factor in one branch alone, such as a
// sign.
std::optional<Diagnosis> scaled_in_part(const std::vector<double>& tape, const std::vector<double>& exact) {
  const double scale = largest(exact);
  std::vector<double> wrong_tape, wrong_exact;
  for (std::size_t k = 0; k < exact.size(); ++k) {
    if (near(tape[k], exact[k], scale)) continue;
    wrong_tape.push_back(tape[k]);
    wrong_exact.push_back(exact[k]);
  }
  if (wrong_exact.size() < 2) return std::nullopt;  // one number is off by some factor, whatever the mistake
  return scaled(wrong_tape, wrong_exact, scale, Extent::some);
}

// The factor that is furthest from 1 of those of the `size` places along an axis, if each place has one that
// at least two entries agree on. Neighbours along the axis are `step` entries apart.
std::optional<double> factor_of_each(const Jacobian& tape, const Jacobian& exact, std::size_t size,
                                     std::size_t step) {
  double worst = 1;
  for (std::size_t k = 0; k < size; ++k) {
    std::vector<double> tape_there, exact_there;
    for (std::size_t e = 0; e < exact.entries.size(); ++e) {
      if (e / step % size != k) continue;
      tape_there.push_back(tape.entries[e]);
      exact_there.push_back(exact.entries[e]);
    }
    if (largest(tape_there) == 0 && largest(exact_there) == 0) continue;
    const auto factor = common_factor(tape_there, exact_there, largest(exact.entries));
    const auto zeros = std::count(exact_there.begin(), exact_there.end(), 0);
    if (!factor || exact_there.size() < 2 + static_cast<std::size_t>(zeros)) return std::nullopt;
    if (std::abs(*factor - 1) > std::abs(worst - 1)) worst = *factor;
  }
  return worst;
}

// Along an axis of y or of x, each place has its own factor: a gain, a weight or a norm of each row.
std::optional<Diagnosis> scaled_along_axis(const Jacobian& tape, const Jacobian& exact) {
  for (const bool of_y : {true, false}) {
    const Shape& shape = of_y ? exact.y : exact.x;
    for (std::size_t axis = 0; axis < shape.rank(); ++axis)
      if (const auto worst =
              factor_of_each(tape, exact, shape[axis], shape.stride(axis) * (of_y ? exact.x.size() : 1)))
        return Diagnosis{Defect::factor, *worst, Extent::along_axis};
  }
  return std::nullopt;
}

}  // namespace

// In the order of Defect.
std::string to_string(Defect defect) {
  constexpr const char* names[] = {
      "not finite",
      ("the value does not depend on this argument (an op computes its value from arrays, or with recording "
       "paused by Inference, not with recorded ops)"),
      "the gradient that is already there is overwritten, not added to",
      "wrong sign",
      "wrong factor",
      "one step off along an axis",
      "transposed",
      "along the wrong axis",
      "missing sum over a broadcast axis",
      "a term is missing or wrong",
  };
  static_assert(std::size(names) == static_cast<std::size_t>(Defect::missing_term) + 1);
  return names[static_cast<std::size_t>(defect)];
}

Diagnosis diagnose(const std::vector<double>& tape, const std::vector<double>& exact) {
  const auto finite = [](double e) { return std::isfinite(e); };
  if (!std::all_of(tape.begin(), tape.end(), finite) || !std::all_of(exact.begin(), exact.end(), finite))
    return {Defect::not_finite};
  if (largest(exact) == 0) return {Defect::independent};
  if (right_one_by_one(tape, exact)) return {};
  return scaled(tape, exact, largest(exact), Extent::all).value_or(Diagnosis{});
}

Diagnosis diagnose(const Jacobian& tape, const Jacobian& exact) {
  const Diagnosis simple = diagnose(tape.entries, exact.entries);
  if (simple.defect != Defect::missing_term || right_one_by_one(tape.entries, exact.entries)) return simple;
  if (is_time_shift(tape, exact)) return {Defect::time_shift};
  if (is_wrong_reduction(tape, exact) || is_wrong_direction(tape, exact)) return {Defect::wrong_axis};
  if (is_transpose(tape, exact)) return {Defect::transpose};
  if (is_wrong_coupling(tape, exact)) return {Defect::wrong_axis};
  if (swapped_axes(tape, exact, true, true)) return {Defect::transpose};  // of what the vjp has saved
  if (is_broadcast_sum(tape, exact)) return {Defect::broadcast_sum};
  if (keeps_the_last(tape, exact)) return {Defect::overwritten};
  if (const auto some = scaled_in_part(tape.entries, exact.entries)) return *some;
  return scaled_along_axis(tape, exact).value_or(Diagnosis{});
}

}  // namespace xgrad
