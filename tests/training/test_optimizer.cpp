// What every optimizer refuses when it is made: an option out of its range, by name. Rprop's and the rate are
// in test_rprop.cpp and test_sgd.cpp.
#include <xgrad/training/optimizer.hpp>

#include "autograd/ops/checks.hpp"
#include "training/optimizers.hpp"

using namespace xgrad;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity(),
                 not_a_number = std::numeric_limits<double>::quiet_NaN();

template <template <class> class O, class Options>
void refuse(const Options& options, const char* name, const char* part) {
  const Parameters<float> p;
  checks::check_error([&] { O<float>(p, 0.1, options); }, {name, "needs", part});
}

}  // namespace

TEST_CASE("optimizers: options out of their range are refused by name") {
  const auto sgd = [](const SgdOptions& options, const char* part) { refuse<Sgd>(options, "[sgd]", part); };
  sgd({.momentum = 1}, "a number in [0, 1) for momentum, got 1");
  sgd({.momentum = not_a_number}, "for momentum, got nan");
  sgd({.dampening = 1.5}, "a number in [0, 1] for dampening, got 1.5");
  sgd({.weight_decay = -1e-9}, "a number >= 0 for weight_decay, got -1e-09");
  sgd({.weight_decay = inf}, "for weight_decay, got inf");
  sgd({.nesterov = true}, "a positive number with nesterov for momentum, got 0");
  sgd({.momentum = 0.5, .dampening = 0.5, .nesterov = true}, "0 with nesterov for dampening, got 0.5");

  const auto adam = [](const AdamOptions& options, const char* part) {
    refuse<Adam>(options, "[adam]", part);
    refuse<AdamW>(AdamWOptions{options.beta1, options.beta2, options.epsilon, options.weight_decay},
                  "[adamw]", part);
  };
  adam({.beta1 = 1}, "a number in [0, 1) for beta1, got 1");
  adam({.beta2 = -0.5}, "a number in [0, 1) for beta2, got -0.5");
  adam({.epsilon = 0}, "a positive number for epsilon, got 0");
  adam({.weight_decay = -1}, "a number >= 0 for weight_decay, got -1");

  const auto adagrad = [](const AdagradOptions& options, const char* part) {
    refuse<Adagrad>(options, "[adagrad]", part);
  };
  adagrad({.rate_decay = -1}, "a number >= 0 for rate_decay, got -1");
  adagrad({.initial = not_a_number}, "a number >= 0 for initial, got nan");
  adagrad({.epsilon = inf}, "a positive number for epsilon, got inf");
  adagrad({.weight_decay = -1}, "a number >= 0 for weight_decay, got -1");

  const auto rmsprop = [](const RmspropOptions& options, const char* part) {
    refuse<Rmsprop>(options, "[rmsprop]", part);
  };
  rmsprop({.alpha = 1}, "a number in [0, 1) for alpha, got 1");
  rmsprop({.momentum = -1}, "a number in [0, 1) for momentum, got -1");
  rmsprop({.epsilon = -1}, "a positive number for epsilon, got -1");
  rmsprop({.weight_decay = not_a_number}, "a number >= 0 for weight_decay, got nan");
}
