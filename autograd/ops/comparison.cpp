// One loop for all relations; see comparison.hpp.
#include <xgrad/autograd/ops/comparison.hpp>

#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include <xgrad/autograd/kernels/strided.hpp>
#include <xgrad/autograd/numbers/instantiate.hpp>
#include <xgrad/autograd/ops/broadcasting.hpp>

namespace xgrad {

namespace {

using detail::Relation;

std::int64_t comparable(std::int64_t id) { return id; }
auto comparable(auto x) { return scalar::real(x); }

// X: Array<T> or Ids, of shapes that broadcast.
template <class X, class Holds>
Ids marks_where(const X& a, const X& b, const Holds& holds) {
  const Shape shape = *broadcast(a.shape(), b.shape());
  const kernels::StridedWalk<2> walk(
      shape, {kernels::broadcast_strides(a.shape(), shape), kernels::broadcast_strides(b.shape(), shape)});
  std::vector<Ids::value_type> marks(shape.size());
  Ids::value_type* out = marks.data();
  walk.for_each_row([&](const auto& at, std::size_t n, const auto& steps) {
    const auto *const x = a.begin() + at[0], *const y = b.begin() + at[1];
    for (std::size_t i = 0; i < n; ++i)
      *out++ = holds(comparable(x[i * steps[0]]), comparable(y[i * steps[1]])) ? 1 : 0;
  });
  return Ids(shape, std::move(marks));
}

template <class X>
Ids marks_of(Relation relation, const X& a, const X& b) {
  switch (relation) {
    case Relation::less:
      return marks_where(a, b, std::less<>());
    case Relation::less_equal:
      return marks_where(a, b, std::less_equal<>());
    case Relation::greater:
      return marks_where(a, b, std::greater<>());
    case Relation::greater_equal:
      return marks_where(a, b, std::greater_equal<>());
    case Relation::equal:
      return marks_where(a, b, std::equal_to<>());
    default:
      return marks_where(a, b, std::not_equal_to<>());
  }
}

const char* name_of(Relation relation) {
  constexpr const char* names[] = {"less", "less_equal", "greater", "greater_equal", "equal", "not_equal"};
  return names[static_cast<std::size_t>(relation)];
}

}  // namespace

template <class T>
Ids detail::compare(Relation relation, const Variable<T>& a, const Variable<T>& b) {
  check_broadcast(name_of(relation), a, b);
  return marks_of(relation, a.value(), b.value());
}

Ids detail::compare(Relation relation, const Ids& a, const Ids& b) {
  check_broadcast(name_of(relation), a, b);
  return marks_of(relation, a, b);
}

#define XGRAD_INSTANTIATE(T) \
  template Ids detail::compare(detail::Relation, const Variable<T>&, const Variable<T>&);
XGRAD_FOR_SCALARS(XGRAD_INSTANTIATE)

}  // namespace xgrad
