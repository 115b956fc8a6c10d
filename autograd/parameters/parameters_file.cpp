// Parameters to and from a safetensors file; see `save` and `load` in parameters.hpp. They stand apart from
// parameters.cpp, all of which is compiled for every scalar, because the format has no complex double.
// Loading is two steps: `plan` finds everything that is wrong, `fill` cannot fail.
#include <optional>
#include <set>

#include <fmt/format.h>

#include <xgrad/autograd/parameters.hpp>
#include <xgrad/autograd/parameters/elements.hpp>
#include <xgrad/autograd/parameters/glob.hpp>
#include <xgrad/autograd/parameters/quote.hpp>
#include <xgrad/autograd/safetensors.hpp>

namespace xgrad {

namespace {

using safetensors::Tensor;

// The first few problems of one kind, a line each, and how many more there are.
class Problems {
 public:
  explicit Problems(const char* kind) : kind_(kind) {}

  void add(const std::string& problem) {
    if (++count_ <= shown) lines_.push_back(fmt::format("\n  {}: {}", kind_, problem));
  }
  std::string text() const {
    std::string result;
    for (const auto& line : lines_) result += &line == &lines_.back() && count_ > shown ? "" : line;
    if (count_ > shown) result += fmt::format("\n  {}: and {} more", kind_, count_ - shown + 1);
    return result;
  }

 private:
  static constexpr std::size_t shown = 3;  // of three kinds, below a line that says what they are about

  const char* kind_;
  std::size_t count_ = 0;
  std::vector<std::string> lines_;
};

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

// A parameter and the tensor that fills it.
template <class T>
struct Filling {
  std::string path;
  Variable<T> parameter;
  const std::string* name;
  const Tensor* tensor;
};

template <class T>
void fill(const std::string& file, const std::vector<Filling<T>>& fillings) {
  for (const auto& [path, parameter, name, tensor] : fillings)
    if (const auto beyond = safetensors::first_beyond<T>(*tensor))
      throw Error("parameters",
                  fmt::format("{} does not fit the parameters, none is changed: {} has {} at {}, beyond the "
                              "range of {}",
                              quote_file(file), quote(*name), beyond->value,
                              safetensors::index_of(beyond->position, tensor->shape), safetensors::dtype<T>));
  for (const auto& filling : fillings) {  // from here on nothing can fail
    Array<T> value = filling.parameter.value();
    safetensors::copy_elements(*filling.tensor, value.shared_data());
  }
}

}  // namespace

template <class T>
void Parameters<T>::save(const std::string& file) const requires std::floating_point<T> {
  safetensors::Tensors tensors;
  if (!scope_.empty() && list().empty())
    throw Error("parameters", "there is nothing to save" + scope_text(scope_));
  for (const Variable<T>& parameter : list())
    tensors.emplace(path_of(parameter), safetensors::tensor(parameter.value()));
  safetensors::write(file, tensors);
}

template <class T>
void Parameters<T>::load(const std::string& file) const requires std::floating_point<T> {
  if (!scope_.empty() && list().empty())
    throw Error("parameters", "there is nothing to load" + scope_text(scope_));
  const safetensors::File given(file);
  Problems different("different"), missing("missing"), unexpected("unexpected");
  std::vector<Filling<T>> fillings;
  std::set<std::string> declared;
  for (const Variable<T>& parameter : list()) {
    const std::string path = path_of(parameter);
    declared.insert(path);
    const auto expected = safetensors::tensor(parameter.value());
    const auto found = given.tensors().find(path);
    if (found == given.tensors().end())
      missing.add(fmt::format("{}, expected {}", quote(path), to_string(expected)));
    else if (const auto wrong = mismatch<T>(found->second, expected))
      different.add(quote(path) + " " + *wrong);
    else
      fillings.push_back({path, parameter, &found->first, &found->second});
  }
  for (const auto& [name, tensor] : given.tensors())
    if (!declared.contains(name))
      unexpected.add(fmt::format("{}, {}, is no parameter", quote(name), to_string(tensor)));
  const std::string problems = different.text() + missing.text() + unexpected.text();
  if (!problems.empty())
    throw Error("parameters", quote_file(file) + " does not fit the parameters" + scope_text(scope_) +
                                  ", none is changed:" + problems);
  fill(file, fillings);
}

template <class T>
Loaded Parameters<T>::load(const std::string& file,
                           const LoadOptions& options) const requires std::floating_point<T> {
  const safetensors::File given(file);
  Problems different("different"), missing("missing"), unused("unused");
  std::vector<Filling<T>> fillings;
  std::set<std::string> used;
  Loaded loaded;
  for (const Variable<T>& parameter : list()) {
    const std::string path = path_of(parameter);
    if (!matches(options.only, path)) {
      loaded.missing.push_back(path);
      continue;
    }
    const std::string name = options.rename ? options.rename(path) : path;
    const std::string both = name == path ? quote(path) : quote(path) + ", in the file " + quote(name) + ",";
    const auto found = given.tensors().find(name);
    if (found == given.tensors().end()) {
      loaded.missing.push_back(path);
      missing.add(both);
    } else if (const auto wrong = mismatch<T>(found->second, safetensors::tensor(parameter.value()))) {
      different.add(both + " " + *wrong);
    } else {
      used.insert(name);
      loaded.taken.push_back(path);
      fillings.push_back({path, parameter, &found->first, &found->second});
    }
  }
  for (const auto& [name, tensor] : given.tensors())
    if (!used.contains(name)) {
      loaded.left.push_back(name);
      unused.add(fmt::format("{}, {}", quote(name), to_string(tensor)));
    }
  if (const std::string problems = different.text(); !problems.empty())
    throw Error("parameters", quote_file(file) + " does not fit the parameters" + scope_text(scope_) +
                                  ", none is changed:" + problems);
  if (fillings.empty())
    throw Error("parameters",
                fmt::format("{} has none of the parameters{} that {} chooses:{}{}", quote_file(file),
                            scope_text(scope_), quote(options.only), missing.text(), unused.text()));
  fill(file, fillings);
  return loaded;
}

#define XGRAD_INSTANTIATE(T)                                   \
  template void Parameters<T>::save(const std::string&) const; \
  template void Parameters<T>::load(const std::string&) const; \
  template Loaded Parameters<T>::load(const std::string&, const LoadOptions&) const;
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
