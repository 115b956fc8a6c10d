// FastPaths: what makes a training step fast, each behind a switch. All are on. Switching one off takes the plain path, which
// computes the same by simpler means: the tests compare the two, and the benchmarks show what each one gives. Start with
// docs/performance.md.
#pragma once

namespace xgrad {

struct FastPaths {
  bool fused_loss = true;        ///< softmax_cross_entropy makes its gradient in the pass that makes the loss
  bool recycled_storage = true;  ///< released blocks of numbers are handed out again
  bool hoisted_products = true;  ///< x_t W for the rows x_t of one variable is one product of all rows
  bool deferred_weights =
      true;                  ///< the contributions to a weight's gradient from all time steps are one product
  bool fused_affine = true;  ///< affine() adds its products and its bias in place
  bool own_products = true;  ///< matrix products by the library's own kernels, which keep W laid out for them
};

/// The switches, of the whole process: change them while nothing records and no other thread computes.
inline FastPaths& fast_paths() {
  static FastPaths paths;
  return paths;
}

}  // namespace xgrad
