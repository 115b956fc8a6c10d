// What unroll does to the rows of a batch; see unroll.hpp.
#include <xgrad/layers/unroll.hpp>

#include <algorithm>
#include <string>

namespace xgrad::detail {

Ids mask_of_rank(const Ids& flags, std::size_t rank) {
  Shape shape = flags.shape();
  while (shape.rank() < rank) shape.push_back(1);
  return flags.reshaped(shape);
}

Ids opposite(const Ids& flags) {
  std::vector<Ids::value_type> result(flags.size());
  std::transform(flags.begin(), flags.end(), result.begin(), [](auto flag) { return flag == 0; });
  return Ids(flags.shape(), std::move(result));
}

void fail_at_step(const Error& error, std::size_t t, std::size_t steps) {
  throw error.with_context("at time step " + std::to_string(t) + " of " + std::to_string(steps));
}

}  // namespace xgrad::detail
