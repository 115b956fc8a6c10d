// The report as a table and a list; see report.hpp.
#include <xgrad/autograd/checks/audit/report.hpp>

#include <algorithm>
#include <ostream>

#include <fmt/format.h>

#include <xgrad/autograd/error.hpp>

namespace xgrad {

std::string to_string(AuditDefect defect) {
  switch (defect) {
    case AuditDefect::not_finite:
      return "not finite";
    case AuditDefect::repeated_step:
      return "one step's term repeated";
    case AuditDefect::missing_step:
      return "wrong steps in the sum";
    case AuditDefect::sign:
      return "sign";
    case AuditDefect::factor:
      return "constant factor";
    case AuditDefect::upstream_signal:
      return "wrong upstream signal";
    case AuditDefect::other_loss:
      return "gradient of another loss";
    case AuditDefect::missing_slope:
      return "missing slope";
    case AuditDefect::activated_slope:
      return "slope taken of the activated value";
    case AuditDefect::wrong_slope:
      return "wrong slope";
    case AuditDefect::other_forward:
      return "gradient of another forward";
    case AuditDefect::time_shift:
      return "one step off in time";
    case AuditDefect::wrong_operand:
      return "wrong operand";
    case AuditDefect::transposed:
      return "transposed matrix";
    case AuditDefect::permuted_blocks:
      return "swapped blocks";
    case AuditDefect::clipped:
      return "clipped";
    case AuditDefect::weight_decay:
      return "weight decay";
    case AuditDefect::few_elements:
      return "a few elements";
    case AuditDefect::missing_term:
      return "missing term";
    case AuditDefect::truncated_flow:
      return "truncated flow through time";
    case AuditDefect::missing_flow:
      return "missing flow through time";
    case AuditDefect::unknown:
      break;
  }
  return "unknown";
}

bool AuditReport::right() const {
  return std::all_of(rows.begin(), rows.end(), [](const AuditRow& row) {
    return row.verdict == AuditVerdict::right || row.verdict == AuditVerdict::not_given;
  });
}

const AuditRow& AuditReport::operator[](const std::string& path) const {
  for (const AuditRow& row : rows)
    if (row.path == path) return row;
  throw Error("audit", fmt::format("the report has no row '{}'", path));
}

namespace {

std::string diagnosis_of(const AuditRow& row, const AuditReport& report) {
  switch (row.verdict) {
    case AuditVerdict::right:
      return "right";
    case AuditVerdict::not_given:
      return "not given";
    case AuditVerdict::not_finite:
      return fmt::format("{} at {}", row.hand, index_of(row.index, row.shape));
    case AuditVerdict::wrong:
      break;
  }
  std::string text;
  for (const std::size_t f : row.findings)
    text += fmt::format("{}{}", text.empty() ? "wrong: " : " + ", to_string(report.findings[f].defect));
  if (text.empty()) text = "wrong";
  if (row.first_wrong_step) text += fmt::format(" (from step {} down)", *row.first_wrong_step);
  return row.remark.empty() ? text : text + "; it " + row.remark;
}

}  // namespace

std::string to_string(const AuditReport& report) {
  std::size_t wide = 9;
  for (const AuditRow& row : report.rows) wide = std::max(wide, row.path.size());
  std::string text =
      fmt::format("{:{}}  {:>9}  {:>7}  {:>9}\n", "gradient", wide, "error", "cosine", "ratio");
  for (const AuditRow& row : report.rows) {
    const bool numbers = row.verdict == AuditVerdict::right || row.verdict == AuditVerdict::wrong;
    text += numbers ? fmt::format("{:{}}  {:9.2g}  {:7.4f}  {:9.4g}", row.path, wide, row.error, row.cosine,
                                  row.ratio)
                    : fmt::format("{:{}}  {:>9}  {:>7}  {:>9}", row.path, wide, "", "", "");
    text += fmt::format("  {}\n", diagnosis_of(row, report));
  }
  if (report.right())
    return text + fmt::format("audit: right, beside a forward pass of {} ops proved one by one", report.ops);
  text += fmt::format("audit: {} mistake{}, in the order of repair", report.findings.size(),
                      report.findings.size() == 1 ? "" : "s");
  for (std::size_t i = 0; i < report.findings.size(); ++i) {
    const AuditFinding& finding = report.findings[i];
    text += fmt::format("\n  {}. {}, in ", i + 1, to_string(finding.defect));
    for (std::size_t k = 0; k < finding.paths.size(); ++k)
      text += fmt::format("{}'{}'", k == 0 ? "" : ", ", finding.paths[k]);
    text += ": " + finding.text;
  }
  return text;
}

std::ostream& operator<<(std::ostream& out, const AuditReport& report) { return out << to_string(report); }

}  // namespace xgrad
