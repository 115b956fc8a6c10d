// --check: the proof of a model's gradient, and how many digits it keeps in float.
#pragma once

#include <xgrad/autograd/parameters.hpp>
#include <xgrad/training/windows.hpp>

#include "settings.hpp"

namespace xgrad {

/// The gradient of the model is wrong.
struct WrongGradient {
  std::string message;
};

/// Proves the gradient of the loss on a window, at the parameters' values, and judges its digits in float;
/// prints both reports. Without dropout. Throws WrongGradient if it is not proved.
template <class T>
void check_model(const Parameters<T>& parameters, const TrainSettings& settings, std::size_t V,
                 const Window& window);

}  // namespace xgrad
