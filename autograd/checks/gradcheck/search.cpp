// Finding and diagnosing the wrong element; see search.hpp.
#include <xgrad/autograd/checks/gradcheck/search.hpp>

#include <algorithm>
#include <cmath>

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

}  // namespace

std::optional<GradcheckFailure> Search::look(const Source& source) {
  const Direction v = random_direction(source.shape, random_);
  Direction u;
  bool wrong = false;
  at(source, v, [&](const ProbedOp& op) {
    u = random_direction(op.y.shape(), random_);
    wrong = judge(op, u).error > 1;
  });
  if (!wrong) return std::nullopt;

  const std::size_t m = worst_input(source, v, u);
  const std::size_t i = worst_output(source, m, u);
  return compare(source, picked(source.shape.size(), m), picked(u.size(), i));
}

void Search::at(const Source& source, const Direction& v, const OpAction& action) const {
  const ProbeRun run(f_, values_, source, v, instance_, action);
}

// By halving: the half of x whose contribution is off by more.
std::size_t Search::worst_input(const Source& source, const Direction& v, const Direction& u) const {
  std::size_t first = 0, last = v.size();
  while (last - first > 1) {
    const std::size_t middle = first + (last - first) / 2;
    double low = 0, high = 0;
    at(source, restricted_direction(v, first, middle), [&](const ProbedOp& op) { low = judge(op, u).error; });
    at(source, restricted_direction(v, middle, last), [&](const ProbedOp& op) { high = judge(op, u).error; });
    (low >= high ? last : first) = middle;
  }
  return first;
}

std::size_t Search::worst_output(const Source& source, std::size_t m, const Direction& u) const {
  std::size_t first = 0, last = u.size();
  at(source, unit_direction(source.shape, m), [&](const ProbedOp& op) {
    while (last - first > 1) {
      const std::size_t middle = first + (last - first) / 2;
      const double low = judge(op, restricted_direction(u, first, middle)).error,
                   high = judge(op, restricted_direction(u, middle, last)).error;
      (low >= high ? last : first) = middle;
    }
  });
  return first;
}

// The Jacobian of the op with respect to the source, by the vjps and exactly, at the given rows and columns.
GradcheckFailure Search::compare(const Source& source, const std::vector<std::size_t>& columns,
                                 const std::vector<std::size_t>& rows) const {
  GradcheckFailure failure;
  bool nan_value = false;
  std::vector<double> tape(rows.size() * columns.size()), exact(tape.size());
  for (std::size_t c = 0; c < columns.size(); ++c)
    at(source, unit_direction(source.shape, columns[c]), [&](const ProbedOp& op) {
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

}  // namespace xgrad::proof
