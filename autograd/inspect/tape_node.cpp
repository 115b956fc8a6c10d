// A tape as a list of nodes, and the inference of their scopes; see tape_node.hpp.
#include <xgrad/autograd/tape_node.hpp>

#include <algorithm>

#include <xgrad/autograd/tape.hpp>

namespace xgrad {

namespace {

// The scope in which a parameter of this path was declared.
std::string_view scope_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

// Fills in the scopes, in execution order, so that those of the inputs are known.
void infer_scopes(std::vector<TapeNode>& nodes) {
  // Nothing for a leaf, and for what is computed from leaves alone.
  std::vector<std::optional<std::string_view>> scopes(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    TapeNode& node = nodes[i];
    if (!node.parameter.empty()) scopes[i] = scope_of(node.parameter);
    const bool reads_parameter = std::any_of(node.inputs.begin(), node.inputs.end(), [&](const auto& input) {
      return !nodes[input.node].parameter.empty();
    });
    for (const TapeNode::Input& input : node.inputs) {
      const auto& scope = scopes[input.node];
      if (!scope || (reads_parameter && nodes[input.node].parameter.empty())) continue;
      scopes[i] = scopes[i] ? common_scope(*scopes[i], *scope) : *scope;
    }
    node.scope = scopes[i].value_or("");
  }
}

}  // namespace

std::string_view common_scope(std::string_view a, std::string_view b) {
  const auto differ = std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first;
  const auto same = static_cast<std::size_t>(differ - a.begin());
  const auto ends_at = [same](std::string_view scope) { return same == scope.size() || scope[same] == '/'; };
  return ends_at(a) && ends_at(b) ? a.substr(0, same) : scope_of(a.substr(0, same));
}

template <class T>
std::vector<TapeNode> Tape<T>::nodes() const {
  check_thread("nodes");
  std::vector<TapeNode> nodes;
  nodes.reserve(graph_.nodes.size());
  for (const auto& node : graph_.nodes) {
    auto& added = nodes.emplace_back(TapeNode{node.op.name(), node.shape, sizeof(T)});
    if (node.time_step != Graph<T>::no_time_step) added.time_step = node.time_step;
  }
  for (const auto& edge : graph_.edges)
    if (!edge.aside) nodes[edge.output].inputs.push_back({edge.input, edge.argument});
  for (auto& node : nodes) node.leaf = node.inputs.empty();
  for (const auto& use : graph_.uses)
    if (use.node != no_node) nodes[use.node].parameter = use.parameter->path;
  infer_scopes(nodes);
  return nodes;
}

template std::vector<TapeNode> Tape<float>::nodes() const;
template std::vector<TapeNode> Tape<double>::nodes() const;
template std::vector<TapeNode> Tape<Complex>::nodes() const;

}  // namespace xgrad
