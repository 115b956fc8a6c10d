// The update in place; see sgd.hpp.
#include <xgrad/training/sgd.hpp>

#include <cmath>

#include <xgrad/autograd/kernels/simd.hpp>

namespace xgrad {

namespace {

// w <- w - rate g
template <class T>
void descend(T* w, const T* g, std::size_t n, T rate) {
  const xsimd::batch<T> rates(rate);
  kernels::for_each_pack<T>(n, [&](const auto& pack) { pack.store(w, pack.load(w) - rates * pack.load(g)); });
}

}  // namespace

template <class T>
Sgd<T>::Sgd(Parameters<T> parameters, double rate) : parameters_(std::move(parameters)) {
  set_rate(rate);
}

template <class T>
void Sgd<T>::set_rate(double rate) {
  if (!(rate > 0) || std::isinf(rate))
    throw Error("sgd", "needs a rate that is a positive number, got " + std::to_string(rate));
  rate_ = rate;
}

template <class T>
void Sgd<T>::step(const Gradients<T>& gradients) {
  for (const Variable<T>& parameter : parameters_.list())
    (void)gradients.stored(parameter);  // throws before any change
  const T rate = static_cast<T>(rate_);
  for (const Variable<T>& parameter : parameters_.list()) {
    const Gradient<T>* gradient = gradients.stored(parameter);
    if (gradient == nullptr) continue;  // zeros
    Array<T> value = parameter.value();
    T* const w = value.shared_data();
    if (const auto* dense = std::get_if<Array<T>>(gradient)) {
      descend(w, dense->data(), dense->size(), rate);
      continue;
    }
    const auto& sparse = std::get<RowSparse<T>>(*gradient);
    const std::size_t width = sparse.rows.size() == 0 ? 0 : sparse.values.size() / sparse.rows.size();
    for (std::size_t r = 0; r < sparse.rows.size(); ++r)
      descend(w + static_cast<std::size_t>(sparse.rows[r]) * width, sparse.values.data() + r * width, width,
              rate);
  }
}

template class Sgd<float>;
template class Sgd<double>;

}  // namespace xgrad
