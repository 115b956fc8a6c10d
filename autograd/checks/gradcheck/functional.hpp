// The whole function under test, as one number L(values) = <cotangent, f(values)> to differentiate: by the
// tape, exactly, and by central differences. Internal to gradcheck.
#pragma once

#include <string>
#include <vector>

#include <xgrad/autograd/checks/direction.hpp>

namespace xgrad::proof {

class Functional {
 public:
  /// Runs f for the first time: what is not among `given` is drawn, and runs it again to see that it is
  /// `repeatable` to the bit (or up to rounding). Throws Error if it is not, or declares nothing. `f_complex`
  /// may be empty; both must outlive this.
  Functional(const ParameterFunction<double>& f, const ParameterFunction<Complex>& f_complex,
             const Values& given, std::uint32_t seed, bool repeatable);

  double operator()(const Values& values) const;
  /// dL/dv at `values()`, exactly.
  double along(const Values& directions) const;
  /// By the tape: the gradient of every parameter; zeros where L does not depend on it.
  Values gradient() const;

  /// One derivative, dL / d values[path][index], by central differences of sixth order with step h:
  ///
  ///   L'(x) = [45 (L1 - L-1) - 9 (L2 - L-2) + (L3 - L-3)] / 60h + O(h^6),   L_k = L(x + kh)
  double difference(const std::string& path, std::size_t index, double step) const;
  /// True if the slopes on the two sides differ, and `tape` is one between them: a convention, not a mistake.
  bool at_kink(const std::string& path, std::size_t index, double tape) const;

  /// Equal bits, or equal up to rounding.
  static bool same(double a, double b, bool bits);

  const std::vector<std::string>& paths() const { return paths_; }  ///< in the order of declaration
  const Values& values() const { return values_; }
  double value() const { return value_; }
  /// What is left of derivatives that cancel to nothing, as those of a softmax do along a shift of its input,
  /// or that vanish in saturation: the rounding of the values. Derivatives that are all below it are zero.
  double rounding() const { return rounding_; }

 private:
  template <class T>
  void check_declared(const Parameters<T>& p) const;
  void check_shape(const Shape& shape) const;
  double contract(const Variable<double>& y) const;
  double moved(const std::string& path, std::size_t index, double by) const;

  const ParameterFunction<double>& f_;
  const ParameterFunction<Complex>& f_complex_;
  std::vector<std::string> paths_;
  Values values_;
  Array<double> cotangent_;
  double value_ = 0, rounding_ = 0;
};

}  // namespace xgrad::proof
