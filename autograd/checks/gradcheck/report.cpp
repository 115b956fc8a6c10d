// The report as text; see report.hpp.
#include <xgrad/autograd/checks/gradcheck/report.hpp>

#include <cmath>
#include <ostream>

#include <fmt/format.h>

namespace xgrad {

namespace {

std::string place(std::size_t instance, const std::optional<std::size_t>& time_step) {
  return fmt::format("op {}{}", instance, time_step ? fmt::format(", time step {}", *time_step) : "");
}

std::string kind(const Diagnosis& diagnosis) {
  std::string text = to_string(diagnosis.defect);
  if (diagnosis.defect == Defect::factor) {
    const double excess = diagnosis.factor - 1;
    text += std::abs(excess) < 1e-2 ? fmt::format(", 1 {} {:.3g}", excess < 0 ? "-" : "+", std::abs(excess))
                                    : fmt::format(", {:.6g}", diagnosis.factor);
  }
  return text + (diagnosis.extent == Extent::some         ? ", in some of the derivatives"
                 : diagnosis.extent == Extent::along_axis ? " and others along an axis"
                                                          : "");
}

std::string failure_text(const GradcheckFailure& f) {
  const std::string path = f.path.empty() ? "" : fmt::format(" '{}'", f.path);
  if (f.op.empty())
    return fmt::format(
        "\n  the whole function: {}\n    d f / d{} {} of shape {}: tape {:.12g}, exact {:.12g}",
        kind(f.diagnosis), path, index_of(f.index, f.shape), to_string(f.shape), f.tape, f.exact);
  std::string text = fmt::format(
      "\n  {} ({}), argument {}{}: {}\n    d y{} / d x{} for y of shape {}, x of shape {}: tape {:.12g}, "
      "exact {:.12g}",
      f.op, place(f.instance, f.time_step), f.argument, path, kind(f.diagnosis),
      index_of(f.output_index, f.output_shape), index_of(f.index, f.shape), to_string(f.output_shape),
      to_string(f.shape), f.tape, f.exact);
  if (f.diagnosis.defect == Defect::missing_term && std::abs(f.tape - f.exact) <= 1e-14 * std::abs(f.exact))
    text += "\n    right for each number of dy by itself and wrong for several: a term lacks its dy";
  if (f.repeats > 0) text += fmt::format("\n    and in {} more instances", f.repeats);
  return text;
}

}  // namespace

std::string to_string(const GradcheckReport& report) {
  std::string text;
  if (!report) {
    text = fmt::format("gradcheck: {} wrong derivative{}", report.failures.size(),
                       report.failures.size() == 1 ? "" : "s");
    for (const auto& failure : report.failures) text += failure_text(failure);
  } else {
    text = "gradcheck: right";
    if (report.ops > 0)
      text += fmt::format(", {} op{} proved one by one", report.ops, report.ops == 1 ? "" : "s");
    if (report.compared > 0) text += fmt::format(", {} derivatives compared", report.compared);
    text += fmt::format(", largest error {:.2g} of the tolerance", report.worst);
    if (report.all_zero) text += "; but every derivative is zero: was the function constant there?";
  }
  if (report.saturated > 0)
    text +=
        fmt::format("\n  {} ops are saturated: their derivatives vanish in rounding, so they were not judged",
                    report.saturated);
  for (const auto& kink : report.kinks)
    text +=
        kink.op.empty()
            ? fmt::format("\n  a kink: along {} of the numbers the function's slopes differ on the two sides",
                          kink.count)
            : fmt::format(
                  "\n  a kink: {} ({}) has {} numbers where the two sides have different slopes; its "
                  "derivative there is a convention",
                  kink.op, place(kink.instance, kink.time_step), kink.count);
  return text;
}

std::ostream& operator<<(std::ostream& out, const GradcheckReport& report) {
  return out << to_string(report);
}

}  // namespace xgrad
