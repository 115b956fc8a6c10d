// rounding: how many digits does float keep, and which op loses them? gradcheck proves the rule, in double;
// this judges the arithmetic, in the scalar that people train in. The function runs in float, then in double
// on the values of that run: every op there takes what the float op took, and every vjp the same dy, so that
// each op and each vjp is judged by itself and answers for no error but its own. How to read the report:
// docs/proof.md.
//
//   RoundingReport report = rounding([](auto p) { ... }, {.values = parameters});
//   std::cout << report;
#pragma once

#include <cstddef>
#include <functional>
#include <iosfwd>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <xgrad/autograd/gradcheck.hpp>

namespace xgrad {

/// The value of an op, or one of its vjps, at the element where float is furthest from double.
struct RoundedOp {
  std::string op{};                        ///< the name given to record()
  std::size_t instance = 0;                ///< which op of the run it is, counted from 1 in execution order
  std::string scope{};                     ///< of that op: the layer's path, or empty
  std::optional<std::size_t> time_step{};  ///< where it was recorded in one
  std::optional<std::size_t> argument{};   ///< of the vjp; nothing for the op's value
  std::string path{};                      ///< of the parameter that the argument is, or empty
  Shape shape{};                           ///< of the value, or of the argument
  std::size_t index = 0;                   ///< flat position of the element
  double rounded = 0;                      ///< that element in float
  double exact = 0;                        ///< and in double
  /// How far they are apart, in units of float's epsilon times the size of what is added up there: for an op
  /// that adds, the sum of the absolute values of its terms; else |exact|. Below the smallest normal number
  /// the size is that number.
  double error = 0;
  double bound = 0;  ///< 8; sqrt K for products that add K terms, K for prod, if that is more
};

/// What rounding() found; true in a condition if no op is beyond its bound.
struct RoundingReport {
  std::vector<RoundedOp> worst;  ///< of every op, by name and argument, the worst; the largest error first
  std::size_t ops = 0;           ///< how many recorded ops were judged
  double value_digits = 0;       ///< right decimal digits of f in float, with every fast path on
  std::map<std::string, double> gradient_digits;  ///< of the largest elements of each gradient
  std::size_t overflows = 0;                      ///< elements of values that are infinite in float alone
  std::size_t underflows = 0;  ///< elements that are 0, or have lost digits to the end of float's range
  std::size_t undefined = 0;   ///< elements that are NaN

  /// True if no op is beyond its bound.
  explicit operator bool() const {
    for (const RoundedOp& op : worst)
      if (!(op.error <= op.bound)) return false;
    return true;
  }
};

/// A paragraph and a table.
std::string to_string(const RoundingReport& report);
/// Prints to_string(report).
std::ostream& operator<<(std::ostream& out, const RoundingReport& report);

/// At which values `rounding` works.
struct RoundingOptions {
  GradcheckValues values{};  ///< of a model as it is: {.values = parameters}; what is not there is drawn
  std::uint32_t seed = 0;    ///< of the values and the cotangent that are drawn
};

namespace detail {
RoundingReport rounding(const ParameterFunction<float>& f, const ParameterFunction<double>& f_double,
                        const RoundingOptions& options);
}  // namespace detail

/// Judges `f`, a function of Parameters<T> generic in T, which declares its inputs as for gradcheck. An
/// output that is not a single element is multiplied with a random cotangent. The value of a user's op is
/// measured against |exact| and its vjp against what that makes of |dy|, unless the op is recorded as one
/// that adds, `summing` in tape.hpp. Throws Error if f records other ops in double than in float, or declares
/// nothing.
template <class F>
RoundingReport rounding(F f, const RoundingOptions& options = {}) {
  return detail::rounding(std::ref(f), std::ref(f), options);
}

}  // namespace xgrad
