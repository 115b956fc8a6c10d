// Finding and diagnosing the wrong element of an argument. The function runs again with a direction at that
// argument alone: by halving the worst element is found, and then the op's Jacobian is computed, by its vjps
// and exactly, to compare and to diagnose. Start with `examine`.
#include <algorithm>
#include <cmath>

#include <xgrad/autograd/checks/gradcheck/probe.hpp>

namespace xgrad::proof {

namespace {

constexpr std::size_t whole_side = 400;  // the longest side of a Jacobian that is computed entirely
constexpr std::size_t samples = 48;      // rows and columns of a longer one

// All places of a short side, or some that include `worst`.
std::vector<std::size_t> picked(std::size_t n, std::size_t worst) {
  std::vector<std::size_t> places;
  const std::size_t step = n <= whole_side ? 1 : n / samples;
  for (std::size_t k = 0; k < n; k += step) places.push_back(k);
  if (!std::binary_search(places.begin(), places.end(), worst))
    places.insert(std::lower_bound(places.begin(), places.end(), worst), worst);
  return places;
}

// A run with v at the source.
using Run = std::function<void(const Direction& v, OpAction at)>;

// The Jacobian of the op with respect to the source, by the vjps and exactly, at the given rows and columns.
GradcheckFailure compare(const Run& run, const Source& source, const std::vector<std::size_t>& columns,
                         const std::vector<std::size_t>& rows) {
  GradcheckFailure failure;
  bool nan_value = false;
  std::vector<double> tape(rows.size() * columns.size()), exact(tape.size());
  for (std::size_t c = 0; c < columns.size(); ++c)
    run(unit_direction(source.shape, columns[c]), [&](const ProbedOp& op) {
      for (std::size_t r = 0; r < rows.size(); ++r) exact[r * columns.size() + c] = op.Jv.data()[rows[r]];
      if (c > 0) return;
      failure = failure_at(op, source);
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

  const bool whole = columns.size() == source.shape.size() && rows.size() == failure.output_shape.size();
  failure.diagnosis = whole ? diagnose(Jacobian{failure.output_shape, source.shape, tape},
                                       Jacobian{failure.output_shape, source.shape, exact})
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

}  // namespace

std::optional<GradcheckFailure> examine(const ParameterFunction<Complex>& f, const Values& values,
                                        std::size_t instance, const Source& source, Random& random) {
  const Run run = [&](const Direction& v, OpAction at) {
    probe_one(f, values, source, v, instance, std::move(at));
  };
  const Direction v = random_direction(source.shape, random);
  Direction u;
  bool wrong = false;
  run(v, [&](const ProbedOp& op) {
    u = random_direction(op.y.shape(), random);
    wrong = judge(op, u).error > 1;
  });
  if (!wrong) return std::nullopt;

  const std::size_t m = worst_element(v, [&](const Direction& half) {
    double error = 0;
    run(half, [&](const ProbedOp& op) { error = judge(op, u).error; });
    return error;
  });
  std::size_t i = 0;
  run(unit_direction(source.shape, m), [&](const ProbedOp& op) {
    i = worst_element(u, [&](const Direction& half) { return judge(op, half).error; });
  });
  return compare(run, source, picked(source.shape.size(), m), picked(u.size(), i));
}

}  // namespace xgrad::proof
