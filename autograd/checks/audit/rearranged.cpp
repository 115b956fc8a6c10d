// The right numbers at the wrong places, in one gradient alone; see match.hpp.
#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <xgrad/autograd/checks/audit/match.hpp>

namespace xgrad::auditing {

namespace {

Array<double> transposed(const Array<double>& x) {
  const std::size_t n = x.shape()[0], m = x.shape()[1];
  auto y = Array<double>::uninitialized({m, n});
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < m; ++j) y.mutable_data()[j * n + i] = x.data()[i * m + j];
  return y;
}

// Block b of `count` along an axis.
Array<double> block(const Array<double>& x, std::size_t axis, std::size_t count, std::size_t b) {
  const std::size_t n = x.shape()[axis],
                    inner_size = Shape(x.shape().begin() + axis + 1, x.shape().end()).size();
  std::vector<double> numbers;
  for (std::size_t i = 0; i < x.size(); ++i)
    if (i / inner_size % n / (n / count) == b) numbers.push_back(x.data()[i]);
  return Array<double>({numbers.size()}, numbers);
}

// The right blocks in another order, as those of gates are easily put.
std::optional<Match> permuted(const Written& w, const Array<double>& sum) {
  for (std::size_t axis = sum.rank(); axis-- > 0;)
    for (const std::size_t count : {4U, 3U, 2U}) {
      if (sum.shape()[axis] % count != 0 || sum.size() / count < 2) continue;
      std::string order;
      std::vector<bool> used(count, false);
      bool fits = true;
      for (std::size_t b = 0; b < count && fits; ++b) {
        Written part = w;
        part.hand = block(w.hand, axis, count, b);
        part.sensitivity = block(w.sensitivity, axis, count, b);
        fits = false;
        for (std::size_t from = 0; from < count && !fits; ++from)
          if (!used[from] && part.same(block(sum, axis, count, from))) {
            fits = used[from] = true;
            order += fmt::format("{}{}", order.empty() ? "" : ", ", from);
          }
      }
      if (fits)
        return Match{
            {{AuditDefect::permuted_blocks,
              fmt::format("of {} equal blocks along axis {} the gradient has, in this order, numbers {}",
                          count, axis, order)}},
            1};
    }
  return std::nullopt;
}

// Time runs backwards in a backward pass, and what it appends does too.
std::optional<Match> reversed(const Written& w, const Array<double>& sum) {
  for (std::size_t axis = 0; axis < sum.rank(); ++axis) {
    const std::size_t n = sum.shape()[axis],
                      size = Shape(sum.shape().begin() + axis + 1, sum.shape().end()).size();
    if (n < 3) continue;
    Array<double> turned = sum.copy();
    for (std::size_t i = 0; i < sum.size(); ++i) {
      const std::size_t at = i / size % n;
      turned.mutable_data()[i + (n - 1 - at) * size - at * size] = sum.data()[i];
    }
    if (w.same(turned))
      return Match{{{AuditDefect::permuted_blocks,
                     fmt::format("the entries along axis {} are in reverse order", axis)}},
                   1};
  }
  return std::nullopt;
}

}  // namespace

std::optional<Match> rearranged(const Written& w, const Array<double>& sum) {
  if (sum.rank() == 2 && sum.shape()[0] == sum.shape()[1] && sum.size() > 1 && w.same(transposed(sum)))
    return Match{{{AuditDefect::transposed, "the gradient is transposed"}}, 1};
  if (auto match = permuted(w, sum)) return match;
  return reversed(w, sum);
}

}  // namespace xgrad::auditing
