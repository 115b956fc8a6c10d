// One array in several places of a program: as both operands of an op, through two views of it, as a view
// beside the whole. Its gradient must be the sum of those of the same program on explicit copies, and neither
// its value nor any gradient that a caller holds may change while gradients are added up in place.
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "autograd/ops/checks.hpp"

using namespace xgrad;
using checks::identical;
using checks::numbers;

namespace {

template <class T>
struct View {
  std::string text;
  std::function<Variable<T>(const Variable<T>&)> of;
};

// Of x: (2, 2, 2); all but x itself have the shape (2, 2).
template <class T>
std::vector<View<T>> views() {
  using V = const Variable<T>&;
  return {
      {"x", [](V x) { return x; }},
      {"reshape(x, {2, 2, 2})",
       [](V x) {
         return reshape(x, {2, 2, 2});
       }},
      {"transpose(x)", [](V x) { return transpose(x); }},
      {"select(x, 0)", [](V x) { return select(x, 0); }},
      {"select(x, -1)", [](V x) { return select(x, -1); }},
      {"select(x, 1, 1)", [](V x) { return select(x, 1, 1); }},
      {"select(x, 0, -1)", [](V x) { return select(x, 0, -1); }},
      {"reshape(slice(x, 1, 2), {2, 2})",
       [](V x) {
         return reshape(slice(x, 1, 2), {2, 2});
       }},
      {"reshape(slice(x, 0, 1, 1), {2, 2})",
       [](V x) {
         return reshape(slice(x, 0, 1, 1), {2, 2});
       }},
      {"slice(reshape(x, {4, 2}), 1, 3)",
       [](V x) {
         return slice(reshape(x, {4, 2}), 1, 3);
       }},
      {"transpose(select(x, 0))", [](V x) { return transpose(select(x, 0)); }},
      {"transpose(transpose(select(x, 1)))", [](V x) { return transpose(transpose(select(x, 1))); }},
      {"take(reshape(x, {4, 2}), {3, 3})",
       [](V x) {
         return take(reshape(x, {4, 2}), Ids{3, 3});
       }},
      {"sum(x, 0)", [](V x) { return sum(x, 0); }},
  };
}

template <class T>
struct Binary {
  std::string text;
  std::function<Variable<T>(const Variable<T>&, const Variable<T>&)> of;
  bool (*fits)(const Shape&, const Shape&) = [](const Shape&, const Shape&) { return true; };
};

template <class T>
std::vector<Binary<T>> binaries() {
  using V = const Variable<T>&;
  const auto is_matrix = [](const Shape&, const Shape& W) { return W.rank() == 2; };
  const auto matrices = [](const Shape& x, const Shape& W) { return x.rank() == 2 && W.rank() == 2; };
  const auto equal = [](const Shape& x, const Shape& w) { return x == w; };
  return {
      {"p + q", [](V p, V q) { return p + q; }},
      {"p - q", [](V p, V q) { return p - q; }},
      {"p * q", [](V p, V q) { return p * q; }},
      {"p / q", [](V p, V q) { return p / q; }},
      {"(p + q) * p - q / p", [](V p, V q) { return (p + q) * p - q / p; }},
      {"matmul(p, q)", [](V p, V q) { return matmul(p, q); }, is_matrix},
      {"affine({p, q}, row of q)",
       [](V p, V q) {
         return affine({p, q}, select(q, 1));
       },
       is_matrix},
      {"affine({p, q}, {q, p}, row of p)",
       [](V p, V q) {
         return affine({p, q}, {q, p}, select(p, 0));
       },
       matrices},
      {"stack({p, q, p})",
       [](V p, V q) {
         return stack({p, q, p});
       },
       equal},
      {"stack({p, q}, -1)",
       [](V p, V q) {
         return stack({p, q}, -1);
       },
       equal},
      {"concat({p, q, p})",
       [](V p, V q) {
         return concat({p, q, p});
       },
       equal},
      {"concat({q, p}, 1)",
       [](V p, V q) {
         return concat({q, p}, 1);
       },
       equal},
  };
}

template <class T>
Array<T> seed_for(const Variable<T>& y) {
  return numbers<T>(y.shape(), -1, 1, 7);
}

// "" if `got` is a + b, up to the rounding of a few terms of their size.
template <class T>
std::string differs(const Array<T>& got, const Array<T>& a, const Array<T>& b) {
  if (got.shape() != a.shape()) return "shape " + to_string(got.shape());
  T size = 0;
  for (const auto* array : {&a, &b})
    for (const T x : *array) size = std::max(size, std::abs(x));
  for (std::size_t m = 0; m < got.size(); ++m)
    if (!(std::abs(got.data()[m] - (a.data()[m] + b.data()[m])) <=
          8 * std::numeric_limits<T>::epsilon() * size))
      return "at " + index_of(m, got.shape()) + " it is " + std::to_string(got.data()[m]) +
             " and should be " + std::to_string(a.data()[m]) + " + " + std::to_string(b.data()[m]);
  return "";
}

// "" if `f(p(x), q(x))` has the gradients of f(p(x), q(copy of x)), with x a leaf or the result of an op.
template <class T>
std::string aliased(const Binary<T>& f, const View<T>& p, const View<T>& q, bool intermediate) {
  const Array<T> value = numbers<T>({2, 2, 2}, 1, 2);
  const auto origin = [&](const Variable<T>& leaf) { return intermediate ? 0.5 * leaf : leaf; };

  Tape<T> apart;
  const auto x1 = apart.leaf(value), x2 = apart.leaf(value.copy());
  const auto p1 = p.of(origin(x1)), q2 = q.of(origin(x2));
  if (!f.fits(p1.shape(), q2.shape())) return "";
  const auto expected = f.of(p1, q2);
  const auto separate = apart.gradient(expected, {.seed = seed_for(expected), .unreached = zeros});

  Tape<T> tape;
  const auto leaf = tape.leaf(value);
  const auto x = origin(leaf), px = p.of(x), qx = q.of(x), y = f.of(px, qx);
  const Array<T> seed = seed_for(y), seed_before = seed.copy(), y_before = y.value().copy();
  if (!identical(y.value(), expected.value())) return "the value is another";
  const auto plain = tape.gradient(y, {.seed = seed, .keep = true});
  // Gradients of intermediates are handed out while the sweep goes on adding to others in place.
  const auto all = tape.gradient(y, {.seed = seed, .of = {x, px, qx, y}, .keep = true, .unreached = zeros});
  const auto again = tape.gradient(y, {.seed = seed, .keep = true});

  std::string text = differs(plain[leaf], separate[x1], separate[x2]);
  if (!text.empty()) return text;
  if (!identical(all[leaf], plain[leaf])) return "it is another with those of intermediates";
  if (!identical(again[leaf], plain[leaf])) return "it is another in a second sweep";
  if (!identical(all[y], seed_before)) return "the gradient of y is not the seed";
  if (!identical(seed, seed_before)) return "the seed was changed";
  const Array<T> expected_x = intermediate ? value * 0.5 : value;
  if (!identical(x.value(), expected_x)) return "the value of x was changed";
  if (!identical(y.value(), y_before)) return "the value of y was changed";
  if (!identical(px.value(), p.of(Variable<T>(expected_x)).value())) return "the value of p was changed";

  // Those of the views, where they are not x itself and not each other.
  if (p.text == "x" || q.text == "x") return "";
  Tape<T> from_views;
  const auto pv = from_views.leaf(px.value().copy()), qv = from_views.leaf(qx.value().copy());
  const auto z = f.of(pv, qv);
  const auto of_views = from_views.gradient(z, {.seed = seed});
  // Not to the bit: what flows back through a product of all rows is added last.
  const auto changed = [](const Array<T>& got, const Array<T>& of_view) {
    return !differs(got, of_view, Array<T>::zeros(of_view.shape())).empty();
  };
  if (changed(all[px], of_views[pv])) return "the gradient of p was changed";
  if (changed(all[qx], of_views[qv])) return "the gradient of q was changed";
  return "";
}

}  // namespace

TEST_CASE_TEMPLATE("aliasing: any two views of an array in any op", T, float, double) {
  for (const bool intermediate : {false, true})
    for (const auto& f : binaries<T>())
      for (const auto& p : views<T>())
        for (const auto& q : views<T>()) {
          const std::string text = aliased(f, p, q, intermediate);
          CHECK_MESSAGE(text.empty(), "the gradient of x "
                                          << (intermediate ? "(an intermediate)" : "(a leaf)") << " in "
                                          << f.text << " with p = " << p.text << ", q = " << q.text << ": "
                                          << text);
        }
}

TEST_CASE_TEMPLATE("aliasing: an operand on both sides", T, float, double) {
  const Array<T> value = numbers<T>({3, 3}, 1, 2);
  const auto gradient_of = [&](auto f) {
    Tape<T> tape;
    const auto x = tape.leaf(value);
    return tape.gradient(sum(f(x)))[x];
  };
  CHECK(identical(gradient_of([](const auto& x) { return x + x; }), Array<T>::full({3, 3}, T(2))));
  CHECK(identical(gradient_of([](const auto& x) { return x - x; }), Array<T>::zeros({3, 3})));
  CHECK(identical(gradient_of([](const auto& x) { return x * x; }), 2 * value));
  const auto quotient = gradient_of([](const auto& x) { return x / x; });
  for (const T d : quotient) CHECK(std::abs(d) <= std::numeric_limits<T>::epsilon());
  // d sum(x x) / dx_ij = sum of row j + sum of column i
  const auto product = gradient_of([](const auto& x) { return matmul(x, x); });
  checks::check_elements(product, {3, 3}, 4 * checks::epsilon<T>, [&](std::size_t m) {
    long double total = 0;
    for (std::size_t k = 0; k < 3; ++k)
      total += static_cast<long double>(value.data()[(m % 3) * 3 + k]) +
               static_cast<long double>(value.data()[k * 3 + m / 3]);
    return total;
  });
}

// Parent and views get gradients from several vjps that add in place, in both orders of recording, and every
// one of them is asked for: none may be the buffer that another is still added to.
TEST_CASE_TEMPLATE("aliasing: a parent and its views under updates in place", T, float, double) {
  const Array<T> value = numbers<T>({4, 2}, 1, 2), W = numbers<T>({2, 2}, -1, 1, 3);
  for (const bool parent_first : {false, true}) {
    CAPTURE(parent_first);
    const auto program = [&](const Variable<T>& parent, const Variable<T>& flat, const Variable<T>& top,
                             const Variable<T>& of_parent) {
      const auto weights = Variable<T>(W);
      const auto whole = [&] {  // in-place vjps into the parent, and one that hands dy on
        return sum(matmul(of_parent, weights)) + sum(slice(of_parent, 1, 3) * slice(of_parent, 2, 4)) +
               sum(of_parent + parent);
      };
      const auto parts = [&] {
        return sum(square(select(flat, 3))) + sum(flat + flat) + sum(matmul(top, weights)) +
               sum(select(top, 1, 1) * select(top, 0, 1));
      };
      if (parent_first) {
        const auto first = whole();
        return first + parts();
      }
      const auto first = parts();
      return first + whole();
    };

    Tape<T> tape;
    const auto leaf = tape.leaf(value), parent = 1.5 * leaf;
    const auto flat = reshape(parent, {8}), top = slice(parent, 0, 2);
    const auto y = program(parent, flat, top, parent);
    const Array<T> before = parent.value().copy();
    const auto gradients = tape.gradient(y, {.of = {parent, flat, top}});

    Tape<T> apart;
    const auto parent1 = apart.leaf(before), flat1 = apart.leaf(flat.value().copy()),
               top1 = apart.leaf(top.value().copy());
    const auto separate = apart.gradient(program(parent1, flat1, top1, parent1));
    CHECK(identical(gradients[flat], separate[flat1]));
    CHECK(identical(gradients[top], separate[top1]));
    Array<T> through_views = separate[flat1].reshaped({4, 2}).copy();
    for (std::size_t m = 0; m < 4; ++m) through_views.mutable_data()[m] += separate[top1].data()[m];
    CHECK(differs(gradients[parent], separate[parent1], through_views) == "");
    CHECK(identical(gradients[leaf], gradients[parent] * 1.5));
    CHECK(identical(parent.value(), before));
    CHECK(identical(leaf.value(), value));
  }
}
