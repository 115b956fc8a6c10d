// Judging every op of a run, examining those that fail, and adding up what is found; see op_proof.hpp. Start
// with prove_ops.
#include <xgrad/autograd/checks/gradcheck/op_proof.hpp>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include <xgrad/autograd/checks/gradcheck/probe.hpp>

namespace xgrad {

using namespace proof;

namespace {

constexpr std::size_t whole_side = 400;  // the longest side of a Jacobian that is computed entirely
constexpr std::size_t samples = 48;      // rows and columns of a longer one

// All places of a short side, or some that include `worst`.
std::vector<std::size_t> picked(std::size_t n, std::size_t worst) {
  std::set<std::size_t> places{worst};
  const std::size_t step = n <= whole_side ? 1 : n / samples;
  for (std::size_t k = 0; k < n; k += step) places.insert(k);
  return {places.begin(), places.end()};
}

// The Jacobian of the op with respect to the source, by the vjps and exactly, at the given rows and columns.
GradcheckFailure compare(const ParameterFunction<Complex>& f, const Values& values, const Source& source,
                         const std::vector<std::size_t>& columns, const std::vector<std::size_t>& rows) {
  GradcheckFailure failure = source.failure;
  bool nan_value = false;
  std::vector<double> tape(rows.size() * columns.size()), exact(tape.size());
  for (std::size_t c = 0; c < columns.size(); ++c)
    probe_one(f, values, source, unit_direction(failure.shape, columns[c]), [&](const ProbedOp& op) {
      for (std::size_t r = 0; r < rows.size(); ++r)
        exact[r * columns.size() + c] = op.Jv.data()[rows[r]] / op.unit(failure.argument, columns[c]);
      if (c > 0) return;
      nan_value = op.undefined();
      for (std::size_t r = 0; r < rows.size(); ++r) {
        const Direction u = unit_direction(op.y.shape(), rows[r]);
        for (std::size_t j = 0; j < op.inputs.size(); ++j) {
          if (op.inputs[j].node != source.node) continue;
          const Array<double> dx = op.vjp(j, u);
          for (std::size_t k = 0; k < columns.size(); ++k)
            tape[r * columns.size() + k] += dx.data()[columns[k]];
        }
      }
    });

  const bool whole = columns.size() == failure.shape.size() && rows.size() == failure.output_shape.size();
  failure.diagnosis = whole ? diagnose(Jacobian{failure.output_shape, failure.shape, tape},
                                       Jacobian{failure.output_shape, failure.shape, exact})
                            : diagnose(tape, exact);
  if (nan_value) failure.diagnosis.defect = Defect::not_finite;
  double worst = -1;
  for (std::size_t k = 0; k < tape.size(); ++k) {
    const double error = std::abs(tape[k] - exact[k]);
    if (error <= worst) continue;
    worst = std::isnan(error) ? INFINITY : error;
    failure.output_index = rows[k / columns.size()];
    failure.index = columns[k % columns.size()];
    failure.tape = tape[k];
    failure.exact = exact[k];
  }
  return failure;
}

// Which element of a source is wrong, and how; nothing if the op treats it right. The function runs again
// with a direction at that source alone: by halving the worst element is found, and then the op's Jacobian is
// compared.
std::optional<GradcheckFailure> examine(const ParameterFunction<Complex>& f, const Values& values,
                                        const Source& source, Random& random) {
  const Direction v = random_direction(source.failure.shape, random);
  const Direction u = random_direction(source.failure.output_shape, random);
  const auto error_along = [&](const Direction& part) {
    double error = 0;
    probe_one(f, values, source, part, [&](const ProbedOp& op) { error = judge(op, u).error; });
    return error;
  };
  if (error_along(v) <= 1) return std::nullopt;

  std::size_t m = 0, i = 0;
  if (v.size() > whole_side || u.size() > whole_side) {  // else all are compared
    m = worst_element(v, error_along);
    probe_one(f, values, source, unit_direction(v.shape(), m), [&](const ProbedOp& op) {
      i = worst_element(u, [&](const Direction& half) { return judge(op, half).error; });
    });
  }
  return compare(f, values, source, picked(v.size(), m), picked(u.size(), i));
}

// An in-place vjp must add to what is already there.
std::optional<GradcheckFailure> overwritten(const ProbedOp& op, const Direction& u, Random& random) {
  for (std::size_t j = 0; j < op.inputs.size(); ++j) {
    if (op.inputs[j].node == no_node || !op.inputs[j].vjp->adds_in_place()) continue;
    const Array<double> dx = op.vjp(j, u);
    if (std::any_of(dx.begin(), dx.end(), [](double d) { return !std::isfinite(d); })) continue;  // see judge
    const double most = largest({dx.begin(), dx.end()}), size = most > 0 ? most : 1;
    const auto start = (random_direction(dx.shape(), random) * size).cast<Complex>();
    const Array<double> added = op.vjp(j, u, &start);
    for (std::size_t m = 0; m < dx.size(); ++m) {
      const double expected = start.data()[m].real() + dx.data()[m];
      if (std::abs(added.data()[m] - expected) <= 1e-12 * size) continue;
      GradcheckFailure failure = Source(op, op.inputs[j]).failure;
      failure.index = m;
      failure.tape = added.data()[m];
      failure.exact = expected;
      failure.diagnosis.defect = Defect::overwritten;
      return failure;
    }
  }
  return std::nullopt;
}

// True if the op is right beside the kink at which it stands: then only the convention at the kink differs.
bool right_nearby(const ParameterFunction<Complex>& f, const Values& values, std::size_t instance,
                  Random& random) {
  Values moved;
  for (const auto& [path, value] : values)
    moved.emplace(path, value + 1e-3 * random_direction(value.shape(), random));
  bool right = false;
  probe_all(f, moved, &random, [&](const ProbedOp& op) {
    if (op.instance == instance)
      right = scalar::kinks == 0 && judge(op, random_direction(op.y.shape(), random)).error <= 1;
  });
  return right;
}

}  // namespace

void prove_ops(const ParameterFunction<Complex>& f, const Values& values, std::uint32_t seed,
               GradcheckReport& report) {
  Random random(seed);
  std::vector<std::vector<Source>> suspects;  // the sources of ops that failed
  probe_all(f, values, &random, [&](const ProbedOp& op) {
    ++report.ops;
    if (scalar::kinks > 0) report.kinks.push_back({op.name, op.instance, op.time_step, scalar::kinks});
    const Direction u = random_direction(op.y.shape(), random);
    const Verdict verdict = judge(op, u);
    report.saturated += verdict.saturated ? 1 : 0;
    report.worst = std::max(report.worst, verdict.error);

    // True if an op of this name is known to fail; then this is one more instance of it.
    const auto repeated = [&](GradcheckFailure& known) {
      const bool same = known.op == op.name;
      known.repeats += same ? 1 : 0;
      return same;
    };
    const auto suspected = [&](auto& sources) { return repeated(sources.front().failure); };
    if (verdict.error > 1 && std::none_of(suspects.begin(), suspects.end(), suspected))
      suspects.push_back(sources_of(op));
    if (const auto wrong = overwritten(op, u, random);
        wrong && std::none_of(report.failures.begin(), report.failures.end(), repeated))
      report.failures.push_back(*wrong);
  });

  for (const std::vector<Source>& sources : suspects) {
    const GradcheckFailure& unlocated = sources.front().failure;
    const auto there = [&](const GradcheckKink& kink) { return kink.instance == unlocated.instance; };
    if (std::any_of(report.kinks.begin(), report.kinks.end(), there) &&
        right_nearby(f, values, unlocated.instance, random))
      continue;
    Random drawn(seed + 1);
    bool located = false;
    for (const Source& source : sources)
      if (auto failure = examine(f, values, source, drawn)) {
        failure->repeats = unlocated.repeats;
        located = true;
        // A vjp that overwrites what others added may overwrite its own terms as well: one mistake.
        const auto overwrites = [&](const GradcheckFailure& known) {
          return known.op == failure->op && known.argument == failure->argument;
        };
        if (std::none_of(report.failures.begin(), report.failures.end(), overwrites))
          report.failures.push_back(std::move(*failure));
      }
    if (!located) report.failures.push_back(unlocated);
  }
}

void find_undefined(const ParameterFunction<Complex>& f, const Values& values, std::uint32_t seed,
                    GradcheckReport& report) {
  Random random(seed);
  std::vector<Source> found;
  probe_all(f, values, nullptr, [&](const ProbedOp& op) {
    const Direction u = random_direction(op.y.shape(), random);
    const auto fails = [&](const GradcheckFailure& known) { return known.op == op.name; };
    if (std::any_of(report.failures.begin(), report.failures.end(), fails)) return;
    for (std::size_t j = 0; j < op.inputs.size(); ++j) {
      if (op.inputs[j].node == no_node) continue;
      const Array<double> dx = op.vjp(j, u);
      const auto* const undefined =
          std::find_if(dx.begin(), dx.end(), [](double d) { return !std::isfinite(d); });
      if (undefined == dx.end()) continue;
      const auto known = std::find_if(found.begin(), found.end(), [&](const Source& other) {
        return fails(other.failure) && other.failure.argument == j;
      });
      if (known != found.end()) {
        ++known->failure.repeats;
        continue;
      }
      GradcheckFailure& failure = found.emplace_back(op, op.inputs[j]).failure;
      failure.argument = j;
      failure.index = static_cast<std::size_t>(undefined - dx.begin());
      failure.tape = *undefined;
      failure.diagnosis.defect = Defect::not_finite;
    }
  });
  // NaN spreads through the vjp; the number of y that it belongs to is the one that depends on x most.
  for (Source& source : found) {
    GradcheckFailure& failure = source.failure;
    const Direction v = unit_direction(failure.shape, failure.index);
    probe_one(f, values, source, v, [&](const ProbedOp& op) {
      if (op.Jv.shape() == v.shape()) failure.output_index = failure.index;
      for (std::size_t i = 0; i < op.Jv.size(); ++i)
        if (std::abs(op.Jv.data()[i]) > std::abs(op.Jv.data()[failure.output_index]))
          failure.output_index = i;
      failure.exact = op.Jv.data()[failure.output_index] / op.unit(failure.argument, failure.index);
    });
    report.failures.push_back(failure);
  }
}

}  // namespace xgrad
