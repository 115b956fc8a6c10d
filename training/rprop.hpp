// Rprop: resilient propagation, for gradients of the whole training set; of a gradient only the sign counts.
#pragma once

#include <limits>

#include <xgrad/training/optimizer.hpp>

namespace xgrad {

/// Options of Rprop.
struct RpropOptions {
  double initial = 1e-3;                                      ///< step D before the first update, positive
  double increase = 1.2;                                      ///< factor of a step, at least 1
  double decrease = 0.5;                                      ///< factor of a step, in (0, 1)
  double min_step = 0;                                        ///< no step becomes smaller; at least 0
  double max_step = std::numeric_limits<double>::infinity();  ///< no step becomes larger; > 0, >= min_step
  bool classical = false;                                     ///< the rule of Riedmiller & Braun; see Rprop
  Sparse sparse = Sparse::exact;  ///< what a row-sparse gradient does to its other rows
};

/// Every element w of a parameter has a step D of its own, which depends on the signs of its gradient g now
/// and before:
///
///   s = sign g,   D <- D increase if s = s_before, else D decrease,   w <- w - s D
///
/// This is the plain sign rule of teaching programs. s_before starts as 0, so a first update with g != 0
/// decreases the step, and of two zeros in turn the second is a repetition: steps of elements without a
/// gradient grow up to `max_step`.
///
/// With `classical`, a change of sign alone decreases the step, and that update is left out, while a zero
/// changes nothing (Riedmiller & Braun 1993, "A direct adaptive method for faster backpropagation learning:
/// the RPROP algorithm", as in torch.optim.Rprop, whose bounds are min_step = 1e-6 and max_step = 50):
///
///   s s_before > 0:  D <- D increase,  w <- w - s D
///   s s_before < 0:  D <- D decrease,  s <- 0
///   s s_before = 0:                    w <- w - s D
template <class T>
class Rprop : public Optimizer<T> {
 public:
  /// Throws Error for an option out of its range.
  explicit Rprop(Parameters<T> parameters, const RpropOptions& options = {});
};

/// T is that of the parameters.
template <class T>
Rprop(Parameters<T>) -> Rprop<T>;
/// T is that of the parameters.
template <class T>
Rprop(Parameters<T>, RpropOptions) -> Rprop<T>;

}  // namespace xgrad
