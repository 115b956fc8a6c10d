// Counts as people read them: three digits, and the prefix changes where rounding says so.
#include <xgrad/autograd/inspect/units.hpp>

#include <doctest/doctest.h>

TEST_CASE("with_unit: three digits and a prefix") {
  using xgrad::with_unit;
  CHECK(with_unit(0, "B") == "0");
  CHECK(with_unit(1, "B") == "1 B");
  CHECK(with_unit(999, "B") == "999 B");
  CHECK(with_unit(1000, "B") == "1 kB");
  CHECK(with_unit(16'000, "B") == "16 kB");
  CHECK(with_unit(999'499, "B") == "999 kB");
  CHECK(with_unit(999'500, "B") == "1 MB");
  CHECK(with_unit(1'234'567'890, "FLOP") == "1.23 GFLOP");
  CHECK(with_unit(~std::uint64_t{0}, "B") == "18.4 EB");
}
