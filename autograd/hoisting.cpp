// Looking rows and products up, and making the products; see hoisting.hpp.
#include <xgrad/autograd/hoisting.hpp>

#include <xgrad/autograd/fast_paths.hpp>
#include <xgrad/autograd/ops/linear.hpp>
#include <xgrad/autograd/ops/slicing.hpp>
#include <xgrad/autograd/tape.hpp>

namespace xgrad {

template <class T>
auto Hoisting<T>::find(std::uint32_t of, const Variable<T>& W, const Variable<T>* b) const -> const Product* {
  const auto found = std::find_if(products_.rbegin(), products_.rend(), [&](const Product& p) {
    return p.of == of && p.version == version(W, b) && p.W.same_as(W) && p.b.has_value() == (b != nullptr) &&
           (b == nullptr || p.b->same_as(*b));
  });
  return found == products_.rend() ? nullptr : &*found;
}

template <class T>
std::optional<Variable<T>> row_of_product(const Variable<T>& x, const Variable<T>& W, const Variable<T>* b) {
  Tape<T>* const tape = Tape<T>::current();
  if (tape == nullptr || tape->watched() || !fast_paths().hoisted_products) return std::nullopt;
  const auto* const row = tape->row(x);
  if (row == nullptr) return std::nullopt;
  Hoisting<T>& hoisting = tape->hoisting();
  const std::uint32_t of = row->of;
  const std::size_t t = row->index, steps = tape->shape(of)[0];
  const auto signed_of = [](std::size_t n) { return static_cast<std::ptrdiff_t>(n); };
  const auto* const product = hoisting.find(of, W, b);
  const auto row_of = [&](const typename Hoisting<T>::Product& p) {
    const auto z = select(p.y, signed_of(t - p.first));
    hoisting.add_use(tape->node(z), tape->node(x), p);
    return z;
  };
  if (product != nullptr && t >= product->first && t < product->last) return row_of(*product);
  const std::size_t next = product == nullptr ? 0 : product->last;
  const std::size_t last = std::min(steps, next + std::max<std::size_t>(64, 4 * next));
  if (t != next || last - next < 2) return std::nullopt;
  const Variable<T> sequence = tape->sequence_of(x, *row);
  const Variable<T> part =
      next == 0 && last == steps ? sequence : slice(sequence, signed_of(next), signed_of(last));
  const Variable<T> y = b == nullptr ? matmul(part, W) : affine({part, W}, *b);
  hoisting.add_product(
      {of, W, b == nullptr ? std::nullopt : std::optional(*b), next, last, y, Hoisting<T>::version(W, b)});
  return row_of(*hoisting.find(of, W, b));
}

template class Hoisting<float>;
template class Hoisting<double>;
template class Hoisting<Complex>;
template std::optional<Variable<float>> row_of_product(const Variable<float>&, const Variable<float>&,
                                                       const Variable<float>*);
template std::optional<Variable<double>> row_of_product(const Variable<double>&, const Variable<double>&,
                                                        const Variable<double>*);
template std::optional<Variable<Complex>> row_of_product(const Variable<Complex>&, const Variable<Complex>&,
                                                         const Variable<Complex>*);

}  // namespace xgrad
