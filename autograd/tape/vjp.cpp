// What a vjp may hand on, checked; see vjp.hpp.
#include <xgrad/autograd/vjp.hpp>

#include <algorithm>

#include <fmt/format.h>

#include <xgrad/autograd/numbers/instantiate.hpp>
#include <xgrad/autograd/numbers/sum.hpp>

namespace xgrad {

template <class T>
void VjpTarget<T>::refuse(const std::string& what) const {
  throw Error(op_, fmt::format("the vjp of argument {} {}", argument_, what));
}

template <class T>
void VjpTarget<T>::check_shape(const char* what, const Shape& dx) const {
  if (dx != x_) refuse(fmt::format("{} shape {}, expected {}", what, to_string(dx), to_string(x_)));
}

template <class T>
void VjpTarget<T>::add(Array<T> dx) {
  if (dx.shape() != x_) {
    const auto widened = broadcast(x_, dx.shape());
    if (!widened || *widened != dx.shape() || broadcast(dx.shape(), y_) != y_)
      check_shape("returned", dx.shape());
    dx = kernels::sum_to(dx, x_);
  }
  sum_.add(std::move(dx));
}

template <class T>
void VjpTarget<T>::add(RowSparse<T> dx) {
  check_shape("returned rows of a table of", dx.shape);
  Shape values = x_;
  if (values.rank() > 0) values.set(0, dx.rows.size());
  if (x_.rank() == 0 || dx.rows.shape().rank() != 1 || dx.values.shape() != values)
    refuse(fmt::format("returned ids of shape {} with rows of shape {} for a table of shape {}",
                       to_string(dx.rows.shape()), to_string(dx.values.shape()), to_string(x_)));
  dx.rows.check_range(op_, "the vjp's row", x_[0]);
  sum_.add(std::move(dx));
}

template <class T>
void VjpTarget<T>::add(OuterProduct<T> dx) {
  const Shape &x = dx.x.shape(), &dy = dx.dy.shape();
  const bool fits = x.rank() > 0 && x.rank() == dy.rank() && std::equal(x.begin(), x.end() - 1, dy.begin());
  if (!fits || x_ != Shape{x.back(), dy.back()})
    refuse(fmt::format("returned the outer product of shapes {} and {} for a matrix of shape {}",
                       to_string(x), to_string(dy), to_string(x_)));
  sum_.add(std::move(dx));
}

XGRAD_INSTANTIATE_CLASS(VjpTarget);

}  // namespace xgrad
