// The mask is drawn again in the vjp rather than saved, which would take as much memory as x.
#include <xgrad/autograd/ops/dropout.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include <xgrad/autograd/ops/define.hpp>

namespace xgrad {

namespace {

template <class T>
Array<T> dropped(const Array<T>& x, double rate, RandomKey key) {
  // A number is kept if its 32 random bits are at least this.
  const auto threshold = static_cast<std::uint32_t>(std::ldexp(rate, 32));
  const T scale(static_cast<scalar::Real<T>>(1 / (1 - rate)));
  return kernels::filled<T>(x.shape(), [&](T* y) {
    std::array<std::uint32_t, 256> bits;
    for (std::size_t i = 0; i < x.size(); i += bits.size()) {
      const T* const of = x.data() + i;
      const std::size_t n = std::min(bits.size(), x.size() - i);
      key.bits(i / 4, std::span(bits).first((n + 3) / 4 * 4));
      for (std::size_t k = 0; k < n; ++k) {
        const T kept = scale * of[k];  // computed in any case: nobody can foretell the branch
        y[i + k] = bits[k] < threshold ? T(0) : kept;
      }
    }
  });
}

}  // namespace

// y = m x / (1 - rate)              dx = m dy / (1 - rate), m the mask of the key
template <class T>
Variable<T> dropout(const Variable<T>& x, double rate, RandomKey key) {
  if (!(rate >= 0 && rate < 1)) detail::refuse(ops::dropout, "needs a rate in [0, 1), got {}", rate);
  return record(ops::dropout, dropped(x.value(), rate, key),
                wrt(x, [rate, key](const Array<T>& dy) { return dropped(dy, rate, key); }));
}

XGRAD_INSTANTIATE_OPS(dropout)

}  // namespace xgrad
