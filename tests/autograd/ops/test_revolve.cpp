// The binomial schedule against the recursion that defines it, which tries every place for the next state.
#include <xgrad/autograd/ops/revolve.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

using xgrad::detail::revolve_advance;
using xgrad::detail::revolve_cost;

TEST_CASE("revolve: advances least, as the recursion finds by trying") {
  constexpr std::size_t most_units = 120, most_states = 9;
  // cost[s][l] = min over y of y + cost[s - 1][l - y] + cost[s][y]
  std::vector<std::vector<std::size_t>> cost(most_states + 1, std::vector<std::size_t>(most_units + 1));
  for (std::size_t s = 1; s <= most_states; ++s)
    for (std::size_t l = 2; l <= most_units; ++l) {
      const auto with = [&](std::size_t y) { return y + (s == 1 ? 0 : cost[s - 1][l - y]) + cost[s][y]; };
      cost[s][l] = s == 1 ? l * (l - 1) / 2 : with(1);
      for (std::size_t y = 2; s > 1 && y < l; ++y) cost[s][l] = std::min(cost[s][l], with(y));
      CAPTURE(s);
      CAPTURE(l);
      CHECK(revolve_cost(l, s) == cost[s][l]);
      const std::size_t y = revolve_advance(l, s);
      REQUIRE(y >= 1);
      REQUIRE(y < l);
      CHECK((s == 1 ? y == l - 1 : with(y) == cost[s][l]));
    }
}

TEST_CASE("revolve: known figures") {
  CHECK(revolve_cost(1, 3) == 0);
  CHECK(revolve_cost(10, 10) == 9);  // every state kept
  CHECK(revolve_cost(10, 1000) == 9);
  CHECK(revolve_cost(1000, 1) == 499500);  // none but the first
  CHECK(revolve_cost(1250, 17) == 3670);   // 4 * 1250 - C(21, 3)
  CHECK(revolve_cost(7000000, 4000) == 13995998);
}
