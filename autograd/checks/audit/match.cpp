// Matching; see explanation.hpp. Start at the end.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <xgrad/autograd/checks/audit/explanation.hpp>
#include <xgrad/autograd/numbers/view.hpp>

namespace xgrad::auditing {

bool Written::same(const Array<double>& model) const {
  const double scale = size_of(model);
  for (std::size_t i = 0; i < hand.size(); ++i)
    if (excess(i, model.data()[i], scale) != 0) return false;
  return true;
}

namespace {

Match mistake(AuditDefect defect, double cost, std::string text, double factor = 1) {
  return {{{defect, std::move(text), factor}}, cost};
}

// What a factor may come from, or nothing.
std::string meaning_of(const Written& w, double factor) {
  std::string names;
  const bool inverse = factor < 1;
  const double number = inverse ? 1 / factor : factor;
  for (const auto& [name, known] : w.known_factors)
    if (w.is(number, known)) names += (names.empty() ? "" : ", and ") + name;
  if (names.empty()) return w.is(number, 2) ? ", as from a square with or without its 1/2" : "";
  return inverse ? fmt::format(", that is divided by {:.6g}, {}: a mean where there is a sum", number, names)
                 : fmt::format(", {}: a sum where there is a mean", names);
}

// hand = c model: how far-fetched c is, and the words for it; nothing if it does not fit.
std::optional<Match> scaled(const Written& w, const Array<double>& model) {
  if (w.same(model)) return Match{};
  const long double square = inner(model, model);
  const double c = square > 0 ? static_cast<double>(inner(w.hand, model) / square) : 0;
  if (c == 0 || norm(model) <= w.rounding() || !w.same(model * c)) return std::nullopt;
  Match result;
  const double size = std::abs(c);
  if (!w.is(size, 1)) {
    const std::string meaning = meaning_of(w, size);
    const bool plain = w.is(size, 2) || w.is(size, 0.5) || !meaning.empty();
    // One number is always a multiple of another, so that alone proves nothing.
    if (w.hand.size() < 2 && !plain) return std::nullopt;
    result =
        mistake(AuditDefect::factor, plain ? 1 : 1.6, fmt::format("times {:.6g}{}", size, meaning), size);
  }
  if (c < 0) {
    result.parts.push_back({AuditDefect::sign, "the sign is wrong", -1});
    result.cost += 1;
  }
  return result;
}

// The sum over time done wrong.
std::optional<Match> wrong_sum(const Written& w, const Terms& terms, const Array<double>& sum) {
  std::vector<std::size_t> present;
  for (std::size_t t = 0; t + 1 < terms.of_step.size(); ++t)
    if (terms.of_step[t].size() > 0) present.push_back(t);
  if (present.size() < 2) return std::nullopt;
  const auto T = static_cast<double>(terms.of_step.size() - 1);
  std::optional<Match> best;
  const auto offer = [&](Match match, AuditDefect defect, std::size_t t, const std::string& text) {
    match.parts.insert(match.parts.begin(), {defect, text, 1, t});
    match.cost += 1;
    if (!best || match.cost < best->cost) best = std::move(match);
  };
  for (const std::size_t t : present) {
    const Array<double>& term = terms.of_step[t];
    if (norm(term) <= w.rounding()) continue;
    if (const auto match = scaled(w, term * T))
      offer(*match, AuditDefect::repeated_step, t,
            fmt::format("step {}'s term, {} times, stands for the sum over time", t, T));
    if (const auto match = scaled(w, term); match && match->parts.empty() && w.hand.size() > 1)
      offer(*match, AuditDefect::repeated_step, t,
            fmt::format("step {}'s term alone stands for the sum over time", t));
  }
  for (const std::size_t t : present) {
    const Array<double>& term = terms.of_step[t];
    if (norm(term) <= w.tolerance * norm(sum) + w.rounding()) continue;
    if (w.same(sum - term))
      offer({}, AuditDefect::missing_step, t, fmt::format("step {}'s term is missing", t));
    if (w.same(sum + term))
      offer({}, AuditDefect::missing_step, t, fmt::format("step {}'s term counts twice", t));
  }
  return best;
}

std::optional<Match> clipped(const Written& w, const Array<double>& sum) {
  const double limit = proof::largest(w.hand);
  Array<double> cut = sum.copy();
  std::size_t count = 0, whole = 0;
  for (double* x = cut.mutable_data(); x != cut.end(); ++x) {
    const bool over = std::abs(*x) > limit * (1 + w.tolerance);
    ++(over ? count : whole);
    if (over) *x = std::copysign(limit, *x);
  }
  // A single number that is too small may be any mistake, unless it is as round as limits are.
  const bool round = fmt::format("{:.3g}", limit) == fmt::format("{:.9g}", limit);
  if (count < (round ? 1U : 2U) || whole < 2 || limit == 0 || !w.same(cut)) return std::nullopt;
  return mistake(AuditDefect::clipped, 1, fmt::format("{} numbers are cut off at {:.6g}", count, limit));
}

std::optional<Match> decayed(const Written& w, const Array<double>& sum) {
  const long double square = inner(w.value, w.value);
  if (w.hand.size() < 3 || square == 0) return std::nullopt;
  const auto c = static_cast<double>(inner(w.hand - sum, w.value) / square);
  if (c == 0 || !w.same(sum + w.value * c)) return std::nullopt;
  return mistake(AuditDefect::weight_decay, 1, fmt::format("{:.6g} times the parameter is added", c), c);
}

// All right but a few: a slip of an index, not of the formula.
std::optional<Match> few_wrong(const Written& w, const Array<double>& sum) {
  std::size_t count = 0, first = 0;
  const double scale = size_of(sum);
  for (std::size_t i = sum.size(); i-- > 0;) {
    if (w.excess(i, sum.data()[i], scale) == 0) continue;
    ++count;
    first = i;
  }
  if (count == 0 || count > std::max<std::size_t>(1, sum.size() / 8) || sum.size() < 4) return std::nullopt;
  return mistake(
      AuditDefect::few_elements, 2,
      fmt::format("{} of {} numbers {} wrong, first {}: {:.12g} instead of {:.12g}; all others are right",
                  count, sum.size(), count == 1 ? "is" : "are", index_of(first, sum.shape()),
                  w.hand.data()[first], sum.data()[first]));
}

// The right blocks in another order, as those of gates are easily put.
std::optional<Match> permuted(const Written& w, const Array<double>& sum) {
  for (std::size_t axis = sum.rank(); axis-- > 0;)
    for (const std::size_t count : {4U, 3U, 2U}) {
      if (sum.shape()[axis] % count != 0 || sum.size() / count < 2) continue;
      const auto block = [&, size = sum.shape()[axis] / count](const Array<double>& x, std::size_t b) {
        return kernels::read(x, kernels::View(x.shape(), axis, b * size, size));
      };
      std::vector<std::size_t> order;  // of the blocks that fit
      for (std::size_t b = 0; b == order.size() && b < count; ++b) {
        Written part = w;
        part.hand = block(w.hand, b);
        part.sensitivity = block(w.sensitivity, b);
        for (std::size_t from = 0; b == order.size() && from < count; ++from)
          if (std::find(order.begin(), order.end(), from) == order.end() && part.same(block(sum, from)))
            order.push_back(from);
      }
      if (order.size() == count)
        return mistake(
            AuditDefect::permuted_blocks, 1,
            fmt::format("of {} equal blocks along axis {} the gradient has, in this order, numbers {}", count,
                        axis, fmt::join(order, ", ")));
    }
  return std::nullopt;
}

// Time runs backwards in a backward pass, and what it appends does too.
std::optional<Match> reversed(const Written& w, const Array<double>& sum) {
  for (std::size_t axis = 0; axis < sum.rank(); ++axis) {
    if (sum.shape()[axis] < 3) continue;
    kernels::View view(sum.shape());
    view.offset = (sum.shape()[axis] - 1) * view.strides[axis];
    view.strides[axis] = -view.strides[axis];
    if (w.same(kernels::read(sum, view)))
      return mistake(AuditDefect::permuted_blocks, 1,
                     fmt::format("the entries along axis {} are in reverse order", axis));
  }
  return std::nullopt;
}

}  // namespace

std::optional<Match> match(const Written& written, const Terms& terms) {
  const Array<double> sum = terms.sum();
  auto best = scaled(written, sum);
  if (best && best->cost <= 1) return best;
  const auto offer = [&best](std::optional<Match> other) {
    if (other && (!best || other->cost < best->cost)) best = std::move(other);
  };
  offer(wrong_sum(written, terms, sum));
  if (!(norm(sum) > written.rounding())) return best;
  if (norm(written.hand) == 0)
    offer(mistake(AuditDefect::missing_term, 1, "it is zero, as if it were never computed"));
  if (sum.rank() == 2 && sum.shape()[0] == sum.shape()[1] && sum.size() > 1 &&
      written.same(kernels::transposed(sum, {1, 0})))
    offer(mistake(AuditDefect::transposed, 1, "the gradient is transposed"));
  offer(permuted(written, sum));
  offer(reversed(written, sum));
  offer(clipped(written, sum));
  offer(decayed(written, sum));
  if (!best) offer(few_wrong(written, sum));
  return best;
}

}  // namespace xgrad::auditing
