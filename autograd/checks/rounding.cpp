// The two runs under watchers, and the verdict on each op; see rounding.hpp. Start with detail::rounding, at
// the end.
#include <xgrad/autograd/rounding.hpp>

#include <algorithm>
#include <array>
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

template <class T>
Array<T> sizes(const Array<T>& x) {
  return kernels::filled<T>(
      x.shape(), [&](T* out) { std::transform(x.begin(), x.end(), out, [](T xi) { return std::abs(xi); }); });
}

// All that the ops of a run in float made, in the order in which a run in double asks for it.
struct FloatRun final : Watcher<float> {
  struct Value {
    Op op;
    Array<float> y;
    std::vector<Array<float>> inputs;
    Absolute absolute;
  };
  std::vector<Value> values;
  std::vector<Array<float>> gradients, contributions;

  void sums(Absolute of_next) override { absolute = std::move(of_next); }

  Array<float> value(const Op& op, std::uint32_t, const Array<float>& y,
                     std::span<const WatchedInput<float>> inputs) override {
    values.push_back({op, y, {}, std::exchange(absolute, {})});
    for (const auto& input : inputs) values.back().inputs.push_back(input.x.value());
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
  Absolute absolute;
};

// Runs beside it in double, on its values and gradients, and judges each op.
class Judge final : public Watcher<double> {
 public:
  Judge(const FloatRun& run, RoundingReport& report) : run_(run), report_(report) {}

  Tape<double>* tape = nullptr;
  std::vector<std::tuple<std::uint32_t, RoundedOp>> found;  // with the node of the op

  Array<double> value(const Op& op, std::uint32_t node, const Array<double>& y,
                      std::span<const WatchedInput<double>> inputs) override {
    if (values_ == run_.values.size() || run_.values[values_].y.shape() != y.shape() ||
        std::string_view(run_.values[values_].op.name()) != op.name())
      throw Error("rounding", fmt::format("op {} of the run in double, {} of shape {}, is another in float",
                                          values_ + 1, op.name(), to_string(y.shape())));
    const FloatRun::Value& rounded = run_.values[values_++];
    Judged judged{op, values_, TimeStep::current(), y, {}, rounded};
    for (const auto& input : inputs) judged.inputs.push_back({input.x.value(), input.vjp, path_of(input.x)});
    count(rounded.y, y);
    ++report_.ops;
    if (node == no_node)
      judge_value(judged, node);
    else if (rounded.absolute)
      judged_.emplace(node, std::move(judged));  // its value in the sweep, which finds the sizes of all
    else
      judge_value(judged_.emplace(node, std::move(judged)).first->second, node);
    return rounded.y.cast<double>();
  }

  Gradient<double> gradient(std::uint32_t node, Gradient<double> dy, bool leaf) override {
    if (leaf) return dy;
    return next(run_.gradients, gradients_, tape->graph().nodes[node].shape).cast<double>();
  }

  void contribution(std::uint32_t output, std::uint32_t input, std::uint32_t argument,
                    const Array<double>& dy, const GradientSum<double>& dx) override {
    Judged& op = judged_.at(output);
    const Shape& shape = tape->graph().nodes[input].shape;
    if (op.rounded.absolute && op.sizes_of_vjps.empty()) judge_value(op, output, &dy);
    judge(op, output, argument, next(run_.contributions, contributions_, shape), dense(dx, shape),
          [&] { return size_of_vjp(op, argument, dy, shape); });
  }
  void done(std::uint32_t node, bool) override {
    const auto op = judged_.find(node);
    if (op == judged_.end()) return;
    if (!op->second.value_judged) judge_value(op->second, node);
    judged_.erase(op);
  }
  // Those that the sweep did not come to.
  void rest() {
    for (auto& [node, op] : judged_)
      if (!op.value_judged) judge_value(op, node);
  }

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
    const FloatRun::Value& rounded;
    bool value_judged = false;
    std::vector<Array<float>> sizes_of_vjps{};  // by argument, of an op that adds
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

  // Of an op that adds, against what it adds, in float, which is enough for a size; with dy also the sizes of
  // its vjps.
  void judge_value(Judged& op, std::uint32_t node, const Array<double>* dy = nullptr) {
    op.value_judged = true;
    const auto against = [&](const Array<float>& size) {
      judge(op, node, std::nullopt, op.rounded.y, op.y, [&] { return size; });
    };
    if (!op.rounded.absolute) return against({});
    const auto checked = [&](const Array<float>& size) {
      if (size.shape() != op.y.shape())
        throw Error("rounding",
                    fmt::format("what `summing` makes of {} has shape {}, expected that of its value, {}",
                                op.op.name(), to_string(size.shape()), to_string(op.y.shape())));
      return size;
    };
    if (dy == nullptr) {
      const Inference pause;
      const std::vector<Variable<float>> xs(op.rounded.inputs.begin(), op.rounded.inputs.end());
      return against(checked(sizes(op.rounded.absolute(xs).value())));
    }
    Tape<float> own;
    std::vector<Variable<float>> xs;
    for (const Array<float>& x : op.rounded.inputs) xs.push_back(own.leaf(x));
    const Variable<float> y = op.rounded.absolute(xs);
    const Array<float> size = checked(sizes(y.value()));
    const auto gradients = own.gradient(y, {.seed = sizes(*dy).cast<float>(), .unreached = zeros});
    for (const auto& x : xs) op.sizes_of_vjps.push_back(gradients[x]);
    against(size);
  }

  // sum over i of |J_ij dy_i|
  static Array<float> size_of_vjp(const Judged& op, std::size_t argument, const Array<double>& dy,
                                  const Shape& shape) {
    if (op.rounded.absolute) return op.sizes_of_vjps[argument];
    switch (op.op.kind()) {
      case OpKind::activation:  // 1 - y^2 and the like: as accurate as 1 beside it
      case OpKind::loss:        // differences of probabilities
        return sizes(dy).cast<float>();
      case OpKind::elementwise:
      case OpKind::scaling:
      case OpKind::addition:  // what a broadcast adds up, apart
        if (op.inputs[argument].vjp->adds_in_place()) return {};
        return kernels::sum_to(sizes(vjp_of(op, argument, dy, op.y.shape(), op.y.shape())), shape)
            .cast<float>();
      default:  // elements are moved, and added up
        return sizes(vjp_of(op, argument, sizes(dy), shape, op.y.shape())).cast<float>();
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

  // Of a product, sqrt K of the K terms that its value adds, or those of the longest axis for a vjp.
  static double bound(const Judged& op, bool value) {
    const auto size = [&](std::size_t input) { return static_cast<double>(op.inputs[input].x.size()); };
    if (op.op == ops::prod) return std::max(8.0, size(0) / static_cast<double>(op.y.size()));
    double K = 1;
    if (op.op.kind() == OpKind::product && value) {  // of x: (N, K) and W: (K, M), size(x) size(W) = K^2 N M
      for (std::size_t i = 0; i + 1 < op.inputs.size(); i += 2)
        K = std::max(K, std::sqrt(size(i) * size(i + 1) / static_cast<double>(op.y.size())));
    } else if (op.op.kind() == OpKind::product || op.op == ops::affine_cross_entropy) {
      for (const Input& input : op.inputs)
        for (const std::size_t n : input.x.shape()) K = std::max(K, static_cast<double>(n));
    }
    return std::max(8.0, std::sqrt(K));
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
      const double size_of_both = std::min(std::abs(exact), std::abs(static_cast<double>(rounded)));
      const bool at_the_end = size_of_both * (1 + 8 * Floats::epsilon()) >= Floats::max();  // of the range
      return at_the_end && (exact > 0) == (rounded > 0) ? 0 : INFINITY;
    }
    return std::abs(static_cast<double>(rounded) - exact) / unit(exact, size);
  }
  static double unit(double exact, double size) {
    constexpr double least = Floats::min();
    const double y = std::abs(exact), larger = size > y ? size : y;
    return Floats::epsilon() * (larger > least ? larger : least);
  }

  // `size()` is asked of an op that adds, and where |exact| itself does not excuse the error; an empty array
  // stands for that.
  template <class Size>
  void judge(const Judged& op, std::uint32_t node, std::optional<std::size_t> argument,
             const Array<float>& rounded, const Array<double>& exact, const Size& size) {
    RoundedOp worst{.op = op.op.name(),
                    .instance = op.instance,
                    .time_step = op.time_step,
                    .argument = argument,
                    .path = argument ? op.inputs[*argument].path : "",
                    .shape = exact.shape(),
                    .bound = bound(op, !argument)};
    const auto known = std::find_if(found.begin(), found.end(), [&](const auto& entry) {
      return std::get<1>(entry).op == worst.op && std::get<1>(entry).argument == argument;
    });
    const double so_far =
        known == found.end() ? -1 : std::get<1>(*known).error / std::get<1>(*known).bound * worst.bound;
    const float* const r = rounded.data();
    const double* const e = exact.data();
    const auto look = [&](auto size_of) {
      worst.error = 0;
      double most = std::max(0.5, so_far);  // units: a correct rounding, or the worst so far
      constexpr std::size_t some = 64;      // which are looked at together, as all are within, mostly
      for (std::size_t first = 0; first < exact.size(); first += some) {
        const std::size_t last = std::min(first + some, exact.size());
        const double limit = most;
        std::array<double, some> beyond;
        for (std::size_t i = first; i < last; ++i)
          beyond[i - first] = std::abs(static_cast<double>(r[i]) - e[i]) - limit * unit(e[i], size_of(i));
        std::size_t within = 0;  // where it is NaN, it is not
        for (std::size_t i = 0; i < last - first; ++i) within += beyond[i] < 0 ? 1 : 0;
        if (within == last - first) continue;
        for (std::size_t i = first; i < last; ++i) {
          if (beyond[i - first] < 0) continue;
          const double of_i = error(r[i], e[i], size_of(i));
          if (!(of_i > worst.error)) continue;
          worst.error = of_i;
          worst.index = i;
          most = std::max(most, of_i);
        }
      }
    };
    if (!op.rounded.absolute) look([](std::size_t) { return 0.0; });
    if (op.rounded.absolute || worst.error > worst.bound)
      if (const Array<float> sizes_of = size(); sizes_of.shape() == exact.shape())
        look([s = sizes_of.data()](std::size_t i) { return static_cast<double>(s[i]); });
    if (exact.size() == 0 || worst.error <= so_far) return;
    worst.rounded = static_cast<double>(r[worst.index]);
    worst.exact = e[worst.index];
    if (known == found.end())
      found.emplace_back(node, std::move(worst));
    else
      *known = {node, std::move(worst)};
  }

  const FloatRun& run_;
  RoundingReport& report_;
  std::size_t values_ = 0, gradients_ = 0, contributions_ = 0;
  std::map<std::uint32_t, Judged> judged_;
};

// How many decimal digits of the largest elements are right; about 7.2 at most.
double digits(const Array<float>& rounded, const Array<double>& exact) {
  double difference = 0, largest = 0;
  std::size_t undefined = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    const double x = static_cast<double>(rounded.data()[i]), e = exact.data()[i],
                 d = x == e ? 0 : std::abs(x - e);
    if (d > difference) difference = d;
    if (std::abs(e) > largest) largest = std::abs(e);
    undefined += d < INFINITY ? 0 : 1;
  }
  if (undefined > 0) return 0;
  return std::clamp(-std::log10(difference / std::max(largest, static_cast<double>(Floats::min()))), 0.0,
                    -std::log10(static_cast<double>(Floats::epsilon()) / 2));
}

// The value of f and the gradient of <u, f>, with every fast path on.
template <class T>
std::pair<Array<T>, std::map<std::string, Array<T>>> plain(const ParameterFunction<T>& f,
                                                           const Values& values, const Array<double>& u) {
  Tape<T> tape;
  const Parameters<T> p(values);
  const Variable<T> y = f(p);
  const auto gradients = tape.gradient(y, {.seed = u.template cast<T>(), .unreached = zeros});
  std::pair<Array<T>, std::map<std::string, Array<T>>> result(y.value(), {});
  for (const auto& x : p.list()) result.second.emplace(x.parameter()->path, gradients[x]);
  return result;
}

}  // namespace

RoundingReport detail::rounding(const ParameterFunction<float>& f, const ParameterFunction<double>& f_double,
                                const RoundingOptions& options) {
  Values values;  // floats
  Array<double> u;
  RoundingReport report;
  FloatRun run;
  {
    Tape<float> tape(run);
    run.tape = &tape;
    const Parameters<float> p(options.values.by_path, options.seed);
    const Variable<float> y = f(p);
    if (p.list().empty()) throw Error("rounding", "the function declares no parameter and no input");
    values = p.values();
    Random random(options.seed + 1);
    u = y.size() == 1 ? Array<double>::full(y.shape(), 1)
                      : random_direction(y.shape(), random).cast<float>().cast<double>();
    tape.gradient(y, {.seed = u.cast<float>(), .unreached = zeros});
  }
  Judge judge(run, report);
  {
    Tape<double> tape(judge);
    judge.tape = &tape;
    tape.gradient(f_double(Parameters<double>(values)), {.seed = u, .unreached = zeros});
    judge.rest();
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
