// StateDict: what a part of a training run has to remember, as named arrays, integers and text; what
// `state()` of an optimizer, a schedule or an average returns, and `restore()` takes. A value: it shares
// nothing with the object it came from. Checkpoint (checkpoint.hpp) keeps several of them in a file.
//
//   const StateDict before = adam.state();
//   ...
//   adam.restore(before);
#pragma once

#include <concepts>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <xgrad/autograd/array.hpp>

namespace xgrad {

/// Named arrays, integers and text.
class StateDict {
 public:
  using Integers = std::vector<std::uint64_t>;  ///< any number of them
  /// What stands under a name.
  using Entry = std::variant<Array<float>, Array<double>, Integers, std::string>;

  /// @{ Adds an entry: an array, which is copied; a real number, as an array of rank 0; an integer; a text.
  /// Throws Error if the name is taken.
  template <class T>
  requires std::floating_point<T>
  void put(const std::string& name, const Array<T>& array) { add(name, array.copy()); }
  void put(const std::string& name, double number) { add(name, Array<double>(number)); }
  void put(const std::string& name, std::integral auto integer) {
    add(name, Integers{static_cast<std::uint64_t>(integer)});
  }
  void put(const std::string& name, Integers integers) { add(name, std::move(integers)); }
  void put(const std::string& name, std::string text) { add(name, std::move(text)); }
  void put(const std::string& name, const char* text) { add(name, std::string(text)); }
  void put(const std::string& name, const Entry& entry) { add(name, entry); }
  /// @}
  /// Adds all of `part` under "scope/...".
  void put(const std::string& scope, const StateDict& part);

  /// @{ What stands under a name; E is an alternative of Entry. Throws Error if there is none, or it is of
  /// another kind.
  template <class E>
  const E& get(const std::string& name) const;
  template <class T>
  const Array<T>& array(const std::string& name) const {
    return get<Array<T>>(name);
  }
  double number(const std::string& name) const { return get<Array<double>>(name).item(); }
  std::uint64_t integer(const std::string& name) const;
  const Integers& integers(const std::string& name) const { return get<Integers>(name); }
  const std::string& text(const std::string& name) const { return get<std::string>(name); }
  /// @}
  bool contains(const std::string& name) const { return entries_.contains(name); }  ///< of any kind
  /// The entries under "scope/...", by the rest of their names.
  StateDict below(const std::string& scope) const;
  const std::map<std::string, Entry>& entries() const { return entries_; }  ///< all, by name

  /// Throws Error from `op`, naming what differs, unless there are the same names as in `like`, of the same
  /// kinds, arrays of the same shapes.
  void check_like(const char* op, const StateDict& like) const;

 private:
  void add(const std::string& name, Entry entry);

  std::map<std::string, Entry> entries_;
};

}  // namespace xgrad
