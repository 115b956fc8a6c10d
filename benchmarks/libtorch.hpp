// The same training steps in libtorch, PyTorch's library for C++, where it was found: by its own modules, and
// with a cell written out as its users would. Start with `libtorch_step`.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "bare_products.hpp"

namespace xgrad {

enum class TorchCell { rnn, lstm, mgu, layer_norm_gru };
enum class TorchForm { module, written_out };

/// Forward pass, gradient and update over one window of the word model, with carried state. Empty where
/// libtorch is missing, and for a module that it does not have. Throws std::runtime_error if the loss is not
/// that of a model that knows nothing.
std::function<void()> libtorch_step(const Dimensions& dimensions, TorchCell cell, TorchForm form);

inline constexpr const char* no_libtorch = "not here";
/// Its version, or `no_libtorch`.
std::string describe_libtorch();

/// How many threads it uses.
void set_libtorch_threads(int n);

}  // namespace xgrad
