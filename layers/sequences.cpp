// Masks and their checks; see sequences.hpp.
#include <xgrad/layers/sequences.hpp>

#include <algorithm>

#include <fmt/format.h>

#include <xgrad/autograd/error.hpp>

namespace xgrad {

Ids length_mask(const Ids& lengths, std::size_t T) {
  if (lengths.shape().rank() != 1)
    throw Error("length_mask", fmt::format("needs lengths: (N,), got shape {}", to_string(lengths.shape())));
  const std::size_t N = lengths.size();
  const Shape shape({T, N});  // refuses sizes for which T + 1 or T N is more than a number can say
  lengths.check_range("length_mask", "length", T + 1);
  std::vector<Ids::value_type> mask(T * N);
  for (std::size_t t = 0; t < T; ++t)
    for (std::size_t n = 0; n < N; ++n) mask[t * N + n] = static_cast<Ids::value_type>(t) < lengths[n];
  return Ids(shape, std::move(mask));
}

Sequences reversed(const Sequences& sequences) {
  Sequences result;
  result.memory = sequences.memory;
  if (const auto& mask = sequences.mask) {
    const std::size_t T = mask->shape()[0], N = mask->shape()[1];
    std::vector<Ids::value_type> values(T * N);
    for (std::size_t i = 0; i < T * N; ++i) values[(T - 1 - i / N) * N + i % N] = (*mask)[i];
    result.mask = Ids({T, N}, std::move(values));
  }
  // A document that begins at step t leaves the one before ending at step t - 1, which is where that one
  // begins when it is read from behind.
  if (const auto& reset = sequences.reset) {
    const std::size_t T = reset->shape()[0], N = reset->shape()[1];
    std::vector<Ids::value_type> values(T * N, 0);
    for (std::size_t i = N; i < T * N; ++i) values[(T - i / N) * N + i % N] = (*reset)[i];
    result.reset = Ids({T, N}, std::move(values));
  }
  return result;
}

const Sequences detail::all_rows;

void detail::check_sequences(const Shape& xs, const Sequences& sequences) {
  if (xs.rank() < 2 || xs[0] == 0)
    throw Error("unroll", "needs xs: (T, N, D) with at least one step, got shape " + to_string(xs));
  const auto check = [&](const char* what, const std::optional<Ids>& flags) {
    if (flags && flags->shape() != Shape({xs[0], xs[1]}))
      throw Error("unroll",
                  fmt::format("{} has shape {}, expected (T, N) = {} of xs: {}", what,
                              to_string(flags->shape()), to_string(Shape({xs[0], xs[1]})), to_string(xs)));
  };
  check("the mask", sequences.mask);
  check("reset", sequences.reset);
}

std::optional<Ids> detail::row_with(const std::optional<Ids>& flags, std::size_t t, bool wanted) {
  if (!flags) return std::nullopt;
  Ids row = flags->row(t);
  const bool found = std::any_of(row.begin(), row.end(), [&](auto flag) { return (flag != 0) == wanted; });
  if (!found) return std::nullopt;
  return row;
}

bool detail::has_zero(const std::optional<Ids>& flags) {
  return flags && std::find(flags->begin(), flags->end(), 0) != flags->end();
}

Sequences detail::step_of(const Sequences& sequences, std::size_t t) { return steps_of(sequences, t, t + 1); }

Sequences detail::steps_of(const Sequences& sequences, std::size_t first, std::size_t last) {
  const auto steps = [=](const std::optional<Ids>& flags) -> std::optional<Ids> {
    if (!flags) return std::nullopt;
    const std::size_t N = flags->shape()[1];
    return Ids({last - first, N}, {flags->begin() + first * N, flags->begin() + last * N});
  };
  return {steps(sequences.mask), steps(sequences.reset)};
}

Sequences detail::with_share(const Sequences& sequences, std::size_t parts) {
  Sequences result = sequences;
  if (result.memory) *result.memory /= parts;
  return result;
}

std::size_t detail::present_count(const Sequences& sequences, std::size_t all) {
  const auto& mask = sequences.mask;
  return mask ? all - static_cast<std::size_t>(std::count(mask->begin(), mask->end(), 0)) : all;
}

Ids detail::fill_padding(const char* op, const char* what, const Ids& ids, const Ids& mask) {
  if (ids.shape() != mask.shape())
    throw Error(op, fmt::format("{} of shape {} do not fit a mask of shape {}, expected the same", what,
                                to_string(ids.shape()), to_string(mask.shape())));
  const auto present = std::find_if(mask.begin(), mask.end(), [](auto flag) { return flag != 0; });
  const Ids::value_type other = present == mask.end() ? 0 : ids.begin()[present - mask.begin()];
  std::vector<Ids::value_type> filled(ids.begin(), ids.end());
  for (std::size_t i = 0; i < filled.size(); ++i)
    if (mask[i] == 0) filled[i] = other;
  return Ids(ids.shape(), std::move(filled));
}

detail::Present detail::present_ids(const Ids& ids, const Ids& mask) {
  std::vector<Ids::value_type> positions, present;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (mask[i] == 0) continue;
    positions.push_back(static_cast<Ids::value_type>(i));
    present.push_back(ids[i]);
  }
  return {std::move(positions), std::move(present)};
}

void detail::check_rows(const std::vector<Shape>& parts, std::size_t N) {
  for (std::size_t i = 0; i < parts.size(); ++i)
    if (parts[i].rank() == 0 || parts[i][0] != N)
      throw Error(
          "unroll",
          fmt::format("part {} of the state has shape {}, but xs has N = {} sequences and needs ({}, ...): "
                      "a state goes on with the batch it was made by; begin with zero(N), or pass "
                      "first_rows(state, N) where sequences have ended",
                      i, to_string(parts[i]), N, N));
}

void detail::check_unchanged(const std::vector<Shape>& before, const std::vector<Shape>& after) {
  if (before.size() != after.size())
    throw Error("unroll", fmt::format("the cell took a state of {} parts and returned one of {}",
                                      before.size(), after.size()));
  for (std::size_t i = 0; i < before.size(); ++i)
    if (before[i] != after[i])
      throw Error("unroll",
                  fmt::format("the cell took part {} of its state in shape {} and returned it in shape {}; "
                              "a state keeps its shape",
                              i, to_string(before[i]), to_string(after[i])));
}

}  // namespace xgrad
