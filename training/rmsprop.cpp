// The rule of RMSProp; see rmsprop.hpp.
#include <xgrad/training/rmsprop.hpp>

#include <xgrad/training/update/linear_map.hpp>

namespace xgrad {

namespace {

using detail::Idle;
using detail::Instant;
using detail::Numbers;

template <class T>
class RmspropRule final : public detail::Rule<T> {
 public:
  explicit RmspropRule(const RmspropOptions& options)
      : detail::Rule<T>("rmsprop",
                        options.momentum > 0 || options.weight_decay > 0 ? Idle::weights : Idle::memory),
        options_(options) {
    this->add_slot("root");
    if (options.centered) this->add_slot("gradient"), this->add_slot("deviation");
    if (options.momentum > 0) this->add_slot("velocity");
    const auto check = this->check();
    check.fraction("alpha", options.alpha);
    check.fraction("momentum", options.momentum);
    check.positive("epsilon", options.epsilon);
    check.not_negative("weight_decay", options.weight_decay);
  }

  void update(const Numbers<T>& x, const T* g, const Instant& at) const override {
    const auto as = [](double factor) { return static_cast<T>(factor); };
    const updates::Rmsprop<T> rule{
        as(at.rate),           as(options_.weight_decay), as(options_.alpha), as(1 - options_.alpha),
        as(options_.momentum), as(options_.epsilon),      options_.centered};
    kernels::update(rule, x.w, x.slots, g, x.n);
  }

  void skip(const Numbers<T>& x, std::span<const Instant> missed) const override {
    if (options_.weight_decay > 0) return detail::Rule<T>::skip(x, missed);
    // n steps with a gradient of 0 change the means as one does with alpha^n in the place of alpha. That one
    // is to leave velocity and weight as they are.
    const auto as = [](double factor) { return static_cast<T>(factor); };
    const double alpha = std::pow(options_.alpha, static_cast<double>(missed.size()));
    const T momentum = options_.momentum > 0 ? 1 : 0;
    const updates::Rmsprop<T> means{
        0, 0, as(alpha), as(1 - alpha), momentum, as(options_.epsilon), options_.centered};
    kernels::update(means, x.w, x.slots, {}, x.n);
    if (options_.momentum > 0)
      detail::LinearMap::of(missed, [this](double& w, double& v, const Instant& at) {
        v *= options_.momentum;
        w -= at.rate * v;
      }).apply(Numbers<T>{x.w, {x.slots[options_.centered ? 3 : 1]}, x.n});
  }

 private:
  RmspropOptions options_;
};

}  // namespace

template <class T>
Rmsprop<T>::Rmsprop(Parameters<T> parameters, double rate, const RmspropOptions& options)
    : RatedOptimizer<T>(std::move(parameters), rate, options.sparse,
                        detail::decaying<RmspropRule<T>>(options), options.by_parameter) {}

XGRAD_INSTANTIATE_REAL_CLASS(Rmsprop);

}  // namespace xgrad
