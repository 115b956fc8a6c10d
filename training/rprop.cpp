// Both rules of signs; see rprop.hpp.
#include <xgrad/training/rprop.hpp>

#include <xgrad/autograd/kernels/simd.hpp>
#include <xgrad/training/update/rule.hpp>

namespace xgrad {

namespace {

// 1, 0 or -1; NaN stays NaN.
template <class B>
B sign(const B& x) {
  const B one(1), zero(0);
  return xsimd::select(x > zero, one, xsimd::select(x < zero, -one, x));
}

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
    using B = xsimd::batch<T>;
    const B increase(static_cast<T>(options_.increase)), decrease(static_cast<T>(options_.decrease)), zero(0);
    T* const steps = x.slots[0];
    T* const signs = x.slots[1];
    kernels::for_each_pack<T>(x.n, [&](const auto& pack) {
      B s = sign(pack.load(g)), step = pack.load(steps);
      const B before = pack.load(signs);
      if (options_.classical) {
        const B product = s * before;
        step = bounded(
            step * xsimd::select(product > zero, increase, xsimd::select(product < zero, decrease, B(1))));
        s = xsimd::select(product < zero, zero, s);
      } else {
        step = bounded(step * xsimd::select(s == before, increase, decrease));
      }
      pack.store(steps, step);
      pack.store(signs, s);
      const B w = pack.load(x.w);
      pack.store(x.w, xsimd::select(s == zero, w, w - s * step));  // a step may be infinite
    });
  }

  // The sign becomes 0; from then on it repeats.
  void skip(const detail::Numbers<T>& x, std::span<const detail::Instant> missed) const override {
    using B = xsimd::batch<T>;
    const B zero(0), increase(static_cast<T>(options_.increase)), decrease(static_cast<T>(options_.decrease)),
        repeated(static_cast<T>(std::pow(options_.increase, static_cast<double>(missed.size() - 1))));
    T* const steps = x.slots[0];
    T* const signs = x.slots[1];
    kernels::for_each_pack<T>(x.n, [&](const auto& pack) {
      if (!options_.classical) {
        const B first =
            bounded(pack.load(steps) * xsimd::select(pack.load(signs) == zero, increase, decrease));
        pack.store(steps, bounded(first * repeated));
      }
      pack.store(signs, zero);
    });
  }

 private:
  template <class B>
  B bounded(const B& step) const {
    return xsimd::min(xsimd::max(step, B(static_cast<T>(options_.min_step))),
                      B(static_cast<T>(options_.max_step)));
  }

  RpropOptions options_;
};

}  // namespace

template <class T>
Rprop<T>::Rprop(Parameters<T> parameters, const RpropOptions& options)
    : Optimizer<T>(std::move(parameters), 1, options.sparse, std::make_unique<RpropRule<T>>(options)) {}

XGRAD_INSTANTIATE_REAL_CLASS(Rprop);

}  // namespace xgrad
