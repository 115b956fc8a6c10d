// One walk over x in which the result's summed axes have stride 0: a row either adds up into one number or is
// added to a row of the result.
#include <xgrad/autograd/kernels/sum.hpp>

#include <xgrad/autograd/kernels/simd.hpp>
#include <xgrad/autograd/kernels/strided.hpp>

namespace xgrad::kernels {

namespace {

// Pairwise for long rows, so that rounding grows with log n.
template <class T>
T row_sum(const T* x, std::size_t n) {
  if (n > 4096) return row_sum(x, n / 2) + row_sum(x + n / 2, n - n / 2);
  std::size_t i = 0;
  T total = T(0);
  if constexpr (Vectorized<T>) {
    using Batch = xsimd::batch<T>;
    constexpr std::size_t width = Batch::size;
    if (n >= 4 * width) {  // four chains of additions are in flight at once
      Batch part[4] = {Batch(T(0)), Batch(T(0)), Batch(T(0)), Batch(T(0))};
      for (; i + 4 * width <= n; i += 4 * width)
        for (std::size_t k = 0; k < 4; ++k) part[k] += Batch::load_unaligned(x + i + k * width);
      total = xsimd::hadd((part[0] + part[1]) + (part[2] + part[3]));
    }
  }
  for (; i < n; ++i) total += x[i];
  return total;
}

template <class T>
void add_row(T* y, const T* x, std::size_t n) {
  if constexpr (Vectorized<T>) {
    for_each_pack<T>(n, [&](const auto& pack) { pack.store(y, pack.load(y) + pack.load(x)); });
  } else {
    for (std::size_t i = 0; i < n; ++i) y[i] += x[i];
  }
}

}  // namespace

template <class T>
Array<T> sum_to(const Array<T>& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  auto y = Array<T>::zeros(shape);
  T* const out = y.mutable_data();
  const StridedWalk<2> walk(x.shape(),
                            {broadcast_strides(x.shape(), x.shape()), broadcast_strides(shape, x.shape())});
  walk.for_each_row([&](const auto& offsets, std::size_t n, const auto& steps) {
    const T* row = x.data() + offsets[0];
    if (steps[1] == 0) {
      out[offsets[1]] += row_sum(row, n);
    } else {
      add_row(out + offsets[1], row, n);
    }
  });
  return y;
}

template Array<float> sum_to(const Array<float>&, const Shape&);
template Array<double> sum_to(const Array<double>&, const Shape&);
template Array<Complex> sum_to(const Array<Complex>&, const Shape&);

}  // namespace xgrad::kernels
