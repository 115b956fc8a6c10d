// The calls that the table of values is about: eight random ones of every op of the registry and, of
// elementwise ops, one with every pair of edge values. They are the same in the program that makes the table
// and in the test that reads it.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

#include "registry/checked_call.hpp"

namespace oracle {

using registry::CheckedCall;

struct TableCall {
  CheckedCall call;
  registry::Inputs<double> inputs;
  bool edges;  ///< inputs are the edge values
};

/// 0, subnormal, smallest, overflowing, infinite and undefined numbers of both signs; shaped to meet each
/// other.
inline registry::Inputs<double> edge_values(std::size_t count) {
  constexpr double inf = std::numeric_limits<double>::infinity(),
                   nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<double> positive = {0,  1e-310, 1e-300, 1e-17, 0.5,   1,   20,
                                        60, 700,    745,    1e154, 1e308, inf, nan};
  std::vector<double> all = positive;
  for (const double x : positive) all.push_back(-x);
  const std::size_t n = all.size();
  if (count == 1) return {xgrad::Array<double>({n}, all)};
  return {xgrad::Array<double>({n, 1}, all), xgrad::Array<double>({n}, all)};
}

inline std::vector<TableCall> calls() {
  std::vector<TableCall> result;
  for (const auto& op : registry::ops()) {
    registry::Draw draw(11);
    for (std::uint32_t k = 0; k < 8; ++k) {
      CheckedCall call{op, op.valid(draw), false};
      const xgrad::Parameters<double> p(k);
      registry::Inputs<double> inputs;
      for (const auto& x : call.inputs(p)) inputs.push_back(detach(x));
      result.push_back({std::move(call), std::move(inputs), false});
    }
    if (!op.elementwise) continue;
    CheckedCall call{op, op.valid(draw), false};
    const auto edges = edge_values(call.call.shapes.size());
    call.call.shapes.clear();
    for (const auto& x : edges) call.call.shapes.push_back(x.shape());
    result.push_back({std::move(call), edges, true});
  }
  return result;
}

}  // namespace oracle
