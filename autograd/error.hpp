// The one exception type of the library. Its text reads "[op] what was wrong, every shape, what was
// expected"; callers that know more (a layer's name, a time step) append it with `with_context` and let the
// error travel on.
#pragma once

#include <stdexcept>
#include <string>

namespace xgrad {

/// Thrown for every wrong use of the library: shapes that do not fit, ids out of range, ended tapes.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;

  /// `[op] message`, the form of every text in this library.
  Error(const std::string& op, const std::string& message) : std::runtime_error("[" + op + "] " + message) {}

  /// The same error with `where` (e.g. "at time step 3") appended in parentheses.
  Error with_context(const std::string& where) const { return Error(what() + (" (" + where + ")")); }
};

}  // namespace xgrad
