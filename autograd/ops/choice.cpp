// Choosing by a mask: it selects and never multiplies, so that what is not chosen cannot leak into a value or
// a gradient. Those by size, maximum and its kin, are in functions.cpp.
#include <xgrad/autograd/ops/choice.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include <xgrad/autograd/ops/define.hpp>

namespace xgrad {

using detail::refuse;

namespace {

// 1 where the mask is not 0.
template <class T>
Array<T> ones_of(const Ids& mask) {
  return kernels::filled<T>(mask.shape(), [&](T* out) {
    std::transform(mask.begin(), mask.end(), out, [](auto id) { return T(id != 0 ? 1 : 0); });
  });
}

// Where the elements of a branch are in x.
using Places = std::shared_ptr<const std::vector<std::size_t>>;

template <class T>
Array<T> picked(const Array<T>& x, const Places& places) {
  return kernels::filled<T>({places->size()}, [&](T* out) {
    for (const std::size_t i : *places) *out++ = x.data()[i];
  });
}

// y = the elements of x at `places`   dx at places = dy
template <class T>
Variable<T> pick(const Variable<T>& x, const Places& places) {
  return record(ops::gather, picked(x.value(), places), wrt(x, [places](const Array<T>& dy, Array<T>& dx) {
                  T* const out = dx.mutable_data();
                  const T* in = dy.data();
                  for (const std::size_t i : *places) out[i] += *in++;
                }));
}

// Those for which the mask is not 0, and the others.
std::array<Places, 2> places_of(const Ids& mask) {
  std::vector<std::size_t> yes(mask.size()), no(mask.size());
  std::size_t marked = 0;
  for (std::size_t i = 0; i < mask.size(); ++i) {  // no branch: it would be guessed wrong half the time
    yes[marked] = no[i - marked] = i;
    marked += mask[i] != 0 ? 1 : 0;
  }
  yes.resize(marked);
  no.resize(mask.size() - marked);
  const auto share = [](auto& places) {
    return std::make_shared<std::vector<std::size_t>>(std::move(places));
  };
  return {share(yes), share(no)};
}

}  // namespace

// y = x if m != 0 else z            dx = dy if m != 0 else 0        dz = 0 if m != 0 else dy
template <class T>
Variable<T> where(const Ids& mask, const Variable<T>& x, const Variable<T>& z) {
  const auto both = broadcast(x.shape(), z.shape());
  if (!both || !broadcast(*both, mask.shape()))
    refuse(ops::where,
           "shapes {} and {} and a mask of shape {} do not broadcast: aligned right, axes must be equal or 1",
           x, z, mask.shape());
  const auto m = ones_of<T>(mask);
  const auto chosen = [](const Array<T>& c, const Array<T>& yes, const Array<T>& no) {
    return kernels::map(kernels::formulas::Where(), c, yes, no);
  };
  const Array<T> zero(0);
  return record(ops::where, chosen(m, x.value(), z.value()),
                wrt(x, [=](const Array<T>& dy) { return chosen(m, dy, zero); }),
                wrt(z, [=](const Array<T>& dy) { return chosen(m, zero, dy); }));
}

// y = f and g of their elements, each put back where it came from
template <class T>
Variable<T> where(const Ids& mask, const Variable<T>& x, const ElementFunction<T>& f,
                  const ElementFunction<T>& g) {
  if (mask.shape() != x.shape())
    refuse(ops::where, "a mask of shape {} does not fit x of shape {}: each element needs one of its own",
           mask.shape(), x);
  const auto places = places_of(mask);
  const auto applied = [&](const char* name, const ElementFunction<T>& function, const Places& own) {
    Variable<T> y = function(pick(x, own));
    if (y.shape() != Shape{own->size()})
      refuse(ops::where, "{} made shape {} of a vector of {} numbers, expected {}", name, y.shape(),
             own->size(), Shape{own->size()});
    return y;
  };
  const std::array<Variable<T>, 2> parts{applied("f", f, places[0]), applied("g", g, places[1])};
  auto y = Array<T>::uninitialized(x.shape());
  T* const out = y.mutable_data();
  for (const std::size_t k : {0, 1}) {
    const T* in = parts[k].value().data();
    for (const std::size_t i : *places[k]) out[i] = *in++;
  }
  const auto back = [](const Places& own) { return [own](const Array<T>& dy) { return picked(dy, own); }; };
  return record(ops::merge, y, wrt(parts[0], back(places[0])), wrt(parts[1], back(places[1])));
}

#define XGRAD_INSTANTIATE(T)                                                            \
  template Variable<T> where(const Ids&, const Variable<T>&, const Variable<T>&);       \
  template Variable<T> where(const Ids&, const Variable<T>&, const ElementFunction<T>&, \
                             const ElementFunction<T>&);
XGRAD_FOR_SCALARS(XGRAD_INSTANTIATE)

}  // namespace xgrad
