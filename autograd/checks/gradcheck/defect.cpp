// Each kind of defect is a hypothesis: a way to derive the wrong Jacobian from the right one. The first that
// explains every entry is the diagnosis.
#include <xgrad/autograd/checks/gradcheck/defect.hpp>

#include <algorithm>
#include <cmath>

#include <xgrad/autograd/checks/gradcheck/hypothesis.hpp>

namespace xgrad {

using namespace hypothesis;

namespace {

// True if numbers of x stand for several of y, as copies: along an axis that x lacks or has with size 1.
bool is_stretched(const Shape& x, const Shape& y) {
  if (x.rank() != y.rank()) return x.size() < y.size() && broadcast(x, y) == y;
  for (std::size_t axis = 0; axis < x.rank(); ++axis)
    if (x[axis] == 1 && y[axis] > 1) return true;
  return false;
}

bool is_broadcast_sum(const Jacobian& tape, const Jacobian& exact) {
  if (!is_stretched(exact.x, exact.y)) return false;
  const double scale = largest(exact.entries);
  for (std::size_t k = 0; k < exact.entries.size(); ++k)
    if (tape.entries[k] != 0 && !near(tape.entries[k], exact.entries[k], scale)) return false;
  return largest(tape.entries) > 0;
}

// True if, of the numbers of y that depend on one of x, the last alone sends its gradient back: each has
// replaced what those before had put there.
bool keeps_the_last(const Jacobian& tape, const Jacobian& exact) {
  const double scale = largest(exact.entries);
  for (std::size_t m = 0; m < exact.x.size(); ++m) {
    bool last = true;
    for (std::size_t i = exact.y.size(); i-- > 0;) {
      if (!near(tape.at(i, m), last ? exact.at(i, m) : 0, scale)) return false;
      last = last && exact.at(i, m) == 0;
    }
  }
  return true;
}

// A vjp can be right for each single number of dy and wrong for their sum, if a term lacks its dy: dy - p for
// dy - p sum dy.
bool right_one_by_one(const std::vector<double>& tape, const std::vector<double>& exact) {
  const double rounding = 1e-14 * largest(exact);
  return std::equal(tape.begin(), tape.end(), exact.begin(),
                    [=](double a, double b) { return std::abs(a - b) <= rounding; });
}

bool finite(const std::vector<double>& entries) {
  return std::all_of(entries.begin(), entries.end(), [](double e) { return std::isfinite(e); });
}

}  // namespace

std::string to_string(Defect defect) {
  switch (defect) {
    case Defect::not_finite:
      return "not finite";
    case Defect::independent:
      return "the value does not depend on this argument (an op computes its value from arrays, or with "
             "recording "
             "paused by Inference, not with recorded ops)";
    case Defect::overwritten:
      return "the gradient that is already there is overwritten, not added to";
    case Defect::sign:
      return "wrong sign";
    case Defect::factor:
      return "wrong factor";
    case Defect::time_shift:
      return "one step off along an axis";
    case Defect::transpose:
      return "transposed";
    case Defect::wrong_axis:
      return "along the wrong axis";
    case Defect::broadcast_sum:
      return "missing sum over a broadcast axis";
    case Defect::missing_term:
      break;
  }
  return "a term is missing or wrong";
}

Diagnosis diagnose(const std::vector<double>& tape, const std::vector<double>& exact) {
  if (!finite(tape) || !finite(exact)) return {Defect::not_finite};
  if (largest(exact) == 0) return {Defect::independent};
  if (right_one_by_one(tape, exact)) return {};
  return scaled(tape, exact).value_or(Diagnosis{});
}

Diagnosis diagnose(const Jacobian& tape, const Jacobian& exact) {
  const Diagnosis simple = diagnose(tape.entries, exact.entries);
  if (simple.defect != Defect::missing_term || right_one_by_one(tape.entries, exact.entries)) return simple;
  if (is_time_shift(tape, exact)) return {Defect::time_shift};
  if (is_wrong_reduction(tape, exact) || is_wrong_direction(tape, exact)) return {Defect::wrong_axis};
  if (is_transpose(tape, exact)) return {Defect::transpose};
  if (is_wrong_coupling(tape, exact)) return {Defect::wrong_axis};
  if (swapped_axes(tape, exact)) return {Defect::transpose};  // of what the vjp has saved
  if (is_broadcast_sum(tape, exact)) return {Defect::broadcast_sum};
  if (keeps_the_last(tape, exact)) return {Defect::overwritten};
  if (const auto some = scaled_in_part(tape.entries, exact.entries)) return *some;
  return scaled_along_axis(tape, exact).value_or(Diagnosis{});
}

}  // namespace xgrad
