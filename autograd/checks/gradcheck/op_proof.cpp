// Judging every op of a run, and adding up what is found; see op_proof.hpp.
#include <xgrad/autograd/checks/gradcheck/op_proof.hpp>

#include <algorithm>
#include <cmath>
#include <optional>

#include <xgrad/autograd/checks/gradcheck/hypothesis.hpp>
#include <xgrad/autograd/checks/gradcheck/probe.hpp>

namespace xgrad {

using proof::Direction;
using proof::ProbedOp;
using proof::Source;

namespace {

// An in-place vjp must add to what is already there.
std::optional<GradcheckFailure> overwritten(const ProbedOp& op, const Direction& u, Random& random) {
  for (std::size_t j = 0; j < op.inputs.size(); ++j) {
    if (op.inputs[j].node == no_node || !op.inputs[j].vjp->adds_in_place()) continue;
    const Array<double> dx = op.vjp(j, u);
    const double largest = hypothesis::largest({dx.begin(), dx.end()}), size = largest > 0 ? largest : 1;
    const auto start = (random_direction(dx.shape(), random) * size).cast<Complex>();
    const Array<double> added = op.vjp(j, u, &start);
    for (std::size_t m = 0; m < dx.size(); ++m) {
      const double expected = start.data()[m].real() + dx.data()[m];
      if (std::abs(added.data()[m] - expected) <= 1e-12 * size) continue;
      GradcheckFailure failure = failure_at(op, Source(op.inputs[j]));
      failure.index = m;
      failure.tape = added.data()[m];
      failure.exact = expected;
      failure.diagnosis.defect = Defect::overwritten;
      return failure;
    }
  }
  return std::nullopt;
}

// What the judging run remembers of an op that failed.
struct Suspect {
  GradcheckFailure failure;  // not located yet
  std::vector<Source> sources;
  bool at_kink;
};

// True if an op of this name is known to fail; then this is one more instance of it.
bool repeated(GradcheckFailure& known, const char* op) {
  const bool same = known.op == op;
  known.repeats += same ? 1 : 0;
  return same;
}

// True if the op is right beside the kink at which it stands: then only the convention at the kink differs.
bool right_nearby(const ParameterFunction<Complex>& f, const Values& values, std::size_t instance,
                  Random& random) {
  Values moved;
  for (const auto& [path, value] : values)
    moved.emplace(path, value + 1e-3 * random_direction(value.shape(), random));
  bool right = false;
  proof::probe_all(f, moved, random, [&](const ProbedOp& op) {
    if (op.instance == instance)
      right = scalar::kinks == 0 && judge(op, random_direction(op.y.shape(), random)).error <= 1;
  });
  return right;
}

}  // namespace

void prove_ops(const ParameterFunction<Complex>& f, const Values& values, std::uint32_t seed,
               GradcheckReport& report) {
  Random random(seed);
  std::vector<Suspect> suspects;
  proof::probe_all(f, values, random, [&](const ProbedOp& op) {
    ++report.ops;
    const std::size_t kinks = scalar::kinks;
    if (kinks > 0) report.kinks.push_back({op.name, op.instance, op.time_step, kinks});
    const Direction u = random_direction(op.y.shape(), random);
    const proof::Verdict verdict = judge(op, u);
    report.saturated += verdict.saturated ? 1 : 0;
    report.worst = std::max(report.worst, verdict.error);

    const auto known = [&](Suspect& suspect) { return repeated(suspect.failure, op.name); };
    if (verdict.error > 1 && std::none_of(suspects.begin(), suspects.end(), known)) {
      const auto sources = sources_of(op);
      suspects.push_back({failure_at(op, sources.front()), sources, kinks > 0});
    }
    const auto known_failure = [&](GradcheckFailure& failure) { return repeated(failure, op.name); };
    if (const auto wrong = overwritten(op, u, random);
        wrong && std::none_of(report.failures.begin(), report.failures.end(), known_failure))
      report.failures.push_back(*wrong);
  });

  for (const Suspect& suspect : suspects) {
    if (suspect.at_kink && right_nearby(f, values, suspect.failure.instance, random)) continue;
    Random drawn(seed + 1);
    bool located = false;
    for (const Source& source : suspect.sources)
      if (auto failure = proof::examine(f, values, suspect.failure.instance, source, drawn)) {
        failure->repeats = suspect.failure.repeats;
        located = true;
        // A vjp that overwrites what others added may overwrite its own terms as well: one mistake.
        const auto overwrites = [&](const GradcheckFailure& known) {
          return known.op == failure->op && known.argument == failure->argument;
        };
        if (std::none_of(report.failures.begin(), report.failures.end(), overwrites))
          report.failures.push_back(std::move(*failure));
      }
    if (!located) report.failures.push_back(suspect.failure);
  }
}

void find_undefined(const ParameterFunction<Complex>& f, const Values& values, std::uint32_t seed,
                    GradcheckReport& report) {
  Random random(seed);
  std::vector<GradcheckFailure> found;
  std::vector<Source> sources;
  proof::probe_plain(f, values, [&](const ProbedOp& op) {
    const Direction u = random_direction(op.y.shape(), random);
    for (std::size_t j = 0; j < op.inputs.size(); ++j) {
      if (op.inputs[j].node == no_node) continue;
      const Array<double> dx = op.vjp(j, u);
      const auto* const undefined =
          std::find_if(dx.begin(), dx.end(), [](double d) { return !std::isfinite(d); });
      const auto fails = [&](const GradcheckFailure& known) { return known.op == op.name; };
      if (undefined == dx.end() || std::any_of(report.failures.begin(), report.failures.end(), fails))
        continue;
      const auto known = std::find_if(found.begin(), found.end(), [&](const GradcheckFailure& other) {
        return fails(other) && other.argument == j;
      });
      if (known != found.end()) {
        ++known->repeats;
        continue;
      }
      sources.emplace_back(op.inputs[j]);
      GradcheckFailure failure = failure_at(op, sources.back());
      failure.argument = j;
      failure.index = static_cast<std::size_t>(undefined - dx.begin());
      failure.tape = *undefined;
      failure.diagnosis.defect = Defect::not_finite;
      found.push_back(std::move(failure));
    }
  });
  // NaN spreads through the vjp; the number of y that it belongs to is the one that depends on x most.
  for (std::size_t k = 0; k < found.size(); ++k) {
    GradcheckFailure& failure = found[k];
    const Direction v = unit_direction(failure.shape, failure.index);
    proof::probe_one(f, values, sources[k], v, failure.instance, [&](const ProbedOp& op) {
      if (op.Jv.shape() == v.shape()) failure.output_index = failure.index;
      for (std::size_t i = 0; i < op.Jv.size(); ++i)
        if (std::abs(op.Jv.data()[i]) > std::abs(op.Jv.data()[failure.output_index]))
          failure.output_index = i;
      failure.exact = op.Jv.data()[failure.output_index];
    });
    report.failures.push_back(failure);
  }
}

}  // namespace xgrad
