// The right derivatives at the wrong places: each hypothesis is a way to move the entries of the right
// Jacobian that gives the wrong one.
#include <array>
#include <functional>
#include <optional>
#include <set>
#include <utility>

#include <xgrad/autograd/checks/gradcheck/hypothesis.hpp>

namespace xgrad::hypothesis {

Index unflatten(std::size_t flat, const Shape& shape) {
  Index index(shape.rank());
  for (std::size_t axis = shape.rank(); axis-- > 0;) {
    index[axis] = flat % shape[axis];
    flat /= shape[axis];
  }
  return index;
}

namespace {

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
  return agrees(tape, exact, [&](auto i, auto m) { return exact.at(y_move(i), x_move(m)); });
}

// True if tape(i, m) is exact(y_move(i), x_move(m)) wherever the moves do not lead outside, and differs from
// exact(i, m) somewhere there. What a loop that is one step off finds beyond the last step, zeros, the last
// step again or the first one, is its own affair.
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

// The swap of two axes of equal size, in y, in x or in both alike, that turns the one Jacobian into the other.
std::optional<std::array<std::size_t, 2>> swapped_axes(const Jacobian& tape, const Jacobian& exact, bool in_y,
                                                       bool in_x) {
  const Shape& shape = in_x ? exact.x : exact.y;
  if (in_x && in_y && exact.x != exact.y) return std::nullopt;
  for (std::size_t a = 0; a < shape.rank(); ++a)
    for (std::size_t b = a + 1; b < shape.rank(); ++b) {
      if (shape[a] != shape[b] || shape[a] < 2) continue;
      const Move swap = swap_axes(shape, a, b);
      if (is_moved(tape, exact, in_y ? swap : stay(), in_x ? swap : stay())) return {{a, b}};
    }
  return std::nullopt;
}

// The axes along which a number of y depends on numbers of x at another place. x has the rank of y, or
// broadcasts to it.
std::set<std::size_t> coupled_axes(const Jacobian& J) {
  Index aligned(J.y.rank() - J.x.rank(), 1);
  aligned.insert(aligned.end(), J.x.begin(), J.x.end());
  const Shape x_shape(aligned.begin(), aligned.end());
  std::set<std::size_t> axes;
  for (std::size_t i = 0; i < J.y.size(); ++i)
    for (std::size_t m = 0; m < J.x.size(); ++m) {
      if (J.at(i, m) == 0) continue;
      const Index y = unflatten(i, J.y), x = unflatten(m, x_shape);
      for (std::size_t axis = 0; axis < y.size(); ++axis)
        if (y[axis] != x[axis]) axes.insert(axis);
    }
  return axes;
}

}  // namespace

// Along an axis of x, of y, or of both: then the numbers that the vjp has saved are one step off. Those must
// be of more than two values: a mask that is dropped or inverted often looks like its neighbour.
bool is_time_shift(const Jacobian& tape, const Jacobian& exact) {
  const bool may_be_saved = exact.y.rank() == exact.x.rank() &&
                            std::set(exact.entries.begin(), exact.entries.end()).size() > 3;  // and 0
  for (const int by : {-1, 1})
    for (const auto& [in_y, in_x] : {std::pair(false, true), {true, false}, {true, true}}) {
      const Shape& shape = in_x ? exact.x : exact.y;
      for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
        if (shape[axis] < 3 || (in_y && in_x && !(may_be_saved && exact.y[axis] == exact.x[axis]))) continue;
        if (is_neighbour(tape, exact, in_y ? shift(exact.y, axis, by, false) : stay(),
                         in_x ? shift(exact.x, axis, by, false) : stay()))
          return true;
      }
    }
  return false;
}

bool is_swap(const Jacobian& tape, const Jacobian& exact) {
  return swapped_axes(tape, exact, true, true).has_value();
}

// Something that is the same all along one axis, such as a mask of rows, taken along another.
bool is_wrong_direction(const Jacobian& tape, const Jacobian& exact) {
  const auto axes = swapped_axes(tape, exact, true, true);
  return axes && std::any_of(axes->begin(), axes->end(), [&](std::size_t axis) {
           const Move next = shift(exact.x, axis, 1, true);
           return is_moved(exact, exact, next, next);
         });
}

bool is_transpose(const Jacobian& tape, const Jacobian& exact) {
  if (exact.y.size() == exact.x.size() &&  // dy W for dy W^T
      agrees(tape, exact, [&](auto i, auto m) { return exact.at(m, i); }))
    return true;
  if (exact.x.rank() == 2) {
    const std::size_t K = exact.x[0], M = exact.x[1];
    if (is_moved(tape, exact, stay(), reread_transposed(K, M))) return true;
    if (is_moved(tape, exact, stay(), reread_transposed(M, K))) return true;
  }
  return swapped_axes(tape, exact, false, true) || swapped_axes(tape, exact, true, false);
}

// A reduction whose gradient is spread along another axis than was reduced, or a broadcast that is undone by
// the sum over another axis than was stretched.
bool is_wrong_reduction(const Jacobian& tape, const Jacobian& exact) {
  if (exact.y.size() < exact.x.size()) {
    const bool keeps_axes = exact.y.rank() == exact.x.rank() && broadcast(exact.y, exact.x) == exact.x;
    return (keeps_axes || exact.y.rank() < exact.x.rank()) && swapped_axes(tape, exact, false, true);
  }
  const bool stretches = exact.x.size() < exact.y.size() && broadcast(exact.x, exact.y) == exact.y;
  return stretches && swapped_axes(tape, exact, true, false);
}

bool is_wrong_coupling(const Jacobian& tape, const Jacobian& exact) {
  if (exact.y.rank() != exact.x.rank() && broadcast(exact.x, exact.y) != exact.y) return false;
  const auto right = coupled_axes(exact), wrong = coupled_axes(tape);
  return !right.empty() && !std::includes(right.begin(), right.end(), wrong.begin(), wrong.end());
}

}  // namespace xgrad::hypothesis
