// GradientSum: how the sweep adds up the contributions to one gradient, dense ones, rows of tables, and outer
// products, which wait to be multiplied together. Internal.
#pragma once

#include <memory>
#include <vector>

#include <xgrad/autograd/gradients.hpp>

namespace xgrad {

/// Adds up the contributions to one gradient. The first is kept as it is, without a copy or a fill of zeros.
template <class T>
class GradientSum {
 public:
  bool empty() const { return !has_dense_ && sparse_ == nullptr && outer_ == nullptr; }
  void add(Array<T>&& contribution);
  void add(RowSparse<T> contribution);
  /// Multiplies it later, with others, if it has few rows; see OuterProduct.
  void add(OuterProduct<T> contribution);
  void add(GradientSum&& other);
  /// Multiplies the outer products added so far, into the dense sum.
  void multiply_outer();
  /// What was added dense, in sum, without outer products not yet multiplied, or null.
  const Array<T>* dense() const { return has_dense_ ? &dense_ : nullptr; }
  /// What was added row-sparse, one by one, or null.
  const std::vector<RowSparse<T>>* sparse() const { return sparse_.get(); }
  /// The dense sum for adding to in place: starts as zeros, belongs to this sum alone.
  Array<T>& in_place(const Shape& shape);
  /// Everything added so far, dense.
  Array<T> take_dense(const Shape& shape);
  /// Everything added so far; row-sparse (rows ascending and unique) if all contributions were.
  Gradient<T> take(const Shape& shape);

 private:
  Array<T> dense_;
  std::unique_ptr<std::vector<RowSparse<T>>> sparse_;
  std::unique_ptr<std::vector<OuterProduct<T>>> outer_;
  std::size_t outer_bytes_ = 0;  // that outer_ keeps alive
  bool has_dense_ = false;
};

}  // namespace xgrad
