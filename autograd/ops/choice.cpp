// Choosing by a mask: it selects and never multiplies, so that what is not chosen cannot leak into a value or
// a gradient. Those by size, maximum and its kin, are in functions.cpp.
#include <xgrad/autograd/ops/choice.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>

#include <xgrad/autograd/kernels/strided.hpp>
#include <xgrad/autograd/ops/define.hpp>

namespace xgrad {

using detail::refuse;

namespace {

// 1 where a mask is not 0. Bytes, as most of the time of a choice is that of memory. The halves of an id are
// taken together, as SSE2 compares no 64-bit integers.
using Marks = std::shared_ptr<const std::uint8_t[]>;

Marks marks_of(const Ids& mask) {
  const auto marks = std::make_shared_for_overwrite<std::uint8_t[]>(mask.size());
  std::transform(mask.begin(), mask.end(), marks.get(), [](std::uint64_t id) -> std::uint8_t {
    return (static_cast<std::uint32_t>(id) | static_cast<std::uint32_t>(id >> 32)) != 0;
  });
  return marks;
}

// Calls f with a step, 0 or 1, as a constant: a loop is compiled for either.
template <class F>
void with_constant(std::size_t step, const F& f) {
  step == 0 ? f(std::integral_constant<std::size_t, 0>()) : f(std::integral_constant<std::size_t, 1>());
}

// y = x where marked, else z, in their common shape
template <class T>
Array<T> chosen(const Marks& marks, const Shape& marks_shape, const Array<T>& x, const Array<T>& z) {
  const Shape shape = *broadcast(*broadcast(x.shape(), z.shape()), marks_shape);
  const auto strides = [&](const Shape& operand) { return kernels::broadcast_strides(operand, shape); };
  const kernels::StridedWalk<3> walk(shape, {strides(marks_shape), strides(x.shape()), strides(z.shape())});
  return kernels::filled<T>(shape, [&](T* out) {
    walk.for_each_row([&](const auto& at, std::size_t n, const auto& steps) {
      const std::uint8_t* const mark = marks.get() + at[0];
      const T *const yes = x.data() + at[1], *const no = z.data() + at[2];
      const auto run = [&](auto mark_step, auto yes_step, auto no_step) {
        kernels::parallel_ranges(n, kernels::enough_numbers, [&](std::size_t first, std::size_t last) {
          for (std::size_t i = first; i < last; ++i) {  // no branch: it would be guessed wrong half the time
            const T a = yes[i * yes_step], b = no[i * no_step];
            out[i] = mark[i * mark_step] != 0 ? a : b;
          }
        });
      };
      with_constant(steps[0], [&](auto m) {
        with_constant(steps[1], [&](auto a) { with_constant(steps[2], [&](auto b) { run(m, a, b); }); });
      });
      out += n;
    });
  });
}

// Where the elements of a branch are in x.
struct Places {
  std::shared_ptr<const std::size_t[]> of_both;
  std::span<const std::size_t> own;
};

// Those for which the mask is not 0, and the others.
std::array<Places, 2> places_of(const Ids& mask) {
  const std::size_t n = mask.size();
  const auto all = std::make_shared_for_overwrite<std::size_t[]>(2 * n);
  std::size_t *const yes = all.get(), *const no = yes + n, marked = 0;
  for (std::size_t i = 0; i < n; ++i) {  // without a branch here too
    yes[marked] = no[i - marked] = i;
    marked += mask[i] != 0 ? 1 : 0;
  }
  return {Places{all, {yes, marked}}, Places{all, {no, n - marked}}};
}

template <class T>
Array<T> picked(const Array<T>& x, const Places& places) {
  return kernels::filled<T>({places.own.size()}, [&](T* out) {
    for (const std::size_t i : places.own) *out++ = x.data()[i];
  });
}

// y = the elements of x at `places`   dx at places = dy
template <class T>
Variable<T> pick(const Variable<T>& x, const Places& places) {
  return record(ops::gather, picked(x.value(), places), wrt(x, [places](const Array<T>& dy, Array<T>& dx) {
                  T* const out = dx.mutable_data();
                  const T* in = dy.data();
                  for (const std::size_t i : places.own) out[i] += *in++;
                }));
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
  const auto choose = [marks = marks_of(mask), shape = mask.shape()](const Array<T>& a, const Array<T>& b) {
    return chosen(marks, shape, a, b);
  };
  const Array<T> zero(0);
  return record(ops::where, choose(x.value(), z.value()),
                wrt(x, [=](const Array<T>& dy) { return choose(dy, zero); }),
                wrt(z, [=](const Array<T>& dy) { return choose(zero, dy); }));
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
    const Variable<T> part = pick(x, own), y = function(part);
    if (y.shape() != part.shape())
      refuse(ops::where, "{} made shape {} of a vector of {} numbers, expected {}", name, y.shape(),
             part.size(), part.shape());
    return y;
  };
  const std::array<Variable<T>, 2> parts{applied("f", f, places[0]), applied("g", g, places[1])};
  auto y = Array<T>::uninitialized(x.shape());
  T* const out = y.mutable_data();
  for (const std::size_t k : {0, 1}) {
    const T* in = parts[k].value().data();
    for (const std::size_t i : places[k].own) out[i] = *in++;
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
