// Adding up; see gradient_sum.hpp.
#include <xgrad/autograd/tape/gradient_sum.hpp>

#include <algorithm>

#include <xgrad/autograd/fast_paths.hpp>
#include <xgrad/autograd/kernels/product.hpp>
#include <xgrad/autograd/numbers/instantiate.hpp>
#include <xgrad/autograd/numbers/map.hpp>

namespace xgrad {

namespace {

// One row per id, ids ascending; rows of the same id are added in the order of the contributions.
template <class T>
RowSparse<T> coalesce(const std::vector<RowSparse<T>>& parts, const Shape& shape) {
  std::vector<Ids::value_type> ids;
  for (const auto& part : parts) ids.insert(ids.end(), part.rows.begin(), part.rows.end());
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  Shape values_shape = shape;
  values_shape.set(0, ids.size());
  auto values = Array<T>::zeros(values_shape);
  for (const auto& part : parts) {
    std::vector<Ids::value_type> rows;  // of `values`
    rows.reserve(part.rows.size());
    for (const auto id : part.rows)
      rows.push_back(std::lower_bound(ids.begin(), ids.end(), id) - ids.begin());
    RowSparse<T>{values_shape, std::move(rows), part.values}.add_to(values);
  }
  return {shape, Ids(std::move(ids)), std::move(values)};
}

// The parts one below the other, the last first, as the sweep walks back in time. Those that lie so already
// are not copied.
template <class T>
Array<T> stacked(const std::vector<OuterProduct<T>>& products, Array<T> OuterProduct<T>::*part) {
  const Array<T>& first = products.back().*part;
  const std::size_t width = first.shape().back();
  std::size_t size = 0;
  bool consecutive = true;
  for (auto product = products.rbegin(); product != products.rend(); ++product) {
    const Array<T>& x = *product.*part;
    consecutive = consecutive && x.shares_block_with(first) && x.data() == first.data() + size;
    size += x.size();
  }
  const Shape shape{width == 0 ? 0 : size / width, width};
  if (consecutive) return first.from_before(0, shape);
  auto result = Array<T>::uninitialized(shape);
  T* out = result.mutable_data();
  for (auto product = products.rbegin(); product != products.rend(); ++product)
    out = std::copy((*product.*part).begin(), (*product.*part).end(), out);
  return result;
}

}  // namespace

template <class T>
void GradientSum<T>::add(Array<T>&& contribution) {
  if (!std::exchange(has_dense_, true))
    dense_ = std::move(contribution);
  else if (dense_.unique())
    kernels::map_into(dense_, kernels::formulas::Add(), dense_, contribution);
  else
    dense_ = dense_ + contribution;
}

template <class T>
void GradientSum<T>::add(RowSparse<T> contribution) {
  if (sparse_ == nullptr) sparse_ = std::make_unique<std::vector<RowSparse<T>>>();
  sparse_->push_back(std::move(contribution));
}

// An outer product of many rows is as fast by itself, and one that waits keeps its numbers alive.
template <class T>
void GradientSum<T>::add(OuterProduct<T> contribution) {
  constexpr std::size_t few_rows = 64, enough_bytes = std::size_t{32} << 20;
  const std::size_t rows = contribution.dy.size() / std::max<std::size_t>(1, contribution.dy.shape().back());
  outer_bytes_ += (contribution.x.size() + contribution.dy.size()) * sizeof(T);
  if (outer_ == nullptr) outer_ = std::make_unique<std::vector<OuterProduct<T>>>();
  outer_->push_back(std::move(contribution));
  if (rows > few_rows || outer_bytes_ > enough_bytes || !fast_paths().deferred_weights) multiply_outer();
}

// dW = x^T dy of all together
template <class T>
void GradientSum<T>::multiply_outer() {
  if (outer_ == nullptr) return;
  const auto products = std::move(outer_);
  outer_bytes_ = 0;
  const auto x = stacked(*products, &OuterProduct<T>::x), dy = stacked(*products, &OuterProduct<T>::dy);
  const std::size_t K = x.shape()[1], M = dy.shape()[1], rows = dy.shape()[0];
  const bool add = std::exchange(has_dense_, true);
  if (!add) dense_ = Array<T>::uninitialized({K, M});
  T* const dW = dense_.mutable_data();
  kernels::product<T>(K, M, rows, {x.data(), K, kernels::Trans::yes}, {dy.data(), M},
                      add ? kernels::Addend<T>{dW, M} : kernels::Addend<T>{}, dW, M);
}

template <class T>
void GradientSum<T>::add(GradientSum&& other) {
  other.multiply_outer();
  if (other.has_dense_) add(std::move(other.dense_));
  if (other.sparse_ != nullptr)
    for (auto& part : *other.sparse_) add(std::move(part));
}

template <class T>
Array<T>& GradientSum<T>::in_place(const Shape& shape) {
  if (!std::exchange(has_dense_, true)) dense_ = Array<T>::zeros(shape);
  dense_.mutable_data();  // a block of its own from here on
  return dense_;
}

template <class T>
Array<T> GradientSum<T>::take_dense(const Shape& shape) {
  if (outer_ != nullptr) multiply_outer();
  if (const auto parts = std::move(sparse_))
    for (const auto& part : *parts) part.add_to(in_place(shape));
  has_dense_ = false;
  return std::move(dense_);
}

template <class T>
Gradient<T> GradientSum<T>::take(const Shape& shape) {
  if (has_dense_ || sparse_ == nullptr || outer_ != nullptr) return take_dense(shape);
  const auto parts = std::move(sparse_);
  return coalesce(*parts, shape);
}

XGRAD_INSTANTIATE_CLASS(GradientSum);

}  // namespace xgrad
