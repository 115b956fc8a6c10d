// The right derivatives times something: one factor for all, for some, or for each place along an axis.
#include <numeric>

#include <xgrad/autograd/checks/gradcheck/hypothesis.hpp>

namespace xgrad::hypothesis {

namespace {

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

Diagnosis of_factor(double factor, Extent extent) {
  return near(factor, -1, 1) ? Diagnosis{Defect::sign, -1, extent}
                             : Diagnosis{Defect::factor, factor, extent};
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

}  // namespace

std::optional<Diagnosis> scaled(const std::vector<double>& tape, const std::vector<double>& exact) {
  const auto factor = common_factor(tape, exact, largest(exact));
  return factor ? std::optional(of_factor(*factor, Extent::all)) : std::nullopt;
}

std::optional<Diagnosis> scaled_in_part(const std::vector<double>& tape, const std::vector<double>& exact) {
  const double scale = largest(exact);
  std::vector<double> wrong_tape, wrong_exact;
  for (std::size_t k = 0; k < exact.size(); ++k) {
    if (near(tape[k], exact[k], scale)) continue;
    wrong_tape.push_back(tape[k]);
    wrong_exact.push_back(exact[k]);
  }
  if (wrong_exact.size() < 2) return std::nullopt;  // one number is off by some factor, whatever the mistake
  const auto factor = common_factor(wrong_tape, wrong_exact, scale);
  return factor ? std::optional(of_factor(*factor, Extent::some)) : std::nullopt;
}

std::optional<Diagnosis> scaled_along_axis(const Jacobian& tape, const Jacobian& exact) {
  const double scale = largest(exact.entries);
  for (const bool of_y : {true, false})
    for (std::size_t axis = 0; axis < (of_y ? exact.y : exact.x).rank(); ++axis)
      if (const auto worst = factor_of_each(along(tape, axis, of_y), along(exact, axis, of_y), scale))
        return Diagnosis{Defect::factor, *worst, Extent::along_axis};
  return std::nullopt;
}

}  // namespace xgrad::hypothesis
