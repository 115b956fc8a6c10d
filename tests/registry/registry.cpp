// Drawing calls, and the list of all rows; see registry.hpp.
#include "registry/registry.hpp"

#include <array>
#include <cmath>
#include <numeric>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace registry {

xgrad::Initializer Domain::numbers(bool extreme) const {
  return [domain = *this, extreme](xgrad::Random& random, std::span<double> numbers) {
    if (domain.spacing > 0) {
      std::iota(numbers.begin(), numbers.end(), 0.0);
      for (std::size_t i = numbers.size(); i > 1; --i)
        std::swap(numbers[i - 1],
                  numbers[static_cast<std::size_t>(random.uniform() * static_cast<double>(i))]);
      for (double& x : numbers) x = domain.low + domain.spacing * x;
      return;
    }
    xgrad::uniform(domain.low, domain.high)(random, numbers);
    for (double& x : numbers) {
      if (std::abs(x) < domain.gap) x += x < 0 ? -domain.gap : domain.gap;
      if (!extreme || numbers.size() < 8 || random.uniform() < 0.75) continue;
      x = domain.extremes[static_cast<std::size_t>(random.uniform() *
                                                   static_cast<double>(domain.extremes.size()))];
    }
  };
}

std::ptrdiff_t Draw::number(std::ptrdiff_t low, std::ptrdiff_t high) {
  return low + static_cast<std::ptrdiff_t>(random_.uniform() * static_cast<double>(high - low + 1));
}

std::size_t Draw::size(std::size_t least) {
  constexpr std::array<std::size_t, 13> sizes = {0, 1, 1, 2, 2, 3, 3, 5, 5, 8, 8, 17, 17};
  std::size_t result = 0;
  do {
    result = sizes[index(sizes.size())];
  } while (result < least);
  return result;
}

Shape Draw::shape(std::size_t least_rank, std::size_t most_rank, std::size_t least_size) {
  for (;;) {
    Shape result;
    const auto rank = number(signed_of(least_rank), signed_of(most_rank));
    for (std::ptrdiff_t axis = 0; axis < rank; ++axis) result.push_back(size(least_size));
    if (result.size() <= 300) return result;
  }
}

std::pair<Shape, Shape> Draw::pair() {
  const Shape whole = shape();
  Shape part;
  for (std::size_t axis = index(whole.rank() + 1); axis < whole.rank(); ++axis)
    part.push_back(number(0, 2) == 0 ? 1 : whole[axis]);
  Shape other = whole;
  for (std::size_t axis = 0; axis < whole.rank(); ++axis)  // both may stretch
    if (number(0, 3) == 0) other.set(axis, 1);
  if (!broadcast(other, part)) other = whole;
  return coin() ? std::pair(other, part) : std::pair(part, other);
}

Ids Draw::ids(const Shape& shape, std::size_t count) {
  std::vector<Ids::value_type> values(shape.size());
  for (auto& value : values) value = number(0, signed_of(count) - 1);
  return Ids(shape, values);
}

const std::vector<Row>& ops() {
  static const std::vector<Row> all = [] {
    std::vector<Row> rows;
    for (const auto& family :
         {activation(), arithmetic(), choice(), elementwise(), indexing(), linear(), losses(), network(),
          pointwise_rows(), reduce(), shape(), slicing(), softmax()})
      rows.insert(rows.end(), family.begin(), family.end());
    return rows;
  }();
  return all;
}

std::pair<xgrad::Axes, std::string> draw_axes(Draw& draw, const Shape& x) {
  const auto rank = static_cast<int>(x.rank());
  const auto axis = [&] { return static_cast<int>(draw.number(-rank, rank - 1)); };
  if (rank == 0 || draw.number(0, 2) == 0) return {xgrad::Axes{}, "None"};
  const int a = axis();
  if (rank == 1 || draw.coin()) return {xgrad::Axes(a), fmt::format("({},)", a)};
  const int b = (a + rank) % rank == 0 ? 1 : 0;
  return {xgrad::Axes{a, b}, fmt::format("({}, {})", a, b)};
}

std::string python(const Ids& ids) {
  return fmt::format("np.array([{}], dtype=np.int64).reshape({})", fmt::join(ids.begin(), ids.end(), ", "),
                     to_string(ids.shape()));
}

}  // namespace registry
