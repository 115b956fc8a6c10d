// Judging every op of a run, and finding the wrong element of a wrong op; see op_proof.hpp. A run that judges sets a
// random direction at every value; a run that looks for something sets one at a single value, the input of the
// suspect, so that what the suspect's value carries is the effect of that input alone.
#include <xgrad/autograd/gradcheck/op_proof.hpp>

#include <algorithm>
#include <cmath>
#include <optional>

#include <xgrad/autograd/tape.hpp>
#include <xgrad/autograd/time_step.hpp>

namespace xgrad {

namespace {

constexpr double tolerance = 1e-13;      // of |<u, Jv> - sum <vjp(u), v>| / sum |terms|
constexpr std::size_t few_terms = 1000;  // a longer sum rounds more
constexpr std::size_t whole_side = 400;  // the longest side of a Jacobian that is computed entirely
constexpr std::size_t samples = 48;      // rows and columns of a longer one

using Direction = Array<double>;

// y with another direction.
Array<Complex> carrying(const Array<Complex>& y, const Direction& v) {
  return with_direction(y.cast<double>(), v);
}

// One op as it is recorded, with the derivative that its value carries.
struct Op {
  const char* name;
  std::size_t instance;
  std::optional<std::size_t> time_step;
  const Array<Complex>& y;
  const std::vector<ProbedInput>& inputs;
  Direction Jv;

  // The gradient that input j's vjp makes of the cotangent u, added to `start` in place if there is one.
  Array<double> vjp(std::size_t j, const Direction& u, const Array<Complex>* start = nullptr) const {
    GradientSum<Complex> sum;
    if (start != nullptr) sum.add(start->copy());
    const Shape& shape = inputs[j].x.shape();
    inputs[j].vjp->run(u.cast<Complex>(),
                       VjpTarget<Complex>(sum, name, static_cast<unsigned>(j), shape, y.shape()));
    return sum.take_dense(shape).cast<double>();
  }

  bool carries(std::size_t j) const {
    const auto& x = inputs[j].x.value();
    return std::any_of(x.begin(), x.end(), [](Complex xi) { return xi.imag() != 0; });
  }
};

// A sum of products, and of their magnitudes.
struct Contraction {
  long double value = 0, magnitude = 0;

  void add(const Array<double>& u, const Array<double>& v, int sign) {
    for (std::size_t i = 0; i < u.size(); ++i) {
      const double term = u.data()[i] * v.data()[i];
      value += sign * term;
      magnitude += std::abs(term);
    }
  }
};

bool undefined(const Op& op) {
  return std::any_of(op.y.begin(), op.y.end(), [](Complex y) { return std::isnan(y.real()); });
}

struct Verdict {
  double error = 0;  // in units of the tolerance
  bool saturated = false;
};

// <u, Jv> against the sum of <vjp_j(u), v_j>, over all inputs that carry a direction.
Verdict judge(const Op& op, const Direction& u) {
  Contraction sum;
  sum.add(u, op.Jv, 1);
  std::size_t terms = 1;
  for (std::size_t j = 0; j < op.inputs.size(); ++j) {
    if (!op.carries(j)) continue;
    sum.add(op.vjp(j, u), carried_derivative(op.inputs[j].x.value()), -1);
    if (op.y.size() > 0) terms = std::max(terms, op.inputs[j].x.size() / op.y.size());
  }
  if (undefined(op)) return {INFINITY};
  if (std::abs(sum.value) <= carried_error) return {};
  const double allowed = tolerance * (terms > few_terms ? std::sqrt(static_cast<double>(terms)) : 1.0);
  Verdict verdict{static_cast<double>(std::abs(sum.value) / sum.magnitude) / allowed};
  if (std::isnan(verdict.error)) verdict.error = INFINITY;

  // A vjp written in terms of its output, like 1 - y^2, knows y to half a unit only. Where that is more than the whole
  // derivative, the op is saturated, and nothing can be said.
  double rounding = 0;
  for (std::size_t i = 0; i < u.size(); ++i)
    rounding += 4 * std::numeric_limits<double>::epsilon() * std::abs(u.data()[i]) *
                std::min(1.0, std::abs(op.y.data()[i].real()));
  if (verdict.error > 1 && std::abs(sum.value) <= rounding) return {0, true};
  return verdict;
}

// An in-place vjp must add to what is already there.
struct InPlace {
  std::size_t argument, index;
  double tape, exact;
};
std::optional<InPlace> overwritten(const Op& op, const Direction& u, Random& random) {
  for (std::size_t j = 0; j < op.inputs.size(); ++j) {
    if (op.inputs[j].node == Probe::no_node || !op.inputs[j].vjp->adds_in_place()) continue;
    const Array<double> dx = op.vjp(j, u);
    double size = 0;
    for (const double d : dx) size = std::max(size, std::abs(d));
    const Array<Complex> start =
        (random_direction(op.inputs[j].x.shape(), random) * (size > 0 ? size : 1)).template cast<Complex>();
    const Array<double> added = op.vjp(j, u, &start);
    for (std::size_t m = 0; m < dx.size(); ++m) {
      const double expected = start.data()[m].real() + dx.data()[m];
      if (!(std::abs(added.data()[m] - expected) <= 1e-12 * (size > 0 ? size : 1)))
        return InPlace{j, m, added.data()[m], expected};
    }
  }
  return std::nullopt;
}

// The value whose direction is set in a run that looks for something: a parameter, or the result of an op.
struct Source {
  std::string path;  // of a parameter, or empty
  std::uint32_t node = Probe::no_node;
  Shape shape;

  explicit Source(const ProbedInput& input)
      : path(input.x.parameter() != nullptr ? input.x.parameter()->path : ""),
        node(input.node),
        shape(input.x.shape()) {}
};

GradcheckFailure failure_at(const Op& op, const Source& source) {
  GradcheckFailure failure;
  failure.op = op.name;
  failure.instance = op.instance;
  while (op.inputs[failure.argument].node != source.node) ++failure.argument;
  failure.path = source.path;
  failure.time_step = op.time_step;
  failure.shape = source.shape;
  failure.output_shape = op.y.shape();
  return failure;
}

using OpAction = std::function<void(const Op&)>;

// One run of the function under the probe.
class Run : public Probe {
 public:
  /// A run that judges: every value carries a random direction, `each` sees every op.
  Run(const ParameterFunction<Complex>& f, const Values& values, Random& random, const OpAction& each)
      : random_(&random), action_(each) {
    Values directions;
    for (const auto& [path, value] : values)
      directions.emplace(path, random_direction(value.shape(), random));
    run(f, with_directions(values, directions));
  }
  /// A run on plain numbers, as in training: nothing carries a direction, `each` sees every op.
  Run(const ParameterFunction<Complex>& f, const Values& values, const OpAction& each) : action_(each) {
    run(f, with_directions(values, {}));
  }
  /// A run that looks: `source` alone carries `v`; `at` sees op number `instance`.
  Run(const ParameterFunction<Complex>& f, const Values& values, const Source& source, const Direction& v,
      std::size_t instance, const OpAction& at)
      : action_(at), source_(&source), v_(v), looked_for_(instance) {
    Values directions;
    if (!source.path.empty()) directions.emplace(source.path, v);
    run(f, with_directions(values, directions));
  }

  Array<Complex> see(const char* name, std::uint32_t output, const Array<Complex>& y,
                     const std::vector<ProbedInput>& inputs) override {
    ++instance_;
    if (looked_for_ == 0 || looked_for_ == instance_)
      action_({name, instance_, TimeStep::current(), y, inputs, carried_derivative(y)});
    scalar::kinks = 0;
    if (random_ != nullptr) return carrying(y, random_direction(y.shape(), *random_));
    const bool here = source_ != nullptr && source_->path.empty() && source_->node == output;
    return carrying(y, here ? v_ : Direction::zeros(y.shape()));
  }

 private:
  void run(const ParameterFunction<Complex>& f, const std::map<std::string, Array<Complex>>& values) {
    scalar::kinks = 0;
    Tape<Complex> tape(*this);
    f(Parameters<Complex>(values));
  }

  Random* random_ = nullptr;
  OpAction action_;
  const Source* source_ = nullptr;
  Direction v_;
  std::size_t looked_for_ = 0, instance_ = 0;
};

// Finds out which element of which argument of a suspect op is wrong, and how.
class Search {
 public:
  Search(const ParameterFunction<Complex>& f, const Values& values, std::size_t instance, std::uint32_t seed)
      : f_(f), values_(values), instance_(instance), random_(seed) {}

  /// The failure of one source among the op's inputs, or nothing if the op treats it right.
  std::optional<GradcheckFailure> look(const Source& source) {
    const Direction v = random_direction(source.shape, random_);
    Direction u;
    bool wrong = false;
    at(source, v, [&](const Op& op) {
      u = random_direction(op.y.shape(), random_);
      wrong = judge(op, u).error > 1;
    });
    if (!wrong) return std::nullopt;

    const std::size_t m = worst_input(source, v, u);
    const std::size_t i = worst_output(source, m, u);
    return compare(source, picked(source.shape.size(), m), picked(u.size(), i));
  }

 private:
  void at(const Source& source, const Direction& v, const OpAction& action) {
    const Run run(f_, values_, source, v, instance_, action);
  }

  // By halving: the half of x whose contribution is off by more.
  std::size_t worst_input(const Source& source, const Direction& v, const Direction& u) {
    std::size_t first = 0, last = v.size();
    while (last - first > 1) {
      const std::size_t middle = first + (last - first) / 2;
      double low = 0, high = 0;
      at(source, restricted_direction(v, first, middle), [&](const Op& op) { low = judge(op, u).error; });
      at(source, restricted_direction(v, middle, last), [&](const Op& op) { high = judge(op, u).error; });
      (low >= high ? last : first) = middle;
    }
    return first;
  }

  std::size_t worst_output(const Source& source, std::size_t m, const Direction& u) {
    std::size_t first = 0, last = u.size();
    at(source, unit_direction(source.shape, m), [&](const Op& op) {
      while (last - first > 1) {
        const std::size_t middle = first + (last - first) / 2;
        const double low = judge(op, restricted_direction(u, first, middle)).error,
                     high = judge(op, restricted_direction(u, middle, last)).error;
        (low >= high ? last : first) = middle;
      }
    });
    return first;
  }

  // All places of a short side, or some that include `worst`.
  static std::vector<std::size_t> picked(std::size_t n, std::size_t worst) {
    std::vector<std::size_t> places;
    const std::size_t step = n <= whole_side ? 1 : n / samples;
    for (std::size_t k = 0; k < n; k += step) places.push_back(k);
    if (!std::binary_search(places.begin(), places.end(), worst))
      places.insert(std::lower_bound(places.begin(), places.end(), worst), worst);
    return places;
  }

  // The Jacobian of the op with respect to the source, by the vjps and exactly, at the given rows and columns.
  GradcheckFailure compare(const Source& source, const std::vector<std::size_t>& columns,
                           const std::vector<std::size_t>& rows) {
    GradcheckFailure failure;
    bool nan_value = false;
    std::vector<double> tape(rows.size() * columns.size()), exact(tape.size());
    for (std::size_t c = 0; c < columns.size(); ++c)
      at(source, unit_direction(source.shape, columns[c]), [&](const Op& op) {
        for (std::size_t r = 0; r < rows.size(); ++r) exact[r * columns.size() + c] = op.Jv.data()[rows[r]];
        if (c > 0) return;
        failure = failure_at(op, source);
        nan_value = undefined(op);
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

  const ParameterFunction<Complex>& f_;
  const Values& values_;
  std::size_t instance_;
  Random random_;
};

// What the judging run remembers of an op that failed.
struct Suspect {
  GradcheckFailure failure;  // not located yet
  std::vector<Source> sources;
  bool at_kink;
};

// The different values among an op's inputs: x * x has one.
std::vector<Source> sources_of(const Op& op) {
  std::vector<Source> sources;
  for (const auto& input : op.inputs) {
    const auto known = [&](const Source& source) { return source.node == input.node; };
    if (input.node != Probe::no_node && std::none_of(sources.begin(), sources.end(), known))
      sources.emplace_back(input);
  }
  return sources;
}

GradcheckFailure failure_of(const Op& op, const InPlace& wrong) {
  GradcheckFailure failure = failure_at(op, Source(op.inputs[wrong.argument]));
  failure.index = wrong.index;
  failure.tape = wrong.tape;
  failure.exact = wrong.exact;
  failure.diagnosis.defect = Defect::overwritten;
  return failure;
}

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
  const Run judging(f, moved, random, [&](const Op& op) {
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
  const Run judging(f, values, random, [&](const Op& op) {
    ++report.ops;
    const std::size_t kinks = scalar::kinks;
    if (kinks > 0) report.kinks.push_back({op.name, op.instance, op.time_step, kinks});
    const Direction u = random_direction(op.y.shape(), random);
    const Verdict verdict = judge(op, u);
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
      report.failures.push_back(failure_of(op, *wrong));
  });

  for (const Suspect& suspect : suspects) {
    if (suspect.at_kink && right_nearby(f, values, suspect.failure.instance, random)) continue;
    Search search(f, values, suspect.failure.instance, seed + 1);
    bool located = false;
    for (const Source& source : suspect.sources)
      if (auto failure = search.look(source)) {
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
  const Run plain(f, values, [&](const Op& op) {
    const Direction u = random_direction(op.y.shape(), random);
    for (std::size_t j = 0; j < op.inputs.size(); ++j) {
      if (op.inputs[j].node == Probe::no_node) continue;
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
    const Run looking(f, values, sources[k], v, failure.instance, [&](const Op& op) {
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
