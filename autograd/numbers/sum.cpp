// One walk over x in which the result's summed axes have stride 0: a row either adds up into one number or is
// added to a row of the result.
#include <xgrad/autograd/numbers/sum.hpp>

#include <xgrad/autograd/kernels/row.hpp>
#include <xgrad/autograd/kernels/strided.hpp>
#include <xgrad/autograd/numbers/instantiate.hpp>

namespace xgrad::kernels {

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
      map_row(formulas::Add(), out + offsets[1], n, out + offsets[1], row);
    }
  });
  return y;
}

#define XGRAD_INSTANTIATE(T) template Array<T> sum_to(const Array<T>&, const Shape&);
XGRAD_FOR_SCALARS(XGRAD_INSTANTIATE)

}  // namespace xgrad::kernels
