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
    using B = xsimd::batch<T>;
    const B rate(static_cast<T>(at.rate)), decay(static_cast<T>(options_.weight_decay)),
        alpha(static_cast<T>(options_.alpha)), intake(static_cast<T>(1 - options_.alpha)),
        momentum(static_cast<T>(options_.momentum)), epsilon(static_cast<T>(options_.epsilon)), zero(0);
    const bool decays = options_.weight_decay > 0;
    T* const squares = x.slots[0];
    T* const velocity = this->velocity(x);
    T* const mean = this->mean(x);
    kernels::for_each_pack<T>(x.n, [&](const auto& pack) {
      const B w = pack.load(x.w);
      B d = pack.load(g);
      if (decays) d += decay * w;
      B r = alpha * pack.load(squares) + intake * d * d;
      pack.store(squares, r);
      if (mean != nullptr) {
        const B m = alpha * pack.load(mean) + intake * d;
        pack.store(mean, m);
        r = kernels::larger(zero, r - m * m);  // which rounding may have made negative
      }
      B u = scalar::divide(d, scalar::sqrt(r) + epsilon);
      if (velocity != nullptr) {
        u += momentum * pack.load(velocity);
        pack.store(velocity, u);
      }
      pack.store(x.w, w - rate * u);
    });
  }

  void skip(const Numbers<T>& x, std::span<const Instant> missed) const override {
    if (options_.weight_decay > 0) return detail::Rule<T>::skip(x, missed);
    const double shrunk = std::pow(options_.alpha, static_cast<double>(missed.size()));
    detail::scale(x.slots[0], x.n, shrunk);
    if (options_.centered) detail::scale(mean(x), x.n, shrunk);
    if (options_.momentum > 0)
      detail::LinearMap::of(missed, [this](double& w, double& v, const Instant& at) {
        v *= options_.momentum;
        w -= at.rate * v;
      }).apply(x.w, velocity(x), x.n);
  }

 private:
  T* velocity(const Numbers<T>& x) const { return options_.momentum > 0 ? x.slots[1] : nullptr; }
  T* mean(const Numbers<T>& x) const {
    return options_.centered ? x.slots[options_.momentum > 0 ? 2 : 1] : nullptr;
  }

  RmspropOptions options_;
};

}  // namespace

template <class T>
Rmsprop<T>::Rmsprop(Parameters<T> parameters, double rate, const RmspropOptions& options)
    : RatedOptimizer<T>(std::move(parameters), rate, options.sparse,
                        std::make_unique<RmspropRule<T>>(options)) {}

XGRAD_INSTANTIATE_REAL_CLASS(Rmsprop);

}  // namespace xgrad
