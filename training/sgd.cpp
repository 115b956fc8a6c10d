// The rule of gradient descent; see sgd.hpp.
#include <xgrad/training/sgd.hpp>

#include <xgrad/training/update/linear_map.hpp>

namespace xgrad {

namespace {

using detail::Idle;
using detail::Instant;
using detail::Numbers;

template <class T>
class SgdRule final : public detail::Rule<T> {
 public:
  explicit SgdRule(const SgdOptions& options)
      : detail::Rule<T>("sgd",
                        options.momentum > 0 || options.weight_decay > 0 ? Idle::weights : Idle::nothing),
        options_(options) {
    if (options.momentum > 0) this->add_slot("velocity");
    const auto check = this->check();
    check.fraction("momentum", options.momentum);
    check(options.dampening >= 0 && options.dampening <= 1, "dampening", "a number in [0, 1]",
          options.dampening);
    check.not_negative("weight_decay", options.weight_decay);
    check(!options.nesterov || options.momentum > 0, "momentum", "a positive number with nesterov",
          options.momentum);
    check(!options.nesterov || options.dampening == 0, "dampening", "0 with nesterov", options.dampening);
  }

  void update(const Numbers<T>& x, const T* g, const Instant& at) const override {
    const auto as = [](double factor) { return static_cast<T>(factor); };
    const updates::Sgd<T> rule{as(at.rate), as(options_.weight_decay), as(options_.momentum),
                               as(intake_at(at)), options_.nesterov};
    kernels::update(rule, x.w, x.slots, g, x.n);
  }

  void skip(const Numbers<T>& x, std::span<const Instant> missed) const override {
    const auto map = detail::LinearMap::of(missed, [this](double& w, double& v, const Instant& at) {
      double d = options_.weight_decay * w;
      if (options_.momentum > 0) {
        v = options_.momentum * v + intake_at(at) * d;
        d = options_.nesterov ? d + options_.momentum * v : v;
      }
      w -= at.rate * d;
    });
    if (x.slots[0] == nullptr)
      detail::scale(x.w, x.n, map.ww);
    else
      map.apply(x);
  }

 private:
  double intake_at(const Instant& at) const { return at.step == 1 ? 1 : 1 - options_.dampening; }

  SgdOptions options_;
};

}  // namespace

template <class T>
Sgd<T>::Sgd(Parameters<T> parameters, double rate, const SgdOptions& options)
    : RatedOptimizer<T>(std::move(parameters), rate, options.sparse, detail::decaying<SgdRule<T>>(options),
                        options.by_parameter) {}

XGRAD_INSTANTIATE_REAL_CLASS(Sgd);

}  // namespace xgrad
