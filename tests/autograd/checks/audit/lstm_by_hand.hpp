// An LSTM with an output layer, forward as xgrad has it and backward as people write it, with mistakes
// planted one at a time. Start reading at `backward`.
//
//   z_t = x_t Wx + h_{t-1} Wh + b,  i, f, o = sigmoid, g = tanh of its parts, in the order i f g o
//   c_t = f c_{t-1} + i g,   h_t = o tanh(c_t),   y_t = h_t Wy + by,   L = 1/2 sum_t (y_t - target_t)^2
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <xgrad/autograd/audit.hpp>
#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/time_step.hpp>

#include "models/handwritten_products.hpp"

namespace lstm {

using handwritten::Matrix;
using xgrad::Array;
using xgrad::Values;

inline constexpr std::size_t T = 5, N = 2, D = 3, H = 4, M = 2;

inline Array<double> data(const xgrad::Shape& shape, double phase) {
  auto x = Array<double>::uninitialized(shape);
  for (std::size_t i = 0; i < x.size(); ++i)
    x.mutable_data()[i] = std::sin(phase + 1.7 * static_cast<double>(i));
  return x;
}

/// The forward pass.
inline constexpr auto forward = [](auto p) {
  using namespace xgrad;
  const auto Wx = p.weight("Wx", {D, 4 * H}), Wh = p.weight("Wh", {H, 4 * H}),
             b = p.weight("b", {4 * H}, uniform(-0.5, 0.5)), Wy = p.weight("Wy", {H, M}),
             by = p.bias("by", {M});
  const auto xs = p.input("xs", {T, N, D}), h0 = p.input("h0", {N, H}), c0 = p.input("c0", {N, H});
  const auto targets = p.constant(data({T, N, M}, 3));
  auto h = h0, c = c0;
  auto loss = 0 * sum(by);
  for (std::size_t t = 0; t < T; ++t) {
    const TimeStep now(t);
    const auto z = affine({select(xs, static_cast<std::ptrdiff_t>(t)), Wx}, {h, Wh}, b);
    const auto part = [&](std::ptrdiff_t k) {
      return slice(z, k * static_cast<std::ptrdiff_t>(H), (k + 1) * static_cast<std::ptrdiff_t>(H), 1);
    };
    const auto i = sigmoid(part(0)), f = sigmoid(part(1)), g = tanh(part(2)), o = sigmoid(part(3));
    c = f * c + i * g;
    h = o * tanh(c);
    const auto y = affine({h, Wy}, by);
    loss = loss + 0.5 * sum(square(y - select(targets, static_cast<std::ptrdiff_t>(t))));
  }
  return loss;
};

/// The same as other people would write it: products and a sum, all outputs at once, a loss over all steps.
/// The initial state is zero and no input.
inline constexpr auto forward_at_once = [](auto p) {
  using namespace xgrad;
  const auto Wx = p.weight("Wx", {D, 4 * H}), Wh = p.weight("Wh", {H, 4 * H}),
             b = p.weight("b", {4 * H}, uniform(-0.5, 0.5)), Wy = p.weight("Wy", {H, M}),
             by = p.bias("by", {M});
  const auto xs = p.input("xs", {T, N, D});
  auto h = p.constant(Array<double>::zeros({N, H})), c = h;
  std::vector<std::decay_t<decltype(h)>> hs;
  for (std::size_t t = 0; t < T; ++t) {
    const TimeStep now(t);
    const auto z = split(matmul(select(xs, static_cast<std::ptrdiff_t>(t)), Wx) + matmul(h, Wh) + b, 4, 1);
    c = sigmoid(z[0]) * tanh(z[2]) + sigmoid(z[1]) * c;
    h = tanh(c) * sigmoid(z[3]);
    hs.push_back(h);
  }
  return 0.5 * squared_error(affine({stack(hs), Wy}, by), p.constant(data({T, N, M}, 3)), Reduction::sum);
};

/// What is planted.
enum class Plant {
  nothing,
  output_sign,         // target - y
  mean_over_steps,     // all divided by T
  doubled_error,       // the 2 of the square, without the 1/2 of the loss
  no_flow,             // neither dh nor dc from the step after
  no_cell_flow,        // dc_next is forgotten
  no_hidden_flow,      // dh_next is forgotten
  cell_overwritten,    // dc = dc_next where there is one, instead of dc +=
  no_tanh_slope,       // of tanh(c)
  tanh_c_of_c,         // 1 - c^2 instead of 1 - tanh(c)^2
  tanh_c_activated,    // 1 - tanh(tanh(c))^2
  g_activated,         // 1 - tanh(g)^2
  forget_gate_slope,   // f instead of f (1 - f)
  output_gate_slope,   // left out
  g_sigmoid_slope,     // g (1 - g)
  o_reads_c,           // do = dh c instead of dh tanh(c)
  f_reads_c_now,       // df = dc c_t instead of dc c_{t-1}
  i_reads_i,           // di = dc i instead of dc g
  g_sign,              // dg negated
  carry_with_i,        // dc_prev = dc i instead of dc f
  carry_next_f,        // dc_prev = dc f of the step before
  gates_swapped,       // dz put together as i g f o
  Wh_reads_h_now,      // dWh = h_t^T dz
  Wh_only,             // dWh transposed blocks: its columns in the order i f o g
  bias_last_step,      // db = instead of db +=
  Wx_missing_first,    // the loop for dWx starts at 1
  truncated,           // the flow ends after two steps
  dh_through_Wy_sign,  // dh = -dy Wy^T
  no_forget_gate,      // df = 0
  last_loss_only,      // only the last step's output error
  clipped,             // dWx cut off
  decayed,             // 0.01 Wh added
  i_and_g_own,         // di = dc i and dg = dc g
  no_o_in_dc,          // dc = dh (1 - tanh(c)^2)
  no_f_in_carry,       // dc_prev = dc
  dh_lacks_o,          // the output gate's part is missing in dz Wh^T
  last_step_dh,        // dy Wy^T enters dh at the last step alone
  bias_mean_of_batch,  // db averages over the rows
  Wh_first_row,        // dWh of the batch's first sequence
  c0_taken_for_zero,   // in df
  x_before,            // dWx with x_{t-1}
  dx_reversed,         // dx appended in the order of the sweep
  carry_f_squared,     // dc_next has the factor f, and gets it again
  dh_before_slopes,    // dh_prev from the gates' gradients without their slopes
  mean_over_all,       // all divided by T N
  output_slope,        // dy times y (1 - y), where there is no sigmoid
  two_slopes,          // both f and o lack their slope
  sign_and_flow,       // target - y, and no flow through time
  count
};

inline Matrix part_of(const Matrix& z, std::size_t k) {
  auto p = Matrix::uninitialized({N, H});
  for (std::size_t n = 0; n < N; ++n)
    for (std::size_t j = 0; j < H; ++j) p.mutable_data()[n * H + j] = z.data()[n * 4 * H + k * H + j];
  return p;
}
inline Matrix joined(const std::vector<Matrix>& parts) {
  auto z = Matrix::uninitialized({N, 4 * H});
  for (std::size_t k = 0; k < 4; ++k)
    for (std::size_t n = 0; n < N; ++n)
      for (std::size_t j = 0; j < H; ++j)
        z.mutable_data()[n * 4 * H + k * H + j] = parts[k].data()[n * H + j];
  return z;
}
inline Array<double> column_sum(const Matrix& x) {
  auto s = Array<double>::zeros({x.shape()[1]});
  for (std::size_t i = 0; i < x.size(); ++i) s.mutable_data()[i % s.size()] += x.data()[i];
  return s;
}

/// The backward pass, with one mistake.
inline Values backward(const Values& w, Plant plant) {
  using handwritten::map, handwritten::product, handwritten::transposed;
  const auto is = [plant](Plant p) { return plant == p; };
  const auto tanh = [](const Matrix& x) { return map(x, [](double v) { return std::tanh(v); }); };
  const auto sigmoid = [](const Matrix& x) {
    return map(x, [](double v) { return 1 / (1 + std::exp(-v)); });
  };
  struct Step {
    Matrix x, i, f, g, o, c, h, y;
  };
  const auto targets = data({T, N, M}, 3);
  std::vector<Step> s;
  Matrix h = w.at("h0"), c = w.at("c0");
  for (std::size_t t = 0; t < T; ++t) {
    const Matrix x = w.at("xs").row(t), z = product(x, w.at("Wx")) + product(h, w.at("Wh")) + w.at("b");
    const Matrix i = sigmoid(part_of(z, 0)), f = sigmoid(part_of(z, 1)), g = tanh(part_of(z, 2)),
                 o = sigmoid(part_of(z, 3));
    c = f * c + i * g;
    h = o * tanh(c);
    s.push_back({x, i, f, g, o, c, h, product(h, w.at("Wy")) + w.at("by")});
  }

  Values d;
  for (const auto& [path, value] : w) d.emplace(path, Array<double>::zeros(value.shape()));
  Matrix dh_next = Matrix::zeros({N, H}), dc_next = dh_next;
  std::vector<Matrix> dxs(T);
  for (std::size_t t = T; t-- > 0;) {
    const Matrix h_before = t > 0 ? s[t - 1].h : w.at("h0"), c_before = t > 0 ? s[t - 1].c : w.at("c0");
    const Step& n = s[t];
    Matrix dy = n.y - targets.row(t);
    if (is(Plant::output_sign) || is(Plant::sign_and_flow)) dy = -dy;
    if (is(Plant::mean_over_steps)) dy = dy / static_cast<double>(T);
    if (is(Plant::mean_over_all)) dy = dy / static_cast<double>(T * N);
    if (is(Plant::output_slope)) dy = dy * n.y * (1 - n.y);
    if (is(Plant::doubled_error)) dy = 2 * dy;
    if (is(Plant::last_loss_only) && t + 1 < T) dy = 0 * dy;
    d.at("Wy") = d.at("Wy") + product(transposed(n.h), dy);
    d.at("by") = d.at("by") + column_sum(dy);
    Matrix dh = product(dy, transposed(w.at("Wy")));
    if (is(Plant::last_step_dh) && t + 1 < T) dh = 0 * dh;
    if (is(Plant::dh_through_Wy_sign)) dh = -dh;
    if (!is(Plant::no_hidden_flow) && !is(Plant::no_flow) && !is(Plant::sign_and_flow)) dh = dh + dh_next;
    const Matrix tc = tanh(n.c);
    Matrix slope = 1 - tc * tc;
    if (is(Plant::no_tanh_slope)) slope = 0 * slope + 1;
    if (is(Plant::tanh_c_of_c)) slope = 1 - n.c * n.c;
    if (is(Plant::tanh_c_activated)) slope = 1 - tanh(tc) * tanh(tc);
    Matrix dc = is(Plant::no_o_in_dc) ? dh * slope : dh * n.o * slope;
    if (is(Plant::cell_overwritten) && t + 1 < T) {
      dc = dc_next;
    } else if (!is(Plant::no_cell_flow) && !is(Plant::no_flow) && !is(Plant::sign_and_flow)) {
      dc = dc + dc_next;
    }
    Matrix d_o = dh * (is(Plant::o_reads_c) ? n.c : tc);
    Matrix di = dc * (is(Plant::i_reads_i) || is(Plant::i_and_g_own) ? n.i : n.g),
           df = dc * (is(Plant::f_reads_c_now) ? n.c : c_before),
           dg = dc * (is(Plant::i_and_g_own) ? n.g : n.i);
    if (is(Plant::c0_taken_for_zero) && t == 0) df = 0 * df;
    if (is(Plant::no_forget_gate)) df = 0 * df;
    if (is(Plant::g_sign)) dg = -dg;
    if (is(Plant::no_f_in_carry)) dc_next = dc;
    if (!is(Plant::no_f_in_carry))
      dc_next = dc * (is(Plant::carry_with_i)   ? n.i
                      : is(Plant::carry_next_f) ? (t > 0 ? s[t - 1].f : 0 * n.f)
                                                : n.f);
    if (is(Plant::carry_f_squared)) dc_next = dc_next * n.f;
    const Matrix raw = joined({di, df, dg, d_o});
    di = di * n.i * (1 - n.i);
    df = is(Plant::two_slopes) ? df : is(Plant::forget_gate_slope) ? df * n.f : df * n.f * (1 - n.f);
    if (!is(Plant::output_gate_slope) && !is(Plant::two_slopes)) d_o = d_o * n.o * (1 - n.o);
    const Matrix tg = tanh(n.g);
    dg = dg * (is(Plant::g_activated)       ? 1 - tg * tg
               : is(Plant::g_sigmoid_slope) ? n.g * (1 - n.g)
                                            : 1 - n.g * n.g);
    const Matrix dz = is(Plant::gates_swapped) ? joined({di, dg, df, d_o}) : joined({di, df, dg, d_o});
    if (!(is(Plant::Wx_missing_first) && t == 0)) {
      const Matrix x = !is(Plant::x_before) ? n.x : t == 0 ? 0 * n.x : s[t - 1].x;
      d.at("Wx") = d.at("Wx") + product(transposed(x), dz);
    }
    const Matrix dz_Wh = is(Plant::Wh_only) ? joined({di, df, d_o, dg}) : dz;
    Matrix h_used = is(Plant::Wh_reads_h_now) ? n.h : h_before;
    if (is(Plant::Wh_first_row)) h_used = h_used * Matrix({N, 1}, {1, 0});
    d.at("Wh") = d.at("Wh") + product(transposed(h_used), dz_Wh);
    d.at("b") = is(Plant::bias_last_step) ? column_sum(dz) : d.at("b") + column_sum(dz);
    dxs[t] = product(dz, transposed(w.at("Wx")));
    dh_next = product(is(Plant::dh_lacks_o)         ? joined({di, df, dg, 0 * d_o})
                      : is(Plant::dh_before_slopes) ? raw
                                                    : dz,
                      transposed(w.at("Wh")));
    if (is(Plant::truncated) && t % 2 == 0) dh_next = dc_next = 0 * dh_next;
  }
  if (is(Plant::dx_reversed)) std::reverse(dxs.begin(), dxs.end());
  std::vector<double> dx;
  for (const auto& x : dxs) dx.insert(dx.end(), x.begin(), x.end());
  d.at("xs") = Array<double>({T, N, D}, dx);
  d.at("h0") = dh_next;
  d.at("c0") = dc_next;
  if (is(Plant::bias_mean_of_batch)) d.at("b") = d.at("b") / static_cast<double>(N);
  if (is(Plant::clipped))
    d.at("Wx") = map(d.at("Wx"), [](double v) { return v > 0.2 ? 0.2 : v < -0.2 ? -0.2 : v; });
  if (is(Plant::decayed)) d.at("Wh") = d.at("Wh") + 0.01 * w.at("Wh");
  return d;
}

}  // namespace lstm
