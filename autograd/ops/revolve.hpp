// Where to keep the state of a recurrence that is walked back, when there is room for few states only: the
// binomial schedule of Griewank & Walther 2000 (Algorithm 799: revolve), which Gruslys et al. 2016
// (arXiv:1606.03401, section 3.1) find again for backpropagation through time. Internal.
#pragma once

#include <cstddef>

namespace xgrad::detail {

/// How many of `units` units to advance from a kept state before the next one is kept, so that walking all of
/// them back advances least in sum. `states` states may be kept, the one at the beginning among them. In
/// [1, units - 1]; units > 1, states >= 1.
std::size_t revolve_advance(std::size_t units, std::size_t states);

/// How many units are advanced in sum, the last of each walk, which is recorded, not counted. It is
/// t(l, s) = r l - C(s + r, r - 1), with r the least number such that C(s + r, r) >= l.
std::size_t revolve_cost(std::size_t units, std::size_t states);

}  // namespace xgrad::detail
