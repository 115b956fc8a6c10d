// What gradcheck found: a report that is a struct for programs and prints as text for people.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include <xgrad/autograd/checks/gradcheck/defect.hpp>
#include <xgrad/autograd/shape.hpp>

namespace xgrad {

/// A wrong derivative: of an op, or, with an empty `op`, of the whole function.
struct GradcheckFailure {
  std::string op;                        ///< the name given to record(), "" for the whole function
  std::size_t instance = 0;              ///< which op of the run it is, counted from 1 in execution order
  std::size_t argument = 0;              ///< which input of the op, counted from 0
  std::string path;                      ///< of the parameter or input, where the argument is one
  std::optional<std::size_t> time_step;  ///< where the op was recorded in one
  Shape shape;                           ///< of the argument
  std::size_t index = 0;                 ///< the worst element, row-major in `shape`
  Shape output_shape;                    ///< of the op's result
  std::size_t output_index = 0;          ///< the element of the result whose derivative is wrong there
  double tape = 0, exact = 0;            ///< that derivative by the vjp, and as it should be
  Diagnosis diagnosis;                   ///< a guess at the mistake
  std::size_t repeats = 0;               ///< how many more instances of this op fail
};

/// A value at which the derivative is a convention, because the two sides have different slopes.
struct GradcheckKink {
  std::string op;            ///< "" where only the whole function is known
  std::size_t instance = 0;  ///< as in GradcheckFailure
  std::optional<std::size_t> time_step;
  std::size_t count = 0;  ///< how many of the op's numbers stand at a kink
};

/// The verdict; true in a condition if nothing is wrong.
struct GradcheckReport {
  std::vector<GradcheckFailure> failures;
  std::vector<GradcheckKink> kinks;  ///< not failures, but not proved either
  std::size_t ops = 0;               ///< how many recorded ops were judged one by one
  std::size_t saturated = 0;         ///< of these, how many were so flat that rounding hides their derivative
  std::size_t compared = 0;          ///< how many single derivatives of the whole function were compared
  double worst = 0;                  ///< the largest error, in units of its tolerance
  bool all_zero = false;             ///< the function is constant there: right, but the check says little

  explicit operator bool() const { return failures.empty(); }
};

std::string to_string(const GradcheckReport& report);
std::ostream& operator<<(std::ostream& out, const GradcheckReport& report);

}  // namespace xgrad
