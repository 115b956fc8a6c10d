// Array and Ids: construction, sharing, views, evaluated arithmetic; see array.hpp.
#include <xgrad/autograd/array.hpp>

#include <cmath>
#include <limits>
#include <ostream>

#include <fmt/format.h>

#include <xgrad/autograd/numbers/instantiate.hpp>
#include <xgrad/autograd/numbers/map.hpp>
#include <xgrad/autograd/numbers/xtensor_io.hpp>

namespace xgrad {

template <class T>
Array<T>::Array(const Shape& shape, const std::vector<T>& values) : Array(uninitialized(shape)) {
  if (values.size() != shape.size())
    throw Error("array", fmt::format("shape {} holds {} numbers, got {}", to_string(shape), shape.size(),
                                     values.size()));
  std::copy(values.begin(), values.end(), data_);
}

template <class T>
Array<T> Array<T>::uninitialized(const Shape& shape) {
  std::size_t bytes = sizeof(T);
  bool empty = false, overflow = false;
  for (const std::size_t dim : shape) {
    empty |= dim == 0;
    overflow |= __builtin_mul_overflow(bytes, dim, &bytes);
  }
  if (empty) return Array(nullptr, nullptr, shape);
  if (overflow || bytes > std::numeric_limits<std::ptrdiff_t>::max() / 2)
    throw Error("array", "shape " + to_string(shape) + " holds more numbers than memory can");
  storage::Block* block = storage::allocate(bytes);
  return Array(block, static_cast<T*>(block->bytes()), shape);
}

template <class T>
Array<T> Array<T>::full(const Shape& shape, T value) {
  Array result = uninitialized(shape);
  std::fill_n(result.data_, result.size(), value);
  return result;
}

template <class T>
void Array<T>::separate() {
  if (!unique())
    *this = copy();
  else
    block_->attached.reset();
}

template <class T>
void Array<T>::overwrite(const Array& values) {
  if (values.shape_ != shape_)
    throw Error("overwrite", fmt::format("an array of shape {} cannot take values of shape {}",
                                         to_string(shape_), to_string(values.shape_)));
  std::copy(values.begin(), values.end(), shared_data());
}

template <class T>
T* Array<T>::shared_data() {
  gradient_of_ = 0;
  if (block_ != nullptr) {
    ++block_->version;
    block_->attached.reset();
  }
  return data_;
}

template <class T>
T Array<T>::item() const {
  if (size() != 1) throw Error("item", "needs an array of one number, got shape " + to_string(shape_));
  return *data_;
}

template <class T>
Array<T> Array<T>::reshaped(const Shape& shape) const {
  if (shape.size() != size())
    throw Error("reshape",
                "shape " + to_string(shape_) + " does not hold as many numbers as " + to_string(shape));
  Array result = *this;
  result.shape_ = shape;
  return result;
}

template <class T>
Array<T> Array<T>::rows(std::size_t first, std::size_t last) const {
  if (rank() == 0 || first > last || last > shape_[0])
    throw Error("rows", fmt::format("[{}, {}) is not a range of the leading axis of shape {}", first, last,
                                    to_string(shape_)));
  Array result = *this;
  if (shape_[0] > 0) result.data_ += first * (size() / shape_[0]);
  result.shape_.set(0, last - first);
  return result;
}

template <class T>
Array<T> Array<T>::row(std::size_t i) const {
  return rows(i, i + 1).reshaped(Shape(shape_.begin() + 1, shape_.end()));
}

template <class T>
Array<T> Array<T>::copy() const {
  Array result = uninitialized(shape_);
  std::copy(begin(), end(), result.data_);
  result.gradient_of_ = gradient_of_;
  return result;
}

template <class T>
void Array<T>::free_block() noexcept {
#ifndef NDEBUG
  // A use of freed numbers shows as NaN, and traps where floating-point exceptions are enabled. The handle
  // may be a view: only its own part is filled.
  std::fill_n(data_, size(), T(std::numeric_limits<scalar::Real<T>>::signaling_NaN()));
#endif
  storage::recycle(block_);
}

template <class T>
Array<T> Array<T>::arithmetic(char sign, const Array& a, const Array& b) {
  const auto map = [&a, &b](const char* op, auto formula) {
    if (a.shape() != b.shape() && !broadcast(a.shape(), b.shape()))
      throw Error(
          op, fmt::format("shapes {} and {} do not broadcast", to_string(a.shape()), to_string(b.shape())));
    return kernels::map(formula, a, b);
  };
  if (sign == '+') return map("add", kernels::formulas::Add());
  if (sign == '-') return map("subtract", kernels::formulas::Subtract());
  if (sign == '*') return map("multiply", kernels::formulas::Multiply());
  return map("divide", kernels::formulas::Divide());
}

template <class T>
Array<T> Array<T>::scale_shift(const Array& a, double scale, double shift) {
  using Real = scalar::Real<T>;
  return kernels::map(kernels::formulas::ScaleShift<T>{static_cast<Real>(scale), static_cast<Real>(shift)},
                      a);
}

template <class T>
std::ostream& Array<T>::print(std::ostream& out) const {
  return out << xt();
}

XGRAD_INSTANTIATE_CLASS(Array);

Ids::Ids() {
  static const auto empty = std::make_shared<const std::vector<value_type>>();
  values_ = empty;
  shape_ = {0};
}

Ids::Ids(std::vector<value_type> values)
    : values_(std::make_shared<const std::vector<value_type>>(std::move(values))), shape_{values_->size()} {}

Ids::Ids(const Shape& shape, std::vector<value_type> values) : Ids(std::move(values)) {
  *this = reshaped(shape);
}

Ids Ids::reshaped(const Shape& shape) const {
  if (shape.size() != size())
    throw Error("ids", fmt::format("shape {} holds {} ids, got {}", to_string(shape), shape.size(), size()));
  Ids result = *this;
  result.shape_ = shape;
  return result;
}

Ids Ids::row(std::size_t i) const {
  if (shape_.rank() == 0 || i >= shape_[0])
    throw Error("ids", fmt::format("entry {} does not exist in shape {}", i, to_string(shape_)));
  const Shape shape(shape_.begin() + 1, shape_.end());
  const value_type* const first = begin() + i * shape.size();
  return Ids(shape, std::vector<value_type>(first, first + shape.size()));
}

void Ids::check_range(const char* op, const char* what, std::size_t count) const {
  for (std::size_t i = 0; i < size(); ++i)
    if ((*this)[i] < 0 || static_cast<std::size_t>((*this)[i]) >= count)
      throw Error(op, fmt::format("{} {} at position {} is outside [0, {})", what, (*this)[i],
                                  index_of(i, shape_), count));
}

}  // namespace xgrad
