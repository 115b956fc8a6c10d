// Looking gradients up, with errors that say why one is missing; see gradients.hpp.
#include <xgrad/autograd/gradients.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include <xgrad/autograd/numbers/instantiate.hpp>
#include <xgrad/autograd/numbers/sum.hpp>
#include <xgrad/autograd/tape/graph.hpp>

namespace xgrad {

template <class T>
void RowSparse<T>::add_to(Array<T>& table) const {
  if (rows.size() == 0) return;
  const std::size_t width = values.size() / rows.size();
  std::vector<std::size_t> counts(table.shape()[0]);
  for (const auto row : rows) ++counts[static_cast<std::size_t>(row)];
  kernels::add_terms(table.mutable_data(), table.size(), values.data(),
                     *std::max_element(counts.begin(), counts.end()), [&](auto add) {
                       for (std::size_t r = 0; r < rows.size(); ++r) {
                         const std::size_t row = static_cast<std::size_t>(rows[r]) * width;
                         for (std::size_t k = 0; k < width; ++k) add(r * width + k, row + k);
                       }
                     });
}

template <class T>
Array<T> RowSparse<T>::dense() const {
  auto result = Array<T>::zeros(shape);
  add_to(result);
  return result;
}

template <class T>
Gradients<T>::Gradients() = default;
template <class T>
Gradients<T>::Gradients(const Gradients&) = default;
template <class T>
Gradients<T>::Gradients(Gradients&&) noexcept = default;
template <class T>
Gradients<T>& Gradients<T>::operator=(const Gradients&) = default;
template <class T>
Gradients<T>& Gradients<T>::operator=(Gradients&&) noexcept = default;
template <class T>
Gradients<T>::~Gradients() = default;

template <class T>
Array<T> Gradients<T>::operator[](const Variable<T>& x) const {
  const Gradient<T>* gradient = stored(x);
  if (gradient == nullptr) return Array<T>::zeros(x.shape());
  const auto* sparse = std::get_if<RowSparse<T>>(gradient);
  return sparse != nullptr ? sparse->dense() : std::get<Array<T>>(*gradient);
}

template <class T>
const Gradient<T>* Gradients<T>::stored(const Variable<T>& x) const {
  if (const Gradient<T>* found = find(x)) return found;
  const auto n = node(x);
  if (unreached_ == Unreached::zeros && (x.parameter() || (n && wanted_.count(*n) > 0))) return nullptr;
  throw Error("gradient", why_missing(x));
}

template <class T>
void Gradients<T>::scale(const Variable<T>& x, double factor) {
  if (stored(x) == nullptr) return;  // zeros
  Gradient<T>& gradient = by_node_.at(*node(x));
  auto* sparse = std::get_if<RowSparse<T>>(&gradient);
  Array<T>& values = sparse != nullptr ? sparse->values : std::get<Array<T>>(gradient);
  using Limits = std::numeric_limits<scalar::Real<T>>;
  const double size = std::abs(factor), first = std::clamp<double>(size, Limits::min(), Limits::max());
  values = first == size ? values * factor : values * first * (factor / first);  // T may lack the factor
}

// Where x stands on the differentiated tape, if it does.
template <class T>
std::optional<std::uint32_t> Gradients<T>::node(const Variable<T>& x) const {
  if (x.parameter()) {
    const auto place = parameters_.find(x.parameter_);
    if (place == parameters_.end()) return std::nullopt;
    return place->second;
  }
  if (x.kind_ != Variable<T>::Kind::taped || x.tape_ != tape_) return std::nullopt;
  return x.node_;
}

template <class T>
const Gradient<T>* Gradients<T>::find(const Variable<T>& x) const {
  const auto n = node(x);
  const auto it = n ? by_node_.find(*n) : by_node_.end();
  return it == by_node_.end() ? nullptr : &it->second;
}

template <class T>
std::string Gradients<T>::why_missing(const Variable<T>& x) const {
  const Parameter<T>* const parameter = x.parameter();
  if (parameter != nullptr && (parameter->frozen() || node(x) == no_node))
    return "the parameter '" + parameter->path +
           "' was frozen, so that no gradient was taken with respect to it; unfreeze() trains it again";
  if (parameter != nullptr)
    return "the differentiated value does not depend on the parameter '" + parameter->path +
           "': nothing would train it; use it in the forward pass, or pass {.unreached = zeros}";
  const std::string of = "of shape " + to_string(x.shape());
  if (x.kind_ != Variable<T>::Kind::taped)
    return "a constant " + of + " has no gradient; make it a leaf with tape.leaf(array)";
  if (x.tape_ < tape_)
    return "the variable " + of +
           " was carried over from an earlier tape: it is a constant on this one, where the gradient stops; "
           "to have its gradient let it begin the window as a leaf, tape.leaf(x.value())";
  if (x.tape_ != tape_) return "the variable " + of + " belongs to another tape than these gradients";
  if (wanted_.count(x.node_) > 0)
    return "the differentiated value does not depend on the leaf " + of +
           "; pass {.unreached = zeros} if that is meant";
  return "no gradient was kept for the intermediate variable " + of +
         " (or the value does not depend on it); pass {.of = {x}} to tape.gradient";
}

template struct RowSparse<float>;
template struct RowSparse<double>;
template struct RowSparse<Complex>;
XGRAD_INSTANTIATE_CLASS(Gradients);

}  // namespace xgrad
