// map(f, a, b, ...): f applied to the elements of arrays under broadcasting, in vector registers where the
// scalar has them. Elementwise ops and their vjps are one call each: `map(formulas::TanhVjp<T>(), dy, y)`,
// or, for a formula that is not among those of formulas.hpp, `map([](auto dyi, auto xi) { return dyi *
// scalar::cos(xi); }, dy, x)`. Internal: the caller has checked that the shapes broadcast.
#pragma once

#include <array>
#include <utility>

#include <xgrad/autograd/array.hpp>
#include <xgrad/autograd/kernels/parallel.hpp>
#include <xgrad/autograd/kernels/simd.hpp>
#include <xgrad/autograd/kernels/strided.hpp>
#include <xgrad/autograd/kernels/table.hpp>

namespace xgrad::kernels {

namespace detail {

// One row: operand k moves by steps[k], which is 1 or 0 (broadcast) because arrays are contiguous.
template <class T, class F, std::size_t K, std::size_t... I>
void map_row(const F& f, T* y, const std::array<const T*, K>& x, const std::array<std::size_t, K>& steps,
             std::size_t n, std::index_sequence<I...>) {
  if constexpr (Vectorized<T> && Formulas<T>::template index_of<F>() < Formulas<T>::size) {
    table<T>().rows[Formulas<T>::template index_of<F>()](&f, y, x.data(), steps.data(), n);
  } else if constexpr (Vectorized<T>) {
    using Batch = xsimd::batch<T>;
    for_each_pack<T>(
        n, [&](const auto& pack) { pack.store(y, f((steps[I] == 0 ? Batch(*x[I]) : pack.load(x[I]))...)); });
  } else {
    for (std::size_t i = 0; i < n; ++i) y[i] = f(x[I][i * steps[I]]...);
  }
}

}  // namespace detail

/// y[i] = f(x[0][i], x[1][i], ...) in the operands' common shape; writes into `y`, which has that shape.
template <class T, class F, class... Rest>
void map_into(Array<T>& y, const F& f, const Array<T>& first, const Rest&... rest) {
  constexpr std::size_t K = 1 + sizeof...(Rest);
  const auto indices = std::make_index_sequence<K>{};
  T* const out = y.mutable_data();
  if (first.shape() == y.shape() && ((rest.shape() == y.shape()) && ...)) {
    std::array<std::size_t, K> steps;
    steps.fill(1);
    const auto part = [&](std::size_t from, std::size_t to) {
      detail::map_row<T>(f, out + from, std::array<const T*, K>{first.data() + from, (rest.data() + from)...},
                         steps, to - from, indices);
    };
    return Vectorized<T> ? parallel_ranges(y.size(), enough_numbers, part) : part(0, y.size());
  }
  const StridedWalk<K + 1> walk(
      y.shape(), {broadcast_strides(y.shape(), y.shape()), broadcast_strides(first.shape(), y.shape()),
                  broadcast_strides(rest.shape(), y.shape())...});
  const std::array<const T*, K> x{first.data(), rest.data()...};
  walk.for_each_row([&](const auto& offsets, std::size_t n, const auto& walk_steps) {
    std::array<const T*, K> row;
    std::array<std::size_t, K> steps;
    for (std::size_t k = 0; k < K; ++k) {
      row[k] = x[k] + offsets[k + 1];
      steps[k] = walk_steps[k + 1];
    }
    detail::map_row<T>(f, out + offsets[0], row, steps, n, indices);
  });
}

/// The array of f(x[0][i], x[1][i], ...) in the operands' common shape.
template <class T, class F, class... Rest>
Array<T> map(const F& f, const Array<T>& first, const Rest&... rest) {
  Shape shape = first.shape();
  ((shape = shape == rest.shape() ? shape : *broadcast(shape, rest.shape())), ...);
  auto y = Array<T>::uninitialized(shape);
  map_into(y, f, first, rest...);
  return y;
}

}  // namespace xgrad::kernels
