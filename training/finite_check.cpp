// The text of the error; see finite_check.hpp.
#include <xgrad/training/finite_check.hpp>

#include <fmt/format.h>

namespace xgrad {

void detail::throw_nonfinite(double loss, double norm, const FiniteCheck& check, NonfiniteReport report) {
  const auto number = [](double x) { return std::isnan(x) ? "nan" : fmt::format("{:.6g}", x); };
  const std::string text = fmt::format("step {}{}, loss {}, gradient norm {}: {}", check.step,
                                       check.epoch ? fmt::format(" of epoch {}", *check.epoch) : "",
                                       number(loss), number(norm), to_string(report));
  throw NonfiniteError(text, std::move(report));
}

}  // namespace xgrad
