// Change: one rule of the sweep changed, as a hypothesis on a mistake. A change says for some edges, each
// from an op to one of its inputs, what happens to the gradient on its way instead. Changes compose. Internal
// to audit.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <xgrad/autograd/checks/audit/recording.hpp>
#include <xgrad/autograd/checks/audit/report.hpp>

namespace xgrad::auditing {

using Edge = std::pair<std::size_t, std::size_t>;  ///< op and number of the input
using Map = std::function<Array<Complex>(const Array<Complex>&)>;

struct EdgeRule {
  double factor = 1;          ///< times what the edge carries; 0 cuts it
  Map vjp{};                  ///< in place of the op's own
  Edge through{none, none};   ///< then on through this edge, of an op that really follows the input
  std::size_t target = none;  ///< then into this op instead of the input's
};

struct Change {
  AuditDefect defect = AuditDefect::unknown;
  std::string text;
  double cost = 1;  ///< how far-fetched it is; the cheapest explanation wins
  double factor = 1;
  std::map<Edge, EdgeRule> edges{};
  std::map<std::size_t, Map> outputs{};    ///< of an op's whole gradient dL/dy
  std::optional<std::size_t> crossings{};  ///< the flow ends after crossing that many steps
  bool flow = false;                       ///< it is about the flow through time
  std::size_t last_op = 0;  ///< the op nearest to the loss that it touches: those nearer are repaired first

  void set(std::size_t op, std::size_t j, EdgeRule rule) { edges[{op, j}] = std::move(rule); }
  bool empty() const { return edges.empty() && outputs.empty() && !crossings; }
};

using Changes = std::vector<std::shared_ptr<const Change>>;

}  // namespace xgrad::auditing
