// The rule of AdaGrad; see adagrad.hpp.
#include <xgrad/training/adagrad.hpp>

#include <xgrad/autograd/kernels/simd.hpp>
#include <xgrad/training/update/rule.hpp>

namespace xgrad {

namespace {

template <class T>
class AdagradRule final : public detail::Rule<T> {
 public:
  explicit AdagradRule(const AdagradOptions& options)
      : detail::Rule<T>("adagrad", options.weight_decay > 0 ? detail::Idle::weights : detail::Idle::nothing),
        options_(options) {
    this->add_slot("squares", options.initial);
    const auto check = this->check();
    check.not_negative("rate_decay", options.rate_decay);
    check.not_negative("initial", options.initial);
    check.not_negative("weight_decay", options.weight_decay);
    check.positive("epsilon", options.epsilon);
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

}  // namespace

template <class T>
Adagrad<T>::Adagrad(Parameters<T> parameters, double rate, const AdagradOptions& options)
    : RatedOptimizer<T>(std::move(parameters), rate, options.sparse,
                        std::make_unique<AdagradRule<T>>(options)) {}

XGRAD_INSTANTIATE_REAL_CLASS(Adagrad);

}  // namespace xgrad
