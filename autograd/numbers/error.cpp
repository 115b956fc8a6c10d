// See error.hpp.
#include <xgrad/autograd/error.hpp>

namespace xgrad {

Error::Error(const std::string& op, const std::string& message)
    : std::runtime_error("[" + op + "] " + message) {}

Error Error::with_context(const std::string& where) const { return Error(what() + (" (" + where + ")")); }

}  // namespace xgrad
