// A random program recorded on a tape, and comparisons of gradients that say what differs.
#pragma once

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <sstream>
#include <string>
#include <vector>

#include "autograd/errors.hpp"
#include "autograd/ops/checks.hpp"
#include "properties/execution.hpp"

namespace properties {

using checks::identical;
using checks::numbers;
using xgrad::Array;
using xgrad::Gradients;
using xgrad::Tape;
using xgrad::zeros;

// Under sanitizers every case takes ten times as long.
inline constexpr int runs = xgrad::testing::any_sanitizer ? 100 : 1000;

inline std::string name_of(std::size_t input) { return std::string(1, static_cast<char>('a' + input)); }

template <class T>
std::vector<Array<T>> input_values(const std::vector<std::size_t>& shapes) {
  std::vector<Array<T>> values;
  for (const std::size_t shape : shapes)
    values.push_back(numbers<T>(input_shapes[shape], -1, 1, static_cast<std::uint32_t>(values.size() + 1)));
  return values;
}

template <class T>
std::vector<Variable<T>> leaves(Tape<T>& tape, const std::vector<std::size_t>& shapes) {
  std::vector<Variable<T>> result;
  for (const auto& value : input_values<T>(shapes)) result.push_back(tape.leaf(value));
  return result;
}

template <class T>
std::vector<Array<T>> of_all(const Gradients<T>& gradients, const std::vector<Variable<T>>& xs) {
  std::vector<Array<T>> result;
  for (const auto& x : xs) result.push_back(gradients[x]);
  return result;
}

template <class T>
double largest(const std::vector<Array<T>>& arrays) {
  double result = 0;
  for (const auto& array : arrays)
    for (const T x : array) result = std::max(result, std::abs(static_cast<double>(x)));
  return result;
}

// A program recorded on leaves, its y seeded with numbers of either sign.
template <class T>
struct Recording {
  Tape<T> tape;
  std::vector<Variable<T>> inputs;
  Execution<T> execution;
  Variable<T> y;

  explicit Recording(const Program& program)
      : inputs(leaves(tape, program.inputs)), execution(program, inputs), y(execution.result()) {}

  Array<T> seed(std::uint32_t number = 7) const { return numbers<T>(y.shape(), -1, 1, number); }

  std::vector<Array<T>> gradients(const Array<T>& u) {
    return of_all(tape.gradient(y, {.seed = u, .keep = true, .unreached = zeros}), inputs);
  }
  // Those of every value on the way, too, beside which the inputs' are rounded.
  std::vector<Array<T>> all_gradients(const Array<T>& u) {
    const auto& all = execution.variables();
    return of_all(tape.gradient(y, {.seed = u, .of = all, .keep = true, .unreached = zeros}), all);
  }
};

// "" if a[k] and b[k] agree to within allowed(k), element by element.
template <class T, class Allowed>
std::string disagreement(const std::string& what, const std::vector<Array<T>>& a,
                         const std::vector<Array<T>>& b, Allowed allowed) {
  for (std::size_t k = 0; k < a.size(); ++k)
    for (std::size_t m = 0; m < a[k].size(); ++m) {
      const auto x = static_cast<double>(a[k].data()[m]), y = static_cast<double>(b[k].data()[m]);
      if (std::abs(x - y) <= allowed(k)) continue;
      std::ostringstream text;
      text.precision(17);
      text << what << ": d y / d " << name_of(k) << " at " << index_of(m, a[k].shape()) << " is " << x
           << " and " << y << ", which differ by " << std::abs(x - y) << "; allowed is " << allowed(k);
      return text.str();
    }
  return "";
}

template <class T>
std::string bits_differ(const std::string& what, const std::vector<Array<T>>& a,
                        const std::vector<Array<T>>& b) {
  if (a.size() != b.size()) return what + ": one has more arrays than the other";
  for (std::size_t k = 0; k < a.size(); ++k)
    if (!identical(a[k], b[k])) {
      std::ostringstream text;
      text.precision(17);
      text << what << ": array " << k << " was\n" << a[k] << "\nand is\n" << b[k];
      return text.str();
    }
  return "";
}

// The first of several complaints.
inline std::string first_of(std::initializer_list<std::string> complaints) {
  for (const auto& complaint : complaints)
    if (!complaint.empty()) return complaint;
  return "";
}

}  // namespace properties
