// The rule of Adam and AdamW; see adam.hpp. Start with `update`; the rest is about rows that missed many
// steps.
#include <xgrad/training/adam.hpp>

#include <limits>

#include <xgrad/training/update/linear_map.hpp>

namespace xgrad {

namespace {

using detail::Idle;
using detail::Instant;
using detail::Numbers;

template <class T>
class AdamRule final : public detail::Rule<T> {
 public:
  explicit AdamRule(const AdamOptions& options) : AdamRule("adam", options, false) {}
  explicit AdamRule(const AdamWOptions& o)
      : AdamRule("adamw", AdamOptions{o.beta1, o.beta2, o.epsilon, o.weight_decay}, true) {}

  AdamRule(const char* name, const AdamOptions& options, bool decoupled)
      : detail::Rule<T>(name, Idle::weights), options_(options), decoupled_(decoupled) {
    this->add_slot("mean");
    this->add_slot("root");
    const auto check = this->check();
    check.fraction("beta1", options.beta1);
    check.fraction("beta2", options.beta2);
    check.positive("epsilon", options.epsilon);
    check.not_negative("weight_decay", options.weight_decay);
  }

  void update(const Numbers<T>& x, const T* g, const Instant& at) const override {
    const auto t = static_cast<double>(at.step);
    const auto as = [](double factor) { return static_cast<T>(factor); };
    // rate m / (s / root + epsilon), the bias of s taken out, is rate root m / (s + epsilon root).
    const double root = std::sqrt(1 - std::pow(options_.beta2, t));
    const updates::Adam<T> rule{as(at.rate * root / (1 - std::pow(options_.beta1, t))),
                                as(decoupled_ ? 0 : options_.weight_decay),
                                as(options_.beta1),
                                as(1 - options_.beta1),
                                as(options_.beta2),
                                as(1 - options_.beta2),
                                as(options_.epsilon * root),
                                as(kept_in(at))};
    kernels::update(rule, x.w, x.slots, g, x.n);
  }

  // Step by step, until the means are too small to move anything; from then on they, and the weights, only
  // shrink.
  void skip(const Numbers<T>& x, std::span<const Instant> missed) const override {
    if (options_.weight_decay > 0 && !decoupled_) return detail::Rule<T>::skip(x, missed);
    constexpr std::size_t stretch = 16;  // steps from look to look
    while (!missed.empty() && !settled(x, missed)) {
      const std::size_t count = std::min(stretch, missed.size());
      detail::Rule<T>::skip(x, missed.first(count));
      missed = missed.subspan(count);
    }
    if (missed.empty()) return;
    const auto count = static_cast<double>(missed.size());
    detail::scale(x.slots[0], x.n, std::pow(options_.beta1, count));
    detail::scale(x.slots[1], x.n, std::pow(options_.beta2, count / 2));
    double kept = 1;
    for (const Instant& at : missed) kept *= kept_in(at);
    if (kept != 1) detail::scale(x.w, x.n, kept);
  }

 private:
  // The factor of the weights in AdamW's decay.
  double kept_in(const Instant& at) const { return decoupled_ ? 1 - at.rate * options_.weight_decay : 1; }

  // Whether all that the means will move in the steps ahead is below the rounding of the weights. The
  // movement k steps ahead is at most rate beta1^k m / (sqrt(beta2^k) s + epsilon), up to the corrections of
  // the bias, so it shrinks by q = beta1 / sqrt(beta2) per step, relative to weights that shrink themselves.
  bool settled(const Numbers<T>& x, std::span<const Instant> ahead) const {
    double rate = 0, kept = 1;
    for (const Instant& at : ahead) {
      rate = std::max(rate, at.rate);
      kept = std::min(kept, kept_in(at));
    }
    const double q = options_.beta1 / std::sqrt(options_.beta2) / kept;
    if (!(q < 1) || !(kept > 0)) return false;
    const double correction = 1 - std::pow(options_.beta1, static_cast<double>(ahead[0].step));
    const T most = static_cast<T>(rate / correction * q / (1 - q)),
            epsilon = static_cast<T>(options_.epsilon), rounding = std::numeric_limits<T>::epsilon() / 4;
    for (std::size_t i = 0; i < x.n; ++i) {
      const T moved = most * (std::abs(x.slots[0][i]) / (x.slots[1][i] + epsilon));
      if (!(moved <= rounding * std::abs(x.w[i]))) return false;
    }
    return true;
  }

  AdamOptions options_;
  bool decoupled_;
};

}  // namespace

template <class T>
Adam<T>::Adam(Parameters<T> parameters, double rate, const AdamOptions& options)
    : RatedOptimizer<T>(std::move(parameters), rate, options.sparse, detail::decaying<AdamRule<T>>(options),
                        options.by_parameter) {}

template <class T>
AdamW<T>::AdamW(Parameters<T> parameters, double rate, const AdamWOptions& o)
    : RatedOptimizer<T>(std::move(parameters), rate, o.sparse, detail::decaying<AdamRule<T>>(o),
                        o.by_parameter) {}

XGRAD_INSTANTIATE_REAL_CLASS(Adam);
XGRAD_INSTANTIATE_REAL_CLASS(AdamW);

}  // namespace xgrad
