// The closed form of the binomial schedule; see revolve.hpp.
#include <xgrad/autograd/ops/revolve.hpp>

#include <algorithm>

namespace xgrad::detail {

namespace {

// C(states + repeats, states): how many units can be walked back with that many states if none is advanced
// over more than `repeats` times. At most `most`; 0 where repeats < 0.
std::size_t reach(std::size_t states, std::ptrdiff_t repeats, std::size_t most) {
  if (repeats < 0) return 0;
  if (repeats <= 1) return std::min(most, repeats == 0 ? 1 : states + 1);
  double result = 1;  // exact as far as it matters: `most` is far below 2^53
  const auto r = static_cast<double>(repeats);
  for (std::size_t i = 1; i <= states; ++i) {
    result = result * (r + static_cast<double>(i)) / static_cast<double>(i);
    if (result >= static_cast<double>(most)) return most;
  }
  return static_cast<std::size_t>(result + 0.5);
}

std::ptrdiff_t least_repeats(std::size_t units, std::size_t states) {
  if (states == 1) return static_cast<std::ptrdiff_t>(units) - 1;
  std::ptrdiff_t repeats = 0;
  while (reach(states, repeats, units) < units) ++repeats;
  return repeats;
}

}  // namespace

std::size_t revolve_advance(std::size_t units, std::size_t states) {
  if (states == 1) return units - 1;
  const std::ptrdiff_t r = least_repeats(units, states);
  // What is left behind must be walked back in r repeats with a state less, what is advanced over in r - 1.
  const std::size_t behind = reach(states - 1, r, units), low = reach(states, r - 2, units);
  const std::size_t least = units > behind ? units - behind : 1;
  return std::min(std::max({least, low, std::size_t{1}}), units - 1);
}

std::size_t revolve_cost(std::size_t units, std::size_t states) {
  if (units <= 1) return 0;
  if (states == 1) return units * (units - 1) / 2;
  const std::ptrdiff_t r = least_repeats(units, states);
  const std::size_t all = static_cast<std::size_t>(r) * units;
  return all - reach(states + 1, r - 1, all);
}

}  // namespace xgrad::detail
