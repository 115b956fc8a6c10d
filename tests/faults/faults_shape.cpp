// Wrong copies of the ops that give the same numbers another shape or order, or put others around them.
#include "fault.hpp"

namespace xgrad::faults {

namespace {

template <class T>
Array<T> flipped(const Array<T>& a, const Axes& axes) {
  return value_of([&] { return flip(Variable<T>(a), axes); });
}

template <class T>
Array<T> padded(const Array<T>& a, const std::vector<Padding>& padding) {
  return value_of([&] { return pad(Variable<T>(a), padding); });
}

}  // namespace

std::vector<Fault> shape_faults() {
  using M = Mistake;
  std::vector<Fault> faults;
  const auto plant = [&](auto... arguments) { faults.push_back(fault(arguments...)); };
  const std::vector<Argument> x_is_wrong{{0, "x"}};

  // y = x in another shape            dx = dy in x's shape
  plant("reshape (2, 3) to (3, 2): dx = dy^T", M::transposed, "my_reshape", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {2, 3});
          return record("my_reshape", x.value().reshaped({3, 2}), wrt(x, [=](const Array<T>& dy) {
                          return wrong ? transposed(dy) : dy.reshaped({2, 3});
                        }));
        });

  // y = x with axes permuted          dx = dy with axes permuted back
  plant("transpose: dx = dy in x's shape, not transposed back", M::transposed, "my_transpose", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {2, 3});
          return record("my_transpose", transposed(x.value()), wrt(x, [=](const Array<T>& dy) {
                          return wrong ? dy.reshaped({2, 3}) : transposed(dy);
                        }));
        });
  plant("transpose: dx with the axes permuted once more, not back", M::transposed, "my_transpose", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {2, 2, 2});
          using Order = std::vector<std::ptrdiff_t>;
          return record("my_transpose", transposed(x.value(), {1, 2, 0}), wrt(x, [=](const Array<T>& dy) {
                          return transposed(dy, wrong ? Order{1, 2, 0} : Order{2, 0, 1});
                        }));
        });

  // y = x in reverse order along an axis                  dx = dy in reverse order along it
  plant("flip: dx = dy, not flipped back", M::wrong_term, "my_flip", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {4, 2});
          return record("my_flip", flipped(x.value(), 0),
                        wrt(x, [=](const Array<T>& dy) { return wrong ? dy : flipped(dy, 0); }));
        });
  plant("flip along axis 1: dx flipped along axis 0", M::wrong_axis, "my_flip", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {4, 3});
          return record("my_flip", flipped(x.value(), 1),
                        wrt(x, [=](const Array<T>& dy) { return flipped(dy, wrong ? 0 : 1); }));
        });
  plant("flip along axis 1: dx flipped along both axes", M::wrong_axis, "my_flip", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {4, 3});
          return record("my_flip", flipped(x.value(), 1), wrt(x, [=](const Array<T>& dy) {
                          return wrong ? flipped(dy, Axes()) : flipped(dy, 1);
                        }));
        });

  // y = zeros around x                dx = the part of dy that x became
  plant("pad: dx = dy[before - 1:], one row too early", M::time_shift, "my_pad", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {4, 2});
          return record("my_pad", padded(x.value(), {{2, 1}, {0, 0}}),
                        wrt(x, [=](const Array<T>& dy) { return wrong ? dy.rows(1, 5) : dy.rows(2, 6); }));
        });
  plant("pad: the padding after x taken for that before", M::wrong_term, "my_pad", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {4, 2});
          return record("my_pad", padded(x.value(), {{0, 2}, {0, 0}}),
                        wrt(x, [=](const Array<T>& dy) { return wrong ? dy.rows(2, 6) : dy.rows(0, 4); }));
        });
  plant("pad: the padding of the rows taken for that of the columns", M::wrong_axis, "my_pad", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {3, 3});
          return record("my_pad", padded(x.value(), {{1, 0}, {0, 1}}), wrt(x, [=](const Array<T>& dy) {
                          const Array<T> along = wrong ? transposed(dy) : dy;
                          const Array<T> dx = transposed(transposed(along.rows(1, 4)).rows(0, 3));
                          return wrong ? transposed(dx) : dx;
                        }));
        });

  // y = copies of x                   dx = the sum of dy over the copies
  plant("broadcast_to: dx = dy of the first copy", M::broadcast_sum, "my_broadcast_to", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {3});
          return record("my_broadcast_to", x.value() + Array<T>::zeros({4, 3}),
                        wrt(x, [=](const Array<T>& dy) { return wrong ? dy.row(0) : sum_over(dy, 0); }));
        });
  plant("broadcast_to: dx = the mean over the copies", M::factor, "my_broadcast_to", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {3});
          return record("my_broadcast_to", x.value() + Array<T>::zeros({4, 3}),
                        wrt(x, [=](const Array<T>& dy) { return sum_over(dy, 0) / (wrong ? 4 : 1); }));
        });
  plant("broadcast_to (3, 3) of (3, 1): dx = the sum over the rows", M::wrong_axis, "my_broadcast_to",
        x_is_wrong, []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {3, 1});
          return record("my_broadcast_to", x.value() + Array<T>::zeros({3, 3}),
                        wrt(x, [=](const Array<T>& dy) {
                          return sum_over(dy, wrong ? 0 : 1).reshaped({3, 1});
                        }));
        });
  return faults;
}

}  // namespace xgrad::faults
