// The walk over the operands' rows; see map.hpp.
#include <xgrad/autograd/numbers/map.hpp>

#include <array>

#include <xgrad/autograd/kernels/parallel.hpp>
#include <xgrad/autograd/kernels/strided.hpp>
#include <xgrad/autograd/numbers/instantiate.hpp>

namespace xgrad::kernels {

namespace {

// Long rows are cut for several threads.
template <std::size_t K, class T>
void map_operands(RowLoop<T> row, const void* f, Array<T>& y, std::span<const Array<T>* const> x) {
  T* const out = y.mutable_data();
  const auto run = [&](const auto& offsets, std::size_t n, const auto& steps) {
    const auto part = [&](std::size_t first, std::size_t last) {
      std::array<const T*, K> from;
      for (std::size_t k = 0; k < K; ++k) from[k] = x[k]->data() + offsets[k + 1] + first * steps[k + 1];
      row(f, out + offsets[0] + first, from.data(), &steps[1], last - first);
    };
    return Vectorized<T> ? parallel_ranges(n, enough_numbers, part) : part(0, n);
  };
  const Shape& shape = y.shape();
  std::array<Strides, K + 1> strides{broadcast_strides(shape, shape)};
  for (std::size_t k = 0; k < K; ++k) strides[k + 1] = broadcast_strides(x[k]->shape(), shape);
  StridedWalk<K + 1>(shape, strides).for_each_row(run);  // steps of 1 or 0: arrays are contiguous
}

}  // namespace

template <class T>
void map_rows(RowLoop<T> row, const void* f, Array<T>& y, std::span<const Array<T>* const> x) {
  static constexpr decltype(&map_operands<1, T>) by_count[] = {&map_operands<1, T>, &map_operands<2, T>,
                                                               &map_operands<3, T>, &map_operands<4, T>};
  by_count[x.size() - 1](row, f, y, x);
}

#define XGRAD_INSTANTIATE(T) \
  template void map_rows(RowLoop<T>, const void*, Array<T>&, std::span<const Array<T>* const>);
XGRAD_FOR_SCALARS(XGRAD_INSTANTIATE)

}  // namespace xgrad::kernels
