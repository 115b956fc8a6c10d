// The hand-written LSTM: right without a mistake, and with each of them wrong in just those gradients that it
// reaches.
#include "models/handwritten_lstm.hpp"

#include "models/handwritten_errors.hpp"

using namespace xgrad;
using handwritten::Mistake;
using handwritten::relative_error;

namespace {

constexpr handwritten::LstmSizes size{5, 2, 3, 4, 6};
const Ids targets({5, 2}, {1, 4, 0, 0, 5, 2, 3, 1, 2, 5});

struct Known {
  Values values, gradient;
  Known() {
    const auto loss = [](const auto& p) { return handwritten::lstm_loss(p, size, targets); };
    const Parameters<double> drawn(4);
    loss(drawn);
    values = drawn.values();
    gradient = handwritten::true_gradient(loss, values);
  }
};

// The paths whose gradients differ, in alphabetical order.
std::string wrong_paths(const Known& known, Mistake mistake) {
  std::string paths;
  for (const auto& [path, hand] : handwritten::lstm_gradient(known.values, targets, mistake))
    if (relative_error(hand, known.gradient.at(path)) > 1e-3) paths += (paths.empty() ? "" : " ") + path;
  return paths;
}

}  // namespace

TEST_CASE("handwritten LSTM: without a mistake it is the tape's gradient") {
  const Known known;
  const auto hand = handwritten::lstm_gradient(known.values, targets);
  CHECK(hand.size() == known.gradient.size());
  for (const auto& [path, gradient] : hand) CHECK(relative_error(gradient, known.gradient.at(path)) <= 1e-12);
}

TEST_CASE("handwritten LSTM: each mistake is in the gradients that it reaches and no others") {
  const Known known;
  const std::string cell = "Wh Wx b c0 h0 xs", all = "Wh Wx Wy b by c0 h0 xs";
  CHECK(wrong_paths(known, Mistake::none).empty());
  for (const auto mistake :
       {Mistake::forget_gate_sign, Mistake::cell_slope_missing, Mistake::cell_carry_dropped,
        Mistake::recurrent_path_dropped, Mistake::candidate_activated_twice, Mistake::output_slope_missing,
        Mistake::gates_swapped, Mistake::current_cell, Mistake::output_error_overwritten,
        Mistake::carry_without_forget, Mistake::input_gate_tanh_slope, Mistake::output_gate_missing}) {
    INFO("mistake number " << static_cast<int>(mistake));
    CHECK(wrong_paths(known, mistake) == cell);
  }
  CHECK(wrong_paths(known, Mistake::sum_for_mean) == all);
  CHECK(wrong_paths(known, Mistake::last_loss_only) == all);
  CHECK(wrong_paths(known, Mistake::last_term_repeated) == "Wh Wx b");
  CHECK(wrong_paths(known, Mistake::current_hidden) == "Wh");
  CHECK(wrong_paths(known, Mistake::previous_input) == "Wx");
  CHECK(wrong_paths(known, Mistake::batch_mean) == "Wx");
  CHECK(wrong_paths(known, Mistake::bias_doubled) == "b");
}

TEST_CASE("handwritten LSTM: the forward pass is proved") {
  const auto report =
      checks::prove_function([](const auto& p) { return handwritten::lstm_loss(p, size, targets); });
  CHECK_MESSAGE(report, report);
}
