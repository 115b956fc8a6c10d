// What unroll does to the rows of a batch; see unroll.hpp.
#include <xgrad/layers/unroll.hpp>

#include <string>

namespace xgrad::detail {

namespace {

// Flags of leading axes, as a mask for arrays of more axes.     flags: (N,) or (T, N)   result: (N, 1, ...)
Ids mask_of_rank(const Ids& flags, std::size_t rank) {
  Shape shape = flags.shape();
  while (shape.rank() < rank) shape.push_back(1);
  return flags.reshaped(shape);
}

}  // namespace

template <class T>
Variable<T> choose_rows(const Ids& rows, const Variable<T>& a, const Variable<T>& b) {
  return where(mask_of_rank(rows, a.rank()), a, b);
}

template <class T>
Variable<T> mask_rows(const Ids& present, const Variable<T>& y) {
  return where(mask_of_rank(present, y.rank()), y, 0);
}

template <class T>
Variable<T> mask_outputs(const Variable<T>& ys, const Sequences& sequences) {
  return has_zero(sequences.mask) ? mask_rows(*sequences.mask, ys) : ys;
}

void fail_at_step(const Error& error, std::size_t t, std::size_t steps) {
  throw error.with_context("at time step " + std::to_string(t) + " of " + std::to_string(steps));
}

#define XGRAD_INSTANTIATE(T)                                                            \
  template Variable<T> choose_rows(const Ids&, const Variable<T>&, const Variable<T>&); \
  template Variable<T> mask_rows(const Ids&, const Variable<T>&);                       \
  template Variable<T> mask_outputs(const Variable<T>&, const Sequences&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
XGRAD_INSTANTIATE(Complex)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
