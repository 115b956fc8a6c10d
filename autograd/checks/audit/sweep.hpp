// The sweep back over a recording, with rules changed. A Change is a hypothesis on a mistake: it says for
// some edges, each from an op to one of its inputs, what happens to the gradient on its way instead. Changes
// compose. Internal to audit.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <xgrad/autograd/checks/audit/recording.hpp>
#include <xgrad/autograd/checks/audit/report.hpp>
#include <xgrad/autograd/random.hpp>

namespace xgrad::auditing {

using Edge = std::pair<std::size_t, std::size_t>;  ///< op and number of the input
using Map = std::function<Numbers(const Numbers&)>;

struct EdgeRule {
  double factor = 1;          ///< times what the edge carries; 0 cuts it
  Map vjp{};                  ///< in place of the op's own
  Edge through{none, none};   ///< then on through this edge, of an op that really follows the input
  std::size_t target = none;  ///< then into this op instead of the input's
};

struct Change {
  AuditDefect defect;
  double cost;  ///< how far-fetched it is; the cheapest explanation wins
  std::string text;
  double factor = 1;
  std::map<Edge, EdgeRule> edges{};
  std::map<std::size_t, Map> outputs{};    ///< of an op's whole gradient dL/dy
  std::optional<std::size_t> crossings{};  ///< the flow ends after crossing that many steps
  std::size_t last_op = 0;  ///< the op nearest to the loss that it touches: those nearer are repaired first
};

using Changes = std::vector<std::shared_ptr<const Change>>;

/// What each time step contributes to the gradient of one parameter; the last place is for ops outside of all
/// steps. An empty array (rank 1, size 0) is no contribution.
struct Terms {
  Shape shape;
  std::vector<Array<double>> of_step;

  Array<double> sum() const;
};

/// Terms of every parameter, in the order of the recording's paths.
std::vector<Terms> sweep(const Recording& recording, const Changes& changes = {});

/// How much a relative error of one unit in every intermediate result moves each element of each gradient:
/// what rounding is multiplied with. A few random samples, the largest of each. `exact`: without the errors.
std::vector<Array<double>> sensitivities(const Recording& recording, const std::vector<Terms>& exact,
                                         Random& random);

using proof::inner;
/// The Frobenius norm.
double norm(std::span<const double> x);
/// The root of the mean square; 0 of nothing.
double size_of(std::span<const double> x);

}  // namespace xgrad::auditing
