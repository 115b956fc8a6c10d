// Wrong copies of layer_norm and dropout.
#include <xgrad/autograd/random.hpp>

#include "fault.hpp"

namespace xgrad::faults {

namespace {

template <class T>
Array<T> row_mean(const Array<T>& a, int axis = 1) {
  return sum_over(a, axis, keepdims) / static_cast<double>(a.shape()[static_cast<std::size_t>(axis)]);
}

// What the vjps of layer_norm may use: the normalized x, 1 / sqrt(v + epsilon) of each row, and x and gain.
template <class T>
struct Normalized {
  Array<T> n, scale, x, gain;
};

// y = gain n + b, n = (x - m) / sqrt(v + epsilon)   dx = dx_of(dy, normalized)
//     dgain = dgain_of(dy, normalized)
template <class T, class Dx, class Dgain>
Variable<T> my_layer_norm(const Parameters<T>& p, Dx dx_of, Dgain dgain_of) {
  const auto x = p.input("x", {3, 3}), gain = p.input("gain", {3}), b = p.input("b", {3});
  const Array<T> centred = x.value() - row_mean(x.value());
  const Array<T> scale =
      each([](T v) { return 1.0 / scalar::sqrt(v + 1e-5); }, row_mean(Array<T>(centred * centred)));
  const Normalized<T> saved{centred * scale, scale, x.value(), gain.value()};
  return record("my_layer_norm", saved.gain * saved.n + b.value(),
                wrt(x, [=](const Array<T>& dy) { return dx_of(dy, saved); }),
                wrt(gain, [=](const Array<T>& dy) { return dgain_of(dy, saved); }),
                wrt(b, [](const Array<T>& dy) { return dy; }));
}

// (g - mean g - n mean(g n)) / sqrt(v + epsilon), with g = gain dy
template <class T>
Array<T> dx_right(const Array<T>& g, const Normalized<T>& s, int axis_of_means = 1) {
  return (g - row_mean(g, axis_of_means) - s.n * row_mean(g * s.n)) * s.scale;
}

// The right vjp of layer_norm in the gain.
constexpr auto dgain_right = [](const auto& dy, const auto& s) { return dy * s.n; };

// m x / (1 - rate), m the mask of the key
template <class T>
Array<T> dropped(const Array<T>& x, double rate, std::uint64_t key) {
  return value_of([&] { return dropout(Variable<T>(x), rate, RandomKey(key)); });
}

// y = m x / (1 - rate)              dx = m dy / (1 - rate), as dx_of(dy)
template <class T, class Dx>
Variable<T> my_dropout(const Parameters<T>& p, Dx dx_of) {
  const auto x = p.input("x", {3, 4});
  return record("my_dropout", dropped(x.value(), 0.4, 1), wrt(x, dx_of));
}

}  // namespace

std::vector<Fault> network_faults() {
  using M = Mistake;
  std::vector<Fault> faults;
  const auto plant = [&](auto... arguments) { faults.push_back(fault(arguments...)); };
  const std::vector<Argument> x_is_wrong{{0, "x"}}, gain_is_wrong{{1, "gain"}};

  const auto wrong_dx = [&](const char* what, M mistake, auto dx_of) {
    plant(what, mistake, "my_layer_norm", x_is_wrong, [dx_of]<class T>(const Parameters<T>& p, bool wrong) {
      return my_layer_norm(
          p,
          [=](const Array<T>& dy, const Normalized<T>& s) {
            return wrong ? dx_of(dy, s) : dx_right(dy * s.gain, s);
          },
          dgain_right);
    });
  };
  wrong_dx("layer_norm: dx without the mean of g", M::wrong_term,
           []<class T>(const Array<T>& dy, const Normalized<T>& s) -> Array<T> {
             const Array<T> g = dy * s.gain;
             return (g - s.n * row_mean(Array<T>(g * s.n))) * s.scale;
           });
  wrong_dx("layer_norm: dx without the slope of the variance", M::wrong_term,
           []<class T>(const Array<T>& dy, const Normalized<T>& s) -> Array<T> {
             const Array<T> g = dy * s.gain;
             return (g - row_mean(g)) * s.scale;
           });
  wrong_dx("layer_norm: dy for g = gain dy", M::factor,
           []<class T>(const Array<T>& dy, const Normalized<T>& s) { return dx_right(dy, s); });
  wrong_dx("layer_norm: dx not divided by the deviation", M::factor,
           []<class T>(const Array<T>& dy, const Normalized<T>& s) -> Array<T> {
             return dx_right(dy * s.gain, s) / s.scale;
           });
  wrong_dx("layer_norm: the mean of g over the batch", M::wrong_axis,
           []<class T>(const Array<T>& dy, const Normalized<T>& s) { return dx_right(dy * s.gain, s, 0); });
  wrong_dx("layer_norm: dx divided by the deviation with 1/(H - 1)", M::factor,
           []<class T>(const Array<T>& dy, const Normalized<T>& s) -> Array<T> {
             const Array<T> deviation = each(
                 [](T scale) { return scalar::sqrt((1.0 / (scale * scale) - 1e-5) * 1.5 + 1e-5); }, s.scale);
             return dx_right(dy * s.gain, s) / s.scale / deviation;
           });

  const auto wrong_dgain = [&](const char* what, M mistake, auto dgain_of) {
    plant(what, mistake, "my_layer_norm", gain_is_wrong,
          [dgain_of]<class T>(const Parameters<T>& p, bool wrong) {
            return my_layer_norm(
                p, [](const Array<T>& dy, const Normalized<T>& s) { return dx_right(dy * s.gain, s); },
                [=](const Array<T>& dy, const Normalized<T>& s) {
                  return wrong ? dgain_of(dy, s) : dgain_right(dy, s);
                });
          });
  };
  wrong_dgain("layer_norm: dgain = sum dy x for sum dy n", M::wrong_term,
              []<class T>(const Array<T>& dy, const Normalized<T>& s) -> Array<T> { return dy * s.x; });
  wrong_dgain("layer_norm: dgain summed over the columns", M::wrong_axis,
              []<class T>(const Array<T>& dy, const Normalized<T>& s) { return sum_over(dy * s.n, 1); });
  wrong_dgain(
      "layer_norm: dgain of the first row alone", M::broadcast_sum,
      []<class T>(const Array<T>& dy, const Normalized<T>& s) -> Array<T> { return (dy * s.n).row(0); });

  plant("dropout: dx = m dy without / (1 - rate)", M::factor, "my_dropout", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return my_dropout(p, [=](const Array<T>& dy) { return dropped(dy, 0.4, 1) * (wrong ? 0.6 : 1); });
        });
  plant("dropout: dx = m dy / rate", M::factor, "my_dropout", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return my_dropout(
              p, [=](const Array<T>& dy) { return dropped(dy, 0.4, 1) * (wrong ? 0.6 / 0.4 : 1); });
        });
  plant("dropout: a mask drawn anew for dx", M::wrong_term, "my_dropout", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return my_dropout(p, [=](const Array<T>& dy) { return dropped(dy, 0.4, wrong ? 2 : 1); });
        });
  plant("dropout: dx = dy / (1 - rate), no mask", M::wrong_term, "my_dropout", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return my_dropout(p, [=](const Array<T>& dy) { return wrong ? dy / 0.6 : dropped(dy, 0.4, 1); });
        });
  plant("dropout: dx is filled with zeros where dropped", M::overwritten, "my_dropout", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {3, 4});
          return with_another_use(
              record("my_dropout", dropped(x.value(), 0.4, 1),
                     wrt(x,
                         [=](const Array<T>& dy, Array<T>& dx) {
                           const Array<T> kept = dropped(Array<T>::full({3, 4}, T(1)), 0.4, 1);
                           T* const out = dx.mutable_data();
                           for (std::size_t i = 0; i < dy.size(); ++i) {
                             if (wrong && kept.data()[i] == T(0)) out[i] = T(0);
                             out[i] += kept.data()[i] * dy.data()[i];
                           }
                         })),
              x);
        });
  return faults;
}

}  // namespace xgrad::faults
