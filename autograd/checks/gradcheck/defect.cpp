// Each kind of defect is a hypothesis: a way to derive the wrong Jacobian from the right one. The first that
// explains every entry is the diagnosis.
#include <xgrad/autograd/checks/gradcheck/defect.hpp>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>
#include <optional>

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
  return is_stretched(exact.x, exact.y) && largest(tape.entries) > 0 &&
         agrees(tape, exact, [&](auto i, auto m) { return tape.at(i, m) == 0 ? 0 : exact.at(i, m); });
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

// The factor that explains all entries, if there is one other than 0. Entries have rounding errors of the
// size `scale`.
std::optional<double> common_factor(const std::vector<double>& tape, const std::vector<double>& exact,
                                    double scale) {
  const double square = std::inner_product(exact.begin(), exact.end(), exact.begin(), 0.0);
  if (square == 0) return std::nullopt;
  const double factor = std::inner_product(exact.begin(), exact.end(), tape.begin(), 0.0) / square;
  if (factor == 0) return std::nullopt;
  for (std::size_t k = 0; k < exact.size(); ++k)
    if (!near(tape[k], factor * exact[k], std::abs(factor) * scale)) return std::nullopt;
  return factor;
}

std::optional<Diagnosis> scaled(const std::vector<double>& tape, const std::vector<double>& exact,
                                double scale, Extent extent) {
  const auto factor = common_factor(tape, exact, scale);
  if (!factor) return std::nullopt;
  return near(*factor, -1, 1) ? Diagnosis{Defect::sign, -1, extent}
                              : Diagnosis{Defect::factor, *factor, extent};
}

// The entries of each place along an axis of y, or of x, as one list.
using Groups = std::vector<std::vector<double>>;
Groups along(const Jacobian& J, std::size_t axis, bool of_y) {
  const Shape& shape = of_y ? J.y : J.x;
  Groups groups(shape[axis]);
  for (std::size_t i = 0; i < J.y.size(); ++i)
    for (std::size_t m = 0; m < J.x.size(); ++m)
      groups[unflatten(of_y ? i : m, shape)[axis]].push_back(J.at(i, m));
  return groups;
}

// The factor that is furthest from 1 of those of the groups, if each group has one that at least two entries
// agree on.
std::optional<double> factor_of_each(const Groups& tape, const Groups& exact, double scale) {
  double worst = 1;
  for (std::size_t g = 0; g < exact.size(); ++g) {
    const auto entries =
        exact[g].size() - static_cast<std::size_t>(std::count(exact[g].begin(), exact[g].end(), 0));
    if (entries == 0 && largest(tape[g]) == 0) continue;
    const auto factor = common_factor(tape[g], exact[g], scale);
    if (!factor || entries < 2) return std::nullopt;
    if (std::abs(*factor - 1) > std::abs(worst - 1)) worst = *factor;
  }
  return worst;
}

// Several derivatives are off by one factor and the others are right: a factor in one branch alone, such as a
// sign.
std::optional<Diagnosis> scaled_in_part(const std::vector<double>& tape, const std::vector<double>& exact) {
  const double scale = largest(exact);
  std::vector<double> wrong_tape, wrong_exact;
  for (std::size_t k = 0; k < exact.size(); ++k) {
    if (near(tape[k], exact[k], scale)) continue;
    wrong_tape.push_back(tape[k]);
    wrong_exact.push_back(exact[k]);
  }
  if (wrong_exact.size() < 2) return std::nullopt;  // one number is off by some factor, whatever the mistake
  return scaled(wrong_tape, wrong_exact, scale, Extent::some);
}

// Along an axis of y or of x, each place has its own factor: a gain, a weight or a norm of each row.
std::optional<Diagnosis> scaled_along_axis(const Jacobian& tape, const Jacobian& exact) {
  const double scale = largest(exact.entries);
  for (const bool of_y : {true, false})
    for (std::size_t axis = 0; axis < (of_y ? exact.y : exact.x).rank(); ++axis)
      if (const auto worst = factor_of_each(along(tape, axis, of_y), along(exact, axis, of_y), scale))
        return Diagnosis{Defect::factor, *worst, Extent::along_axis};
  return std::nullopt;
}

bool finite(const std::vector<double>& entries) {
  return std::all_of(entries.begin(), entries.end(), [](double e) { return std::isfinite(e); });
}

}  // namespace

// In the order of Defect.
std::string to_string(Defect defect) {
  constexpr const char* names[] = {
      "not finite",
      ("the value does not depend on this argument (an op computes its value from arrays, or with recording "
       "paused by Inference, not with recorded ops)"),
      "the gradient that is already there is overwritten, not added to",
      "wrong sign",
      "wrong factor",
      "one step off along an axis",
      "transposed",
      "along the wrong axis",
      "missing sum over a broadcast axis",
      "a term is missing or wrong",
  };
  static_assert(std::size(names) == static_cast<std::size_t>(Defect::missing_term) + 1);
  return names[static_cast<std::size_t>(defect)];
}

Diagnosis diagnose(const std::vector<double>& tape, const std::vector<double>& exact) {
  if (!finite(tape) || !finite(exact)) return {Defect::not_finite};
  if (largest(exact) == 0) return {Defect::independent};
  if (right_one_by_one(tape, exact)) return {};
  return scaled(tape, exact, largest(exact), Extent::all).value_or(Diagnosis{});
}

Diagnosis diagnose(const Jacobian& tape, const Jacobian& exact) {
  const Diagnosis simple = diagnose(tape.entries, exact.entries);
  if (simple.defect != Defect::missing_term || right_one_by_one(tape.entries, exact.entries)) return simple;
  if (is_time_shift(tape, exact)) return {Defect::time_shift};
  if (is_wrong_reduction(tape, exact) || is_wrong_direction(tape, exact)) return {Defect::wrong_axis};
  if (is_transpose(tape, exact)) return {Defect::transpose};
  if (is_wrong_coupling(tape, exact)) return {Defect::wrong_axis};
  if (is_swap(tape, exact)) return {Defect::transpose};  // of what the vjp has saved
  if (is_broadcast_sum(tape, exact)) return {Defect::broadcast_sum};
  if (keeps_the_last(tape, exact)) return {Defect::overwritten};
  if (const auto some = scaled_in_part(tape.entries, exact.entries)) return *some;
  return scaled_along_axis(tape, exact).value_or(Diagnosis{});
}

}  // namespace xgrad
