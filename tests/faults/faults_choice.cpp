// Wrong copies of the ops that choose between numbers.
#include "fault.hpp"

namespace xgrad::faults {

namespace {

// y = f(a, b)                       da = dy slope_a(a, b)   db = dy slope_b(a, b), undoing the broadcast of b
template <class T, class F, class A, class B>
Variable<T> choice(const char* op, const Variable<T>& a, const Variable<T>& b, F f, A slope_a, B slope_b) {
  const Array<T> as = a.value(), bs = b.value() + Array<T>::zeros(as.shape());
  return record(op, each(f, as, bs), wrt(a, [=](const Array<T>& dy) { return dy * each(slope_a, as, bs); }),
                wrt(b, [=](const Array<T>& dy) { return dy * each(slope_b, as, bs); }));
}

template <class T>
T indicator(bool yes) {
  return T(yes ? 1 : 0);
}

// Two inputs of which each is the larger at some places.
template <class T>
std::array<Variable<T>, 2> rivals(const Parameters<T>& p) {
  return {p.input("a", {2, 3}, numbers({0.3, 1.2, -0.7, 0.9, -1.1, 0.2})),
          p.input("b", {2, 3}, numbers({0.8, -0.4, 0.6, -0.2, -0.3, -1.5}))};
}

// 1 where the mask of rows, or of columns, is set.
template <class T>
Array<T> row_mask(bool along_columns) {
  return Array<T>(along_columns ? Shape{1, 3} : Shape{3, 1}, {T(1), T(0), T(1)});
}

}  // namespace

std::vector<Fault> choice_faults() {
  using M = Mistake;
  std::vector<Fault> faults;
  const auto plant = [&](auto... arguments) { faults.push_back(fault(arguments...)); };
  const std::vector<Argument> x_is_wrong{{0, "x"}}, both_are_wrong{{0, "a"}, {1, "b"}};

  // y = x moved into [low, high]      dx = dy where low <= x <= high, else 0
  const auto my_clip = []<class T>(const Parameters<T>& p, auto slope) {
    return elementwise(
        "my_clip", p.input("x", {5}, numbers({-2, -0.4, 0.1, 0.5, 3})),
        [](T x) { return scalar::less(x, T(-1))  ? T(-1)
                         : scalar::less(T(1), x) ? T(1)
                                                 : x; },
        [=](T x, T) { return slope(scalar::less(x * x, T(1))); });
  };
  plant("clip: dx = dy outside too", M::wrong_term, "my_clip", x_is_wrong,
        [my_clip]<class T>(const Parameters<T>& p, bool wrong) {
          return my_clip(p, [=](bool inside) { return indicator<T>(wrong || inside); });
        });
  plant("clip: dx = dy outside, 0 inside", M::wrong_term, "my_clip", x_is_wrong,
        [my_clip]<class T>(const Parameters<T>& p, bool wrong) {
          return my_clip(p, [=](bool inside) { return indicator<T>(inside != wrong); });
        });

  // y = a if a > b else b             da = dy if a > b else 0         db = 0 if a > b else dy
  plant("maximum: all of dy goes to a", M::wrong_term, "my_maximum", both_are_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto [a, b] = rivals(p);
          return choice(
              "my_maximum", a, b, [](T ai, T bi) { return scalar::less(bi, ai) ? ai : bi; },
              [=](T ai, T bi) { return indicator<T>(wrong || scalar::less(bi, ai)); },
              [=](T ai, T bi) { return indicator<T>(!wrong && scalar::less(ai, bi)); });
        });
  plant("maximum: b >= 0 for b >= a in db, as for relu", M::wrong_term, "my_maximum",
        std::vector<Argument>{{1, "b"}}, []<class T>(const Parameters<T>& p, bool wrong) {
          const auto [a, b] = rivals(p);
          return choice(
              "my_maximum", a, b, [](T ai, T bi) { return scalar::less(bi, ai) ? ai : bi; },
              [](T ai, T bi) { return indicator<T>(scalar::less(bi, ai)); },
              [=](T ai, T bi) { return indicator<T>(scalar::less(wrong ? T(0) : ai, bi)); });
        });
  plant("maximum: db of the first row alone, for b broadcast", M::broadcast_sum, "my_maximum",
        std::vector<Argument>{{1, "b"}}, []<class T>(const Parameters<T>& p, bool wrong) {
          const auto a = p.input("a", {2, 3}, numbers({0.3, 1.2, -0.7, 0.9, -1.1, 0.2}));
          const auto b = p.input("b", {3}, numbers({0.5, 0.7, -1.4}));
          const Array<T> larger = each([](T ai, T bi) { return indicator<T>(scalar::less(bi, ai)); },
                                       a.value(), b.value() + Array<T>::zeros({2, 3}));
          return record("my_maximum", larger * a.value() + (1 - larger) * b.value(),
                        wrt(a, [=](const Array<T>& dy) { return dy * larger; }),
                        wrt(b, [=](const Array<T>& dy) {
                          const Array<T> db = dy * (1 - larger);
                          return wrong ? db.row(0) : db;
                        }));
        });
  plant("minimum: the slopes of maximum", M::wrong_term, "my_minimum", both_are_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto [a, b] = rivals(p);
          return choice(
              "my_minimum", a, b, [](T ai, T bi) { return scalar::less(ai, bi) ? ai : bi; },
              [=](T ai, T bi) { return indicator<T>(scalar::less(ai, bi) != wrong); },
              [=](T ai, T bi) { return indicator<T>(scalar::less(bi, ai) != wrong); });
        });

  // y = a where m else b              da = dy where m, else 0         db = 0 where m, else dy
  const auto my_where = []<class T>(const Parameters<T>& p, auto slope_a, auto slope_b) {
    const auto a = p.input("a", {2, 3}), b = p.input("b", {2, 3});
    const Array<T> m({2, 3}, {T(1), T(0), T(0), T(1), T(1), T(0)});
    return record("my_where", m * a.value() + (1 - m) * b.value(),
                  wrt(a, [=](const Array<T>& dy) { return dy * slope_a(m); }),
                  wrt(b, [=](const Array<T>& dy) { return dy * slope_b(m); }));
  };
  plant("where: the mask is inverted", M::wrong_term, "my_where", both_are_wrong,
        [my_where](const auto& p, bool wrong) {
          return my_where(
              p, [=](const auto& m) { return wrong ? 1 - m : m; },
              [=](const auto& m) { return wrong ? m : 1 - m; });
        });
  plant("where: both get dy", M::wrong_term, "my_where", both_are_wrong,
        [my_where](const auto& p, bool wrong) {
          return my_where(
              p, [=](const auto& m) { return wrong ? 1 + 0 * m : m; },
              [=](const auto& m) { return wrong ? 1 + 0 * m : 1 - m; });
        });
  plant("where: db has the mask of da", M::wrong_term, "my_where", std::vector<Argument>{{1, "b"}},
        [my_where](const auto& p, bool wrong) {
          return my_where(
              p, [](const auto& m) { return m; }, [=](const auto& m) { return wrong ? m : 1 - m; });
        });
  plant("where: a mask of rows is taken for one of columns", M::wrong_axis, "my_where", both_are_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto a = p.input("a", {3, 3}), b = p.input("b", {3, 3});
          const Array<T> m = row_mask<T>(false);
          return record("my_where", m * a.value() + (1 - m) * b.value(),
                        wrt(a, [=](const Array<T>& dy) { return dy * row_mask<T>(wrong); }),
                        wrt(b, [=](const Array<T>& dy) { return dy * (1 - row_mask<T>(wrong)); }));
        });
  plant("where: da = dy where m, for da += dy", M::overwritten, "my_where", std::vector<Argument>{{0, "a"}},
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto a = p.input("a", {3, 3}), b = p.input("b", {3, 3});
          const Array<T> m = row_mask<T>(false) + Array<T>::zeros({3, 3});
          return with_another_use(record("my_where", m * a.value() + (1 - m) * b.value(),
                                         wrt(a,
                                             [=](const Array<T>& dy, Array<T>& da) {
                                               T* const out = da.mutable_data();
                                               for (std::size_t i = 0; i < dy.size(); ++i)
                                                 if (scalar::real(m.data()[i]) > 0)
                                                   out[i] = wrong ? dy.data()[i] : out[i] + dy.data()[i];
                                             }),
                                         wrt(b, [=](const Array<T>& dy) { return dy * (1 - m); })),
                                  a);
        });
  // y = sqrt x if x > 0 else 0        dx = dy / (2 y) if x > 0 else 0
  plant("where x > 0, sqrt x: dx = m dy / (2 y), 0/0 where x = 0", M::not_finite, "my_where", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return elementwise(
              "my_where", p.input("x", {4}, numbers({0.7, -0.6, 1.2, -1})),
              [](T x) { return scalar::less(T(0), x) ? scalar::sqrt(x) : T(0); },
              [=](T x, T y) {
                const bool positive = scalar::less(T(0), x);
                return wrong || positive ? indicator<T>(positive) / (2.0 * y) : T(0);
              });
        });
  return faults;
}

}  // namespace xgrad::faults
