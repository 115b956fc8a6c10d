// The rule of AdaGrad; see adagrad.hpp.
#include <xgrad/training/adagrad.hpp>

#include <xgrad/autograd/kernels/simd.hpp>
#include <xgrad/training/update/rule.hpp>

namespace xgrad {

namespace {

template <class T>
class AdagradRule final : public detail::Rule<T> {
 public:
  explicit AdagradRule(const AdagradOptions& options) : options_(options) {}
  const char* name() const override { return "adagrad"; }
  std::vector<detail::Slot> slots() const override { return {{"squares", options_.initial}}; }
  detail::Idle idle() const override {
    return options_.weight_decay > 0 ? detail::Idle::weights : detail::Idle::nothing;
  }

  void update(const detail::Numbers<T>& x, const T* g, const detail::Instant& at) const override {
    using B = xsimd::batch<T>;
    const double slowed = at.rate / (1 + static_cast<double>(at.step - 1) * options_.rate_decay);
    const B rate(static_cast<T>(slowed)), decay(static_cast<T>(options_.weight_decay)),
        epsilon(static_cast<T>(options_.epsilon));
    const bool decays = options_.weight_decay > 0;
    T* const squares = x.slots[0];
    kernels::for_each_pack<T>(x.n, [&](const auto& pack) {
      const B w = pack.load(x.w);
      B d = pack.load(g);
      if (decays) d += decay * w;
      const B r = pack.load(squares) + d * d;
      pack.store(squares, r);
      pack.store(x.w, w - scalar::divide(rate * d, scalar::sqrt(r) + epsilon));
    });
  }

 private:
  AdagradOptions options_;
};

template <class T>
std::unique_ptr<detail::Rule<T>> rule(const AdagradOptions& options) {
  const auto check = [](double got, const char* option) {
    detail::check_option(got >= 0 && std::isfinite(got), "adagrad", option, "a number >= 0", got);
  };
  check(options.rate_decay, "rate_decay");
  check(options.initial, "initial");
  check(options.weight_decay, "weight_decay");
  detail::check_option(options.epsilon > 0 && std::isfinite(options.epsilon), "adagrad", "epsilon",
                       "a positive number", options.epsilon);
  return std::make_unique<AdagradRule<T>>(options);
}

}  // namespace

template <class T>
Adagrad<T>::Adagrad(Parameters<T> parameters, double rate, const AdagradOptions& options)
    : RatedOptimizer<T>(std::move(parameters), rate, options.sparse, rule<T>(options)) {}

template class Adagrad<float>;
template class Adagrad<double>;

}  // namespace xgrad
