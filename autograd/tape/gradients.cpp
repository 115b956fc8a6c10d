// Looking gradients up, with errors that say why one is missing, and their arithmetic; see gradients.hpp.
#include <xgrad/autograd/gradients.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include <xgrad/autograd/numbers/instantiate.hpp>
#include <xgrad/autograd/numbers/map.hpp>
#include <xgrad/autograd/numbers/sum.hpp>

namespace xgrad {

namespace {

// What a gradient holds: all elements, or those of its rows.
template <class T>
Array<T>& elements(Gradient<T>& gradient) {
  auto* const sparse = std::get_if<RowSparse<T>>(&gradient);
  return sparse != nullptr ? sparse->values : std::get<Array<T>>(gradient);
}
template <class T>
const Array<T>& elements(const Gradient<T>& gradient) {
  return elements(const_cast<Gradient<T>&>(gradient));
}

template <class T>
Array<T> dense(const Gradient<T>& gradient) {
  const auto* const sparse = std::get_if<RowSparse<T>>(&gradient);
  return sparse != nullptr ? sparse->dense() : std::get<Array<T>>(gradient);
}

// f of each element, in double where T is float.
template <class T, class F>
Array<T> map_wide(const Array<T>& x, F f) {
  auto y = Array<T>::uninitialized(x.shape());
  std::transform(x.begin(), x.end(), y.mutable_data(),
                 [f](T element) { return static_cast<T>(f(kernels::Wide<T>(element))); });
  y.written();
  return y;
}

template <class T>
Array<T> product(const Array<T>& x, double factor) {
  using Limits = std::numeric_limits<scalar::Real<T>>;
  const double size = std::abs(factor);
  if (size == 0 || (size >= Limits::min() && size <= Limits::max())) return x * factor;
  return map_wide(x, [factor](auto element) { return element * factor; });  // T may lack the factor
}

// The sum of two whose rows are ascending and unique. What stands in one alone is copied, as 0 + -0 is 0.
template <class T>
RowSparse<T> sum(const RowSparse<T>& a, const RowSparse<T>& b) {
  std::vector<Ids::value_type> rows;
  std::set_union(a.rows.begin(), a.rows.end(), b.rows.begin(), b.rows.end(), std::back_inserter(rows));
  Shape shape = a.shape;
  shape.set(0, rows.size());
  auto values = Array<T>::uninitialized(shape);
  const std::size_t width = rows.empty() ? 0 : values.size() / rows.size();
  T* out = values.mutable_data();
  const T *x = a.values.data(), *y = b.values.data();
  const Ids::value_type *of_x = a.rows.begin(), *of_y = b.rows.begin();
  for (const auto row : rows) {
    const bool in_a = of_x != a.rows.end() && *of_x == row, in_b = of_y != b.rows.end() && *of_y == row;
    for (std::size_t k = 0; k < width; ++k) out[k] = in_a && in_b ? x[k] + y[k] : in_a ? x[k] : y[k];
    out += width;
    if (in_a) x += width, ++of_x;
    if (in_b) y += width, ++of_y;
  }
  values.written();
  return {a.shape, Ids(std::move(rows)), std::move(values)};
}

}  // namespace

template <class T>
void detail::add_to(Gradient<T>& a, const Gradient<T>& b) {
  const std::uint32_t mark = std::max(elements(a).gradient_of(), elements(b).gradient_of());
  const auto* const rows_of_a = std::get_if<RowSparse<T>>(&a);
  const auto* const rows_of_b = std::get_if<RowSparse<T>>(&b);
  if (rows_of_a != nullptr && rows_of_b != nullptr) {
    a = sum(*rows_of_a, *rows_of_b);
  } else if (rows_of_a != nullptr) {
    auto y = std::get<Array<T>>(b);
    rows_of_a->add_to(y);
    a = std::move(y);
  } else if (rows_of_b != nullptr) {
    rows_of_b->add_to(std::get<Array<T>>(a));
  } else if (auto& x = std::get<Array<T>>(a); x.unique()) {
    kernels::map_into(x, kernels::formulas::Add(), x, std::get<Array<T>>(b));
  } else {
    x = x + std::get<Array<T>>(b);
  }
  elements(a).written();
  elements(a).mark_gradient(mark);
}

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
  result.written();
  result.mark_gradient(values.gradient_of());
  return result;
}

template <class T>
Gradients<T>::Gradients() = default;
template <class T>
Gradients<T>::Gradients(const Gradients&) = default;
template <class T>
Gradients<T>& Gradients<T>::operator=(const Gradients&) = default;
template <class T>
Gradients<T>::~Gradients() = default;
template <class T>
Gradients<T>::Gradients(Gradients&& other) noexcept : Gradients() {
  swap(other);
}
template <class T>
Gradients<T>& Gradients<T>::operator=(Gradients&& other) noexcept {
  Gradients moved(std::move(other));
  swap(moved);
  return *this;
}

template <class T>
void Gradients<T>::swap(Gradients& other) noexcept {
  std::swap(tape_, other.tape_);
  std::swap(mixed_, other.mixed_);
  std::swap(unreached_, other.unreached_);
  parameters_.swap(other.parameters_);
  place_.swap(other.place_);
  std::swap(nodes_, other.nodes_);
  wanted_.swap(other.wanted_);
  by_node_.swap(other.by_node_);
}

template <class T>
Array<T> Gradients<T>::operator[](const Variable<T>& x) const {
  const Gradient<T>* gradient = stored(x);
  return gradient == nullptr ? Array<T>::zeros(x.shape()) : dense(*gradient);
}

template <class T>
const Gradient<T>* Gradients<T>::stored(const Variable<T>& x) const {
  if (const Gradient<T>* found = find(x)) return found;
  const bool of_tape = x.kind_ == Variable<T>::Kind::taped && x.tape_ == tape_;
  if (unreached_ == Unreached::zeros && (x.parameter() || (of_tape && wanted_.count(x.node_) > 0)))
    return nullptr;
  throw Error("gradient", why_missing(x));
}

template <class T>
const Gradient<T>* Gradients<T>::find(const Variable<T>& x) const {
  if (const Parameter<T>* const parameter = x.parameter()) {
    const auto place = place_.find(parameter);
    return place == place_.end() ? nullptr : &parameters_[place->second].second;
  }
  if (x.kind_ != Variable<T>::Kind::taped || x.tape_ != tape_) return nullptr;
  const auto found = by_node_.find(x.node_);
  return found == by_node_.end() ? nullptr : &found->second;
}

template <class T>
std::string Gradients<T>::why_missing(const Variable<T>& x) const {
  const Parameter<T>* const parameter = x.parameter();
  if (parameter != nullptr && parameter->frozen())
    return "the parameter '" + parameter->path +
           "' was frozen, so that no gradient was taken with respect to it; unfreeze() trains it again";
  if (parameter != nullptr && tape_ == 0 && !mixed_)
    return "these gradients are of no tape, and none was given of the parameter '" + parameter->path +
           "'; give it by its path, or pass Unreached::zeros";
  if (parameter != nullptr)
    return "the differentiated value does not depend on the parameter '" + parameter->path +
           "': nothing would train it; use it in the forward pass, or pass {.unreached = zeros}";
  const std::string of = "of shape " + to_string(x.shape());
  if (x.kind_ != Variable<T>::Kind::taped)
    return "a constant " + of + " has no gradient; make it a leaf with tape.leaf(array)";
  if (mixed_)
    return "these gradients are a sum over several tapes, or with ones given by path, which holds those of "
           "parameters alone; take the gradient of the variable " +
           of + " from those of its own tape, before they are added";
  if (tape_ == 0) return "these gradients are of no tape, so there is none of the variable " + of;
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

template <class T>
bool Gradients<T>::empty() const {
  return tape_ == 0 && !mixed_ && parameters_.empty();
}

template <class T>
void Gradients<T>::add(const std::shared_ptr<const Parameter<T>>& parameter, Gradient<T> gradient) {
  const auto [place, fresh] = place_.try_emplace(parameter.get(), parameters_.size());
  if (fresh)
    parameters_.emplace_back(parameter, std::move(gradient));
  else
    detail::add_to(parameters_[place->second].second, gradient);
}

// Whether the gradient of the value at `node` was kept, or is zero as it was recorded later.
template <class T>
bool Gradients<T>::knows(std::uint32_t node) const {
  return node >= nodes_ || wanted_.count(node) > 0;
}

// Those of leaves and intermediates of one tape: what only one side knows would be half a sum.
template <class T>
void Gradients<T>::add_of_tape(const Gradients& b) {
  std::unordered_set<std::uint32_t> wanted;
  for (const std::uint32_t node : wanted_)
    if (b.knows(node)) wanted.insert(node);
  for (const std::uint32_t node : b.wanted_)
    if (knows(node)) wanted.insert(node);
  std::erase_if(by_node_, [&](const auto& entry) { return wanted.count(entry.first) == 0; });
  for (const auto& [node, gradient] : b.by_node_) {
    if (wanted.count(node) == 0) continue;
    const auto [place, fresh] = by_node_.try_emplace(node, gradient);
    if (!fresh) detail::add_to(place->second, gradient);
  }
  wanted_ = std::move(wanted);
  nodes_ = std::max(nodes_, b.nodes_);
}

// b may be this: nothing is new then, and each array is added to itself.
template <class T>
Gradients<T>& Gradients<T>::operator+=(const Gradients& b) {
  const bool zeros_in_both = unreached_ == Unreached::zeros && b.unreached_ == Unreached::zeros;
  if (empty() && !b.empty()) return *this = b;
  if (b.empty() && !empty()) return *this;
  unreached_ = zeros_in_both ? Unreached::zeros : Unreached::error;
  if (tape_ != 0 && tape_ == b.tape_) {
    add_of_tape(b);
  } else {
    mixed_ = mixed_ || b.mixed_ || tape_ != b.tape_;
    tape_ = 0;
    wanted_.clear();
    by_node_.clear();
  }
  for (const auto& [parameter, gradient] : b.parameters_) add(parameter, gradient);
  return *this;
}

// Calls f on the elements of every gradient, which it replaces: they may be shared.
template <class T>
template <class F>
void Gradients<T>::for_each(F f) {
  const auto replace = [&](Gradient<T>& gradient) {
    Array<T>& x = elements(gradient);
    const std::uint32_t mark = x.gradient_of();
    x = f(std::as_const(x));
    x.mark_gradient(mark);
  };
  for (auto& [parameter, gradient] : parameters_) replace(gradient);
  for (auto& [node, gradient] : by_node_) replace(gradient);
}

template <class T>
Gradients<T>& Gradients<T>::multiply(double factor) {
  for_each([factor](const Array<T>& x) { return product(x, factor); });
  return *this;
}

template <class T>
Gradients<T>& Gradients<T>::divide(double divisor) {
  for_each([divisor](const Array<T>& x) {
    return map_wide(x, [divisor](auto element) { return element / divisor; });
  });
  return *this;
}

template <class T>
void Gradients<T>::scale(const Variable<T>& x, double factor) {
  const Gradient<T>* const gradient = stored(x);
  if (gradient == nullptr) return;  // zeros
  Array<T>& values = elements(const_cast<Gradient<T>&>(*gradient));
  const std::uint32_t mark = values.gradient_of();
  values = product(values, factor);
  values.mark_gradient(mark);
}

// Says of all arrays that they are gradients of that tape.
template <class T>
void Gradients<T>::mark(std::uint32_t tape) {
  for (auto& [parameter, gradient] : parameters_) elements(gradient).mark_gradient(tape);
  for (auto& [node, gradient] : by_node_) elements(gradient).mark_gradient(tape);
}

template <class T>
typename Gradients<T>::Iterator Gradients<T>::begin() const {
  Iterator result;
  for (const auto& entry : parameters_) result.list_.push_back(&entry);
  std::stable_sort(result.list_.begin(), result.list_.end(),
                   [](const auto* a, const auto* b) { return a->first->path < b->first->path; });
  return result;
}

template <class T>
double Gradients<T>::norm() const {
  return kernels::euclidean_norm<T>([this](auto f) {
    for (const auto& [path, gradient] : *this) f(elements(gradient));
  });
}

template <class T>
std::map<std::string, Array<double>> Gradients<T>::values() const {
  std::map<std::string, Array<double>> result;
  for (const auto& [path, gradient] : *this)
    if (!result.emplace(path, dense(gradient).template cast<double>()).second)
      throw Error("gradient", "there are two parameters '" + path +
                                  "', of different lists, so their gradients have no values by path; look "
                                  "them up, or go through them with for");
  return result;
}

template void detail::add_to(Gradient<float>&, const Gradient<float>&);
template void detail::add_to(Gradient<double>&, const Gradient<double>&);
template void detail::add_to(Gradient<Complex>&, const Gradient<Complex>&);
template struct RowSparse<float>;
template struct RowSparse<double>;
template struct RowSparse<Complex>;
XGRAD_INSTANTIATE_CLASS(Gradients);

}  // namespace xgrad
