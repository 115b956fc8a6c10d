// The LSTM's backward pass by hand, with a switch for each mistake; see handwritten_lstm.hpp.
#include "models/handwritten_lstm.hpp"

#include <utility>

#include "models/handwritten_batches.hpp"

namespace handwritten {

namespace {

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double tanh(double x) { return std::tanh(x); }

// Gate k of four side by side.     gates: (N, 4 H)   result: (N, H)
Matrix gate(const Matrix& gates, std::size_t k) {
  const std::size_t N = gates.shape()[0], H = gates.shape()[1] / 4;
  auto one = Matrix::uninitialized({N, H});
  for (std::size_t n = 0; n < N; ++n)
    std::copy_n(gates.data() + n * 4 * H + k * H, H, one.mutable_data() + n * H);
  return one;
}

// The inverse.     each: (N, H)   result: (N, 4 H)
Matrix side_by_side(const std::vector<Matrix>& four) {
  const std::size_t N = four[0].shape()[0], H = four[0].shape()[1];
  auto gates = Matrix::uninitialized({N, 4 * H});
  for (std::size_t k = 0; k < 4; ++k)
    for (std::size_t n = 0; n < N; ++n)
      std::copy_n(four[k].data() + n * H, H, gates.mutable_data() + n * 4 * H + k * H);
  return gates;
}

// Zeros with `x` as entry t of the leading axis.
Array<double> at_step(const Matrix& x, const xgrad::Shape& shape, std::size_t t) {
  auto xs = Array<double>::zeros(shape);
  std::copy(x.begin(), x.end(), xs.mutable_data() + t * x.size());
  return xs;
}

struct Step {
  Matrix x, h_before, c_before, i, f, g, o, c, tanh_c, h;
};

std::vector<Step> forward(const Values& w) {
  const auto& xs = w.at("xs");
  std::vector<Step> steps;
  Matrix h = w.at("h0"), c = w.at("c0");
  for (std::size_t t = 0; t < xs.shape()[0]; ++t) {
    Step now;
    now.x = xs.row(t);
    now.h_before = h;
    now.c_before = c;
    const auto a = plus_bias(product(now.x, w.at("Wx")) + product(h, w.at("Wh")), w.at("b"));
    now.i = map(gate(a, 0), sigmoid);
    now.f = map(gate(a, 1), sigmoid);
    now.g = map(gate(a, 2), tanh);
    now.o = map(gate(a, 3), sigmoid);
    now.c = c = now.f * c + now.i * now.g;
    now.tanh_c = map(c, tanh);
    now.h = h = now.o * now.tanh_c;
    steps.push_back(now);
  }
  return steps;
}

}  // namespace

Terms lstm_terms(const Values& values, const Ids& targets, Mistake mistake) {
  const auto is = [mistake](Mistake other) { return mistake == other; };
  const auto steps = forward(values);
  const std::size_t T = steps.size(), N = steps[0].x.shape()[0];
  const Matrix Wx_T = transposed(values.at("Wx")), Wh_T = transposed(values.at("Wh")),
               Wy_T = transposed(values.at("Wy"));

  Terms terms;
  for (const char* path : {"Wx", "Wh", "b", "Wy", "by", "xs"}) terms[path].resize(T);
  const Matrix zero = Matrix::zeros(values.at("h0").shape());
  Matrix carried_dh = zero, carried_dc = zero;
  for (std::size_t t = T; t-- > 0;) {
    const Step& s = steps[t];
    const auto logits = plus_bias(product(s.h, values.at("Wy")), values.at("by"));
    Matrix error =
        cross_entropy_error(logits, targets.row(t), is(Mistake::sum_for_mean) ? 1 : targets.size());
    if (is(Mistake::last_loss_only) && t + 1 < T) error = 0 * error;
    terms["Wy"][t] = product(transposed(s.h), error);
    terms["by"][t] = row_sum(error);

    Matrix dh = product(error, Wy_T) + carried_dh;
    if (is(Mistake::output_error_overwritten) && t + 1 < T) dh = carried_dh;
    Matrix dc = dh;
    if (!is(Mistake::output_gate_missing)) dc = dc * s.o;
    if (!is(Mistake::cell_slope_missing)) dc = dc * (1 - s.tanh_c * s.tanh_c);
    dc = dc + carried_dc;

    const Matrix tanh_g = is(Mistake::candidate_activated_twice) ? map(s.g, tanh) : s.g;
    Matrix da_i = dc * s.g * (is(Mistake::input_gate_tanh_slope) ? 1 - s.i * s.i : s.i * (1 - s.i));
    Matrix da_f = dc * (is(Mistake::current_cell) ? s.c : s.c_before) * s.f * (1 - s.f);
    const Matrix da_g = dc * s.i * (1 - tanh_g * tanh_g);
    Matrix da_o = dh * s.tanh_c;
    if (!is(Mistake::output_slope_missing)) da_o = da_o * s.o * (1 - s.o);
    if (is(Mistake::forget_gate_sign)) da_f = -da_f;
    if (is(Mistake::gates_swapped)) std::swap(da_i, da_f);
    const Matrix da = side_by_side({da_i, da_f, da_g, da_o});

    const Matrix& x = is(Mistake::previous_input) && t > 0 ? steps[t - 1].x : s.x;
    terms["Wx"][t] = product(transposed(x), da);
    if (is(Mistake::batch_mean)) terms["Wx"][t] = terms["Wx"][t] / static_cast<double>(N);
    terms["Wh"][t] = product(transposed(is(Mistake::current_hidden) ? s.h : s.h_before), da);
    terms["b"][t] = row_sum(da);
    if (is(Mistake::bias_doubled)) terms["b"][t] = 2 * terms["b"][t];
    if (is(Mistake::last_term_repeated))
      for (const char* path : {"Wx", "Wh", "b"}) terms[path][t] = terms[path][T - 1];
    terms["xs"][t] = at_step(product(da, Wx_T), values.at("xs").shape(), t);

    carried_dh = is(Mistake::recurrent_path_dropped) ? zero : product(da, Wh_T);
    carried_dc = is(Mistake::cell_carry_dropped) ? zero : dc;
    if (!is(Mistake::carry_without_forget)) carried_dc = carried_dc * s.f;
  }
  terms["h0"] = {carried_dh};
  terms["c0"] = {carried_dc};
  return terms;
}

}  // namespace handwritten
