// Parameters to and from a safetensors file; see `save` and `load` in parameters.hpp. They stand apart from
// parameters.cpp, all of which is compiled for every scalar, because the format has no complex double.
// Loading is two steps: `plan` finds what fits and what does not, `fill` changes the parameters.
#include <optional>
#include <set>

#include <fmt/format.h>

#include <xgrad/autograd/parameters.hpp>
#include <xgrad/autograd/parameters/elements.hpp>
#include <xgrad/autograd/parameters/glob.hpp>
#include <xgrad/autograd/parameters/problems.hpp>
#include <xgrad/autograd/parameters/quote.hpp>
#include <xgrad/autograd/safetensors.hpp>

namespace xgrad {

namespace {

using safetensors::Tensor, safetensors::Tensors;

std::string scope_text(const std::string& scope) {
  return scope.empty() ? "" : " below " + quote(scope.substr(0, scope.size() - 1));
}

// What is wrong with a tensor for a parameter of this shape.
template <class T>
std::optional<std::string> mismatch(const Tensor& found, const Tensor& expected) {
  if (!safetensors::readable<T>(found.dtype))
    return fmt::format("is {}, expected {}", to_string(found), safetensors::readable_dtypes<T>);
  if (found.shape != expected.shape)
    return fmt::format("is {}, expected {}", to_string(found), to_string(expected));
  return std::nullopt;
}

// A parameter and the tensor of the file that fills it.
template <class T>
struct Filling {
  Variable<T> parameter;
  const Tensors::value_type* tensor;
};

// What of a file goes where.
template <class T>
struct Plan {
  std::vector<Filling<T>> fillings;
  Loaded loaded;
  Problems different{"different"}, missing{"missing"};
  std::vector<const Tensors::value_type*> unused;
};

template <class T>
Plan<T> plan(const Parameters<T>& parameters, const Tensors& given, const LoadOptions& options) {
  Plan<T> plan;
  std::set<std::string> used;
  for (const Variable<T>& parameter : parameters.list()) {
    const std::string path = parameters.path_of(parameter);
    if (!matches(options.only, path)) {
      plan.loaded.missing.push_back(path);
      continue;
    }
    const std::string name = options.rename ? options.rename(path) : path;
    const std::string both = name == path ? quote(path) : quote(path) + ", in the file " + quote(name) + ",";
    const Tensor expected = safetensors::tensor(parameter.value());
    const auto found = given.find(name);
    if (found == given.end()) {
      plan.loaded.missing.push_back(path);
      plan.missing.add(fmt::format("{}{} expected {}", both, name == path ? "," : "", to_string(expected)));
    } else if (const auto wrong = mismatch<T>(found->second, expected)) {
      plan.different.add(both + " " + *wrong);
    } else {
      used.insert(name);
      plan.loaded.taken.push_back(path);
      plan.fillings.push_back({parameter, &*found});
    }
  }
  for (const auto& tensor : given)
    if (!used.contains(tensor.first)) {
      plan.loaded.left.push_back(tensor.first);
      plan.unused.push_back(&tensor);
    }
  return plan;
}

template <class T>
void fill(const std::string& file, const std::vector<Filling<T>>& fillings) {
  for (const auto& [parameter, tensor] : fillings)
    if (const auto beyond = safetensors::first_beyond<T>(tensor->second))
      throw Error(
          "parameters",
          fmt::format("{} does not fit the parameters, none is changed: {} has {} at {}, "
                      "beyond the range of {}",
                      quote_file(file), quote(tensor->first), beyond->value,
                      safetensors::index_of(beyond->position, tensor->second.shape), safetensors::dtype<T>));
  for (const auto& filling : fillings) {  // from here on nothing can fail
    Array<T> value = filling.parameter.value();
    safetensors::copy_elements(filling.tensor->second, value.shared_data());
  }
}

[[noreturn]] void refuse(const std::string& file, const std::string& scope, const std::string& problems) {
  throw Error("parameters", quote_file(file) + " does not fit the parameters" + scope_text(scope) +
                                ", none is changed:" + problems);
}

}  // namespace

template <class T>
void Parameters<T>::save(const std::string& file, const std::map<std::string, std::string>& metadata)
    const requires std::floating_point<T> {
  safetensors::Tensors tensors;
  if (!scope_.empty() && list().empty())
    throw Error("parameters", "there is nothing to save" + scope_text(scope_));
  for (const Variable<T>& parameter : list())
    tensors.emplace(path_of(parameter), safetensors::tensor(parameter.value()));
  safetensors::write(file, tensors, metadata);
}

template <class T>
void Parameters<T>::load(const std::string& file) const requires std::floating_point<T> {
  if (!scope_.empty() && list().empty())
    throw Error("parameters", "there is nothing to load" + scope_text(scope_));
  const safetensors::File given(file);
  const Plan<T> found = plan(*this, given.tensors(), {});
  Problems unexpected("unexpected");
  for (const Tensors::value_type* tensor : found.unused)
    if (!contains(tensor->first))
      unexpected.add(fmt::format("{}, {}, is no parameter", quote(tensor->first), to_string(tensor->second)));
  const std::string problems = found.different.text() + found.missing.text() + unexpected.text();
  if (!problems.empty()) refuse(file, scope_, problems);
  fill(file, found.fillings);
}

template <class T>
Loaded Parameters<T>::load(const std::string& file,
                           const LoadOptions& options) const requires std::floating_point<T> {
  const safetensors::File given(file);
  const Plan<T> found = plan(*this, given.tensors(), options);
  if (const std::string problems = found.different.text(); !problems.empty()) refuse(file, scope_, problems);
  if (found.fillings.empty()) {
    Problems unused("unused");
    for (const Tensors::value_type* tensor : found.unused)
      unused.add(fmt::format("{}, {}", quote(tensor->first), to_string(tensor->second)));
    throw Error("parameters",
                fmt::format("{} has none of the parameters{} that {} chooses:{}{}", quote_file(file),
                            scope_text(scope_), quote(options.only), found.missing.text(), unused.text()));
  }
  fill(file, found.fillings);
  return found.loaded;
}

#define XGRAD_INSTANTIATE(T)                                                                              \
  template void Parameters<T>::save(const std::string&, const std::map<std::string, std::string>&) const; \
  template void Parameters<T>::load(const std::string&) const;                                            \
  template Loaded Parameters<T>::load(const std::string&, const LoadOptions&) const;
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
