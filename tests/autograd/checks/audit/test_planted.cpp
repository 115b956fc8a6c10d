// Mistakes planted in the backward pass of an LSTM, one at a time, under two forward passes that compute the
// same: what the audit calls them.
#include <doctest/doctest.h>

#include "autograd/checks/audit/lstm_by_hand.hpp"

using namespace xgrad;
using lstm::Plant;

namespace {

struct Planted {
  Plant plant;
  AuditDefect defect;
  const char* text;  // that the finding must say
};

const std::vector<Planted>& planted() {
  using D = AuditDefect;
  static const std::vector<Planted> all = {
      {Plant::output_sign, D::sign, "the sign is wrong"},
      {Plant::mean_over_steps, D::factor, "the number of time steps: a mean where there is a sum"},
      {Plant::doubled_error, D::factor, "times 2"},
      {Plant::no_flow, D::missing_flow, "nothing flows from a step to the one before"},
      {Plant::no_cell_flow, D::missing_flow, "through its state 'add"},
      {Plant::no_hidden_flow, D::missing_flow, "through its state 'multiply"},
      {Plant::cell_overwritten, D::missing_term, "replaces what flows to it at its own step"},
      {Plant::no_tanh_slope, D::missing_slope, "the slope of tanh 2 of 2"},
      {Plant::tanh_c_of_c, D::wrong_slope, "of tanh 2 of 2 of each step is 1 - x^2"},
      {Plant::tanh_c_activated, D::activated_slope, "of tanh 2 of 2"},
      {Plant::g_activated, D::activated_slope, "of tanh 1 of 2"},
      {Plant::forget_gate_slope, D::wrong_slope, "of each step is y (x"},
      {Plant::output_gate_slope, D::missing_slope, "the slope of sigmoid 3 of 3"},
      {Plant::g_sigmoid_slope, D::wrong_slope, "that of the sigmoid"},
      {Plant::o_reads_c, D::wrong_operand, "uses add"},
      {Plant::f_reads_c_now, D::time_shift, "uses the same step's add"},
      {Plant::i_reads_i, D::wrong_operand, "uses sigmoid 1 of 3 of each step instead of tanh 1 of 2"},
      {Plant::g_sign, D::sign, "to tanh 1 of 2 of each step has the wrong sign"},
      {Plant::carry_with_i, D::wrong_operand, "instead of sigmoid 2 of 3"},
      {Plant::carry_next_f, D::time_shift, "its value at the step before"},
      {Plant::gates_swapped, D::permuted_blocks, "0, 2, 1, 3"},
      {Plant::Wh_reads_h_now, D::time_shift, "the gradient of 'Wh'"},
      {Plant::Wh_only, D::permuted_blocks, "numbers 0, 1, 3, 2"},
      {Plant::bias_last_step, D::repeated_step, "step 0's term alone"},
      {Plant::Wx_missing_first, D::missing_step, "step 0's term is missing"},
      {Plant::truncated, D::truncated_flow, "every 2 steps"},
      {Plant::dh_through_Wy_sign, D::sign, "the sign is wrong"},
      {Plant::no_forget_gate, D::missing_term, "sigmoid 2 of 3 of each step is left out"},
      {Plant::last_loss_only, D::other_loss, "the losses of all steps but the last are left out"},
      {Plant::clipped, D::clipped, "cut off at 0.2"},
      {Plant::decayed, D::weight_decay, "0.01 times the parameter"},
      {Plant::i_and_g_own, D::wrong_operand, "each operand uses its own value"},
      {Plant::no_o_in_dc, D::wrong_operand, "leaves out the factor v, v being sigmoid 3 of 3"},
      {Plant::no_f_in_carry, D::wrong_operand, "leaves out the factor v, v being sigmoid 2 of 3"},
      {Plant::dh_lacks_o, D::missing_term, "the part of block 3 of 4 is left out"},
      {Plant::last_step_dh, D::missing_term, "replaces what flows to it at its own step"},
      {Plant::bias_mean_of_batch, D::factor, "times 0.5"},
      {Plant::Wh_first_row, D::missing_term, "row 0 alone enters the gradient of 'Wh'"},
      {Plant::c0_taken_for_zero, D::wrong_operand, "takes the initial state for zero"},
      {Plant::x_before, D::time_shift, "the gradient of 'Wx'"},
      {Plant::dx_reversed, D::permuted_blocks, "along axis 0 are in reverse order"},
      {Plant::carry_f_squared, D::wrong_operand, "v^2 instead of v, v being sigmoid 2 of 3"},
      {Plant::dh_before_slopes, D::missing_slope, "alone, the slope of what follows the sum is left out"},
      {Plant::mean_over_all, D::factor, "divided by 10, the number of steps times that of their rows"},
      {Plant::output_slope, D::wrong_slope, "where there is no sigmoid"},
  };
  return all;
}

// Without initial states, which the second forward pass has not.
Values without_start(Values values) {
  values.erase("h0");
  values.erase("c0");
  return values;
}

Values backward_at_once(const Values& w, Plant plant) {
  Values all = w;
  for (const char* path : {"h0", "c0"}) all.emplace(path, Array<double>::zeros({lstm::N, lstm::H}));
  return without_start(lstm::backward(all, plant));
}

void check(const AuditReport& report, const Planted& planted) {
  CAPTURE(to_string(report));
  CHECK_FALSE(report.right());
  REQUIRE(report.findings.size() == 1);
  CHECK(to_string(report.findings[0].defect) == to_string(planted.defect));
  CHECK_MESSAGE(report.findings[0].text.find(planted.text) != std::string::npos, planted.text);
}

}  // namespace

TEST_CASE("audit: mistakes planted in an LSTM are named") {
  CHECK(planted().size() >= 15);
  for (const Planted& each : planted()) {
    CAPTURE(static_cast<int>(each.plant));
    check(audit(lstm::forward, [&](const Values& w) { return lstm::backward(w, each.plant); }), each);
  }
}

TEST_CASE("audit: the same mistakes beside a forward pass written another way") {
  for (const Planted& each : planted()) {
    if (each.plant == Plant::c0_taken_for_zero) continue;  // it is zero
    CAPTURE(static_cast<int>(each.plant));
    const auto report =
        audit(lstm::forward_at_once, [&](const Values& w) { return backward_at_once(w, each.plant); });
    CHECK_FALSE(report.right());
    REQUIRE_FALSE(report.findings.empty());
    CAPTURE(to_string(report));
    CHECK(to_string(report.findings[0].defect) == to_string(each.defect));
    CHECK(report.findings.size() == 1);
  }
}

TEST_CASE("audit: a right LSTM is right") {
  CHECK(audit(lstm::forward, [](const Values& w) { return lstm::backward(w, Plant::nothing); }).right());
  CHECK(audit(lstm::forward_at_once, [](const Values& w) {
          return backward_at_once(w, Plant::nothing);
        }).right());
}

TEST_CASE("audit: two mistakes at once") {
  const auto slopes =
      audit(lstm::forward, [](const Values& w) { return lstm::backward(w, Plant::two_slopes); });
  INFO(to_string(slopes));
  REQUIRE(slopes.findings.size() == 2);
  for (const auto& finding : slopes.findings) CHECK(finding.defect == AuditDefect::missing_slope);
  CHECK(slopes.findings[0].text.find("sigmoid 3 of 3") != std::string::npos);  // nearer to the loss
  CHECK(slopes.findings[1].text.find("sigmoid 2 of 3") != std::string::npos);

  const auto flow =
      audit(lstm::forward, [](const Values& w) { return lstm::backward(w, Plant::sign_and_flow); });
  INFO(to_string(flow));
  REQUIRE(flow.findings.size() == 2);
  CHECK(flow.findings[0].defect == AuditDefect::sign);
  CHECK(flow.findings[1].defect == AuditDefect::missing_flow);
  CHECK(flow["Wy"].findings == std::vector<std::size_t>{0});
  CHECK(flow["Wx"].findings == std::vector<std::size_t>{0, 1});
}
