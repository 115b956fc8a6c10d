// Hypotheses on single paths: what flows from an op to one of its inputs is left out, or has another sign or
// factor.
#include <fmt/format.h>

#include <xgrad/autograd/checks/audit/candidates.hpp>

namespace xgrad::auditing {

namespace {

void offer(const Recording& recording, std::size_t role, std::size_t j, const std::string& path,
           Changes& to) {
  struct Kind {
    AuditDefect defect;
    double factor, cost;
    const char* text;
  };
  for (const Kind& kind : {Kind{AuditDefect::missing_term, 0, 1, "is left out"},
                           {AuditDefect::sign, -1, 1, "has the wrong sign"},
                           {AuditDefect::factor, 2, 1.1, "is doubled"},
                           {AuditDefect::factor, 0.5, 1.1, "is halved"}}) {
    const RecordedOp& last = recording.ops()[recording.roles()[role].ops.back()];
    if (kind.factor == 0 && recording.crosses_time(last, j)) continue;  // flow.cpp has it
    Change change;
    change.defect = kind.defect;
    change.cost = kind.cost;
    change.factor = kind.factor;
    change.text = fmt::format("{} {}", path, kind.text);
    for (const std::size_t i : recording.roles()[role].ops)
      if (j < recording.ops()[i].inputs.size()) change.edges[{i, j}].factor = kind.factor;
    add(to, std::move(change));
  }
}

// The same at some steps alone.
void offer_steps(const Recording& recording, std::size_t role, std::size_t j, const std::string& path,
                 Changes& to) {
  const auto& members = recording.roles()[role].ops;
  if (members.size() < 2 || recording.crosses_time(recording.ops()[members.back()], j)) return;
  for (const int which : {0, 1, 2}) {
    Change change;
    change.defect = AuditDefect::missing_term;
    change.cost = 1.1;
    const char* const texts[] = {"is left out at all steps but the last", "is left out at the last step",
                                 "is left out at the first step"};
    change.text = fmt::format("{} {}", path, texts[which]);
    for (std::size_t m = 0; m < members.size(); ++m) {
      const bool last = m + 1 == members.size();
      const bool out = which == 0 ? !last : which == 1 ? last : m == 0;
      if (out && j < recording.ops()[members[m]].inputs.size()) change.edges[{members[m], j}].factor = 0;
    }
    add(to, std::move(change));
  }
}

}  // namespace

void add_path_changes(const Recording& recording, Changes& to) {
  const auto& ops = recording.ops();
  for (std::size_t role = recording.roles().size(); role-- > 0;) {
    const RecordedOp& op = ops[recording.roles()[role].ops.back()];
    for (std::size_t j = 0; j < op.inputs.size(); ++j) {
      const RecordedInput& input = op.inputs[j];
      if (input.source == none) continue;  // of a parameter: match.cpp tells
      const bool only = op.inputs.size() == 1 && recording.readers(input.source).size() == 1;
      if (only && !is_activation(op)) continue;  // the same as the path before
      const auto path = fmt::format("what flows from {} to {}{}", recording.describe(role),
                                    recording.crosses_time(op, j) ? "the step before's " : "",
                                    recording.describe(ops[input.source].role));
      offer(recording, role, j, path, to);
      offer_steps(recording, role, j, path, to);
    }
    if (op.inputs.size() > 1 && recording.readers(recording.roles()[role].ops.back()).size() != 1) {
      for (const auto& [factor, text] : {std::pair{-1.0, "has the wrong sign"}, {0.0, "is left out"}}) {
        Change change;
        change.defect = factor == 0 ? AuditDefect::missing_term : AuditDefect::sign;
        change.factor = factor;
        change.cost = 1.05;
        change.text = fmt::format("all that flows into {} {}", recording.describe(role), text);
        for (const std::size_t i : recording.roles()[role].ops)
          change.outputs[i] = [f = factor](const Array<Complex>& dy) { return dy * f; };
        add(to, std::move(change));
      }
    }
  }
}

}  // namespace xgrad::auditing
