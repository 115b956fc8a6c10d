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

template Variable<float> choose_rows(const Ids&, const Variable<float>&, const Variable<float>&);
template Variable<double> choose_rows(const Ids&, const Variable<double>&, const Variable<double>&);
template Variable<Complex> choose_rows(const Ids&, const Variable<Complex>&, const Variable<Complex>&);
template Variable<float> mask_rows(const Ids&, const Variable<float>&);
template Variable<double> mask_rows(const Ids&, const Variable<double>&);
template Variable<Complex> mask_rows(const Ids&, const Variable<Complex>&);
template Variable<float> mask_outputs(const Variable<float>&, const Sequences&);
template Variable<double> mask_outputs(const Variable<double>&, const Sequences&);
template Variable<Complex> mask_outputs(const Variable<Complex>&, const Sequences&);

}  // namespace xgrad::detail
