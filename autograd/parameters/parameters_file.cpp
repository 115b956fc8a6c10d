// Parameters to and from a safetensors file; see `save` and `load` in parameters.hpp. They stand apart from
// parameters.cpp, all of which is compiled for every scalar, because the format has no complex double.
#include <algorithm>
#include <set>

#include <xgrad/autograd/parameters.hpp>
#include <xgrad/autograd/safetensors.hpp>

namespace xgrad {

template <class T>
void Parameters<T>::save(const std::string& file) const requires std::floating_point<T> {
  safetensors::Tensors tensors;
  for (const Variable<T>& parameter : list())
    tensors.emplace(path_of(parameter), safetensors::tensor(parameter.value()));
  safetensors::write(file, tensors);
}

template <class T>
void Parameters<T>::load(const std::string& file) const requires std::floating_point<T> {
  const safetensors::File given(file);
  std::string problems;
  std::set<std::string> declared;
  for (const Variable<T>& parameter : list()) {
    const std::string path = path_of(parameter);
    declared.insert(path);
    const auto expected = safetensors::tensor(parameter.value());
    const auto found = given.tensors().find(path);
    if (found == given.tensors().end())
      problems += "\n  missing: '" + path + "', expected " + to_string(expected);
    else if (found->second.dtype != expected.dtype || found->second.shape != expected.shape)
      problems += "\n  different: '" + path + "' is " + to_string(found->second) + ", expected " +
                  to_string(expected);
  }
  for (const auto& [path, tensor] : given.tensors())
    if (!declared.contains(path))
      problems += "\n  unexpected: '" + path + "', " + to_string(tensor) + ", is no parameter";
  if (!problems.empty())
    throw Error("parameters", "'" + file + "' does not fit the parameters, none is changed:" + problems);

  for (const Variable<T>& parameter : list()) {  // from here on nothing can fail
    const auto bytes = given.tensors().find(path_of(parameter))->second.bytes;
    Array<T> value = parameter.value();
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<std::byte*>(value.shared_data()));
  }
}

template void Parameters<float>::save(const std::string&) const;
template void Parameters<double>::save(const std::string&) const;
template void Parameters<float>::load(const std::string&) const;
template void Parameters<double>::load(const std::string&) const;

}  // namespace xgrad
