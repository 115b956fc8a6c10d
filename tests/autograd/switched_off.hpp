// Plain paths in tests: some of the library's fast paths switched off, until the brace.
#pragma once

#include <utility>
#include <vector>

#include <xgrad/autograd/fast_paths.hpp>

namespace xgrad::testing {

class SwitchedOff {
 public:
  explicit SwitchedOff(const std::vector<bool FastPaths::*>& paths) {
    for (const auto path : paths) fast_paths().*path = false;
  }
  ~SwitchedOff() { fast_paths() = before_; }
  SwitchedOff(const SwitchedOff&) = delete;
  SwitchedOff& operator=(const SwitchedOff&) = delete;

 private:
  FastPaths before_ = fast_paths();
};

/// All of them, with their names.
inline const std::vector<std::pair<const char*, bool FastPaths::*>> all_fast_paths = {
    {"fused_loss", &FastPaths::fused_loss},
    {"recycled_storage", &FastPaths::recycled_storage},
    {"hoisted_products", &FastPaths::hoisted_products},
    {"deferred_weights", &FastPaths::deferred_weights},
    {"fused_affine", &FastPaths::fused_affine},
    {"own_products", &FastPaths::own_products},
};

}  // namespace xgrad::testing
