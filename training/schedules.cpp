// See schedules.hpp.
#include <xgrad/training/schedules.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>

#include <fmt/format.h>

#include <xgrad/autograd/error.hpp>

namespace xgrad {

namespace {

void check(bool right, const char* op, const char* option, const char* expected, double got) {
  if (!right) throw Error(op, fmt::format("needs {} for {}, got {}", expected, option, got));
}

void check_rate(const char* op, double rate) {
  check(rate > 0 && std::isfinite(rate), op, "rate", "a positive number", rate);
}

void check_min_rate(const char* op, double rate, double min_rate) {
  check(min_rate >= 0 && min_rate <= rate, op, "min_rate", "a number in [0, rate]", min_rate);
}

}  // namespace

double StepDecay::operator()(std::size_t t) const {
  check_rate("step decay", rate);
  check(every > 0, "step decay", "every", "at least 1", static_cast<double>(every));
  check(factor > 0 && std::isfinite(factor), "step decay", "factor", "a positive number", factor);
  return rate * std::pow(factor, static_cast<double>(t / every));
}

double Cosine::operator()(std::size_t t) const {
  check_rate("cosine", rate);
  check_min_rate("cosine", rate, min_rate);
  check(steps > warmup, "cosine", "steps", "more than the warm-up", static_cast<double>(steps));
  if (t < warmup) return rate * static_cast<double>(t + 1) / static_cast<double>(warmup);
  if (t >= steps) return min_rate;
  const double part = static_cast<double>(t - warmup) / static_cast<double>(steps - warmup);
  return min_rate + (rate - min_rate) * (1 + std::cos(std::numbers::pi * part)) / 2;
}

Plateau::Plateau(const Options& options) : options_(options), rate_(options.rate) {
  check_rate("plateau", options.rate);
  check_min_rate("plateau", options.rate, options.min_rate);
  check(options.factor > 0 && options.factor < 1, "plateau", "factor", "a number in (0, 1)", options.factor);
  check(options.threshold >= 0 && options.threshold < 1, "plateau", "threshold", "a number in [0, 1)",
        options.threshold);
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
    rate_ = std::max(rate_ * options_.factor, options_.min_rate);
    cooling_ = options_.cooldown;
    bad_ = 0;
  }
  return rate_;
}

}  // namespace xgrad
