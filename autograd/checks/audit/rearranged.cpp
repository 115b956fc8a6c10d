// The right numbers at the wrong places, in one gradient alone; see match.hpp.
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <xgrad/autograd/checks/audit/match.hpp>
#include <xgrad/autograd/numbers/view.hpp>

namespace xgrad::auditing {

namespace {

using kernels::View;

// Block b of `count` along an axis.
Array<double> block(const Array<double>& x, std::size_t axis, std::size_t count, std::size_t b) {
  View view(x.shape());
  const std::size_t size = x.shape()[axis] / count;
  view.shape.set(axis, size);
  view.offset = b * size * view.strides[axis];
  return kernels::read(x, view);
}

// The right blocks in another order, as those of gates are easily put.
std::optional<Match> permuted(const Written& w, const Array<double>& sum) {
  for (std::size_t axis = sum.rank(); axis-- > 0;)
    for (const std::size_t count : {4U, 3U, 2U}) {
      if (sum.shape()[axis] % count != 0 || sum.size() / count < 2) continue;
      std::vector<std::size_t> order;  // of the blocks that fit
      for (std::size_t b = 0; b == order.size() && b < count; ++b) {
        Written part = w;
        part.hand = block(w.hand, axis, count, b);
        part.sensitivity = block(w.sensitivity, axis, count, b);
        for (std::size_t from = 0; b == order.size() && from < count; ++from)
          if (std::find(order.begin(), order.end(), from) == order.end() &&
              part.same(block(sum, axis, count, from)))
            order.push_back(from);
      }
      if (order.size() == count)
        return Match{
            {{AuditDefect::permuted_blocks,
              fmt::format("of {} equal blocks along axis {} the gradient has, in this order, numbers {}",
                          count, axis, fmt::join(order, ", "))}},
            1};
    }
  return std::nullopt;
}

// Time runs backwards in a backward pass, and what it appends does too.
std::optional<Match> reversed(const Written& w, const Array<double>& sum) {
  for (std::size_t axis = 0; axis < sum.rank(); ++axis) {
    if (sum.shape()[axis] < 3) continue;
    View view(sum.shape());
    view.offset = (sum.shape()[axis] - 1) * view.strides[axis];
    view.strides[axis] = -view.strides[axis];
    if (w.same(kernels::read(sum, view)))
      return Match{{{AuditDefect::permuted_blocks,
                     fmt::format("the entries along axis {} are in reverse order", axis)}},
                   1};
  }
  return std::nullopt;
}

}  // namespace

std::optional<Match> rearranged(const Written& w, const Array<double>& sum) {
  if (sum.rank() == 2 && sum.shape()[0] == sum.shape()[1] && sum.size() > 1 &&
      w.same(kernels::transposed(sum, {1, 0})))
    return Match{{{AuditDefect::transposed, "the gradient is transposed"}}, 1};
  if (auto match = permuted(w, sum)) return match;
  return reversed(w, sum);
}

}  // namespace xgrad::auditing
