// The report as a table and a list; see report.hpp.
#include <xgrad/autograd/checks/audit/report.hpp>

#include <algorithm>
#include <iterator>
#include <ostream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <xgrad/autograd/error.hpp>

namespace xgrad {

// In the order of AuditDefect.
std::string to_string(AuditDefect defect) {
  constexpr const char* names[] = {
      "not finite",
      "one step's term repeated",
      "wrong steps in the sum",
      "sign",
      "constant factor",
      "wrong upstream signal",
      "gradient of another loss",
      "missing slope",
      "slope taken of the activated value",
      "wrong slope",
      "gradient of another forward",
      "one step off in time",
      "wrong operand",
      "transposed matrix",
      "swapped blocks",
      "clipped",
      "weight decay",
      "a few elements",
      "missing term",
      "truncated flow through time",
      "missing flow through time",
      "unknown",
  };
  static_assert(std::size(names) == static_cast<std::size_t>(AuditDefect::unknown) + 1);
  return names[static_cast<std::size_t>(defect)];
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
    const char* const quote = finding.paths.empty() ? "" : "'";
    text += fmt::format("\n  {}. {}, in {}{}{}: {}", i + 1, to_string(finding.defect), quote,
                        fmt::join(finding.paths, "', '"), quote, finding.text);
  }
  return text;
}

std::ostream& operator<<(std::ostream& out, const AuditReport& report) { return out << to_string(report); }

}  // namespace xgrad
