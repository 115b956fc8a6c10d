// From an explanation to a list of findings, in the order of repair. Internal to audit.
#pragma once

#include <xgrad/autograd/checks/audit/report.hpp>
#include <xgrad/autograd/checks/audit/search.hpp>

namespace xgrad::auditing {

/// Fills in the report's findings, and to which rows they belong; the rows' verdicts must be there.
void add_findings(const Recording& recording, const std::vector<Written>& written,
                  const Explanation& explanation, AuditReport& report);

}  // namespace xgrad::auditing
