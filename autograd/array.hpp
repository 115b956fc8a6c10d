// Array<T>: the elements that an op computes with. It is a value of 48 bytes: a reference to a shared block
// of storage, a place in it, and a shape; always contiguous and row-major. Copying one copies no elements, so
// a vjp may capture as many as it likes; writing to a shared one copies first (but for `overwrite`, by which
// parameters are updated). Arithmetic is evaluated at once: a vjp reads like its formula, `dy * (1 - y * y)`.
// `.xt()` is the way to the whole of xtensor, and any xtensor expression converts back. Ids, the integer
// counterpart, stands at the end.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <xgrad/autograd/error.hpp>
#include <xgrad/autograd/kernels/storage.hpp>
#include <xgrad/autograd/numbers/xtensor.hpp>
#include <xgrad/autograd/scalar.hpp>
#include <xgrad/autograd/shape.hpp>

namespace xgrad {

/// A plain number: an operand that is cast once to the array's scalar (so `0.5 * x` does not warn on floats).
template <class S>
concept Number = std::convertible_to<S, double> && !XtensorExpression<S>;

/// An n-dimensional array of float, double or Complex, contiguous and row-major. Copies share their elements;
/// writing to one of them copies first.
template <class T>
class Array {
 public:
  using value_type = T;  ///< type of an element

  /// No elements: shape (0,).
  Array() : shape_(Shape::none()) {}
  /// The rank-0 array of one element.
  template <class S>
  requires(Number<S> || std::same_as<S, T>) explicit(Number<S>) Array(S number)
      : Array(full({}, static_cast<T>(number))) {}
  /// `values` in row-major order. Throws Error if their count is not that of `shape`.
  Array(const Shape& shape, const std::vector<T>& values);
  /// The evaluated elements of any xtensor expression.
  template <XtensorExpression E>
  Array(const E& expression)  // NOLINT(google-explicit-constructor): meant to convert
      : Array(uninitialized(Shape(expression.shape().begin(), expression.shape().end()))) {
    auto target = xt();
    xt::noalias(target) = xt::cast<T>(expression);
    written();
  }

  /// An array whose elements are not set. Throws Error for a shape that is too large for any memory, and
  /// std::bad_alloc if there is not enough.
  static Array uninitialized(const Shape& shape);
  /// Every element is `value`.
  static Array full(const Shape& shape, T value);
  /// Every element is 0.
  static Array zeros(const Shape& shape) { return full(shape, T(0)); }

  /// scale a + shift, elementwise; a shift of -0.0 changes nothing, not even the sign of a zero.
  static Array scale_shift(const Array& a, double scale, double shift);

  /// @{ A copy shares the elements of `other`; what is moved from is left with none and shape (0,).
  Array(const Array& other) noexcept
      : block_(other.block_), data_(other.data_), shape_(other.shape_), gradient_of_(other.gradient_of_) {
    if (block_ != nullptr) block_->references.fetch_add(1, std::memory_order_relaxed);
  }
  Array(Array&& other) noexcept
      : block_(std::exchange(other.block_, nullptr)),
        data_(std::exchange(other.data_, nullptr)),
        shape_(std::exchange(other.shape_, Shape::none())),
        gradient_of_(std::exchange(other.gradient_of_, 0U)) {}
  Array& operator=(const Array& other) noexcept { return *this = Array(other); }
  Array& operator=(Array&& other) noexcept {
    if (this == &other) return *this;
    release();
    block_ = std::exchange(other.block_, nullptr);
    data_ = std::exchange(other.data_, nullptr);
    shape_ = std::exchange(other.shape_, Shape::none());
    gradient_of_ = std::exchange(other.gradient_of_, 0U);
    return *this;
  }
  /// @}
  ~Array() { release(); }

  const Shape& shape() const { return shape_; }       ///< sizes of the axes, outermost first
  std::size_t rank() const { return shape_.rank(); }  ///< number of axes
  std::size_t size() const { return shape_.size(); }  ///< number of elements
  const T* data() const { return data_; }             ///< the elements, in row-major order
  const T* begin() const { return data_; }            ///< the first element, in row-major order
  const T* end() const { return data_ + size(); }     ///< behind the last element

  /// The elements for writing; copies them first if another handle shares the block. A variable that is made
  /// of this array later copies them, too, so that what is written through the pointer after that does not
  /// reach it.
  T* mutable_data() {
    if (block_ == nullptr) return data_;
    if (!unique() || block_->attached != nullptr) separate();
    gradient_of_ = 0;
    block_->exposed = true;
    return data_;
  }
  /// True if a pointer for writing was handed out that may still be used.
  bool exposed() const { return block_ != nullptr && block_->exposed; }
  /// Says that the pointers for writing that were handed out are not used any more.
  void written() {
    if (exposed()) block_->exposed = false;
  }
  /// Replaces the elements in place, for every handle of the block. Throws Error if the shapes differ.
  void overwrite(const Array& values);
  /// The elements for an update in place that every handle sees (parameters); bumps the version.
  T* shared_data();
  /// Declares the block to be a parameter's: written in place between training steps.
  void mark_parameter() {
    if (block_ != nullptr) block_->parameter = true;
  }
  /// True if the block is a parameter's: see mark_parameter.
  bool in_parameter() const { return block_ != nullptr && block_->parameter; }
  /// Counts the in-place updates of the block.
  std::uint64_t version() const { return block_ == nullptr ? 0 : block_->version; }
  /// The tape that this is a gradient of, by the low bits of its serial number; 0 for none. Gradients says so
  /// and Tape asks (entry.cpp). It belongs to the handle, not to the block, which gradients often share with
  /// something else; copies and views have it, results of arithmetic do not, and writing clears it.
  std::uint32_t gradient_of() const { return gradient_of_; }
  /// Says which; 0 for none.
  void mark_gradient(std::uint32_t tape) { gradient_of_ = tape; }
  /// True if no other handle shares the block: writing needs no copy.
  bool unique() const { return block_ != nullptr && block_->references.load(std::memory_order_acquire) == 1; }
  /// The block that the elements lie in, null for none; for kernels.
  storage::Block* block() const { return block_; }
  /// True if the elements of both lie in one block, even if at different places.
  bool shares_block_with(const Array& other) const { return block_ != nullptr && block_ == other.block_; }

  /// The one element of an array of size 1. Throws Error for any other size.
  T item() const;
  /// The same elements in another shape; shares the block. Throws Error if the sizes differ.
  Array reshaped(const Shape& shape) const;
  /// The array of `shape` that begins `count` elements before this one, in the same block; not checked.
  Array from_before(std::size_t count, const Shape& shape) const {
    Array result = *this;
    result.data_ -= count;
    result.shape_ = shape;
    return result;
  }
  /// Rows [first, last) of the leading axis; shares the block. Throws Error if there are no such rows.
  Array rows(std::size_t first, std::size_t last) const;
  /// Entry `i` of the leading axis, which is dropped; shares the block. Throws Error if there is none.
  Array row(std::size_t i) const;
  /// A copy with a block of its own.
  Array copy() const;
  /// The elements as another scalar; of complex ones the real parts.
  template <class U>
  Array<U> cast() const {
    auto result = Array<U>::uninitialized(shape_);
    std::transform(begin(), end(), result.mutable_data(), [](T x) { return scalar::convert<U>(x); });
    result.written();
    return result;
  }

  /// This array as an xtensor expression, without a copy; valid while the array is. Read-only.
  auto xt() const { return detail::adapt<const T>(data_, size(), xt_shape()); }
  /// The same for writing; copies first if the block is shared (see `mutable_data`).
  auto xt() { return detail::adapt(mutable_data(), size(), xt_shape()); }

  /// @{ Elementwise, under NumPy's broadcasting. Throws Error if the shapes do not broadcast.
  friend Array operator+(const Array& a, const Array& b) { return arithmetic('+', a, b); }
  friend Array operator-(const Array& a, const Array& b) { return arithmetic('-', a, b); }
  friend Array operator*(const Array& a, const Array& b) { return arithmetic('*', a, b); }
  friend Array operator/(const Array& a, const Array& b) { return arithmetic('/', a, b); }
  /// @}
  /// -a, elementwise.
  friend Array operator-(const Array& a) { return scale_shift(a, -1, -0.0); }

  /// @{ Elementwise, with a number that is cast to T.
  friend Array operator+(const Array& a, Number auto s) { return scale_shift(a, 1, static_cast<double>(s)); }
  friend Array operator+(Number auto s, const Array& a) { return a + s; }
  friend Array operator-(const Array& a, Number auto s) { return a + -static_cast<double>(s); }
  friend Array operator-(Number auto s, const Array& a) { return scale_shift(a, -1, static_cast<double>(s)); }
  friend Array operator*(const Array& a, Number auto s) {
    return scale_shift(a, static_cast<double>(s), -0.0);
  }
  friend Array operator*(Number auto s, const Array& a) { return a * s; }
  friend Array operator/(const Array& a, Number auto s) { return a / Array(s); }
  friend Array operator/(Number auto s, const Array& a) { return Array(s) / a; }
  /// @}

  /// Prints the elements, nested as by NumPy.
  friend std::ostream& operator<<(std::ostream& out, const Array& a) { return a.print(out); }

 private:
  Array(storage::Block* block, T* data, const Shape& shape) : block_(block), data_(data), shape_(shape) {}

  static Array arithmetic(char sign, const Array& a, const Array& b);
  std::ostream& print(std::ostream& out) const;

  xt::dynamic_shape<std::size_t> xt_shape() const { return {shape_.begin(), shape_.end()}; }

  void release() noexcept {
    // The last handle needs no exclusive access: there is nobody who could take another reference.
    if (block_ != nullptr && (block_->references.load(std::memory_order_acquire) == 1 ||
                              block_->references.fetch_sub(1, std::memory_order_acq_rel) == 1))
      free_block();
  }
  void free_block() noexcept;
  void separate();  // from other handles, and from what is kept with the block

  storage::Block* block_ = nullptr;
  T* data_ = nullptr;
  Shape shape_;
  std::uint32_t gradient_of_ = 0;  // in what would be padding
};

extern template class Array<float>;
extern template class Array<double>;
extern template class Array<Complex>;

/// Integers with a shape: token ids, class targets, positions. A handle to shared, immutable elements.
class Ids {
 public:
  using value_type = std::int64_t;  ///< type of an id

  /// No ids: shape (0,).
  Ids();
  /// Shape (n,).
  Ids(std::vector<value_type> values);  // NOLINT(google-explicit-constructor): meant to convert
  /// The same of any other integers.
  template <std::integral S>
  Ids(const std::vector<S>& values)  // NOLINT(google-explicit-constructor): meant to convert
      : Ids(std::vector<value_type>(values.begin(), values.end())) {}
  /// Shape (n,).
  Ids(std::initializer_list<value_type> values) : Ids(std::vector<value_type>(values)) {}
  /// `values` in row-major order. Throws Error if their count is not that of `shape`.
  Ids(const Shape& shape, std::vector<value_type> values);
  /// The evaluated integers of an xtensor expression.
  template <XtensorExpression E>
  requires std::integral<typename E::value_type> Ids(
      const E& expression)  // NOLINT(google-explicit-constructor): meant to convert
      : Ids(Shape(expression.shape().begin(), expression.shape().end()),
            std::vector<value_type>(expression.begin(), expression.end())) {}

  /// @{ A copy shares the ids of `other`; what is moved from is left with none and shape (0,).
  Ids(const Ids& other) = default;
  Ids(Ids&& other) noexcept : Ids() { swap(other); }
  Ids& operator=(Ids other) noexcept {
    swap(other);
    return *this;
  }
  /// @}

  const Shape& shape() const { return shape_; }         ///< sizes of the axes, outermost first
  std::size_t size() const { return values_->size(); }  ///< number of ids
  /// The id at flat position `flat` in row-major order, which must be less than size().
  value_type operator[](std::size_t flat) const { return (*values_)[flat]; }
  const value_type* begin() const { return values_->data(); }  ///< the first id, in row-major order
  const value_type* end() const { return values_->data() + values_->size(); }  ///< behind the last id

  /// The same ids in another shape. Throws Error if the sizes differ.
  Ids reshaped(const Shape& shape) const;
  /// Entry `i` of the leading axis, which is dropped. Throws Error if there is none.
  Ids row(std::size_t i) const;
  /// Throws Error naming `op`, the first id outside [0, count), its position, and `what` it is ("token id").
  void check_range(const char* op, const char* what, std::size_t count) const;

 private:
  void swap(Ids& other) noexcept {
    values_.swap(other.values_);
    std::swap(shape_, other.shape_);
  }

  std::shared_ptr<const std::vector<value_type>> values_;
  Shape shape_;
};

}  // namespace xgrad
