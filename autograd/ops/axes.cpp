// See axes.hpp.
#include <xgrad/autograd/ops/axes.hpp>

#include <xgrad/autograd/numbers/refuse.hpp>

namespace xgrad {

std::vector<bool> Axes::mask(const char* op, const Shape& x) const {
  std::vector<bool> reduce(x.rank(), all_);
  for (const int axis : axes_) {
    const std::size_t a = normalize_axis(op, axis, x);
    if (reduce[a]) detail::refuse(op, "axis {} of shape {} is named twice", axis, x);
    reduce[a] = true;
  }
  return reduce;
}

Shape Axes::reduced(const char* op, const Shape& x) const {
  const auto reduce = mask(op, x);
  Shape result;
  for (std::size_t axis = 0; axis < x.rank(); ++axis) result.push_back(reduce[axis] ? 1 : x[axis]);
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
