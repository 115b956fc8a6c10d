// A forward derivative along any direction: J v of a function that runs in complex numbers. The step h of
// f(x + ihv) follows from x and v, and what vanishes with it is looked for by other steps. Internal to
// derivatives, gradcheck and audit.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <xgrad/autograd/checks/direction.hpp>

namespace xgrad::proof {

using ComplexValues = std::map<std::string, Array<Complex>>;

/// @{ From arguments, in a list or by path, to results.
using ComplexRun = std::function<std::vector<Array<Complex>>(const std::vector<Array<Complex>>&)>;
using ComplexRunByPath = std::function<std::vector<Array<Complex>>(const ComplexValues&)>;
/// @}

/// The derivatives of f's results at the arguments xs along vs, which are finite and of the shapes of xs.
std::vector<Array<double>> forward_derivative(const ComplexRun& f, std::span<const Array<double>> xs,
                                              std::span<const Array<double>> vs);
/// The same by path; along those that `directions` has.
std::vector<Array<double>> forward_derivative(const ComplexRunByPath& f, const Values& values,
                                              const Values& directions);

}  // namespace xgrad::proof
