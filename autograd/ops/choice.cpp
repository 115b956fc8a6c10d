// Masks and comparisons select, they never multiply: what is not chosen cannot leak into a value or a
// gradient.
#include <xgrad/autograd/ops/choice.hpp>

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include <xgrad/autograd/numbers/map.hpp>
#include <xgrad/autograd/ops/broadcasting.hpp>
#include <xgrad/autograd/ops/identities.hpp>
#include <xgrad/autograd/ops/indexing.hpp>
#include <xgrad/autograd/ops/shape.hpp>
#include <xgrad/autograd/ops/slicing.hpp>
#include <xgrad/autograd/tape.hpp>

namespace xgrad {

using kernels::map;

namespace {

// a's part of dy: all where a comes before b, half where they are equal, else none.
template <class T, class Before>
Array<T> share(const Array<T>& dy, const Array<T>& a, const Array<T>& b, Before before) {
  return map(
      [=](auto dyi, auto ai, auto bi) {
        const decltype(ai) zero(T(0));
        return scalar::select(before(ai, bi), dyi, scalar::select(scalar::equal(ai, bi), T(0.5) * dyi, zero));
      },
      dy, a, b);
}

// y = a if a comes before b else b   da = dy if a before b, dy / 2 if a = b, else 0      db likewise
template <class T, class Before>
Variable<T> extremum(const Op& op, const Variable<T>& a, const Variable<T>& b, Before before) {
  check_broadcast(op.name(), a, b);
  Array<T> y = map(
      [=](auto ai, auto bi) {
        scalar::kink(ai, bi);
        const auto number = scalar::select(before(ai, bi), ai, bi);  // b also if either is NaN
        return scalar::select(scalar::equal(ai, ai), number, ai);
      },
      a.value(), b.value());
  return record(
      op, y,
      wrt(a, [=, a = a.value(), b = b.value()](const Array<T>& dy) { return share(dy, a, b, before); }),
      wrt(b, [=, a = a.value(), b = b.value()](const Array<T>& dy) { return share(dy, b, a, before); }));
}

// 1 where the mask is not 0.
template <class T>
Array<T> ones_of(const Ids& mask) {
  auto result = Array<T>::uninitialized(mask.shape());
  std::transform(mask.begin(), mask.end(), result.mutable_data(), [](auto id) { return T(id != 0 ? 1 : 0); });
  return result;
}

}  // namespace

// y = x, moved into [low, high]     dx = dy if low <= x <= high else 0
template <class T>
Variable<T> clip(const Variable<T>& x, double lower, double upper) {
  if (!(lower <= upper))
    throw Error("clip", fmt::format("needs bounds low <= high, got low {} and high {}", lower, upper));
  const auto low = static_cast<scalar::Real<T>>(lower), high = static_cast<scalar::Real<T>>(upper);
  Array<T> y = map(
      [=](auto xi) {
        const decltype(xi) l(T{low}), h(T{high});
        scalar::kink(xi, l);
        scalar::kink(xi, h);
        return scalar::select(scalar::less(xi, l), l, scalar::select(scalar::less(h, xi), h, xi));
      },
      x.value());
  return record(ops::clip, y, wrt(x, [=, x = x.value()](const Array<T>& dy) {
                  return map(
                      [=](auto dyi, auto xi) {
                        const decltype(xi) l(T{low}), h(T{high}), zero(T(0));
                        return scalar::select(scalar::less(xi, l), zero,
                                              scalar::select(scalar::less(h, xi), zero, dyi));
                      },
                      dy, x);
                }));
}

template <class T>
Variable<T> maximum(const Variable<T>& a, const Variable<T>& b) {
  return extremum(ops::maximum, a, b, [](const auto& ai, const auto& bi) { return scalar::less(bi, ai); });
}

template <class T>
Variable<T> minimum(const Variable<T>& a, const Variable<T>& b) {
  return extremum(ops::minimum, a, b, [](const auto& ai, const auto& bi) { return scalar::less(ai, bi); });
}

// y = x if m != 0 else z            dx = dy if m != 0 else 0        dz = 0 if m != 0 else dy
template <class T>
Variable<T> where(const Ids& mask, const Variable<T>& x, const Variable<T>& z) {
  const auto both = broadcast(x.shape(), z.shape());
  if (!both || !broadcast(*both, mask.shape()))
    throw Error(
        "where",
        fmt::format("shapes {} and {} and a mask of shape {} do not broadcast: aligned right, axes must "
                    "be equal or 1",
                    describe(x), describe(z), to_string(mask.shape())));
  const auto m = ones_of<T>(mask);
  const auto chosen = [](const Array<T>& c, const Array<T>& yes, const Array<T>& no) {
    return map([](auto ci, auto yi,
                  auto ni) { return scalar::select(scalar::equal(ci, decltype(ci)(T(0))), ni, yi); },
               c, yes, no);
  };
  const Array<T> zero(0);
  return record(ops::where, chosen(m, x.value(), z.value()),
                wrt(x, [=](const Array<T>& dy) { return chosen(m, dy, zero); }),
                wrt(z, [=](const Array<T>& dy) { return chosen(m, zero, dy); }));
}

// The elements are sorted into those of f and those of g, and what comes back is put in the old order.
template <class T>
Variable<T> where(const Ids& mask, const Variable<T>& x, const ElementFunction<T>& f,
                  const ElementFunction<T>& g) {
  if (mask.shape() != x.shape())
    throw Error(
        "where",
        fmt::format("a mask of shape {} does not fit x of shape {}: each element needs one of its own",
                    to_string(mask.shape()), describe(x)));
  std::vector<Ids::value_type> marked, others, places(x.size());
  for (std::size_t i = 0; i < x.size(); ++i)
    (mask[i] != 0 ? marked : others).push_back(static_cast<Ids::value_type>(i));
  for (std::size_t i = 0; i < marked.size(); ++i)
    places[static_cast<std::size_t>(marked[i])] = static_cast<Ids::value_type>(i);
  for (std::size_t i = 0; i < others.size(); ++i)
    places[static_cast<std::size_t>(others[i])] = static_cast<Ids::value_type>(marked.size() + i);

  const Variable<T> elements = reshape(x, {x.size()});
  const auto applied = [&](const char* name, const ElementFunction<T>& function,
                           const std::vector<Ids::value_type>& ids) {
    Variable<T> y = function(take(elements, ids));
    if (y.shape() != Shape{ids.size()})
      throw Error("where", fmt::format("{} made shape {} of a vector of {} numbers, expected {}", name,
                                       to_string(y.shape()), ids.size(), to_string(Shape{ids.size()})));
    return y;
  };
  const Variable<T> sorted = concat({applied("f", f, marked), applied("g", g, others)});
  return reshape(take(sorted, places), x.shape());
}

#define XGRAD_INSTANTIATE(T)                                                            \
  template Variable<T> clip(const Variable<T>&, double, double);                        \
  template Variable<T> maximum(const Variable<T>&, const Variable<T>&);                 \
  template Variable<T> minimum(const Variable<T>&, const Variable<T>&);                 \
  template Variable<T> where(const Ids&, const Variable<T>&, const Variable<T>&);       \
  template Variable<T> where(const Ids&, const Variable<T>&, const ElementFunction<T>&, \
                             const ElementFunction<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
XGRAD_INSTANTIATE(Complex)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
