// The audit of an LSTM's backward pass written by hand, with one of nineteen mistakes, which were planted
// before the audit had seen any of them. What it says of each is compared with what a good auditor would say.
#include <xgrad/autograd/audit.hpp>

#include <set>

#include "autograd/ops/checks.hpp"
#include "models/handwritten_lstm.hpp"

using namespace xgrad;
using handwritten::Mistake;

namespace {

constexpr handwritten::LstmSizes size{5, 2, 3, 4, 6};
const Ids targets({5, 2}, {1, 4, 0, 0, 5, 2, 3, 1, 2, 5});

AuditReport audited(Mistake mistake) {
  return audit([](const auto& p) { return handwritten::lstm_loss(p, size, targets); },
               [=](const Values& values) { return handwritten::lstm_gradient(values, targets, mistake); },
               {.seed = 4});
}

struct Case {
  Mistake mistake;
  std::set<AuditDefect> expected;  // kinds that say it
};

bool tells(const AuditReport& report, const Case& c) {
  for (const AuditFinding& finding : report.findings)
    if (finding.reproduced && c.expected.contains(finding.defect)) return true;
  return false;
}

}  // namespace

TEST_CASE("audit of a hand-written LSTM: right without a mistake") { CHECK(audited(Mistake::none).right()); }

TEST_CASE("audit of a hand-written LSTM: every mistake is flagged, and told rightly but for one") {
  using enum AuditDefect;
  const std::vector<Case> cases{
      {Mistake::forget_gate_sign, {sign}},
      {Mistake::cell_slope_missing, {missing_slope}},
      {Mistake::cell_carry_dropped, {missing_flow}},
      {Mistake::recurrent_path_dropped, {missing_flow}},
      {Mistake::candidate_activated_twice, {activated_slope}},
      {Mistake::output_slope_missing, {missing_slope}},
      {Mistake::bias_doubled, {factor}},
      {Mistake::sum_for_mean, {factor, other_loss}},
      {Mistake::last_loss_only, {other_loss}},
      {Mistake::gates_swapped, {permuted_blocks}},
      {Mistake::current_cell, {time_shift, wrong_operand}},
      {Mistake::current_hidden, {time_shift}},
      {Mistake::output_error_overwritten, {missing_term, upstream_signal}},
      {Mistake::last_term_repeated, {repeated_step}},
      {Mistake::carry_without_forget, {wrong_operand, missing_slope}},
      {Mistake::previous_input, {time_shift}},
      {Mistake::input_gate_tanh_slope, {wrong_slope}},
      {Mistake::batch_mean, {factor}},
      {Mistake::output_gate_missing, {wrong_operand, missing_slope}},
  };
  std::string missed;
  for (const Case& c : cases) {
    const AuditReport report = audited(c.mistake);
    INFO("mistake number " << static_cast<int>(c.mistake) << "\n" << to_string(report));
    CHECK_FALSE(report.right());
    CHECK_FALSE(report.findings.empty());
    if (!tells(report, c)) missed += std::to_string(static_cast<int>(c.mistake)) + " ";
  }
  CHECK(missed == std::to_string(static_cast<int>(Mistake::previous_input)) + " ");
}
