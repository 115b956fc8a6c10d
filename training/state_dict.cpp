// See state_dict.hpp.
#include <xgrad/training/state_dict.hpp>

#include <fmt/format.h>

#include <xgrad/autograd/error.hpp>
#include <xgrad/autograd/parameters/problems.hpp>
#include <xgrad/autograd/parameters/quote.hpp>

namespace xgrad {

namespace {

template <class E>
std::string describe(const E& entry) {
  if constexpr (std::same_as<E, Array<float>>) return "float " + to_string(entry.shape());
  if constexpr (std::same_as<E, Array<double>>) return "double " + to_string(entry.shape());
  return std::same_as<E, std::string> ? "text" : "integers";
}
std::string describe(const StateDict::Entry& entry) {
  return std::visit([](const auto& e) { return describe(e); }, entry);
}

}  // namespace

void StateDict::add(const std::string& name, Entry entry) {
  if (!entries_.emplace(name, std::move(entry)).second)
    throw Error("state", fmt::format("there are two entries {}, expected names that differ", quote(name)));
}

void StateDict::put(const std::string& scope, const StateDict& part) {
  for (const auto& [name, entry] : part.entries_) add(scope + "/" + name, entry);
}

template <class E>
const E& StateDict::get(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) throw Error("state", fmt::format("there is no {}", quote(name)));
  if (const E* const entry = std::get_if<E>(&found->second)) return *entry;
  throw Error("state",
              fmt::format("{} is of another kind than expected, {}", quote(name), describe(found->second)));
}

std::uint64_t StateDict::integer(const std::string& name) const {
  const Integers& all = integers(name);
  if (all.size() != 1)
    throw Error("state", fmt::format("{} is {} integers, expected one", quote(name), all.size()));
  return all[0];
}

StateDict StateDict::below(const std::string& scope) const {
  StateDict result;
  const std::string begin = scope + "/";
  for (auto at = entries_.lower_bound(begin); at != entries_.end() && at->first.starts_with(begin); ++at)
    result.entries_.emplace(at->first.substr(begin.size()), at->second);
  return result;
}

void StateDict::check_like(const char* op, const StateDict& like) const {
  Problems missing("missing"), different("different"), unexpected("unexpected");
  for (const auto& [name, expected] : like.entries_) {
    const auto found = entries_.find(name);
    if (found == entries_.end())
      missing.add(fmt::format("{}, expected {}", quote(name), describe(expected)));
    else if (describe(found->second) != describe(expected))
      different.add(
          fmt::format("{} is {}, expected {}", quote(name), describe(found->second), describe(expected)));
  }
  for (const auto& [name, entry] : entries_)
    if (!like.entries_.contains(name)) unexpected.add(fmt::format("{}, {}", quote(name), describe(entry)));
  const std::string problems = missing.text() + different.text() + unexpected.text();
  if (!problems.empty()) throw Error(op, "the state does not fit, nothing is changed:" + problems);
}

template const Array<float>& StateDict::get(const std::string&) const;
template const Array<double>& StateDict::get(const std::string&) const;
template const StateDict::Integers& StateDict::get(const std::string&) const;
template const std::string& StateDict::get(const std::string&) const;

}  // namespace xgrad
