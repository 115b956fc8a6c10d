// One step of an optimizer's rule (kernels/updates.hpp) on elements of a parameter, by several threads where
// there are many. Internal: training/ computes the rule's factors and says which elements.
#pragma once

#include <array>

#include <xgrad/autograd/kernels/parallel.hpp>
#include <xgrad/autograd/kernels/table.hpp>

namespace xgrad::kernels {

/// Changes n elements w and what is remembered of them, in the order of the rule's slots: null for those that
/// they have not got. g: their gradient; null for zeros.
template <class T, class Rule, std::size_t K>
void update(const Rule& rule, T* w, T* const (&slots)[K], const T* g, std::size_t n) {
  constexpr std::size_t index = Updates<T>::template index_of<Rule>();
  static_assert(index < Updates<T>::size, "name the rule in the list of table.hpp");
  static_assert(Rule::slots <= K);
  parallel_ranges(n, enough_numbers, [&](std::size_t first, std::size_t last) {
    std::array<T*, K> part;
    for (std::size_t k = 0; k < K; ++k) part[k] = slots[k] == nullptr ? nullptr : slots[k] + first;
    table<T>().updates[index](&rule, w + first, part.data(), g == nullptr ? nullptr : g + first,
                              last - first);
  });
}

}  // namespace xgrad::kernels
