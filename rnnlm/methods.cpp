// See methods.hpp.
#include "methods.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <xgrad/training/adagrad.hpp>
#include <xgrad/training/adam.hpp>
#include <xgrad/training/rmsprop.hpp>
#include <xgrad/training/sgd.hpp>

namespace xgrad {

template <class T>
std::unique_ptr<RatedOptimizer<T>> make_optimizer(const Parameters<T>& parameters,
                                                  const TrainSettings& settings) {
  const double rate = settings.rate, decay = settings.weight_decay;
  const std::string& name = settings.optimizer;
  if (name == "momentum")
    return std::make_unique<Sgd<T>>(parameters, rate, SgdOptions{.momentum = 0.9, .weight_decay = decay});
  if (name == "adam") return std::make_unique<Adam<T>>(parameters, rate, AdamOptions{.weight_decay = decay});
  if (name == "adamw")
    return std::make_unique<AdamW<T>>(parameters, rate, AdamWOptions{.weight_decay = decay});
  if (name == "rmsprop")
    return std::make_unique<Rmsprop<T>>(parameters, rate, RmspropOptions{.weight_decay = decay});
  if (name == "adagrad")
    return std::make_unique<Adagrad<T>>(parameters, rate, AdagradOptions{.weight_decay = decay});
  return std::make_unique<Sgd<T>>(parameters, rate, SgdOptions{.weight_decay = decay});
}

Schedule::Schedule(const TrainSettings& settings, std::size_t epoch_steps)
    : settings_(settings),
      steps_(settings.epochs * epoch_steps),
      // Of one patience only: any epoch that is not the best so far.
      plateau_({.rate = settings.rate,
                .factor = std::min(settings.decay, std::nextafter(1.0, 0.0)),
                .patience = 0,
                .threshold = 0,
                .eps = 0}) {}

double Schedule::operator()(std::size_t epoch, std::size_t step) const {
  constexpr double least = std::numeric_limits<float>::min();
  double rate = settings_.rate;
  if (settings_.schedule == "cosine") {
    // Its warm-up has to be shorter than all steps.
    const std::size_t warmup = std::min(settings_.warmup, steps_ - 1);
    rate = Cosine{.rate = rate, .steps = steps_, .warmup = warmup}(std::min(step, steps_ - 1));
    return std::max(rate, least);
  }
  if (settings_.schedule == "plateau") rate = plateau_.rate();
  if (settings_.schedule == "decay" && epoch > settings_.decay_after)
    rate *= std::pow(settings_.decay, static_cast<double>(epoch - settings_.decay_after));
  if (step < settings_.warmup) rate *= static_cast<double>(step + 1) / static_cast<double>(settings_.warmup);
  return std::max(rate, std::min(least, settings_.rate));
}

template <class T>
Averaging<T>::Averaging(const Parameters<T>& parameters, const TrainSettings& settings) {
  if (settings.average == "exponential") exponential_.emplace(parameters, 0.999);
  if (settings.average == "triggered") triggered_.emplace(parameters);
}

template <class T>
void Averaging<T>::update() {
  if (exponential_) exponential_->update();
  if (triggered_) triggered_->update();
}

template <class T>
void Averaging<T>::observe(double loss) {
  if (triggered_) triggered_->observe(loss);
}

template <class T>
std::unique_ptr<Exchanged<T>> Averaging<T>::use() const {
  // As it cannot be moved, it is made where it stays.
  using Used = std::unique_ptr<Exchanged<T>>;
  return exponential_ ? Used(new Exchanged<T>(exponential_->use()))
         : triggered_ ? Used(new Exchanged<T>(triggered_->use()))
                      : nullptr;
}

template <class T>
StateDict Averaging<T>::state() const {
  return exponential_ ? exponential_->state() : triggered_ ? triggered_->state() : StateDict();
}

template <class T>
void Averaging<T>::restore(const StateDict& state) {
  if (exponential_) exponential_->restore(state);
  if (triggered_) triggered_->restore(state);
}

#define XGRAD_INSTANTIATE(T)                                                                              \
  template std::unique_ptr<RatedOptimizer<T>> make_optimizer(const Parameters<T>&, const TrainSettings&); \
  template class Averaging<T>;
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
