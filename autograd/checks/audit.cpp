// The audit, step by step: start with detail::audit at the end. Then read, in this order, how a forward pass
// is recorded (audit/recording.hpp) and swept back with a rule changed (sweep.hpp), which changes are tried
// (candidates.hpp), and how they explain what was written and become a list of findings (explanation.hpp).
#include <xgrad/autograd/audit.hpp>

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <xgrad/autograd/checks/audit/explanation.hpp>
#include <xgrad/autograd/checks/gradcheck/functional.hpp>
#include <xgrad/autograd/ops/identities.hpp>
#include <xgrad/autograd/tape.hpp>

namespace xgrad {

using namespace auditing;
using proof::Functional;

namespace {

void check_written(const WrittenGradient& written, const Functional& forward) {
  const auto check = [&](const std::string& path, const Array<double>& g, const std::string& what) {
    const auto value = forward.values().find(path);
    if (value == forward.values().end())
      throw Error("audit", fmt::format("the hand-written gradient has a '{}'; the forward pass declares '{}'",
                                       path, fmt::join(forward.paths(), "', '")));
    if (g.shape() != value->second.shape())
      throw Error("audit", fmt::format("{} of '{}' has shape {}, expected {}", what, path,
                                       to_string(g.shape()), to_string(value->second.shape())));
  };
  if (written.total.empty())
    throw Error("audit", fmt::format("the hand-written gradient is empty; expected any of '{}'",
                                     fmt::join(forward.paths(), "', '")));
  for (const auto& [path, g] : written.total) check(path, g, "the hand-written gradient");
  for (const auto& [path, terms] : written.steps)
    for (std::size_t t = 0; t < terms.size(); ++t) check(path, terms[t], fmt::format("step {}'s term", t));
}

WrittenGradient write(const detail::Backward& backward, const Functional& forward, bool negated) {
  const auto copy = [&] {
    Values values;
    for (const auto& [path, value] : forward.values()) values.emplace(path, value.copy());
    return values;
  };
  WrittenGradient written = backward(copy());
  check_written(written, forward);
  const WrittenGradient again = backward(copy());
  const auto same = [](double a, double b) { return Functional::same(a, b, true); };
  for (const auto& [path, g] : written.total) {
    const auto other = again.total.find(path);
    if (other == again.total.end() || g.shape() != other->second.shape() ||
        !std::equal(g.begin(), g.end(), other->second.begin(), same))
      throw Error("audit",
                  fmt::format("the hand-written gradient is not repeatable: '{}' differs when it is computed "
                              "again at the same values; fix its random numbers, and let it change no state",
                              path));
  }
  if (negated) {
    for (auto& [path, g] : written.total) g = -g;
    for (auto& [path, terms] : written.steps)
      for (auto& term : terms) term = -term;
  }
  return written;
}

// The sweep that hypotheses change must itself be right: equal to the tape's.
void check_sweep(const std::string& path, const Terms& terms, const Array<double>& truth,
                 const Array<double>& sensitivity) {
  if (!(norm(terms.sum() - truth) <= 1e-12 * norm(truth) + 1e-13 * norm(sensitivity)))
    throw Error("audit",
                fmt::format("the forward pass computes another gradient of '{}' in complex numbers than in "
                            "double: it must do the same in every scalar",
                            path));
}

AuditRow compare(const std::string& path, const Written& w, const Array<double>& truth) {
  AuditRow row;
  row.path = path;
  row.shape = truth.shape();
  row.verdict = AuditVerdict::right;
  const Array<double>& hand = w.hand;
  const double scale = size_of(truth);
  double worst = 0;
  for (std::size_t k = 0; k < hand.size(); ++k) {
    const bool finite = std::isfinite(hand.data()[k]);
    const double excess = w.excess(k, truth.data()[k], scale);
    if (finite && excess <= worst) continue;
    worst = excess;
    row.verdict = finite ? AuditVerdict::wrong : AuditVerdict::not_finite;
    row.index = k;
    if (!finite) break;
  }
  if (hand.size() > 0) {
    row.hand = hand.data()[row.index];
    row.exact = truth.data()[row.index];
  }
  const double n = norm(truth), m = norm(hand), difference = norm(hand - truth);
  row.error = n > 0 ? difference / n : (difference > 0 ? INFINITY : 0);
  row.ratio = n > 0 ? m / n : (m > 0 ? INFINITY : 1);
  row.cosine = n > 0 && m > 0 ? static_cast<double>(inner(hand, truth) / n / m) : (n == m ? 1 : 0);
  return row;
}

// The latest step whose term is not the true one. What is computed outside of the steps is not known step by
// step.
std::optional<std::size_t> first_wrong_step(const std::vector<Array<double>>& given, const Terms& terms,
                                            const Written& w) {
  if (terms.of_step.back().size() > 0) return std::nullopt;
  for (std::size_t t = given.size(); t-- > 0;) {
    const bool known = t + 1 < terms.of_step.size() && terms.of_step[t].size() > 0;
    const Array<double> truth = known ? terms.of_step[t] : Array<double>::zeros(given[t].shape());
    if (!(norm(given[t] - truth) <= w.tolerance * norm(truth) + w.rounding())) return t;
  }
  return std::nullopt;
}

std::vector<std::pair<std::string, double>> known_factors(const Recording& recording) {
  std::vector<std::pair<std::string, double>> factors;
  const auto add = [&](const char* name, std::size_t number) {
    const auto known = [&](const auto& f) { return f.second == static_cast<double>(number); };
    if (number > 1 && std::none_of(factors.begin(), factors.end(), known))
      factors.emplace_back(name, static_cast<double>(number));
  };
  add("the number of time steps", recording.steps());
  const auto& ops = recording.ops();
  for (std::size_t i = recording.loss() + 1; i-- > 0;) {  // what the losses are summed over
    if (ops[i].inputs.empty()) continue;
    const Shape& x = ops[i].inputs[0].value.shape();
    const bool of_rows = (ops[i].op == ops::softmax_cross_entropy || ops[i].op == ops::cross_entropy ||
                          ops[i].op == ops::affine_cross_entropy) &&
                         x.rank() > 0 && x.back() > 0;
    if (of_rows) add("the number of targets", x.size() / x.back());
    if (ops[i].y.size() == 1) add("how many numbers the loss is summed over", x.size());
    if (x.rank() > 1) add("the size of the leading axis", x[0]);
    if (of_rows || ops[i].y.size() > 1) break;
  }
  const auto row =
      std::find_if(ops.begin(), ops.end(), [](const auto& op) { return op.step && op.y.rank() > 1; });
  if (row != ops.end()) {
    add("the number of rows of a step", row->y.shape()[0]);
    add("the number of steps times that of their rows", recording.steps() * row->y.shape()[0]);
  }
  return factors;
}

// What the parameter's numbers are in one of the other forward passes.
void add_remarks(const std::vector<AuditForward>& others, const Functional& forward,
                 const std::vector<Written>& written, AuditReport& report) {
  for (const AuditForward& other : others) {
    const auto terms = sweep(Recording(other.forward, forward.values(), forward.paths()));
    for (const Written& w : written) {
      AuditRow& row = report.rows[w.parameter];
      if (row.verdict != AuditVerdict::wrong) continue;
      const auto found = match(w, terms[w.parameter]);
      if (!found || found->cost > 1) continue;
      row.remark = fmt::format("is the gradient of '{}'", other.name);
      for (const auto& part : found->parts) row.remark += fmt::format(", but {}", part.text);
    }
  }
}

}  // namespace

AuditReport detail::audit(const ParameterFunction<double>& f, const ParameterFunction<Complex>& f_complex,
                          const Backward& backward, const AuditOptions& options) {
  const ParameterFunction<double> loss = [&](const Parameters<double>& p) {
    const Variable<double> y = f(p);
    check_loss(y.shape());
    return y;
  };
  const Functional forward(loss, f_complex, options.values.by_path, options.seed, true);
  const GradcheckReport proof = gradcheck(f, f_complex, {.values = options.values, .seed = options.seed});
  if (!proof) throw Error("audit", "the forward pass itself is not right:\n" + to_string(proof));

  const WrittenGradient hand = write(backward, forward, options.negated);
  const Values truth = forward.gradient();
  const Recording recording(f_complex, forward.values(), forward.paths());
  const auto terms = sweep(recording);
  Random random(options.seed + 1);
  const auto sensitivity = sensitivities(recording, terms, random);
  for (std::size_t i = 0; i < terms.size(); ++i)
    check_sweep(forward.paths()[i], terms[i], truth.at(forward.paths()[i]), sensitivity[i]);

  AuditReport report;
  report.loss = recording.ops()[recording.loss()].y.item().real();
  report.ops = recording.ops().size();
  std::vector<Written> written;
  const auto factors = known_factors(recording);
  for (std::size_t i = 0; i < terms.size(); ++i) {
    const std::string& path = forward.paths()[i];
    const auto given = hand.total.find(path);
    if (given == hand.total.end()) {
      report.rows.push_back({path, terms[i].shape});
      continue;
    }
    const Written w{i, given->second, forward.values().at(path), options.tolerance, sensitivity[i], factors};
    AuditRow& row = report.rows.emplace_back(compare(path, w, truth.at(path)));
    if (const auto steps = hand.steps.find(path); steps != hand.steps.end())
      row.first_wrong_step = first_wrong_step(steps->second, terms[i], w);
    if (row.verdict != AuditVerdict::not_finite) written.push_back(w);
  }
  if (report.right()) return report;
  add_findings(recording, written, explain(recording, written), report);
  add_remarks(options.others, forward, written, report);
  return report;
}

}  // namespace xgrad
