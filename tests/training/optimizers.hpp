// Every optimizer and its variants by name, for tests that hold for all of them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <xgrad/training/adagrad.hpp>
#include <xgrad/training/adam.hpp>
#include <xgrad/training/rmsprop.hpp>
#include <xgrad/training/rprop.hpp>
#include <xgrad/training/sgd.hpp>

namespace checks {

template <class T>
struct NamedOptimizer {
  std::string name;
  std::function<std::unique_ptr<xgrad::Optimizer<T>>(const xgrad::Parameters<T>&, double rate, xgrad::Sparse)>
      make;
  bool moves_idle_rows;  ///< whether a gradient of zeros moves the weights
};

/// For an optimizer `O` with `options`.
template <template <class> class O, class T, class Options>
NamedOptimizer<T> named(const std::string& name, bool moves_idle_rows, Options options) {
  return {name,
          [options](const xgrad::Parameters<T>& p, double rate,
                    xgrad::Sparse sparse) -> std::unique_ptr<xgrad::Optimizer<T>> {
            auto chosen = options;
            chosen.sparse = sparse;
            if constexpr (std::same_as<Options, xgrad::RpropOptions>) {
              chosen.initial = rate;
              return std::make_unique<O<T>>(p, chosen);
            } else {
              return std::make_unique<O<T>>(p, rate, chosen);
            }
          },
          moves_idle_rows};
}

template <class T>
std::vector<NamedOptimizer<T>> all_optimizers() {
  using namespace xgrad;
  return {
      named<Sgd, T>("sgd", false, SgdOptions{}),
      named<Sgd, T>("sgd, decay", true, SgdOptions{.weight_decay = 0.1}),
      named<Sgd, T>("sgd, momentum", true, SgdOptions{.momentum = 0.9}),
      named<Sgd, T>("sgd, momentum, dampening, decay", true,
                    SgdOptions{.momentum = 0.8, .dampening = 0.3, .weight_decay = 0.05}),
      named<Sgd, T>("sgd, nesterov", true, SgdOptions{.momentum = 0.9, .nesterov = true}),
      named<Sgd, T>("sgd, nesterov, decay", true,
                    SgdOptions{.momentum = 0.9, .weight_decay = 0.1, .nesterov = true}),
      named<Adagrad, T>("adagrad", false, AdagradOptions{.rate_decay = 0.01, .initial = 0.1}),
      named<Adagrad, T>("adagrad, decay", true, AdagradOptions{.weight_decay = 0.1}),
      named<Rmsprop, T>("rmsprop", false, RmspropOptions{}),
      named<Rmsprop, T>("rmsprop, decay", true, RmspropOptions{.weight_decay = 0.1}),
      named<Rmsprop, T>("rmsprop, momentum", true, RmspropOptions{.momentum = 0.9}),
      named<Rmsprop, T>("rmsprop, centered", false, RmspropOptions{.centered = true}),
      named<Rmsprop, T>("rmsprop, momentum, centered", true,
                        RmspropOptions{.momentum = 0.5, .centered = true}),
      named<Adam, T>("adam", true, AdamOptions{}),
      named<Adam, T>("adam, decay", true, AdamOptions{.weight_decay = 0.1}),
      named<Adam, T>("adam, short means", true, AdamOptions{.beta1 = 0.3, .beta2 = 0.9}),
      named<Adam, T>("adam, a slower mean than its squares'", true, AdamOptions{.beta1 = 0.9, .beta2 = 0.5}),
      named<AdamW, T>("adamw", true, AdamWOptions{.weight_decay = 0.1}),
      named<AdamW, T>("adamw, short means", true,
                      AdamWOptions{.beta1 = 0.5, .beta2 = 0.9, .weight_decay = 1}),
      named<Rprop, T>("rprop", false, RpropOptions{.max_step = 0.1}),
      named<Rprop, T>("rprop, without bounds", false, RpropOptions{.increase = 1.01}),
      named<Rprop, T>("rprop, classical", false,
                      RpropOptions{.min_step = 1e-6, .max_step = 50, .classical = true}),
  };
}

}  // namespace checks
