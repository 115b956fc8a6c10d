// The file of a checkpoint, and its order of restoring; see checkpoint.hpp.
#include <xgrad/training/checkpoint.hpp>

#include <algorithm>

#include <fmt/format.h>

#include <xgrad/autograd/parameters/quote.hpp>
#include <xgrad/autograd/safetensors.hpp>

namespace xgrad {

namespace {

constexpr const char *format_key = "format", *format = "xgrad checkpoint 1", *parts_key = "parts";

// An entry as a tensor; a text goes to the metadata.
struct ToFile {
  const std::string& name;
  safetensors::Tensors& tensors;
  safetensors::Metadata& metadata;

  template <class T>
  void operator()(const Array<T>& array) const {
    tensors.emplace(name, safetensors::tensor(array));
  }
  void operator()(const StateDict::Integers& integers) const {
    tensors.emplace(name, safetensors::tensor(integers, {integers.size()}));
  }
  void operator()(const std::string& text) const { metadata.emplace(name, text); }
};

StateDict from_file(const safetensors::File& file) {
  StateDict all;
  for (const auto& [name, tensor] : file.tensors()) {
    if (tensor.dtype == "F32")
      all.put(name, StateDict::Entry(file.array<float>(name)));
    else if (tensor.dtype == "F64")
      all.put(name, StateDict::Entry(file.array<double>(name)));
    else
      all.put(name, StateDict::Entry(file.numbers<std::uint64_t>(name)));
  }
  for (const auto& [key, text] : file.metadata())
    if (key != format_key && key != parts_key) all.put(key, text);
  return all;
}

}  // namespace

template <class T>
StateDict detail::state_of_parameters(const Parameters<T>& parameters) {
  StateDict state;
  for (const Variable<T>& w : parameters.list()) {
    const PendingUpdates* const updates = w.parameter()->deferred();
    if (updates == nullptr) {
      state.put(parameters.path_of(w), w.parameter()->value);
      continue;
    }
    auto elements = Array<T>::uninitialized(w.shape());
    updates->update_copy(elements.mutable_data());
    elements.written();
    state.put(parameters.path_of(w), StateDict::Entry(std::move(elements)));  // not copied once more
  }
  return state;
}

template <class T>
void detail::restore_parameters(const Parameters<T>& parameters, const StateDict& state) {
  state.check_like("checkpoint", state_of_parameters(parameters));
  for (const Variable<T>& w : parameters.list()) {
    const std::string path = parameters.path_of(w);
    parameters.assign(path, state.array<T>(path));
  }
}

void Checkpoint::add(const std::string& name, Part part) {
  if (name.empty() || name.find('/') != std::string::npos || name == format_key || name == parts_key)
    throw Error("checkpoint",
                fmt::format("a part needs a name without '/' that is not '{}' or '{}', got '{}'", format_key,
                            parts_key, name));
  const auto at =
      std::lower_bound(parts_.begin(), parts_.end(), name,
                       [](const auto& one, const std::string& other) { return one.first < other; });
  if (at != parts_.end() && at->first == name)
    throw Error("checkpoint", fmt::format("there are two parts '{}', expected names that differ", name));
  parts_.insert(at, {name, std::move(part)});
}

std::filesystem::path Checkpoint::previous() const {
  std::filesystem::path result = file_;
  return result += ".previous";
}

// Of all parts, one after the other.
std::string Checkpoint::names() const {
  std::string result;
  for (const auto& part : parts_) result += (result.empty() ? "" : "/") + part.first;
  return result;
}

void Checkpoint::save() const {
  StateDict all;
  for (const auto& [name, part] : parts_) {
    const StateDict state = part.state();
    if (part.is_parameters && state.entries().empty())
      throw Error("checkpoint", fmt::format("the part '{}' has no parameters to save; build the model first, "
                                            "and look at p.list()",
                                            name));
    all.put(name, state);
  }
  safetensors::Tensors tensors;
  safetensors::Metadata metadata{{format_key, format}, {parts_key, names()}};
  for (const auto& [name, entry] : all.entries()) std::visit(ToFile{name, tensors, metadata}, entry);
  safetensors::write(file_, tensors, metadata, {.previous = previous()});
}

bool Checkpoint::load() const {
  const std::string quoted = quote_file(file_);
  std::error_code failed;  // then the file's constructor says why
  if (!std::filesystem::exists(file_, failed) && !failed) {
    if (!std::filesystem::exists(previous(), failed)) return false;
    throw Error("checkpoint", fmt::format("there is no {}, but {}, the one before it; give that the name, or "
                                          "remove it to begin anew",
                                          quoted, quote_file(previous())));
  }
  try {
    const safetensors::File file(file_);
    const auto& metadata = file.metadata();
    const auto text = [&](const char* key) {
      const auto found = metadata.find(key);
      return found == metadata.end() ? std::string() : found->second;
    };
    if (text(format_key) != format)
      throw Error("checkpoint",
                  fmt::format("{} is no checkpoint: its metadata has no format '{}'", quoted, format));
    if (text(parts_key) != names())
      throw Error("checkpoint", fmt::format("{} has the parts {}, expected {}", quoted,
                                            quote(text(parts_key), 200), quote(names(), 200)));

    const StateDict all = from_file(file);
    std::vector<StateDict> before;
    for (const auto& part : parts_) before.push_back(part.second.state());
    const auto restore = [&](const auto& restore_part) {
      for (const bool parameters : {true, false})
        for (std::size_t k = 0; k < parts_.size(); ++k)
          if (parts_[k].second.is_parameters == parameters) restore_part(k, parts_[k].second);
    };
    try {
      restore([&](std::size_t k, const Part& part) {
        try {
          part.restore(all.below(parts_[k].first));
        } catch (const Error& error) {
          throw error.with_context(fmt::format("part '{}' of {}", parts_[k].first, quoted));
        }
      });
    } catch (...) {
      restore([&](std::size_t k, const Part& part) { part.restore(before[k]); });
      throw;
    }
  } catch (const Error& error) {
    std::error_code none;
    if (!std::filesystem::exists(previous(), none)) throw;
    throw error.with_context(fmt::format("the checkpoint before it is kept as {}", quote_file(previous())));
  }
  return true;
}

#define XGRAD_INSTANTIATE(T)                                            \
  template StateDict detail::state_of_parameters(const Parameters<T>&); \
  template void detail::restore_parameters(const Parameters<T>&, const StateDict&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)

}  // namespace xgrad
