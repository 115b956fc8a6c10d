// sum and mean: one reduction kernel, and a vjp that stretches dy back over the reduced axes.
#include <xgrad/autograd/ops/reduce.hpp>

#include <xgrad/autograd/kernels/map.hpp>
#include <xgrad/autograd/kernels/sum.hpp>
#include <xgrad/autograd/tape.hpp>

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

namespace {

// y = factor sum(x)                 dx = factor dy, the same for every element that was summed
template <class T>
Variable<T> scaled_sum(const char* op, const Variable<T>& x, const Axes& axes, bool keep_axes,
                       scalar::Real<T> factor) {
  const Shape reduced = axes.reduced(op, x.shape());
  Array<T> y = kernels::sum_to(x.value(), reduced);
  if (factor != 1) y = kernels::map([factor](auto yi) { return factor * yi; }, y);
  if (!keep_axes) y = y.reshaped(axes.dropped(op, x.shape()));
  return record(op, y, wrt(x, [reduced, factor, shape = x.shape()](const Array<T>& dy) {
                  auto dx = Array<T>::uninitialized(shape);
                  kernels::map_into(
                      dx, [factor](auto dyi) { return factor * dyi; }, dy.reshaped(reduced));
                  return dx;
                }));
}

}  // namespace

template <class T>
Variable<T> sum(const Variable<T>& x, const Axes& axes, bool keep_axes) {
  return scaled_sum("sum", x, axes, keep_axes, 1);
}

template <class T>
Variable<T> mean(const Variable<T>& x, const Axes& axes, bool keep_axes) {
  const Shape reduced = axes.reduced("mean", x.shape());
  std::size_t count = 1;
  for (std::size_t axis = 0; axis < x.rank(); ++axis) count *= reduced[axis] == 1 ? x.shape()[axis] : 1;
  if (count == 0)
    throw Error("mean",
                "of no numbers: shape " + to_string(x.shape()) + " is empty along the axes averaged over");
  return scaled_sum("mean", x, axes, keep_axes,
                    static_cast<scalar::Real<T>>(1.0 / static_cast<double>(count)));
}

template Variable<float> sum(const Variable<float>&, const Axes&, bool);
template Variable<double> sum(const Variable<double>&, const Axes&, bool);
template Variable<Complex> sum(const Variable<Complex>&, const Axes&, bool);
template Variable<float> mean(const Variable<float>&, const Axes&, bool);
template Variable<double> mean(const Variable<double>&, const Axes&, bool);
template Variable<Complex> mean(const Variable<Complex>&, const Axes&, bool);

}  // namespace xgrad
