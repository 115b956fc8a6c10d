// A program that fails, made as small as it can be while it still fails.
#pragma once

#include <functional>

#include "registry/programs.hpp"

namespace registry {

/// Leaves out steps, puts inputs of the same value in the place of steps, then, if one call is left, takes
/// the smallest call of its row that fails, and rounds the inputs. `fails` is asked some hundred times.
Program minimise(Program program, const std::function<bool(const Program&)>& fails);

}  // namespace registry
