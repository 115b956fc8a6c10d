// Wrong copies of the reductions that are not sums: product, largest and smallest number, logsumexp, norm; of
// a variance with ddof; and of the running sum along an axis.
#include "fault.hpp"

namespace xgrad::faults {

namespace {

// y = op(x) along axis 1            dx = dx_of(dy, y), both of shape (N, 1)
template <class T, class Value, class Dx>
Variable<T> by_rows(const char* op, const Variable<T>& x, Value value, Dx dx_of) {
  const Array<T> y = value_of([&] { return value(Variable<T>(x.value())); });
  const Shape kept{x.shape()[0], 1};
  return record(
      op, y, wrt(x, [=, y = y.reshaped(kept)](const Array<T>& dy) { return dx_of(dy.reshaped(kept), y); }));
}

// 1 where x is the largest of its row.
template <class T>
Array<T> is_largest(const Array<T>& x) {
  const Array<T> largest = value_of([&] { return max(Variable<T>(x), 1, keepdims); });
  return each([](T xi, T y) { return T(scalar::equal(xi, y) ? 1 : 0); }, x,
              largest + Array<T>::zeros(x.shape()));
}

template <class T>
Array<T> running_sum(const Array<T>& a, std::ptrdiff_t axis, bool from_the_end) {
  const auto axes = static_cast<int>(axis);
  return value_of([&] {
    const Variable<T> x(a);
    return from_the_end ? flip(cumsum(flip(x, axes), axis), axes) : cumsum(x, axis);
  });
}

const Initializer spread = numbers({0.3, -1.2, 0.9, 1.4, -0.5, 0.1, -0.8, 0.6, 1.1});

}  // namespace

std::vector<Fault> extrema_faults() {
  using M = Mistake;
  std::vector<Fault> faults;
  const auto plant = [&](auto... arguments) { faults.push_back(fault(arguments...)); };
  const std::vector<Argument> x_is_wrong{{0, "x"}};

  // y = x_1 ... x_K                   dx_k = dy times the product of the others
  const auto my_prod = []<class T>(const Variable<T>& x, auto dx_of) {
    const Array<T> xs = x.value();
    return by_rows(
        "my_prod", x, [](const auto& v) { return prod(v, 1); },
        [=](const Array<T>& dy, const Array<T>& y) { return dx_of(xs, y) * dy; });
  };
  const auto others = []<class T>(const Array<T>& x) {
    Array<T> result = Array<T>::full(x.shape(), T(1));
    const std::size_t K = x.shape()[1];
    for (std::size_t i = 0; i < x.size(); ++i)
      for (std::size_t k = 0; k < K; ++k)
        if (k != i % K) result.mutable_data()[i] *= x.data()[i / K * K + k];
    return result;
  };
  plant("prod: dx = dy y / x, where one number is 0", M::not_finite, "my_prod", x_is_wrong,
        [my_prod, others]<class T>(const Parameters<T>& p, bool wrong) {
          return my_prod(p.input("x", {1, 4}, ending_with(0)),
                         [=](const Array<T>& x, const Array<T>& y) { return wrong ? y / x : others(x); });
        });
  plant("prod: dx = dy y, not divided by x", M::wrong_term, "my_prod", x_is_wrong,
        [my_prod, others]<class T>(const Parameters<T>& p, bool wrong) {
          return my_prod(p.input("x", {2, 3}, both_signs),
                         [=](const Array<T>& x, const Array<T>& y) { return wrong ? y + 0 * x : others(x); });
        });

  // y = the largest                   dx = dy there, else 0
  const auto my_max = []<class T>(const Variable<T>& x, auto place_of) {
    const Array<T> place = place_of(x.value());
    return by_rows(
        "my_max", x, [](const auto& v) { return max(v, 1); },
        [=](const Array<T>& dy, const Array<T>&) { return place * dy; });
  };
  plant("max: dx = dy for all", M::wrong_term, "my_max", x_is_wrong,
        [my_max]<class T>(const Parameters<T>& p, bool wrong) {
          return my_max(p.input("x", {3, 3}, spread), [=](const Array<T>& x) {
            return wrong ? Array<T>::full({3, 3}, T(1)) : is_largest(x);
          });
        });
  plant("max: dx at the smallest", M::wrong_term, "my_max", x_is_wrong,
        [my_max]<class T>(const Parameters<T>& p, bool wrong) {
          return my_max(p.input("x", {3, 3}, spread),
                        [=](const Array<T>& x) { return is_largest(wrong ? -x : x); });
        });
  plant(
      "max along axis 1: dx[k_n, n] for dx[n, k_n]", M::wrong_axis, "my_max", x_is_wrong,
      []<class T>(const Parameters<T>& p, bool wrong) {
        const auto x = p.input("x", {3, 3}, spread);
        const Array<T> place = is_largest(x.value());
        return by_rows(
            "my_max", x, [](const auto& v) { return max(v, 1); },
            [=](const Array<T>& dy, const Array<T>&) { return wrong ? transposed(place * dy) : place * dy; });
      });

  // y = log sum e^x                   dx = dy e^x / sum e^x = dy e^(x - y)
  const auto my_logsumexp = []<class T>(const Variable<T>& x, auto dx_of) {
    const Array<T> xs = x.value();
    return by_rows(
        "my_logsumexp", x, [](const auto& v) { return logsumexp(v, 1); },
        [=](const Array<T>& dy, const Array<T>& y) { return dy * dx_of(xs, y); });
  };
  const auto exp_of = []<class T>(const Array<T>& x) { return each([](T e) { return scalar::exp(e); }, x); };
  plant("logsumexp: dx = dy e^x, not normalized", M::factor, "my_logsumexp", x_is_wrong,
        [my_logsumexp, exp_of]<class T>(const Parameters<T>& p, bool wrong) {
          return my_logsumexp(p.input("x", {2, 4}), [=](const Array<T>& x, const Array<T>& y) {
            return exp_of(wrong ? x : x - y);
          });
        });
  plant("logsumexp: dx = dy e^x / sum e^x, at x = 800", M::not_finite, "my_logsumexp", x_is_wrong,
        [my_logsumexp, exp_of]<class T>(const Parameters<T>& p, bool wrong) {
          return my_logsumexp(p.input("x", {2, 4}, uniform(799, 801)),
                              [=](const Array<T>& x, const Array<T>& y) {
                                const Array<T> e = exp_of(x);
                                return wrong ? e / sum_over(e, 1, keepdims) : exp_of(x - y);
                              });
        });
  plant("logsumexp: dx = dy / sum e^x", M::wrong_term, "my_logsumexp", x_is_wrong,
        [my_logsumexp, exp_of]<class T>(const Parameters<T>& p, bool wrong) {
          return my_logsumexp(p.input("x", {2, 4}), [=](const Array<T>& x, const Array<T>& y) {
            return exp_of(wrong ? 0 * x - y : x - y);
          });
        });

  // y = sqrt(sum x^2)                 dx = dy x / y
  const auto my_norm = []<class T>(const Parameters<T>& p, auto dx_of) {
    const auto x = p.input("x", {2, 4});
    const Array<T> xs = x.value();
    return by_rows(
        "my_norm", x, [](const auto& v) { return norm(v, 1); },
        [=](const Array<T>& dy, const Array<T>& y) { return dy * dx_of(xs, y); });
  };
  plant("norm: dx = dy x, not divided by y", M::factor, "my_norm", x_is_wrong,
        [my_norm]<class T>(const Parameters<T>& p, bool wrong) {
          return my_norm(p, [=](const Array<T>& x, const Array<T>& y) { return wrong ? x : x / y; });
        });
  plant("norm: dx = dy x / (2 y), the 2 of x^2 forgotten", M::factor, "my_norm", x_is_wrong,
        [my_norm]<class T>(const Parameters<T>& p, bool wrong) {
          return my_norm(p, [=](const Array<T>& x, const Array<T>& y) { return x / (wrong ? 2 * y : y); });
        });

  // y = sum (x - m)^2 / (n - ddof)    dx = dy 2 (x - m) / (n - ddof)
  const auto my_variance = []<class T>(const Parameters<T>& p, auto dx_of) {
    const auto x = p.input("x", {2, 4});
    const Array<T> xs = x.value(), centred = xs - sum_over(xs, 1, keepdims) / 4;
    return by_rows(
        "my_variance", x, [](const auto& v) { return variance(v, 1, false, 1); },
        [=](const Array<T>& dy, const Array<T>&) { return dy * dx_of(xs, centred); });
  };
  plant("variance with ddof 1: dx = dy 2 (x - m) / n", M::factor, "my_variance", x_is_wrong,
        [my_variance]<class T>(const Parameters<T>& p, bool wrong) {
          return my_variance(
              p, [=](const Array<T>&, const Array<T>& centred) { return 2 * centred / (wrong ? 4 : 3); });
        });
  plant("variance: dx = dy 2 x / n, the mean not subtracted", M::wrong_term, "my_variance", x_is_wrong,
        [my_variance]<class T>(const Parameters<T>& p, bool wrong) {
          return my_variance(
              p, [=](const Array<T>& x, const Array<T>& centred) { return 2 * (wrong ? x : centred) / 3; });
        });

  // y_t = x_0 + ... + x_t             dx_t = dy_t + dy_t+1 + ...
  plant("cumsum: dx = the running sum of dy from the first", M::transposed, "my_cumsum", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {4, 2});
          return record("my_cumsum", running_sum(x.value(), 0, false),
                        wrt(x, [=](const Array<T>& dy) { return running_sum(dy, 0, !wrong); }));
        });
  plant("cumsum along axis 1: dx along axis 0", M::wrong_axis, "my_cumsum", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {4, 3});
          return record("my_cumsum", running_sum(x.value(), 1, false),
                        wrt(x, [=](const Array<T>& dy) { return running_sum(dy, wrong ? 0 : 1, true); }));
        });
  return faults;
}

}  // namespace xgrad::faults
