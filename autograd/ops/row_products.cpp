// Looking products up, and making them; see row_products.hpp.
#include <xgrad/autograd/ops/row_products.hpp>

#include <xgrad/autograd/fast_paths.hpp>
#include <xgrad/autograd/kernels/product.hpp>
#include <xgrad/autograd/ops/define.hpp>
#include <xgrad/autograd/ops/slicing.hpp>

namespace xgrad::detail {

namespace {

// Counts the changes of W and b: what was multiplied before one is not what a product would be now.
template <class T>
std::uint64_t version(const Variable<T>& W, const Variable<T>* b) {
  return W.value().version() + (b == nullptr ? 0 : b->value().version());
}

// The latest product of rows of the variable at `of` with W and b as they are now, or null.
template <class T>
const typename Rows<T>::RowsProduct* find(const Rows<T>& memo, std::uint32_t of, const Variable<T>& W,
                                          const Variable<T>* b) {
  const auto found = std::find_if(memo.products.rbegin(), memo.products.rend(), [&](const auto& p) {
    return p.of == of && p.version == version(W, b) && p.W.same_as(W) && p.b.has_value() == (b != nullptr) &&
           (b == nullptr || p.b->same_as(*b));
  });
  return found == memo.products.rend() ? nullptr : &*found;
}

// Row t of the product, for x. What flows back from it goes to the whole sequence at once; only if the
// gradient of x by itself is asked for, dx = dz W^T is computed.
template <class T>
Variable<T> row_for(Tape<T>& tape, const typename Rows<T>::RowsProduct& product, const Variable<T>& x,
                    std::size_t t) {
  const Variable<T> z = select(product.y, static_cast<std::ptrdiff_t>(t - product.first));
  tape.add_edge_aside(z, x, [W = product.W.value(), shape = x.shape()](const Array<T>& dz) {
    const std::size_t K = W.shape()[0], M = W.shape()[1];
    auto dx = Array<T>::uninitialized(shape);
    kernels::product<T>(dx.size() / std::max<std::size_t>(1, K), K, M, {dz.data(), M},
                        {W.data(), M, kernels::Trans::yes}, {}, dx.mutable_data(), K);
    return dx;
  });
  return z;
}

}  // namespace

template <class T>
std::optional<Variable<T>> row_of_product(const Variable<T>& x, const Variable<T>& W, const Variable<T>* b,
                                          RecordProduct<T> record) {
  Tape<T>* const tape = Tape<T>::current();
  if (tape == nullptr || tape->memo() == nullptr || tape->watched() || !fast_paths().hoisted_products)
    return std::nullopt;
  Rows<T>& memo = Rows<T>::of(*tape);
  const auto* const found = memo.find(tape->node(x));
  if (found == nullptr) return std::nullopt;
  const auto row = *found;
  const auto* const product = find(memo, row.of, W, b);
  const std::size_t t = row.index;
  if (product != nullptr && t >= product->first && t < product->last) return row_for(*tape, *product, x, t);

  const Shape& shape = tape->graph().nodes[row.of].shape;
  const std::size_t steps = shape[0], next = product == nullptr ? 0 : product->last;
  const std::size_t last = std::min(steps, next + std::max<std::size_t>(64, 4 * next));
  if (t != next || last - next < 2) return std::nullopt;
  const Variable<T> sequence = tape->variable(x.value().from_before(t * x.size(), shape), row.of);
  const auto signed_of = [](std::size_t n) { return static_cast<std::ptrdiff_t>(n); };
  const Variable<T> part =
      next == 0 && last == steps ? sequence : slice(sequence, signed_of(next), signed_of(last));
  const Variable<T> y = record(part, W, b);
  memo.products.push_back(
      {row.of, W, b == nullptr ? std::nullopt : std::optional(*b), next, last, y, version(W, b)});
  return row_for(*tape, memo.products.back(), x, t);
}

XGRAD_INSTANTIATE_OPS(row_of_product)

}  // namespace xgrad::detail
