// FastPaths: what makes a training step fast, each behind a switch. Switching one off takes the plain path,
// which computes the same by simpler means; what each one gives is in docs/performance.md.
#pragma once

#include <utility>
#include <vector>

namespace xgrad {

/// A switch for each technique that makes a training step fast; all are on.
struct FastPaths {
  bool fused_loss = true;        ///< softmax_cross_entropy makes its gradient in the pass that makes the loss
  bool recycled_storage = true;  ///< released blocks of storage are handed out again
  bool hoisted_products = true;  ///< x_t W for the rows x_t of one variable is one product of all rows
  /// The contributions to a weight's gradient from all time steps are one product.
  bool deferred_weights = true;
  bool fused_affine = true;  ///< affine() adds its products and its bias in place
  bool own_products = true;  ///< matrix products by the library's own kernels, which keep W laid out for them
};

/// The switches, of the whole process: change them while nothing records and no other thread computes.
inline FastPaths& fast_paths() {
  static FastPaths paths;
  return paths;
}

/// One of the switches: `&FastPaths::fused_loss`.
using FastPath = bool FastPaths::*;

/// All of them, with their names.
inline const std::vector<std::pair<const char*, FastPath>> fast_path_names = {
    {"fused_loss", &FastPaths::fused_loss},
    {"recycled_storage", &FastPaths::recycled_storage},
    {"hoisted_products", &FastPaths::hoisted_products},
    {"deferred_weights", &FastPaths::deferred_weights},
    {"fused_affine", &FastPaths::fused_affine},
    {"own_products", &FastPaths::own_products},
};

/// Some of them switched off until the brace.
class SwitchedOff {
 public:
  /// Switches `paths` off. The destructor sets all switches back to what they were before.
  explicit SwitchedOff(const std::vector<FastPath>& paths) {
    for (const auto path : paths) fast_paths().*path = false;
  }
  ~SwitchedOff() { fast_paths() = before_; }
  SwitchedOff(const SwitchedOff&) = delete;
  SwitchedOff& operator=(const SwitchedOff&) = delete;

 private:
  FastPaths before_ = fast_paths();
};

}  // namespace xgrad
