// Ids: integers with a shape, their slices, and the error that names an id out of range and its place.
#include <xgrad/autograd/array.hpp>

#include <doctest/doctest.h>

#include "errors.hpp"
#include "xtensor_all.hpp"

using xgrad::Ids;
using xgrad::Shape;
using namespace xgrad::testing;

namespace {

std::vector<std::int64_t> list(const Ids& ids) { return {ids.begin(), ids.end()}; }

}  // namespace

TEST_CASE("Ids: constructors") {
  CHECK(Ids().shape() == Shape{0});
  CHECK(list(Ids{3}) == std::vector<std::int64_t>{3});
  CHECK(Ids{1, 2, 3}.shape() == Shape{3});
  CHECK(Ids(std::vector<std::int64_t>{4, 5}).size() == 2);
  CHECK(list(Ids(std::vector<std::size_t>{4, 5})) == std::vector<std::int64_t>{4, 5});
  CHECK(list(std::vector<bool>{true, false}) == std::vector<std::int64_t>{1, 0});
  CHECK(list(std::vector<int>{-1}) == std::vector<std::int64_t>{-1});
  const Ids table({2, 2}, {1, 2, 3, 4});
  CHECK(table.shape() == Shape{2, 2});
  CHECK(table[2] == 3);
  CHECK(message_of([] { Ids({2, 2}, {1, 2, 3}); }) == "[ids] shape (2, 2) holds 4 ids, got 3");
  const xt::xarray<int> x = {{1, 2}, {3, 4}};
  CHECK(list(Ids(xt::transpose(x))) == std::vector<std::int64_t>{1, 3, 2, 4});
  CHECK(list(Ids(x + 1)) == std::vector<std::int64_t>{2, 3, 4, 5});
}

TEST_CASE("Ids: reshape and row") {
  const Ids ids({2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(ids.reshaped({6}).shape() == Shape{6});
  CHECK(list(ids.reshaped({3, 2}).row(1)) == std::vector<std::int64_t>{3, 4});
  CHECK(ids.row(1).shape() == Shape{3});
  CHECK(ids.row(1).row(2)[0] == 6);
  CHECK(ids.row(1).row(2).shape() == Shape{});
  CHECK(message_of([&] { (void)ids.reshaped({4}); }) == "[ids] shape (4,) holds 4 ids, got 6");
  CHECK(message_of([&] { (void)ids.row(2); }) == "[ids] entry 2 does not exist in shape (2, 3)");
  CHECK(contains(message_of([] { (void)Ids({}, {1}).row(0); }), "entry 0 does not exist in shape ()"));
}

TEST_CASE("Ids: the first id out of range is named with its position") {
  const Ids ids({2, 2}, {0, 3, 9, -1});
  CHECK_NOTHROW(ids.reshaped({4}).row(0).check_range("take", "token id", 1));
  CHECK(message_of([&] { ids.check_range("take", "token id", 9); }) ==
        "[take] token id 9 at position (1, 0) is outside [0, 9)");
  CHECK(message_of([&] { ids.check_range("take", "token id", 10); }) ==
        "[take] token id -1 at position (1, 1) is outside [0, 10)");
  CHECK_NOTHROW(Ids().check_range("take", "id", 0));
  CHECK(message_of([] { Ids({}, {2}).check_range("loss", "target", 2); }) ==
        "[loss] target 2 at position () is outside [0, 2)");
}

TEST_CASE("Ids: moved-from ids are empty") {
  Ids a{1, 2};
  const Ids b = std::move(a);
  CHECK(b.size() == 2);
  REQUIRE(a.shape() == Shape{0});  // NOLINT(bugprone-use-after-move): the point of the test
  CHECK(a.size() == 0);
}
