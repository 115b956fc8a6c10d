// See check.hpp.
#include "check.hpp"

#include <cstdio>

#include <fmt/format.h>

#include <xgrad/autograd/gradcheck.hpp>
#include <xgrad/autograd/rounding.hpp>

#include "model.hpp"

namespace xgrad {

template <class T>
void check_model(const Parameters<T>& parameters, const TrainSettings& settings, std::size_t V,
                 const Window& window) {
  const auto loss = [&]<class U>(const Parameters<U>& p) {
    const Network<U> network = build_network(p, V, settings);
    return network.loss(window.inputs, window.targets, network.zero(window.inputs.shape()[1])).y;
  };
  fmt::print("proving the gradient on the first window ...\n");
  std::fflush(stdout);
  const GradcheckReport proof = gradcheck(loss, {.values = parameters});
  fmt::print("{}\n", to_string(proof));
  std::fflush(stdout);
  if (!proof) throw WrongGradient{"the gradient of this model is not proved; the report above says where"};
  fmt::print("{}\n", to_string(rounding(loss, {.values = parameters})));
  std::fflush(stdout);
}

template void check_model(const Parameters<float>&, const TrainSettings&, std::size_t, const Window&);
template void check_model(const Parameters<double>&, const TrainSettings&, std::size_t, const Window&);

}  // namespace xgrad
