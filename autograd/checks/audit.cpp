// The audit, step by step: start with detail::audit at the end. What is compared is in `Comparison`; how it
// is explained, in audit/search.hpp; how the explanation becomes a list of findings, in audit/findings.hpp.
#include <xgrad/autograd/audit.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include <xgrad/autograd/checks/audit/findings.hpp>
#include <xgrad/autograd/checks/audit/search.hpp>
#include <xgrad/autograd/ops/identities.hpp>
#include <xgrad/autograd/tape.hpp>

namespace xgrad {

using auditing::Recording;
using auditing::Written;

namespace {

std::string quoted(const std::vector<std::string>& paths) {
  std::string text;
  for (const auto& path : paths) text += fmt::format("{}'{}'", text.empty() ? "" : ", ", path);
  return text;
}

// What the forward pass declares, in its order, and the values it is audited at.
struct Declared {
  std::vector<std::string> paths;
  Values values;
};

Declared declared(const ParameterFunction<double>& f, const AuditOptions& options) {
  const Inference pause;
  const Parameters<double> p(options.values.by_path, options.seed);
  const Variable<double> loss = f(p);
  if (loss.size() != 1)
    throw Error("audit", "the forward pass must return one number, the loss; it returned shape " +
                             to_string(loss.shape()));
  Declared result;
  for (const auto& x : p.list()) {
    result.paths.push_back(x.parameter()->path);
    result.values.emplace(result.paths.back(), x.value().copy());
  }
  return result;
}

void check_written(const WrittenGradient& written, const Declared& declared) {
  const auto check = [&](const std::string& path, const Array<double>& g, const std::string& what) {
    const auto value = declared.values.find(path);
    if (value == declared.values.end())
      throw Error("audit", fmt::format("the hand-written gradient has a '{}'; the forward pass declares {}",
                                       path, quoted(declared.paths)));
    if (g.shape() != value->second.shape())
      throw Error("audit", fmt::format("{} of '{}' has shape {}, expected {}", what, path,
                                       to_string(g.shape()), to_string(value->second.shape())));
  };
  if (written.total.empty())
    throw Error("audit", fmt::format("the hand-written gradient is empty; expected any of {}",
                                     quoted(declared.paths)));
  for (const auto& [path, g] : written.total) check(path, g, "the hand-written gradient");
  for (const auto& [path, terms] : written.steps)
    for (std::size_t t = 0; t < terms.size(); ++t) check(path, terms[t], fmt::format("step {}'s term", t));
}

bool same_bits(const Array<double>& a, const Array<double>& b) {
  return a.shape() == b.shape() &&
         (a.size() == 0 || std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
}

WrittenGradient write(const detail::Backward& backward, const Declared& declared,
                      const AuditOptions& options) {
  const auto copy = [&] {
    Values values;
    for (const auto& [path, value] : declared.values) values.emplace(path, value.copy());
    return values;
  };
  WrittenGradient written = backward(copy());
  check_written(written, declared);
  const WrittenGradient again = backward(copy());
  for (const auto& [path, g] : written.total) {
    const auto other = again.total.find(path);
    if (other == again.total.end() || !same_bits(g, other->second))
      throw Error("audit",
                  fmt::format("the hand-written gradient is not repeatable: '{}' differs when it is computed "
                              "again at the same values; fix its random numbers, and let it change no state",
                              path));
  }
  if (options.negated) {
    for (auto& [path, g] : written.total) g = -g;
    for (auto& [path, terms] : written.steps)
      for (auto& term : terms) term = -term;
  }
  return written;
}

Values tape_gradient(const ParameterFunction<double>& f, const Declared& declared) {
  Tape<double> tape;
  const Parameters<double> p(declared.values);
  const auto gradients = tape.gradient(f(p), {.unreached = zeros});
  Values result;
  for (const auto& path : declared.paths) result.emplace(path, gradients[p[path]]);
  return result;
}

// The sweep that hypotheses change must itself be right: equal to the tape's.
void check_sweep(const Recording& recording, const std::vector<auditing::Terms>& terms, const Values& truth,
                 const std::vector<Array<double>>& sensitivity) {
  for (std::size_t i = 0; i < recording.paths().size(); ++i) {
    const Array<double>& g = truth.at(recording.paths()[i]);
    const double difference = auditing::norm(terms[i].sum(g.shape()) - g);
    if (!(difference <= 1e-12 * auditing::norm(g) + 1e-13 * auditing::norm(sensitivity[i])))
      throw Error("audit",
                  fmt::format("the forward pass computes another gradient of '{}' in complex numbers than in "
                              "double: it must do the same in every scalar",
                              recording.paths()[i]));
  }
}

// One rounding error of the hand-written code, with room for many of them.
double unit_of(double tolerance) { return tolerance < 1e-7 ? 0x1p-47 : tolerance; }

AuditRow compare(const std::string& path, const Written& w, const Array<double>& truth) {
  AuditRow row;
  row.path = path;
  row.shape = truth.shape();
  row.verdict = AuditVerdict::right;
  const Array<double>& hand = w.hand;
  const double scale = auditing::size_of(truth);
  double worst = 0;
  for (std::size_t k = 0; k < hand.size(); ++k) {
    const double h = hand.data()[k], t = truth.data()[k], allowed = w.allowed(k, t, scale);
    if (!std::isfinite(h)) {
      row.verdict = AuditVerdict::not_finite;
      row.index = k;
      break;
    }
    const double excess = std::abs(h - t) <= allowed ? 0 : allowed > 0 ? std::abs(h - t) / allowed : INFINITY;
    if (excess <= worst) continue;
    worst = excess;
    row.verdict = AuditVerdict::wrong;
    row.index = k;
  }
  if (hand.size() > 0) {
    row.hand = hand.data()[row.index];
    row.exact = truth.data()[row.index];
  }
  const double n = auditing::norm(truth), m = auditing::norm(hand), difference = auditing::norm(hand - truth);
  row.error = n > 0 ? difference / n : (difference > 0 ? INFINITY : 0);
  row.ratio = n > 0 ? m / n : (m > 0 ? INFINITY : 1);
  row.cosine = n > 0 && m > 0 ? auditing::inner(hand, truth) / n / m : (n == m ? 1 : 0);
  return row;
}

// The latest step whose term is not the true one. What is computed outside of the steps is not known step by
// step.
std::optional<std::size_t> first_wrong_step(const std::vector<Array<double>>& given,
                                            const auditing::Terms& terms, const Array<double>& sensitivity,
                                            double tolerance) {
  const double rounding = unit_of(tolerance) * auditing::norm(sensitivity);
  if (terms.of_step.back().size() > 0) return std::nullopt;
  for (std::size_t t = given.size(); t-- > 0;) {
    const bool known = t + 1 < terms.of_step.size() && terms.of_step[t].size() > 0;
    const Array<double> truth = known ? terms.of_step[t] : Array<double>::zeros(given[t].shape());
    if (!(auditing::norm(given[t] - truth) <= tolerance * auditing::norm(truth) + rounding)) return t;
  }
  return std::nullopt;
}

std::vector<std::pair<std::string, double>> known_factors(const Recording& recording) {
  std::vector<std::pair<std::string, double>> factors;
  const auto add = [&](std::string name, std::size_t number) {
    const auto known = [&](const auto& f) { return f.second == static_cast<double>(number); };
    if (number > 1 && std::none_of(factors.begin(), factors.end(), known))
      factors.emplace_back(std::move(name), static_cast<double>(number));
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
void add_remarks(const AuditOptions& options, const Declared& declared, const std::vector<Written>& written,
                 AuditReport& report) {
  for (const AuditForward& other : options.others) {
    const Recording recording(other.forward, declared.values, declared.paths);
    const auto terms = auditing::sweep(recording);
    for (const Written& w : written) {
      AuditRow& row = report.rows[w.parameter];
      if (row.verdict != AuditVerdict::wrong) continue;
      const auto match = auditing::match(w, terms[w.parameter]);
      if (!match || match->cost > 1) continue;
      row.remark = fmt::format("is the gradient of '{}'", other.name);
      for (const auto& part : match->parts) row.remark += fmt::format(", but {}", part.text);
    }
  }
}

}  // namespace

AuditReport detail::audit(const ParameterFunction<double>& f, const ParameterFunction<Complex>& f_complex,
                          const Backward& backward, const AuditOptions& options) {
  const Declared all = declared(f, options);
  const GradcheckReport proof = gradcheck(f, f_complex, {.values = options.values, .seed = options.seed});
  if (!proof) throw Error("audit", "the forward pass itself is not right:\n" + to_string(proof));

  const WrittenGradient hand = write(backward, all, options);
  const Values truth = tape_gradient(f, all);
  const Recording recording(f_complex, all.values, all.paths);
  const auto terms = auditing::sweep(recording);
  Random random(options.seed + 1);
  const auto sensitivity = auditing::sensitivities(recording, random);
  check_sweep(recording, terms, truth, sensitivity);

  AuditReport report;
  report.loss = recording.loss_value();
  report.ops = recording.ops().size();
  std::vector<Written> written;
  const auto factors = known_factors(recording);
  for (std::size_t i = 0; i < all.paths.size(); ++i) {
    const std::string& path = all.paths[i];
    const auto given = hand.total.find(path);
    if (given == hand.total.end()) {
      report.rows.push_back({path, truth.at(path).shape()});
      continue;
    }
    Written w{i,
              given->second,
              all.values.at(path),
              options.tolerance,
              unit_of(options.tolerance),
              sensitivity[i],
              factors};
    report.rows.push_back(compare(path, w, truth.at(path)));
    if (const auto steps = hand.steps.find(path); steps != hand.steps.end())
      report.rows.back().first_wrong_step =
          first_wrong_step(steps->second, terms[i], sensitivity[i], options.tolerance);
    if (report.rows.back().verdict != AuditVerdict::not_finite) written.push_back(std::move(w));
  }
  if (report.right()) return report;
  const auto explanation = auditing::explain(recording, written);
  auditing::add_findings(recording, written, explanation, report);
  add_remarks(options, all, written, report);
  return report;
}

}  // namespace xgrad
