// Hypotheses on single paths: what flows from an op to one of its inputs is left out, or has another sign or
// factor.
#include <fmt/format.h>

#include <xgrad/autograd/checks/audit/candidates.hpp>

namespace xgrad::auditing {

namespace {

struct Kind {
  AuditDefect defect;
  double factor, cost;
  const char* text;
};

// Input j of all ops of a role, called `path`.
void add_path(const Recording& recording, std::size_t role, std::size_t j, const std::string& path,
              Changes& to) {
  const Role& members = recording.roles()[role];
  const bool crosses_time = recording.crosses_time(recording.last(role), j);  // flow.cpp cuts those
  for (const Kind& kind : {Kind{AuditDefect::missing_term, 0, 1, "is left out"},
                           {AuditDefect::sign, -1, 1, "has the wrong sign"},
                           {AuditDefect::factor, 2, 1.1, "is doubled"},
                           {AuditDefect::factor, 0.5, 1.1, "is halved"}}) {
    if (kind.factor == 0 && crosses_time) continue;
    Change change{kind.defect, kind.cost, fmt::format("{} {}", path, kind.text), kind.factor};
    for (const std::size_t i : members)
      if (j < recording.ops()[i].inputs.size()) change.edges[{i, j}].factor = kind.factor;
    add(to, std::move(change));
  }
  if (members.size() < 2 || crosses_time) return;
  for (const SomeSteps& out : some_steps) {
    Change change{AuditDefect::missing_term, 1.1, fmt::format("{} is left out {}", path, out.where)};
    for (std::size_t m = 0; m < members.size(); ++m)
      if (out.contain(m, members.size()) && j < recording.ops()[members[m]].inputs.size())
        change.edges[{members[m], j}].factor = 0;
    add(to, std::move(change));
  }
}

}  // namespace

void add_path_changes(const Recording& recording, Changes& to) {
  for (std::size_t role = recording.roles().size(); role-- > 0;) {
    const RecordedOp& op = recording.last(role);
    const std::string name = recording.describe(role);
    for (std::size_t j = 0; j < op.inputs.size(); ++j) {
      const std::size_t source = op.inputs[j].source;
      if (source == none) continue;  // of a parameter: match.cpp tells
      const bool only = op.inputs.size() == 1 && recording.readers(source).size() == 1;
      if (only && !is_activation(op)) continue;  // the same as the path before
      add_path(recording, role, j,
               fmt::format("what flows from {} to {}", name, recording.describe(op, j, "")), to);
    }
    if (op.inputs.size() < 2 || recording.readers(recording.roles()[role].back()).size() == 1) continue;
    for (const Kind& kind : {Kind{AuditDefect::sign, -1, 1.05, "has the wrong sign"},
                             {AuditDefect::missing_term, 0, 1.05, "is left out"}}) {
      Change change{kind.defect, kind.cost, fmt::format("all that flows into {} {}", name, kind.text),
                    kind.factor};
      for (const std::size_t i : recording.roles()[role])
        change.outputs[i] = [factor = kind.factor](const Numbers& dy) { return dy * factor; };
      add(to, std::move(change));
    }
  }
}

}  // namespace xgrad::auditing
