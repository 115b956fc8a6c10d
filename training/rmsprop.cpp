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
    this->add_slot("squares");
    if (options.momentum > 0) this->add_slot("velocity");
    if (options.centered) this->add_slot("mean");
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
    const double shrunk = std::pow(options_.alpha, static_cast<double>(missed.size()));
    detail::scale(x.slots[0], x.n, shrunk);
    if (options_.centered) detail::scale(x.slots[options_.momentum > 0 ? 2 : 1], x.n, shrunk);
    if (options_.momentum > 0)
      detail::LinearMap::of(missed, [this](double& w, double& v, const Instant& at) {
        v *= options_.momentum;
        w -= at.rate * v;
      }).apply(Numbers<T>{x.w, {x.slots[1]}, x.n});
  }

 private:
  RmspropOptions options_;
};

}  // namespace

template <class T>
Rmsprop<T>::Rmsprop(Parameters<T> parameters, double rate, const RmspropOptions& options)
    : RatedOptimizer<T>(std::move(parameters), rate, options.sparse,
                        std::make_unique<RmspropRule<T>>(options)) {}

XGRAD_INSTANTIATE_REAL_CLASS(Rmsprop);

}  // namespace xgrad
