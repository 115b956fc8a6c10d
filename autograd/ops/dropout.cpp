// The mask is drawn again in the vjp rather than saved, which would take as much memory as x.
#include <xgrad/autograd/ops/dropout.hpp>

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include <xgrad/autograd/numbers/instantiate.hpp>
#include <xgrad/autograd/ops/identities.hpp>
#include <xgrad/autograd/tape.hpp>

namespace xgrad {

namespace {

template <class T>
Array<T> dropped(const Array<T>& x, double rate, RandomKey key) {
  // A number is kept if its 32 random bits are at least this.
  const auto threshold = static_cast<std::uint64_t>(std::ldexp(rate, 32));
  const T scale(static_cast<scalar::Real<T>>(1 / (1 - rate)));
  auto y = Array<T>::uninitialized(x.shape());
  T* const out = y.mutable_data();
  for (std::size_t i = 0; i < x.size(); i += 4) {
    const auto bits = key.bits(i / 4);
    for (std::size_t k = i; k < std::min(i + 4, x.size()); ++k)
      out[k] = bits[k - i] < threshold ? T(0) : scale * x.data()[k];
  }
  return y;
}

}  // namespace

// y = m x / (1 - rate)              dx = m dy / (1 - rate), m the mask of the key
template <class T>
Variable<T> dropout(const Variable<T>& x, double rate, RandomKey key) {
  if (!(rate >= 0 && rate < 1)) throw Error("dropout", fmt::format("needs a rate in [0, 1), got {}", rate));
  return record(ops::dropout, dropped(x.value(), rate, key),
                wrt(x, [rate, key](const Array<T>& dy) { return dropped(dy, rate, key); }));
}

#define XGRAD_INSTANTIATE(T) template Variable<T> dropout(const Variable<T>&, double, RandomKey);
XGRAD_FOR_SCALARS(XGRAD_INSTANTIATE)

}  // namespace xgrad
