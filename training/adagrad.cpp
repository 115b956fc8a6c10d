// The rule of AdaGrad; see adagrad.hpp.
#include <xgrad/training/adagrad.hpp>

#include <xgrad/autograd/numbers/update.hpp>
#include <xgrad/training/update/rule.hpp>

namespace xgrad {

namespace {

template <class T>
class AdagradRule final : public detail::Rule<T> {
 public:
  explicit AdagradRule(const AdagradOptions& options)
      : detail::Rule<T>("adagrad", options.weight_decay > 0 ? detail::Idle::weights : detail::Idle::nothing),
        options_(options) {
    this->add_slot("root", std::sqrt(options.initial));
    const auto check = this->check();
    check.not_negative("rate_decay", options.rate_decay);
    check.not_negative("initial", options.initial);
    check.not_negative("weight_decay", options.weight_decay);
    check.positive("epsilon", options.epsilon);
  }

  void update(const detail::Numbers<T>& x, const T* g, const detail::Instant& at) const override {
    const auto as = [](double factor) { return static_cast<T>(factor); };
    const double slowed = at.rate / (1 + static_cast<double>(at.step - 1) * options_.rate_decay);
    const updates::Adagrad<T> rule{as(slowed), as(options_.weight_decay), as(options_.epsilon)};
    kernels::update(rule, x.w, x.slots, g, x.n);
  }

 private:
  AdagradOptions options_;
};

}  // namespace

template <class T>
Adagrad<T>::Adagrad(Parameters<T> parameters, double rate, const AdagradOptions& options)
    : RatedOptimizer<T>(std::move(parameters), rate, options.sparse,
                        detail::decaying<AdagradRule<T>>(options), options.by_parameter) {}

XGRAD_INSTANTIATE_REAL_CLASS(Adagrad);

}  // namespace xgrad
