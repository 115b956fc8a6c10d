// Broadcasting and the texts of shapes; see shape.hpp.
#include <xgrad/autograd/shape.hpp>

#include <limits>
#include <vector>

#include <xgrad/autograd/error.hpp>

namespace xgrad {

namespace {

template <class Iterator>
std::string tuple_text(Iterator first, Iterator last) {
  std::string text = "(";
  for (auto it = first; it != last; ++it) text += (it == first ? "" : ", ") + std::to_string(*it);
  return text + (last - first == 1 ? ",)" : ")");
}

}  // namespace

void Shape::push_back(std::size_t dim) {
  if (rank_ == max_rank) throw Error("shape", "an array has at most 6 axes, asked for more");
  set(rank_, dim);
  ++rank_;
}

void Shape::set(std::size_t axis, std::size_t dim) {
  if (dim > std::numeric_limits<std::uint32_t>::max())
    throw Error("shape", "axis " + std::to_string(axis) + " has size " + std::to_string(dim) +
                             ", expected less than 2^32 (was a negative number converted?)");
  dims_[axis] = static_cast<std::uint32_t>(dim);
}

std::string to_string(const Shape& shape) { return tuple_text(shape.begin(), shape.end()); }

std::optional<Shape> broadcast(const Shape& a, const Shape& b) {
  if (a == b) return a;
  const Shape& longer = a.rank() >= b.rank() ? a : b;
  const Shape& shorter = a.rank() >= b.rank() ? b : a;
  Shape result = longer;
  const std::size_t lead = longer.rank() - shorter.rank();
  for (std::size_t axis = 0; axis < shorter.rank(); ++axis) {
    const std::size_t m = longer[lead + axis], n = shorter[axis];
    if (m != n && m != 1 && n != 1) return std::nullopt;
    result.set(lead + axis, m == 1 ? n : m);
  }
  return result;
}

std::size_t normalize_axis(const char* op, std::ptrdiff_t axis, const Shape& shape) {
  const auto rank = static_cast<std::ptrdiff_t>(shape.rank());
  if (axis < -rank || axis >= rank)
    throw Error(op, "axis " + std::to_string(axis) + " does not exist in shape " + to_string(shape));
  return static_cast<std::size_t>(axis < 0 ? axis + rank : axis);
}

std::string index_of(std::size_t flat, const Shape& shape) {
  std::vector<std::size_t> index(shape.rank());
  for (std::size_t axis = shape.rank(); axis-- > 0;) {
    index[axis] = flat % shape[axis];
    flat /= shape[axis];
  }
  return tuple_text(index.begin(), index.end());
}

}  // namespace xgrad
