// Looking gradients up, with errors that say why one is missing, and adding contributions up; see
// gradients.hpp.
#include <xgrad/autograd/gradients.hpp>

#include <algorithm>
#include <numeric>

#include <xgrad/autograd/fast_paths.hpp>
#include <xgrad/autograd/kernels/map.hpp>
#include <xgrad/autograd/kernels/product.hpp>

namespace xgrad {

namespace {

template <class T>
void add_into(T* y, const T* x, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) y[i] += x[i];
}

template <class T>
void scatter_add(Array<T>& dense, const RowSparse<T>& part) {
  if (part.rows.size() == 0) return;
  const std::size_t width = part.values.size() / part.rows.size();
  T* const y = dense.mutable_data();
  for (std::size_t r = 0; r < part.rows.size(); ++r)
    add_into(y + static_cast<std::size_t>(part.rows[r]) * width, part.values.data() + r * width, width);
}

// One row per id, ids ascending; rows of the same id are added in the order of the contributions.
template <class T>
RowSparse<T> coalesce(const std::vector<RowSparse<T>>& parts, const Shape& shape) {
  struct Source {
    Ids::value_type id;
    const T* row;
  };
  const std::size_t width = shape[0] == 0 ? 0 : shape.size() / shape[0];
  std::vector<Source> sources;
  for (const auto& part : parts)
    for (std::size_t r = 0; r < part.rows.size(); ++r)
      sources.push_back({part.rows[r], part.values.data() + r * width});
  std::stable_sort(sources.begin(), sources.end(),
                   [](const Source& a, const Source& b) { return a.id < b.id; });

  std::vector<Ids::value_type> rows;
  for (const Source& source : sources)
    if (rows.empty() || rows.back() != source.id) rows.push_back(source.id);
  Shape values_shape = shape;
  values_shape.set(0, rows.size());
  auto values = Array<T>::zeros(values_shape);
  T* const out = values.mutable_data();
  std::size_t r = 0;
  for (const Source& source : sources) {
    if (source.id != rows[r]) ++r;
    add_into(out + r * width, source.row, width);
  }
  return {shape, Ids(std::move(rows)), std::move(values)};
}

}  // namespace

template <class T>
Array<T> RowSparse<T>::dense() const {
  auto result = Array<T>::zeros(shape);
  scatter_add(result, *this);
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
  missing(x);
}

template <class T>
void Gradients<T>::scale(const Variable<T>& x, double factor) {
  if (stored(x) == nullptr) return;  // zeros
  Gradient<T>& gradient = by_node_.at(*node(x));
  auto* sparse = std::get_if<RowSparse<T>>(&gradient);
  Array<T>& values = sparse != nullptr ? sparse->values : std::get<Array<T>>(gradient);
  values = values * factor;
}

// Where x stands on the differentiated tape, if it does.
template <class T>
std::optional<std::uint32_t> Gradients<T>::node(const Variable<T>& x) const {
  if (const Parameter<T>* parameter = x.parameter()) {
    const auto place = parameters_.find(parameter);
    if (place == parameters_.end()) return std::nullopt;
    return place->second.node;
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
void Gradients<T>::missing(const Variable<T>& x) const {
  if (const Parameter<T>* parameter = x.parameter())
    throw Error("gradient",
                "the differentiated value does not depend on the parameter '" + parameter->path +
                    "': nothing would train it; use it in the forward pass, or pass {.unreached = zeros}");
  const std::string of = "of shape " + to_string(x.shape());
  if (x.kind_ != Variable<T>::Kind::taped)
    throw Error("gradient", "a constant " + of + " has no gradient; make it a leaf with tape.leaf(array)");
  if (x.tape_ < tape_)
    throw Error(
        "gradient",
        "the variable " + of +
            " was carried over from an earlier tape: it is a constant on this one, where the gradient "
            "stops; to have its gradient let it begin the window as a leaf, tape.leaf(x.value())");
  if (x.tape_ != tape_)
    throw Error("gradient", "the variable " + of + " belongs to another tape than these gradients");
  if (wanted_.count(x.node_) > 0)
    throw Error("gradient", "the differentiated value does not depend on the leaf " + of +
                                "; pass {.unreached = zeros} if that is meant");
  throw Error("gradient", "no gradient was kept for the intermediate variable " + of +
                              " (or the value does not depend on it); pass {.of = {x}} to tape.gradient");
}

template <class T>
void GradientSum<T>::add(Array<T> contribution) {
  if (!has_dense_) {
    dense_ = std::move(contribution);
    has_dense_ = true;
  } else if (dense_.unique()) {
    kernels::map_into(dense_, kernels::formulas::Add(), dense_, contribution);
  } else {
    dense_ = dense_ + contribution;
  }
}

template <class T>
void GradientSum<T>::add(RowSparse<T> contribution) {
  if (sparse_ == nullptr) sparse_ = std::make_unique<std::vector<RowSparse<T>>>();
  sparse_->push_back(std::move(contribution));
}

namespace {

template <class T>
std::int64_t flops_of(const OuterProduct<T>& product) {
  return static_cast<std::int64_t>(2 * product.x.size() * product.dy.shape().back());
}

}  // namespace

// An outer product of many rows is as fast by itself, and one that waits keeps its numbers alive.
template <class T>
void GradientSum<T>::add(OuterProduct<T> contribution) {
  constexpr std::size_t few_rows = 64, enough_bytes = std::size_t{32} << 20;
  const std::size_t rows = contribution.dy.size() / std::max<std::size_t>(1, contribution.dy.shape().back());
  kernels::shift_flops(flops_of(contribution));  // they count for the op that they come from
  outer_bytes_ += (contribution.x.size() + contribution.dy.size()) * sizeof(T);
  if (outer_ == nullptr) outer_ = std::make_unique<std::vector<OuterProduct<T>>>();
  outer_->push_back(std::move(contribution));
  if (rows > few_rows || outer_bytes_ > enough_bytes || !fast_paths().deferred_weights) multiply_outer();
}

namespace {

// The parts one below the other, the last first, as the sweep walks back in time. Those that lie so already are not copied.
template <class T, class Part>
Array<T> stacked(const std::vector<OuterProduct<T>>& products, Part part) {
  const Array<T>& first = part(products.back());
  const std::size_t width = first.shape().back();
  std::size_t size = 0;
  bool consecutive = true;
  for (auto product = products.rbegin(); product != products.rend(); ++product) {
    const Array<T>& x = part(*product);
    consecutive = consecutive && x.shares_block_with(first) && x.data() == first.data() + size;
    size += x.size();
  }
  const Shape shape{width == 0 ? 0 : size / width, width};
  if (consecutive) return first.from_before(0, shape);
  auto result = Array<T>::uninitialized(shape);
  T* out = result.mutable_data();
  for (auto product = products.rbegin(); product != products.rend(); ++product)
    out = std::copy(part(*product).begin(), part(*product).end(), out);
  return result;
}

}  // namespace

// dW = x^T dy of all together
template <class T>
void GradientSum<T>::multiply_outer() {
  if (outer_ == nullptr) return;
  const auto products = std::move(outer_);
  outer_bytes_ = 0;
  for (const auto& product : *products) kernels::shift_flops(-flops_of(product));
  const auto x = stacked<T>(*products, [](const auto&p) -> const Array<T>& { return p.x; }),
             dy = stacked<T>(*products, [](const auto&p) -> const Array<T>& { return p.dy; });
  const std::size_t K = x.shape()[1], M = dy.shape()[1], rows = dy.shape()[0];
  const bool add = has_dense_;
  if (add)
    dense_.mutable_data();
  else
    dense_ = Array<T>::uninitialized({K, M});
  has_dense_ = true;
  T* const dW = dense_.mutable_data();
  kernels::product<T>(K, M, rows, {x.data(), K, kernels::Op::transpose}, {dy.data(), M},
                      add ? kernels::Base<T>{dW, M} : kernels::Base<T>{}, dW, M);
}

template <class T>
void GradientSum<T>::add(GradientSum&& other) {
  other.multiply_outer();
  if (other.has_dense_) add(std::move(other.dense_));
  if (other.sparse_ != nullptr)
    for (auto& part : *other.sparse_) add(std::move(part));
}

template <class T>
Array<T>& GradientSum<T>::in_place(const Shape& shape) {
  if (!has_dense_) dense_ = Array<T>::zeros(shape);
  has_dense_ = true;
  dense_.mutable_data();  // a block of its own from here on
  return dense_;
}

template <class T>
Array<T> GradientSum<T>::take_dense(const Shape& shape) {
  multiply_outer();
  fold_sparse(shape);
  has_dense_ = false;
  return std::move(dense_);
}

template <class T>
Gradient<T> GradientSum<T>::take(const Shape& shape) {
  if (has_dense_ || sparse_ == nullptr || outer_ != nullptr) return take_dense(shape);
  const auto parts = std::move(sparse_);
  return coalesce(*parts, shape);
}

template <class T>
void GradientSum<T>::fold_sparse(const Shape& shape) {
  if (sparse_ == nullptr) return;
  const auto parts = std::move(sparse_);
  Array<T>& dense = in_place(shape);
  for (const auto& part : *parts) scatter_add(dense, part);
}

template struct RowSparse<float>;
template struct RowSparse<double>;
template struct RowSparse<Complex>;
template class Gradients<float>;
template class Gradients<double>;
template class Gradients<Complex>;
template class GradientSum<float>;
template class GradientSum<double>;
template class GradientSum<Complex>;

}  // namespace xgrad
