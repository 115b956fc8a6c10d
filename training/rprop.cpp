// Both rules of signs; see rprop.hpp.
#include <xgrad/training/rprop.hpp>

#include <xgrad/autograd/numbers/update.hpp>
#include <xgrad/training/update/rule.hpp>

namespace xgrad {

namespace {

template <class T>
class RpropRule final : public detail::Rule<T> {
 public:
  explicit RpropRule(const RpropOptions& options)
      : detail::Rule<T>("rprop", detail::Idle::memory), options_(options) {
    this->add_slot("step", options.initial);
    this->add_slot("sign");
    const auto check = this->check();
    check(options.increase >= 1 && std::isfinite(options.increase), "increase", "a number >= 1",
          options.increase);
    check(options.decrease > 0 && options.decrease < 1, "decrease", "a number in (0, 1)", options.decrease);
    check(options.min_step >= 0, "min_step", "a number >= 0", options.min_step);
    check(options.max_step > 0 && options.max_step >= options.min_step, "max_step",
          "a positive number >= min_step", options.max_step);
    check.positive("initial", options.initial);
  }

  void update(const detail::Numbers<T>& x, const T* g, const detail::Instant&) const override {
    kernels::update(rule(options_.increase), x.w, x.slots, g, x.n);
  }

  // The sign becomes 0; from then on it repeats.
  void skip(const detail::Numbers<T>& x, std::span<const detail::Instant> missed) const override {
    kernels::update(rule(options_.increase), x.w, x.slots, {}, x.n);
    const double repeated = std::pow(options_.increase, static_cast<double>(missed.size() - 1));
    if (missed.size() > 1 && !options_.classical) kernels::update(rule(repeated), x.w, x.slots, {}, x.n);
  }

 private:
  updates::Rprop<T> rule(double increase) const {
    const auto as = [](double factor) { return static_cast<T>(factor); };
    return {as(increase), as(options_.decrease), as(options_.min_step), as(options_.max_step),
            options_.classical};
  }

  RpropOptions options_;
};

}  // namespace

template <class T>
Rprop<T>::Rprop(Parameters<T> parameters, const RpropOptions& options)
    : Optimizer<T>(std::move(parameters), 1, options.sparse,
                   [options](double) { return std::make_unique<RpropRule<T>>(options); }) {}

XGRAD_INSTANTIATE_REAL_CLASS(Rprop);

}  // namespace xgrad
