// Declaration and lookup of parameters; see parameters.hpp.
#include <xgrad/autograd/parameters.hpp>

#include <algorithm>
#include <cmath>

#include <xgrad/autograd/numbers/instantiate.hpp>

namespace xgrad {

namespace {

void check_name(std::string_view name) {
  if (name.empty() || name.find('/') != std::string_view::npos)
    throw Error("parameters", "a name is one non-empty word without '/', got '" + std::string(name) +
                                  "'; scopes are entered with p / \"scope\"");
}

}  // namespace

template <class T>
Parameters<T>::Parameters(std::uint32_t seed) : store_(std::make_shared<Store>(seed)) {}

template <class T>
Parameters<T> Parameters<T>::operator/(std::string_view scope) const {
  check_name(scope);
  Parameters result = *this;
  result.scope_ += std::string(scope) + "/";
  return result;
}

template <class T>
Parameters<T> Parameters<T>::derived(std::function<Variable<T>(const Variable<T>&)> replacement) const {
  if (!replacement) throw Error("parameters", "derived() needs a function that replaces, got an empty one");
  Parameters result = *this;
  result.replacement_ = std::move(replacement);
  return result;
}

template <class T>
Variable<T> Parameters<T>::weight(std::string_view name, const Shape& shape) const {
  const double bound =
      shape.rank() == 0 || shape[0] == 0 ? 1.0 : 1.0 / std::sqrt(static_cast<double>(shape[0]));
  return weight(name, shape, uniform(-bound, bound));
}

template <class T>
Variable<T> Parameters<T>::bias(std::string_view name, const Shape& shape) const {
  return weight(name, shape, xgrad::constant(0));
}

template <class T>
Variable<T> Parameters<T>::weight(std::string_view name, const Shape& shape,
                                  const Initializer& initializer) const {
  check_name(name);
  const std::string path = scope_ + std::string(name);
  if (!initializer) throw Error("parameters", "'" + path + "' needs an initializer, got an empty function");
  const auto check_shape = [&](const char* but, const Shape& other) {
    if (other != shape)
      throw Error("parameters", "'" + path + "' is declared with shape " + to_string(shape) + ", but " + but +
                                    to_string(other));
  };
  if (replacement_) {
    const Variable<T> replaced = replacement_((*this)[name]);
    check_shape("was replaced by a value of shape ", replaced.shape());
    return replaced;
  }
  if (contains(name))
    throw Error("parameters", "'" + path +
                                  "' is declared twice; give each layer a scope of its own, p / \"name\", "
                                  "and to share a parameter copy its variable");

  auto value = Array<T>::uninitialized(shape);  // before anything else: it refuses shapes that are too large
  const auto given = store_->values.find(path);
  if (given == store_->values.end()) {
    std::vector<double> numbers(shape.size());
    try {
      initializer(store_->random, numbers, shape);
    } catch (const Error& error) {
      throw error.with_context("parameter '" + path + "'");
    }
    std::transform(numbers.begin(), numbers.end(), value.mutable_data(),
                   [](double x) { return scalar::convert<T>(x); });
    value.written();
  } else {
    check_shape("the value given for it has shape ", given->second.shape());
    value = std::move(given->second);  // which no other declaration takes
  }
  value.mark_parameter();

  Variable<T> variable(value);
  variable.parameter_ = std::make_shared<const Parameter<T>>(path, value);
  variable.kind_ = Variable<T>::Kind::parameter;
  store_->list.push_back(variable);
  return variable;
}

template <class T>
bool Parameters<T>::below_scope(const Variable<T>& parameter) const {
  return parameter.parameter()->path.starts_with(scope_);
}

template <class T>
std::vector<Variable<T>> Parameters<T>::list(Which which) const {
  std::vector<Variable<T>> result;
  result.reserve(store_->list.size());
  for (const Variable<T>& parameter : store_->list)
    if (below_scope(parameter) &&
        (which == Which::all || parameter.parameter()->frozen() == (which == Which::frozen)))
      result.push_back(parameter);
  return result;
}

template <class T>
std::string Parameters<T>::path_of(const Variable<T>& parameter) const {
  if (parameter.parameter() == nullptr || !below_scope(parameter))
    throw Error("parameters", "there is no " + describe(parameter) + " below '" + scope_ + "'");
  return parameter.parameter()->path.substr(scope_.size());
}

template <class T>
std::map<std::string, Array<double>> Parameters<T>::values() const {
  std::map<std::string, Array<double>> result;
  for (const Variable<T>& parameter : list())
    result.emplace(path_of(parameter), parameter.value().template cast<double>());
  return result;
}

template <class T>
std::size_t Parameters<T>::count(Which which) const {
  std::size_t total = 0;
  for (const Variable<T>& parameter : list(which)) total += parameter.size();
  return total;
}

template <class T>
const Variable<T>* Parameters<T>::find(std::string_view path) const {
  const std::string whole = scope_ + std::string(path);
  for (const Variable<T>& parameter : store_->list)
    if (parameter.parameter()->path == whole) return &parameter;
  return nullptr;
}

template <class T>
const Variable<T>& Parameters<T>::operator[](std::string_view path) const {
  if (const Variable<T>* parameter = find(path)) return *parameter;
  std::string known;
  for (const Variable<T>& parameter : store_->list)
    known += (known.empty() ? "'" : ", '") + parameter.parameter()->path + "'";
  throw Error("parameters", "there is no '" + scope_ + std::string(path) +
                                "'; there are: " + (known.empty() ? "none" : known));
}

template <class T>
void Parameters<T>::assign(std::string_view path, const Array<T>& values) const {
  const Variable<T>& parameter = (*this)[path];
  if (values.shape() != parameter.shape())
    throw Error("parameters", "'" + parameter.parameter()->path + "' has shape " +
                                  to_string(parameter.shape()) + ", cannot take values of shape " +
                                  to_string(values.shape()));
  Array<T> target = parameter.value();
  target.overwrite(values);
}

namespace {

template <class T>
void set_frozen(const Parameters<T>& parameters, const char* op, bool frozen) {
  const auto list = parameters.list();
  if (list.empty())
    throw Error(op, "there is no parameter below this scope; build the model first, and look at p.list()");
  for (const Variable<T>& parameter : list) {
    if (parameter.parameter()->frozen() == frozen) continue;
    Array<T> value = parameter.value();  // with all updates
    (void)value.shared_data();           // a new version: a tape that is open saw the parameter otherwise
    parameter.parameter()->set_frozen(frozen);
  }
}

}  // namespace

template <class T>
void freeze(const Parameters<T>& parameters) {
  set_frozen(parameters, "freeze", true);
}

template <class T>
void unfreeze(const Parameters<T>& parameters) {
  set_frozen(parameters, "unfreeze", false);
}

#define XGRAD_INSTANTIATE(T)                  \
  template void freeze(const Parameters<T>&); \
  template void unfreeze(const Parameters<T>&);
XGRAD_FOR_SCALARS(XGRAD_INSTANTIATE)
XGRAD_INSTANTIATE_CLASS(Parameters);

}  // namespace xgrad
