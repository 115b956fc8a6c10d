// Shapes: the sizes of an array's axes, held inline (rank <= 6, 28 bytes) as every vjp captures some, with
// NumPy's broadcasting rule and the text that error messages print.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>

namespace xgrad {

/// Sizes of the axes of an array, outermost first. Rank 0 is a scalar; any axis may have size 0.
/// Throws Error for a rank above 6 or an axis of 2^32 or more.
class Shape {
 public:
  static constexpr std::size_t max_rank = 6;  ///< the largest number of axes

  /// (): the shape of a scalar.
  Shape() = default;
  /// (0,): the shape of no elements.
  static constexpr Shape none() {
    Shape shape;
    shape.rank_ = 1;
    return shape;
  }
  /// The sizes of the axes, outermost first.
  Shape(std::initializer_list<std::size_t> dims) : Shape(dims.begin(), dims.end()) {}
  /// The same, from a range of any integers.
  template <class Iterator>
  Shape(Iterator first, Iterator last) {
    for (; first != last; ++first) push_back(static_cast<std::size_t>(*first));
  }

  std::size_t rank() const { return rank_; }  ///< number of axes
  /// Number of elements: the product of the axes, 1 for rank 0. Where 2^64 or more, as of no array, it is
  /// 2^64 - 1.
  std::size_t size() const {
    std::size_t n = 1;
    for (std::size_t axis = 0; axis < rank_; ++axis)
      if (__builtin_mul_overflow(n, dims_[axis], &n)) n = ~std::size_t{0};
    return n;
  }
  std::size_t operator[](std::size_t axis) const { return dims_[axis]; }  ///< size of an axis; axis < rank
  std::size_t back() const { return dims_[rank_ - 1]; }                   ///< size of the last axis; rank > 0
  const std::uint32_t* begin() const { return dims_.data(); }             ///< size of the first axis
  const std::uint32_t* end() const { return dims_.data() + rank_; }  ///< behind the size of the last axis

  /// How many elements apart neighbours along an axis lie; axis < rank.
  std::size_t stride(std::size_t axis) const { return Shape(begin() + axis + 1, end()).size(); }

  void push_back(std::size_t dim);              ///< adds an axis behind the last
  void set(std::size_t axis, std::size_t dim);  ///< sets the size of an axis; axis < rank

  /// True if rank and all sizes are equal.
  friend bool operator==(const Shape& a, const Shape& b) {
    if (a.rank_ != b.rank_) return false;
    for (std::size_t axis = 0; axis < a.rank_; ++axis)  // memcmp takes longer than an op on a few elements
      if (a.dims_[axis] != b.dims_[axis]) return false;
    return true;
  }

 private:
  std::array<std::uint32_t, max_rank> dims_{};
  std::uint32_t rank_ = 0;
};

/// NumPy's notation: `()`, `(3,)`, `(2, 5)`.
std::string to_string(const Shape& shape);

/// The common shape of two operands under NumPy's rule (align right, 1 stretches); nothing if there is none.
std::optional<Shape> broadcast(const Shape& a, const Shape& b);

/// Turns an axis counted from the end (-1 is the last) into one counted from 0.
/// Throws Error naming `op` if `axis` is outside [-rank, rank).
std::size_t normalize_axis(const char* op, std::ptrdiff_t axis, const Shape& shape);

/// The index tuple of flat position `flat` in row-major order, e.g. "(0, 3)"; "()" for rank 0.
std::string index_of(std::size_t flat, const Shape& shape);

}  // namespace xgrad
