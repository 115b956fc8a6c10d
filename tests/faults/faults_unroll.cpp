// Mistakes in time: wrong recurrences with a hand-written backpropagation through time, and a copy of unroll
// whose
// own select or stack is one step off.     xs, hs: (T, H), or (T, N, H) for unroll
#include <xgrad/autograd/time_step.hpp>

#include "fault.hpp"

namespace xgrad::faults {

namespace {

constexpr std::size_t T_steps = 4, H = 4;

// h_t = u h_t-1 + x_t from h_-1 = 0, elementwise
template <class T>
Array<T> decayed(const Array<T>& xs, const Array<T>& u) {
  Array<T> hs = xs.copy();
  T* const h = hs.mutable_data();
  for (std::size_t i = H; i < hs.size(); ++i) h[i] += u.data()[i % H] * h[i - H];
  return hs;
}

// g_t = dh_t + u g_t+1: the gradient of the loss with respect to h_t, all later steps included
template <class T>
Array<T> carried_back(const Array<T>& dhs, const Array<T>& u) {
  Array<T> gs = dhs.copy();
  T* const g = gs.mutable_data();
  for (std::size_t i = gs.size() - H; i-- > 0;) g[i] += u.data()[i % H] * g[i + H];
  return gs;
}

// numbers[t + by], zeros where there is none
template <class T>
Array<T> shifted(const Array<T>& numbers, std::ptrdiff_t by) {
  Array<T> result = Array<T>::zeros(numbers.shape());
  for (std::size_t t = 0; t < T_steps; ++t) {
    const auto from = static_cast<std::ptrdiff_t>(t) + by;
    if (from < 0 || from >= static_cast<std::ptrdiff_t>(T_steps)) continue;
    std::copy_n(numbers.data() + static_cast<std::size_t>(from) * H, H, result.mutable_data() + t * H);
  }
  return result;
}

// h_t = u h_t-1 + x_t               dx_t = g_t              du = sum_t g_t h_t-1
template <class T, class Dx, class Du>
Variable<T> my_recurrence(const Variable<T>& xs, const Variable<T>& u, Dx dx_of, Du du_of) {
  const Array<T> hs = decayed(xs.value(), u.value());
  return record("my_recurrence", hs, wrt(xs, [=](const Array<T>& dhs) { return dx_of(dhs); }),
                wrt(u, [=](const Array<T>& dhs) { return du_of(carried_back(dhs, u.value()), hs); }));
}

template <class T>
Array<T> du_right(const Array<T>& gs, const Array<T>& hs) {
  return sum_over(gs * shifted(hs, -1), 0);
}

// h_t = tanh(x_t + h_t-1)           dx_t = (1 - h_t^2) (dh_t + dx_t+1)
template <class T>
Variable<T> my_elman(const Variable<T>& xs, bool carries, bool slope_of_the_step_before) {
  Array<T> hs = xs.value().copy();
  T* const h = hs.mutable_data();
  for (std::size_t i = 0; i < hs.size(); ++i) h[i] = scalar::tanh(i < H ? h[i] : h[i] + h[i - H]);
  return record("my_elman", hs, wrt(xs, [=](const Array<T>& dhs) {
                  Array<T> dx = dhs.copy();
                  const Array<T> of = slope_of_the_step_before ? shifted(hs, -1) : hs;
                  T* const d = dx.mutable_data();
                  for (std::size_t i = dx.size(); i-- > 0;) {
                    if (carries && i + H < dx.size()) d[i] += d[i + H];
                    d[i] *= 1.0 - of.data()[i] * of.data()[i];
                  }
                  return dx;
                }));
}

// y = x[t]                          dx[t] += dy
template <class T>
Variable<T> my_select(const Variable<T>& x, std::size_t t, bool wrong) {
  return record("my_select", x.value().row(t), wrt(x, [=](const Array<T>& dy, Array<T>& dx) {
                  T* const out = dx.mutable_data() + (wrong && t > 0 ? t - 1 : t) * dy.size();
                  for (std::size_t i = 0; i < dy.size(); ++i) out[i] += dy.data()[i];
                }));
}

// y = [x_0, x_1, ...]               dx_i = dy[i]
template <class T>
Variable<T> my_stack(const std::vector<Variable<T>>& xs, bool wrong) {
  const auto y = value_of([&] { return stack(xs); });
  const auto vjp_of = [=](std::size_t i) {
    return [=](const Array<T>& dy) { return dy.row(wrong && i > 0 ? i - 1 : i); };
  };
  std::vector<Wrt<T, decltype(vjp_of(0))>> inputs;
  for (std::size_t i = 0; i < xs.size(); ++i) inputs.push_back({xs[i], vjp_of(i)});
  return record("my_stack", y, std::move(inputs));
}

// unroll(cell, xs, h0) of layers/unroll.hpp, for h_t = tanh(x_t + h_t-1)
template <class T>
Variable<T> my_unroll(const Variable<T>& xs, Variable<T> h, bool wrong_select, bool wrong_stack) {
  std::vector<Variable<T>> hs;
  for (std::size_t t = 0; t < xs.shape()[0]; ++t) {
    const TimeStep now(t);
    h = tanh(my_select(xs, t, wrong_select) + h);
    hs.push_back(h);
  }
  return my_stack(hs, wrong_stack);
}

}  // namespace

std::vector<Fault> unroll_faults() {
  using M = Mistake;
  std::vector<Fault> faults;
  const auto plant = [&](auto... arguments) { faults.push_back(fault(arguments...)); };
  using Where = std::vector<Argument>;

  plant("recurrence: dx_t = g_t+1 for g_t", M::time_shift, "my_recurrence", Where{{0, "xs"}},
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto xs = p.input("xs", {T_steps, H}), u = p.weight("u", {H});
          return my_recurrence(
              xs, u,
              [=](const Array<T>& dhs) { return shifted(carried_back(dhs, u.value()), wrong ? 1 : 0); },
              du_right<T>);
        });
  plant("recurrence: du = sum g_t h_t for sum g_t h_t-1", M::time_shift, "my_recurrence", Where{{1, "u"}},
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto xs = p.input("xs", {T_steps, H}), u = p.weight("u", {H});
          return my_recurrence(
              xs, u, [=](const Array<T>& dhs) { return carried_back(dhs, u.value()); },
              [=](const Array<T>& gs, const Array<T>& hs) {
                return wrong ? sum_over(gs * hs, 0) : du_right(gs, hs);
              });
        });
  plant("recurrence: du of the last step alone, the sum over time forgotten", M::broadcast_sum,
        "my_recurrence", Where{{1, "u"}}, []<class T>(const Parameters<T>& p, bool wrong) {
          const auto xs = p.input("xs", {T_steps, H}), u = p.weight("u", {H});
          return my_recurrence(
              xs, u, [=](const Array<T>& dhs) { return carried_back(dhs, u.value()); },
              [=](const Array<T>& gs, const Array<T>& hs) {
                return wrong ? gs.row(T_steps - 1) * hs.row(T_steps - 2) : du_right(gs, hs);
              });
        });
  plant("recurrence: g_t = dh_t + g_t+1, the decay u dropped", M::wrong_term, "my_recurrence",
        Where{{0, "xs"}}, []<class T>(const Parameters<T>& p, bool wrong) {
          const auto xs = p.input("xs", {T_steps, H}), u = p.weight("u", {H});
          return my_recurrence(
              xs, u,
              [=](const Array<T>& dhs) {
                return carried_back(dhs, wrong ? Array<T>::full({H}, T(1)) : u.value());
              },
              du_right<T>);
        });
  plant("recurrence: g is carried along the units, not along time", M::wrong_axis, "my_recurrence",
        Where{{0, "xs"}}, []<class T>(const Parameters<T>& p, bool wrong) {
          const auto xs = p.input("xs", {T_steps, H}), u = p.weight("u", {H});
          return my_recurrence(
              xs, u,
              [=](const Array<T>& dhs) {
                return wrong ? transposed(carried_back(transposed(dhs), u.value()))
                             : carried_back(dhs, u.value());
              },
              du_right<T>);
        });

  plant("Elman: dx_t = (1 - h_t^2) dh_t, nothing carried back", M::wrong_term, "my_elman", Where{{0, "xs"}},
        []<class T>(const Parameters<T>& p, bool wrong) {
          return my_elman(p.input("xs", {T_steps, H}), !wrong, false);
        });
  plant("Elman: (1 - h_t-1^2) for (1 - h_t^2)", M::time_shift, "my_elman", Where{{0, "xs"}},
        []<class T>(const Parameters<T>& p, bool wrong) {
          return my_elman(p.input("xs", {T_steps, H}), true, wrong);
        });

  plant("unroll: its select adds to dx[t - 1]", M::time_shift, "my_select", Where{{0, "xs"}},
        []<class T>(const Parameters<T>& p, bool wrong) {
          return my_unroll(p.input("xs", {T_steps, 2, 3}), p.input("h0", {2, 3}), wrong, false);
        });
  plant("unroll: its select writes dx = 0, then dx[t] = dy", M::overwritten, "my_select", Where{{0, "xs"}},
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto xs = p.input("xs", {T_steps, 2, 3});
          std::vector<Variable<T>> ys;
          for (std::size_t t = 0; t < T_steps; ++t)
            ys.push_back(
                tanh(record("my_select", xs.value().row(t), wrt(xs, [=](const Array<T>& dy, Array<T>& dx) {
                              if (wrong) dx = Array<T>::zeros(dx.shape());
                              T* const out = dx.mutable_data() + t * dy.size();
                              for (std::size_t i = 0; i < dy.size(); ++i) out[i] += dy.data()[i];
                            }))));
          return stack(ys);
        });
  plant("unroll: its stack hands dy[t - 1] on", M::time_shift, "my_stack", Where{{1, ""}, {2, ""}, {3, ""}},
        []<class T>(const Parameters<T>& p, bool wrong) {
          return my_unroll(p.input("xs", {T_steps, 2, 3}), p.input("h0", {2, 3}), false, wrong);
        });
  faults.back().parameters = {"xs", "h0"};
  return faults;
}

}  // namespace xgrad::faults
