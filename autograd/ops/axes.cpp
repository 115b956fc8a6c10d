// See axes.hpp.
#include <xgrad/autograd/ops/axes.hpp>

#include <string>

#include <xgrad/autograd/error.hpp>

namespace xgrad {

std::vector<bool> Axes::mask(const char* op, const Shape& x) const {
  std::vector<bool> reduce(x.rank(), all_);
  for (const int axis : axes_) {
    const std::size_t a = normalize_axis(op, axis, x);
    if (reduce[a])
      throw Error(op, "axis " + std::to_string(axis) + " of shape " + to_string(x) + " is named twice");
    reduce[a] = true;
  }
  return reduce;
}

Shape Axes::reduced(const char* op, const Shape& x) const {
  const auto reduce = mask(op, x);
  Shape result = x;
  for (std::size_t axis = 0; axis < x.rank(); ++axis)
    if (reduce[axis]) result.set(axis, 1);
  return result;
}

Shape Axes::dropped(const char* op, const Shape& x) const {
  const auto reduce = mask(op, x);
  Shape result;
  for (std::size_t axis = 0; axis < x.rank(); ++axis)
    if (!reduce[axis]) result.push_back(x[axis]);
  return result;
}

}  // namespace xgrad
