// The findings and their order; see explanation.hpp. A mistake can be judged once those before it are
// repaired: first what is wrong with all numbers, however they came about (not finite, one step's term for
// the sum, sign, factor); then a wrong signal from above, behind which nothing can be judged; then what is
// next to the loss, and so on backwards; the flow through time last, since it needs all else to be right.
#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include <xgrad/autograd/checks/audit/explanation.hpp>

namespace xgrad::auditing {

namespace {

// By their place in the order of repair.
using Rank = std::pair<std::ptrdiff_t, std::size_t>;
using Ordered = std::multimap<Rank, AuditFinding>;

// Those that neither list has are ordered by how near they are to the loss.
Rank rank_of(AuditDefect defect, std::size_t last_op) {
  using enum AuditDefect;
  constexpr AuditDefect first[] = {not_finite, repeated_step, missing_step, sign, factor, upstream_signal},
                        last[] = {missing_flow, truncated_flow, unknown};
  return {std::find(std::begin(first), std::end(first), defect) - std::begin(first) +
              (std::end(last) - std::find(std::begin(last), std::end(last), defect)),
          ~last_op};
}

// Each change, and the rows whose numbers it has a part in: without it, their gradient is another one.
void add_changes(const Recording& recording, const std::vector<Written>& written,
                 const Explanation& explanation, Ordered& all) {
  for (const auto& change : explanation.changes) {
    AuditFinding finding{change->defect, change->text, {}, change->factor};
    Changes others = explanation.changes;
    std::erase(others, change);
    const auto terms = sweep(recording, others);
    for (std::size_t i = 0; i < written.size(); ++i) {
      const Written& w = written[i];
      const Array<double> with = explanation.terms[w.parameter].sum(), without = terms[w.parameter].sum();
      if (explanation.matches[i] && norm(with - without) > w.tolerance * norm(with) + w.rounding())
        finding.paths.push_back(recording.paths()[w.parameter]);
    }
    all.emplace(rank_of(change->defect, change->last_op), std::move(finding));
  }
}

// A gradient of zeros, where others repeat the term of a step in which this one has none: then it is no
// mistake of its own.
const Match::Part* repeated_zero(const Written& w, const Match::Part& part, const Explanation& explanation) {
  if (part.defect != AuditDefect::missing_term) return nullptr;
  for (const auto& other : explanation.matches)
    if (other)
      for (const Match::Part& candidate : other->parts)
        if (candidate.defect == AuditDefect::repeated_step) {
          const Array<double>& term = explanation.terms[w.parameter].of_step[*candidate.step];
          if (norm(term) <= w.rounding()) return &candidate;
        }
  return nullptr;
}

void add_parts(const Recording& recording, const std::vector<Written>& written,
               const Explanation& explanation, Ordered& all) {
  for (std::size_t i = 0; i < written.size(); ++i) {
    if (!explanation.matches[i]) continue;
    const std::string& path = recording.paths()[written[i].parameter];
    for (Match::Part part : explanation.matches[i]->parts) {
      if (const Match::Part* repeated = repeated_zero(written[i], part, explanation)) part = *repeated;
      auto known = std::find_if(all.begin(), all.end(), [&](const auto& other) {
        return other.second.defect == part.defect && other.second.text == part.text;
      });
      if (known == all.end())
        known = all.emplace(rank_of(part.defect, recording.ops().size()),
                            AuditFinding{part.defect, part.text, {}, part.factor});
      known->second.paths.push_back(path);
    }
  }
}

// Wrong numbers that nothing reproduces: is it at least one common signal?
void add_unexplained(const Recording& recording, const std::vector<Written>& written,
                     const Explanation& explanation, Ordered& all) {
  std::set<std::size_t> unexplained;
  for (std::size_t i = 0; i < written.size(); ++i)
    if (!explanation.matches[i]) unexplained.insert(written[i].parameter);
  if (unexplained.empty()) return;
  const auto finding = [&](AuditDefect defect, std::string text, const std::vector<std::size_t>& parameters) {
    AuditFinding made{defect, std::move(text), {}, 1, false};
    for (const std::size_t p : parameters) {
      made.paths.push_back(recording.paths()[p]);
      unexplained.erase(p);
    }
    all.emplace(rank_of(defect, 0), std::move(made));
  };
  for (auto& parameters : common_signals(recording, written)) {
    std::erase_if(parameters, [&](std::size_t p) { return unexplained.count(p) == 0; });
    if (!parameters.empty())
      finding(AuditDefect::upstream_signal,
              "one common signal makes all of them, through the right products, but it is not the gradient "
              "that comes from above, nor that of any hypothesis",
              parameters);
  }
  if (!unexplained.empty())
    finding(AuditDefect::unknown,
            "no hypothesis reproduces the numbers: not a sign, factor, step, slope, operand, transposition, "
            "order of blocks or cut, nor two of them together; look at the ops nearest to the loss among "
            "those between",
            {unexplained.begin(), unexplained.end()});
}

}  // namespace

void add_findings(const Recording& recording, const std::vector<Written>& written,
                  const Explanation& explanation, AuditReport& report) {
  Ordered all;
  AuditFinding undefined{AuditDefect::not_finite, "the hand-written numbers are NaN or infinite", {}};
  for (const AuditRow& row : report.rows)
    if (row.verdict == AuditVerdict::not_finite) undefined.paths.push_back(row.path);
  if (!undefined.paths.empty()) all.emplace(rank_of(undefined.defect, 0), undefined);
  add_changes(recording, written, explanation, all);
  add_parts(recording, written, explanation, all);
  add_unexplained(recording, written, explanation, all);

  for (auto& [rank, finding] : all) {
    for (AuditRow& row : report.rows)
      if (std::count(finding.paths.begin(), finding.paths.end(), row.path) != 0)
        row.findings.push_back(report.findings.size());
    report.findings.push_back(std::move(finding));
  }
}

}  // namespace xgrad::auditing
