// Hypotheses on paths. On the flow through time: it is cut, everywhere or on one path of the state, ends
// after some steps, or replaces what flows in at the same step. On single paths: what flows from an op to one
// of its inputs is left out, or has another sign or factor.
#include <map>

#include <fmt/format.h>

#include <xgrad/autograd/checks/audit/candidates.hpp>

namespace xgrad::auditing {

void add_flow_changes(const Recording& recording, Changes& to) {
  const auto& ops = recording.ops();
  std::vector<Edge> all;
  std::map<std::size_t, std::vector<Edge>> by_state;  // by the role that makes it
  std::map<std::pair<std::size_t, Edge>, std::vector<Edge>>
      by_reader;  // and the one that reads it, as which input
  for (std::size_t i = 0; i < ops.size(); ++i)
    for (std::size_t j = 0; j < ops[i].inputs.size(); ++j)
      if (recording.crosses_time(ops[i], j)) {
        const std::size_t state = ops[ops[i].inputs[j].source].role;
        all.emplace_back(i, j);
        by_state[state].emplace_back(i, j);
        by_reader[{state, {ops[i].role, j}}].emplace_back(i, j);
      }
  if (all.empty()) return;

  const auto cut = [&](AuditDefect defect, double cost, const std::vector<Edge>& edges, std::string text) {
    add(to, {defect, cost, std::move(text)}, edges, 0);
  };
  cut(AuditDefect::missing_flow, 0.9, all, "nothing flows from a step to the one before");
  if (by_state.size() > 1)
    for (const auto& [state, edges] : by_state)
      cut(AuditDefect::missing_flow, 0.95, edges,
          fmt::format(
              "nothing flows to the step before through its state '{}', though it does through the others",
              recording.describe(state)));
  for (const auto& [path, edges] : by_reader)
    if (edges.size() < by_state[path.first].size())
      cut(AuditDefect::missing_flow, 0.97, edges,
          fmt::format("nothing flows to the step before from {} to its state '{}'",
                      recording.describe(path.second.first), recording.describe(path.first)));

  for (std::size_t k = 1; k + 1 < recording.steps(); ++k) {
    Change change{AuditDefect::truncated_flow, 1.1,
                  fmt::format("the flow through time ends after {} step{}", k, k == 1 ? "" : "s")};
    change.crossings = k;
    add(to, std::move(change));
  }
  // In chunks of k steps; a chunk may also end at the initial state.
  for (std::size_t k = 2; k < recording.steps(); ++k)
    for (std::size_t start = 0; start < k; ++start) {
      std::vector<Edge> edges;
      for (const Edge& edge : all)
        if (*ops[edge.first].step % k == start) edges.push_back(edge);
      const auto text = fmt::format("the flow through time is cut every {} steps, as into step {}", k,
                                    start == 0 ? k : start);
      cut(AuditDefect::truncated_flow, 1.2, edges, text);
      if (start != 0) continue;
      for (const auto& [path, same_path] : by_reader)
        if (const std::size_t first = recording.at(path.second.first, 0); first != none)
          edges.emplace_back(first, path.second.second);
      cut(AuditDefect::truncated_flow, 1.2, edges, text);
    }
  for (const auto& [state, carried] : by_state) {
    std::vector<Edge> edges;
    for (const auto& [i, k] : carried) {
      const std::size_t source = ops[i].inputs[k].source;
      for (const std::size_t reader : recording.readers(source))
        for (std::size_t j = 0; j < ops[reader].inputs.size(); ++j)
          if (ops[reader].inputs[j].source == source && !recording.crosses_time(ops[reader], j))
            edges.emplace_back(reader, j);
    }
    cut(AuditDefect::missing_term, 1.05, edges,
        fmt::format("what flows to '{}' through time replaces what flows to it at its own step, instead of "
                    "adding to it",
                    recording.describe(state)));
  }
}

namespace {

struct Kind {
  AuditDefect defect;
  double factor, cost;
  const char* text;
};

// Input j of all ops of a role, called `path`.
void add_path(const Recording& recording, std::size_t role, std::size_t j, const std::string& path,
              Changes& to) {
  std::vector<Edge> edges;
  for (const std::size_t i : recording.roles()[role]) edges.emplace_back(i, j);
  const bool crosses_time = recording.crosses_time(recording.last(role), j);  // add_flow_changes cuts those
  for (const Kind& kind : {Kind{AuditDefect::missing_term, 0, 1, "is left out"},
                           {AuditDefect::sign, -1, 1, "has the wrong sign"},
                           {AuditDefect::factor, 2, 1.1, "is doubled"},
                           {AuditDefect::factor, 0.5, 1.1, "is halved"}}) {
    if (kind.factor == 0 && crosses_time) continue;
    add(to, {kind.defect, kind.cost, fmt::format("{} {}", path, kind.text), kind.factor}, edges, kind.factor);
  }
  if (edges.size() < 2 || crosses_time) return;
  for (const SomeSteps& out : some_steps) {
    std::vector<Edge> some;
    for (std::size_t m = 0; m < edges.size(); ++m)
      if (out.contain(m, edges.size())) some.push_back(edges[m]);
    add(to, {AuditDefect::missing_term, 1.1, fmt::format("{} is left out {}", path, out.where)}, some, 0);
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
