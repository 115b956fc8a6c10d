// Broadcasting and the texts of shapes; see shape.hpp.
#include <xgrad/autograd/shape.hpp>

#include <limits>

#include <fmt/format.h>

#include <xgrad/autograd/numbers/refuse.hpp>

namespace xgrad {

void Shape::push_back(std::size_t dim) {
  if (rank_ == max_rank) throw Error("shape", "an array has at most 6 axes, asked for more");
  set(rank_, dim);
  ++rank_;
}

void Shape::set(std::size_t axis, std::size_t dim) {
  if (dim > std::numeric_limits<std::uint32_t>::max())
    detail::refuse("shape", "axis {} has size {}, expected less than 2^32 (was a negative number converted?)",
                   axis, dim);
  dims_[axis] = static_cast<std::uint32_t>(dim);
}

std::string to_string(const Shape& shape) {
  return fmt::format("({}{})", fmt::join(shape.begin(), shape.end(), ", "), shape.rank() == 1 ? "," : "");
}

std::optional<Shape> broadcast(const Shape& a, const Shape& b) {
  if (a == b) return a;
  if (a.rank() < b.rank()) return broadcast(b, a);
  Shape result = a;
  const std::size_t lead = a.rank() - b.rank();
  for (std::size_t axis = 0; axis < b.rank(); ++axis) {
    const std::size_t m = a[lead + axis], n = b[axis];
    if (m != n && m != 1 && n != 1) return std::nullopt;
    result.set(lead + axis, m == 1 ? n : m);
  }
  return result;
}

std::size_t normalize_axis(const char* op, std::ptrdiff_t axis, const Shape& shape) {
  const auto rank = static_cast<std::ptrdiff_t>(shape.rank());
  if (axis < -rank || axis >= rank) detail::refuse(op, "axis {} does not exist in shape {}", axis, shape);
  return static_cast<std::size_t>(axis < 0 ? axis + rank : axis);
}

std::string index_of(std::size_t flat, const Shape& shape) {
  Shape index = shape;
  for (std::size_t axis = shape.rank(); axis-- > 0;) {
    index.set(axis, flat % shape[axis]);
    flat /= shape[axis];
  }
  return to_string(index);
}

}  // namespace xgrad
