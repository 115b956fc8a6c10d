// What a vjp may hand on, checked; see vjp.hpp.
#include <xgrad/autograd/vjp.hpp>

#include <algorithm>
#include <string>

#include <xgrad/autograd/numbers/instantiate.hpp>
#include <xgrad/autograd/numbers/sum.hpp>

namespace xgrad {

namespace {

std::string argument_name(std::size_t argument) { return "argument " + std::to_string(argument); }

}  // namespace

template <class T>
void VjpTarget<T>::add(Array<T> dx) {
  if (dx.shape() != x_) {
    const auto widened = broadcast(x_, dx.shape());
    const bool undo = widened && *widened == dx.shape() && broadcast(dx.shape(), y_) == y_;
    if (!undo)
      throw Error(op_, "the vjp of " + argument_name(argument_) + " returned shape " + to_string(dx.shape()) +
                           ", expected " + to_string(x_));
    dx = kernels::sum_to(dx, x_);
  }
  sum_.add(std::move(dx));
}

template <class T>
void VjpTarget<T>::check_shape(const Shape& dx) const {
  if (dx != x_)
    throw Error(op_, "the vjp of " + argument_name(argument_) + " left a gradient of shape " + to_string(dx) +
                         ", expected " + to_string(x_));
}

template <class T>
void VjpTarget<T>::add(RowSparse<T> dx) {
  if (dx.shape != x_)
    throw Error(op_, "the vjp of " + argument_name(argument_) + " returned rows of a table of shape " +
                         to_string(dx.shape) + ", expected " + to_string(x_));
  Shape values = x_;
  if (values.rank() > 0) values.set(0, dx.rows.size());
  if (x_.rank() == 0 || dx.rows.shape().rank() != 1 || dx.values.shape() != values)
    throw Error(op_, "the vjp of " + argument_name(argument_) + " returned ids of shape " +
                         to_string(dx.rows.shape()) + " with rows of shape " + to_string(dx.values.shape()) +
                         " for a table of shape " + to_string(x_));
  dx.rows.check_range(op_, "the vjp's row", x_[0]);
  sum_.add(std::move(dx));
}

template <class T>
void VjpTarget<T>::add(OuterProduct<T> dx) {
  const Shape &x = dx.x.shape(), &dy = dx.dy.shape();
  const bool fits = x.rank() > 0 && x.rank() == dy.rank() && std::equal(x.begin(), x.end() - 1, dy.begin());
  if (!fits || x_ != Shape{x.back(), dy.back()})
    throw Error(op_, "the vjp of " + argument_name(argument_) + " returned the outer product of shapes " +
                         to_string(x) + " and " + to_string(dy) + " for a matrix of shape " + to_string(x_));
  sum_.add(std::move(dx));
}

XGRAD_INSTANTIATE_CLASS(VjpTarget);

}  // namespace xgrad
