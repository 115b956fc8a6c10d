// The two runs under watchers, and the verdict on each op; see rounding.hpp. Start with detail::rounding, at
// the end.
#include <xgrad/autograd/rounding.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <ostream>
#include <tuple>

#include <fmt/format.h>

#include <xgrad/autograd/checks/direction.hpp>
#include <xgrad/autograd/numbers/map.hpp>
#include <xgrad/autograd/numbers/sum.hpp>
#include <xgrad/autograd/ops/identities.hpp>
#include <xgrad/autograd/tape.hpp>
#include <xgrad/autograd/time_step.hpp>

namespace xgrad {

namespace {

using Floats = std::numeric_limits<float>;

template <class T>
Array<T> dense(const GradientSum<T>& sum, const Shape& shape) {
  Array<T> all = sum.dense() != nullptr ? *sum.dense() : Array<T>::zeros(shape);
  if (sum.sparse() != nullptr)
    for (const auto& part : *sum.sparse()) all = all + part.dense();
  return all;
}

Array<double> sizes(const Array<double>& x) {
  return kernels::filled<double>(x.shape(), [&](double* out) {
    std::transform(x.begin(), x.end(), out, [](double xi) { return std::abs(xi); });
  });
}

// All that the ops of a run in float made, in the order in which a run in double asks for it.
struct FloatRun final : Watcher<float> {
  struct Value {
    Op op;
    Array<float> y;
  };
  std::vector<Value> values;
  std::vector<Array<float>> gradients, contributions;

  Array<float> value(const Op& op, std::uint32_t, const Array<float>& y,
                     std::span<const WatchedInput<float>>) override {
    values.push_back({op, y});
    return y;
  }
  Gradient<float> gradient(std::uint32_t, Gradient<float> dy, bool leaf) override {
    if (!leaf) gradients.push_back(std::get<Array<float>>(dy));
    return dy;
  }
  void contribution(std::uint32_t, std::uint32_t input, std::uint32_t, const Array<float>&,
                    const GradientSum<float>& dx) override {
    contributions.push_back(dense(dx, tape->graph().nodes[input].shape));
  }

  Tape<float>* tape = nullptr;
};

// Runs beside it in double, on its values and gradients, and judges each op.
class Judge final : public Watcher<double> {
 public:
  Judge(const FloatRun& run, RoundingReport& report) : run_(run), report_(report) {}

  Tape<double>* tape = nullptr;
  std::vector<std::tuple<std::uint32_t, RoundedOp>> found;  // with the node of the op

  void sums(Absolute absolute) override { absolute_ = std::move(absolute); }

  Array<double> value(const Op& op, std::uint32_t node, const Array<double>& y,
                      std::span<const WatchedInput<double>> inputs) override {
    if (values_ == run_.values.size() || run_.values[values_].y.shape() != y.shape() ||
        std::string_view(run_.values[values_].op.name()) != op.name())
      throw Error("rounding", fmt::format("op {} of the run in double, {} of shape {}, is another in float",
                                          values_ + 1, op.name(), to_string(y.shape())));
    const Array<float>& rounded = run_.values[values_++].y;
    Judged judged{op, values_, TimeStep::current(), y, {}, std::exchange(absolute_, {})};
    for (const auto& input : inputs) judged.inputs.push_back({input.x.value(), input.vjp, path_of(input.x)});
    count(rounded, y);
    ++report_.ops;
    judge(judged, node, std::nullopt, rounded, y, [&] {
      if (!judged.absolute) return Array<double>();
      std::vector<Variable<double>> xs;
      for (const Input& input : judged.inputs) xs.emplace_back(input.x);
      return sizes(judged.absolute(xs).value());
    });
    if (node != no_node) judged_.emplace(node, std::move(judged));
    return rounded.cast<double>();
  }

  Gradient<double> gradient(std::uint32_t node, Gradient<double> dy, bool leaf) override {
    if (leaf) return dy;
    return next(run_.gradients, gradients_, tape->graph().nodes[node].shape).cast<double>();
  }

  void contribution(std::uint32_t output, std::uint32_t input, std::uint32_t argument,
                    const Array<double>& dy, const GradientSum<double>& dx) override {
    Judged& op = judged_.at(output);
    const Shape& shape = tape->graph().nodes[input].shape;
    judge(op, output, argument, next(run_.contributions, contributions_, shape), dense(dx, shape),
          [&] { return size_of_vjp(op, argument, dy, shape); });
  }
  void done(std::uint32_t node, bool) override { judged_.erase(node); }

 private:
  struct Input {
    Array<double> x;
    Vjp<double>* vjp;
    std::string path;
  };
  struct Judged {
    Op op;
    std::size_t instance;
    std::optional<std::size_t> time_step;
    Array<double> y;
    std::vector<Input> inputs;
    Absolute absolute;
    std::vector<Array<double>> sizes_of_vjps{};  // by argument, where `absolute` is there
  };

  // What the sweep in float made where this one is now.
  static const Array<float>& next(const std::vector<Array<float>>& all, std::size_t& k, const Shape& shape) {
    if (k == all.size() || all[k].shape() != shape)
      throw Error("rounding", "the sweep in double takes other ways than that in float");
    return all[k++];
  }

  static std::string path_of(const Variable<double>& x) {
    return x.parameter() == nullptr ? "" : x.parameter()->path;
  }

  void count(const Array<float>& rounded, const Array<double>& exact) {
    for (std::size_t i = 0; i < exact.size(); ++i) {
      const float y = rounded.data()[i];
      if (std::abs(y) >= Floats::min() && std::abs(y) <= Floats::max()) continue;
      if (std::isnan(y)) ++report_.undefined;
      if (std::isinf(y) && std::isfinite(exact.data()[i])) ++report_.overflows;
      if (std::abs(y) < Floats::min() && exact.data()[i] != 0) ++report_.underflows;
    }
  }

  // sum over i of |J_ij dy_i|.
  static Array<double> size_of_vjp(Judged& op, std::size_t argument, const Array<double>& dy,
                                   const Shape& shape) {
    if (op.absolute) {
      if (op.sizes_of_vjps.empty()) {
        Tape<double> own;
        std::vector<Variable<double>> xs;
        for (const Input& input : op.inputs) xs.push_back(own.leaf(input.x));
        const Variable<double> y = op.absolute(xs);
        const auto gradients = own.gradient(y, {.seed = sizes(dy), .unreached = zeros});
        const bool overflows = !std::all_of(y.value().begin(), y.value().end(),
                                            [](double yi) { return std::abs(yi) <= Floats::max(); });
        for (const auto& x : xs)
          op.sizes_of_vjps.push_back(overflows ? Array<double>::full(x.shape(), INFINITY)
                                               : sizes(gradients[x]));
      }
      return op.sizes_of_vjps[argument];
    }
    switch (op.op.kind()) {
      case OpKind::activation:  // 1 - y^2 and the like: as accurate as 1 beside it
      case OpKind::loss:        // differences of probabilities
        return sizes(dy);
      case OpKind::elementwise:
      case OpKind::scaling:
      case OpKind::addition:  // what a broadcast adds up, apart
        if (op.inputs[argument].vjp->adds_in_place()) return {};
        return kernels::sum_to(sizes(vjp_of(op, argument, dy, op.y.shape(), op.y.shape())), shape);
      default:  // elements are moved, and added up
        return sizes(vjp_of(op, argument, sizes(dy), shape, op.y.shape()));
    }
  }

  // The contribution to the gradient of an argument; before a broadcast to `shape` is undone.
  static Array<double> vjp_of(const Judged& op, std::size_t argument, const Array<double>& dy,
                              const Shape& shape, const Shape& of_y) {
    GradientSum<double> sum;
    VjpTarget<double> target(sum, op.op.name(), static_cast<unsigned>(argument), shape, of_y);
    op.inputs[argument].vjp->run(dy, target);
    return sum.take_dense(shape);
  }

  static double bound(const Judged& op) {
    std::size_t longest = 1;
    for (const Input& input : op.inputs)
      for (const std::size_t n : input.x.shape()) longest = std::max(longest, n);
    if (op.op == ops::prod)
      return std::max(8.0, static_cast<double>(op.inputs[0].x.size()) / static_cast<double>(op.y.size()));
    const bool product = op.op.kind() == OpKind::product || op.op == ops::affine_cross_entropy;
    return product ? std::max(8.0, std::sqrt(static_cast<double>(longest))) : 8;
  }

  // |rounded - exact| in units of epsilon times |exact|, or `size` if that is more. A sum may overflow on the
  // way where its terms' absolute values do.
  static double error(float rounded, double exact, double size) {
    const bool overflows = !std::isfinite(rounded) && !(size <= Floats::max());
    if (std::isnan(exact)) return std::isnan(rounded) || overflows ? 0 : INFINITY;
    const auto nearest = static_cast<float>(exact);  // infinite beyond float's range
    if (rounded == nearest) return 0;
    if (overflows) return 0;
    if (std::isnan(rounded)) return INFINITY;
    if (std::isinf(rounded) || std::isinf(nearest)) {
      const double largest = std::abs(exact) * (1 + 8 * Floats::epsilon());  // about the end of the range
      return largest >= Floats::max() && (exact > 0) == (rounded > 0) ? 0 : INFINITY;
    }
    return std::abs(static_cast<double>(rounded) - exact) / unit(exact, size);
  }
  static double unit(double exact, double size) {
    constexpr double least = Floats::min();
    return Floats::epsilon() * std::max(std::max(std::abs(exact), least), size);
  }

  // `size()` is asked only where |exact| itself does not excuse the error; an empty array stands for that.
  template <class Size>
  void judge(const Judged& op, std::uint32_t node, std::optional<std::size_t> argument,
             const Array<float>& rounded, const Array<double>& exact, const Size& size) {
    RoundedOp worst{.op = op.op.name(),
                    .instance = op.instance,
                    .time_step = op.time_step,
                    .argument = argument,
                    .path = argument ? op.inputs[*argument].path : "",
                    .shape = exact.shape(),
                    .bound = bound(op)};
    const auto look = [&](const double* against) {
      worst.error = 0;
      double most = 0.5;  // units: a correct rounding, or the worst so far
      for (std::size_t i = 0; i < exact.size(); ++i) {
        const double e = exact.data()[i], s = against == nullptr ? 0 : against[i];
        if (std::abs(static_cast<double>(rounded.data()[i]) - e) < most * unit(e, s)) continue;
        const double found_here = error(rounded.data()[i], e, s);
        if (!(found_here > worst.error)) continue;
        worst.error = found_here;
        worst.index = i;
        most = std::max(most, found_here);
      }
    };
    look(nullptr);
    if (worst.error > worst.bound)
      if (const Array<double> sizes_of = size(); sizes_of.shape() == exact.shape()) look(sizes_of.data());
    if (exact.size() == 0) return;
    worst.rounded = static_cast<double>(rounded.data()[worst.index]);
    worst.exact = exact.data()[worst.index];
    for (auto& [of, known] : found)
      if (known.op == worst.op && known.argument == worst.argument) {
        if (worst.error > known.error) std::tie(of, known) = std::tuple(node, worst);
        return;
      }
    found.emplace_back(node, worst);
  }

  const FloatRun& run_;
  RoundingReport& report_;
  std::size_t values_ = 0, gradients_ = 0, contributions_ = 0;
  Absolute absolute_;
  std::map<std::uint32_t, Judged> judged_;
};

// How many decimal digits of the largest elements are right; about 7.2 at most.
double digits(const Array<double>& rounded, const Array<double>& exact) {
  double difference = 0, largest = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    const double d = std::abs(rounded.data()[i] - exact.data()[i]);
    if (!(d <= difference)) difference = d;
    largest = std::max(largest, std::abs(exact.data()[i]));
  }
  if (std::isnan(difference)) return 0;
  return std::clamp(-std::log10(difference / std::max(largest, static_cast<double>(Floats::min()))), 0.0,
                    -std::log10(static_cast<double>(Floats::epsilon()) / 2));
}

// The value of f and the gradient of <u, f>, with every fast path on.
template <class T>
std::pair<Array<double>, Values> plain(const ParameterFunction<T>& f, const Values& values,
                                       const Array<double>& u) {
  Tape<T> tape;
  const Parameters<T> p(values);
  const Variable<T> y = f(p);
  const auto gradients = tape.gradient(y, {.seed = u.template cast<T>(), .unreached = zeros});
  std::pair<Array<double>, Values> result(y.value().template cast<double>(), {});
  for (const auto& x : p.list())
    result.second.emplace(x.parameter()->path, gradients[x].template cast<double>());
  return result;
}

}  // namespace

RoundingReport detail::rounding(const ParameterFunction<float>& f, const ParameterFunction<double>& f_double,
                                const RoundingOptions& options) {
  Values values;  // rounded to float
  Array<double> u;
  {
    const Inference pause;
    const Parameters<double> p(options.values.by_path, options.seed);
    const Shape shape = f_double(p).shape();
    if (p.list().empty()) throw Error("rounding", "the function declares no parameter and no input");
    for (const auto& [path, value] : p.values()) values.emplace(path, value.cast<float>().cast<double>());
    Random random(options.seed + 1);
    u = shape.size() == 1 ? Array<double>::full(shape, 1)
                          : random_direction(shape, random).cast<float>().cast<double>();
  }

  RoundingReport report;
  FloatRun run;
  {
    Tape<float> tape(run);
    run.tape = &tape;
    tape.gradient(f(Parameters<float>(values)), {.seed = u.cast<float>(), .unreached = zeros});
  }
  Judge judge(run, report);
  {
    Tape<double> tape(judge);
    judge.tape = &tape;
    tape.gradient(f_double(Parameters<double>(values)), {.seed = u, .unreached = zeros});
    const auto nodes = tape.nodes();
    for (auto& [node, op] : judge.found) {
      if (node != no_node) op.scope = nodes[node].scope;
      report.worst.push_back(op);
    }
  }
  std::stable_sort(report.worst.begin(), report.worst.end(), [](const RoundedOp& a, const RoundedOp& b) {
    return a.error / a.bound > b.error / b.bound;
  });

  const auto [y, gradients] = plain(f, values, u);
  const auto [exact_y, exact_gradients] = plain(f_double, values, u);
  report.value_digits = digits(y, exact_y);
  for (const auto& [path, g] : exact_gradients) report.gradient_digits[path] = digits(gradients.at(path), g);
  return report;
}

std::string to_string(const RoundingReport& r) {
  std::string text =
      fmt::format("{} ops in float beside double: the value has {:.1f} digits", r.ops, r.value_digits);
  if (!r.gradient_digits.empty()) {
    const auto by_digits = [](const auto& a, const auto& b) { return a.second < b.second; };
    const auto [least, most] =
        std::minmax_element(r.gradient_digits.begin(), r.gradient_digits.end(), by_digits);
    text += fmt::format(", the gradients {:.1f} ('{}') to {:.1f}", least->second, least->first, most->second);
  }
  text += fmt::format("\n{} elements overflow, {} underflow, {} are NaN\n", r.overflows, r.underflows,
                      r.undefined);
  text += fmt::format("{:>10} {:>8}  {}\n", "error, eps", "bound", "of");
  constexpr std::size_t most = 10;
  for (std::size_t k = 0; k < std::min(most, r.worst.size()); ++k) {
    const RoundedOp& op = r.worst[k];
    text += fmt::format("{:>10.3g} {:>8.3g}  ", op.error, op.bound);
    text += (op.argument ? "the vjp of " : "") + op.op;
    if (op.argument) text += fmt::format(", argument {}", *op.argument);
    if (!op.path.empty()) text += fmt::format(" '{}'", op.path);
    if (!op.scope.empty()) text += fmt::format(", in '{}'", op.scope);
    if (op.time_step) text += fmt::format(", time step {}", *op.time_step);
    text += fmt::format(", op {}: {:.9g} at {} of shape {}, in double {:.9g}\n", op.instance, op.rounded,
                        index_of(op.index, op.shape), to_string(op.shape), op.exact);
  }
  return text;
}

std::ostream& operator<<(std::ostream& out, const RoundingReport& report) { return out << to_string(report); }

}  // namespace xgrad
