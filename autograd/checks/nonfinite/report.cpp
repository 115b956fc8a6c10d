// The report as a sentence or two; see nonfinite.hpp.
#include <cmath>
#include <iterator>
#include <ostream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <xgrad/autograd/nonfinite.hpp>

namespace xgrad {

namespace {

std::string number(double x) { return std::isnan(x) ? "nan" : fmt::format("{:.6g}", x); }

// ", time step 3, row 1, token 17 'whale'", or nothing.
std::string where(const WindowPlace& place, const std::string& word) {
  std::string text;
  if (place.time_step) text += fmt::format(", time step {}", *place.time_step);
  if (place.row) text += fmt::format(", row {}", *place.row);
  if (place.token)
    text += fmt::format(", token {}{}", *place.token, word.empty() ? "" : fmt::format(" '{}'", word));
  return text;
}

std::string scoped_op(const NonfiniteReport& r) {
  return r.op + (r.scope.empty() ? "" : fmt::format(" in '{}'", r.scope));
}

// "nan at (1, 2) of shape (3, 4)"; how many, if there are more.
std::string numbers(const NonfiniteReport& r) {
  const std::string more =
      r.count > 1 ? fmt::format(" and {} more of its {} numbers", r.count - 1, r.shape.size()) : "";
  return r.shape.rank() == 0 ? number(r.value)
                             : fmt::format("{} at {} of shape {}{}", number(r.value),
                                           index_of(r.index, r.shape), to_string(r.shape), more);
}

std::string cause(const NonfiniteCause& c) {
  const std::string name = c.name + (c.path.empty() ? "" : fmt::format(" '{}'", c.path));
  if (!c.largest) return fmt::format("{} = {}", name, number(c.value));
  return fmt::format("{} up to {} at {}{}", name, number(c.value), index_of(c.index, c.shape),
                     where({{}, c.where.row, c.where.token}, ""));
}

std::string causes(const NonfiniteReport& r) {
  std::vector<std::string> parts;
  for (const auto& c : r.causes) parts.push_back(cause(c));
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string culprit(const NonfiniteReport& r) {
  switch (r.kind) {
    case Nonfinite::none:
      return "";
    case Nonfinite::parameter:
      return fmt::format(
          "the parameter '{}' already holds {}{}", r.path, numbers(r),
          r.op.empty() ? "" : fmt::format("; first read by {}{}", scoped_op(r), where(r.where, r.word)));
    case Nonfinite::input:
      if (r.op.empty()) return fmt::format("it is not computed on the tape, and holds {}", numbers(r));
      return fmt::format("argument {} of {}, which is no op's result, already holds {}{}", *r.argument,
                         scoped_op(r), numbers(r), where(r.where, r.word));
    case Nonfinite::forward:
      return fmt::format("{} made {}{}, from {}", scoped_op(r), numbers(r), where(r.where, r.word),
                         r.causes.empty() ? "no inputs" : causes(r));
    case Nonfinite::seed:
      return fmt::format("the sweep's seed is {}", number(r.value));
    case Nonfinite::backward:
      return fmt::format("the vjp of {} for argument {}{} made {}{}, from {}", scoped_op(r), *r.argument,
                         r.path.empty() ? "" : fmt::format(" '{}'", r.path), numbers(r),
                         where(r.where, r.word), causes(r));
    case Nonfinite::sum:
      return fmt::format(
          "the contributions to the gradient of {}, each finite, add up to {}{}; the largest: {}",
          !r.path.empty() ? fmt::format("'{}'", r.path)
          : !r.op.empty() ? fmt::format("the value of {}", scoped_op(r))
                          : "a leaf",
          numbers(r), where(r.where, r.word), causes(r));
  }
  return "";
}

}  // namespace

// In the order of Nonfinite.
std::string to_string(Nonfinite kind) {
  constexpr const char* names[] = {"none", "parameter", "input", "forward", "seed", "backward", "sum"};
  static_assert(std::size(names) == static_cast<std::size_t>(Nonfinite::sum) + 1);
  return names[static_cast<std::size_t>(kind)];
}

std::string to_string(const NonfiniteReport& r) {
  if (r.finite())
    return fmt::format(
        "the run is finite: the loss is {}, and so is every gradient. What was not finite before is not "
        "reproducible from these parameters and inputs: were they changed since, or is there randomness?",
        number(r.loss));
  if (r.harmed.empty()) return fmt::format("the loss is {}: {}", number(r.loss), culprit(r));
  const std::string harmed = r.harmed == "a leaf" ? r.harmed : fmt::format("'{}'", r.harmed);
  return fmt::format("the loss is {}, but the gradient of {} is not finite: {}", number(r.loss), harmed,
                     culprit(r));
}

std::ostream& operator<<(std::ostream& out, const NonfiniteReport& report) {
  return out << to_string(report);
}

}  // namespace xgrad
