// See schedules.hpp.
#include <xgrad/training/schedules.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>

#include <xgrad/training/update/options.hpp>

namespace xgrad {

namespace {

void check_rates(const detail::OptionCheck& check, double rate, double min_rate) {
  check.positive("rate", rate);
  check(min_rate >= 0 && min_rate <= rate, "min_rate", "a number in [0, rate]", min_rate);
}

}  // namespace

double StepDecay::operator()(std::size_t t) const {
  const detail::OptionCheck check{"step decay"};
  check.positive("rate", rate);
  check(every > 0, "every", "at least 1", static_cast<double>(every));
  check.positive("factor", factor);
  return rate * std::pow(factor, static_cast<double>(t / every));
}

double Cosine::operator()(std::size_t t) const {
  const detail::OptionCheck check{"cosine"};
  check_rates(check, rate, min_rate);
  check(steps > warmup, "steps", "more than the warm-up", static_cast<double>(steps));
  if (t < warmup) return rate * static_cast<double>(t + 1) / static_cast<double>(warmup);
  if (t >= steps) return min_rate;
  const double part = static_cast<double>(t - warmup) / static_cast<double>(steps - warmup);
  return min_rate + (rate - min_rate) * (1 + std::cos(std::numbers::pi * part)) / 2;
}

Plateau::Plateau(const Options& options) : options_(options), rate_(options.rate) {
  const detail::OptionCheck check{"plateau"};
  check_rates(check, options.rate, options.min_rate);
  check(options.factor > 0 && options.factor < 1, "factor", "a number in (0, 1)", options.factor);
  check.fraction("threshold", options.threshold);
  check.not_negative("eps", options.eps);
}

double Plateau::operator()(double loss) {
  if (loss < best_ * (1 - options_.threshold)) {
    best_ = loss;
    bad_ = 0;
  } else {
    ++bad_;
  }
  if (cooling_ > 0) {
    --cooling_;
    bad_ = 0;
  }
  if (bad_ > options_.patience) {
    const double reduced = std::max(rate_ * options_.factor, options_.min_rate);
    if (rate_ - reduced > options_.eps) rate_ = reduced;
    cooling_ = options_.cooldown;
    bad_ = 0;
  }
  return rate_;
}

StateDict Plateau::state() const {
  StateDict result;
  result.put("rate", rate_);
  result.put("best", best_);
  result.put("bad", bad_);
  result.put("cooling", cooling_);
  return result;
}

void Plateau::restore(const StateDict& state) {
  state.check_like("plateau", this->state());
  const std::uint64_t bad = state.integer("bad"), cooling = state.integer("cooling");
  rate_ = state.number("rate");
  best_ = state.number("best");
  bad_ = bad;
  cooling_ = cooling;
}

}  // namespace xgrad
