// The text of the picture; see tape_dot.hpp.
#include <xgrad/autograd/tape_dot.hpp>

#include <algorithm>
#include <set>
#include <string_view>

#include <fmt/format.h>

#include <xgrad/autograd/inspect/units.hpp>
#include <xgrad/autograd/tape_fold.hpp>

namespace xgrad {

namespace {

// Text for a quoted label: nothing in it ends the quotes, is an escape sequence (\N is the node's name), or
// an HTML entity.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      result += {'\\', c};
    } else if (c == '&') {
      result += "&amp;";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      result += fmt::format("\\\\x{:02x}", static_cast<unsigned>(c));
    } else {
      result += c;
    }
  }
  return result;
}

std::string node_text(const FoldedTape::Node& node) {
  const TapeNode& value = node.value;
  const std::string count = node.count > 1 ? fmt::format(" x{}", node.count) : "";
  if (!value.parameter.empty())
    return fmt::format("label=\"{}\\n{}\", shape=box", escaped(value.parameter), to_string(value.shape));
  return fmt::format("label=\"{}{}\\n{}\"{}", escaped(value.op), count, to_string(value.shape),
                     value.leaf ? ", shape=underline" : "");
}

std::string edge_text(const FoldedTape& tape, const FoldedTape::Edge& edge) {
  const std::size_t users = tape.nodes[edge.to].count;
  std::string label, style;
  if (edge.delay) {
    label = fmt::format("t{:+d}\\n", -*edge.delay);
    style = ", style=dashed, constraint=false";
  }
  if (edge.time_step && (users > 1 || tape.nodes[edge.from].count > 1)) {
    label += fmt::format("t = {}\\n", *edge.time_step);
  } else if (edge.count > users && edge.count % users == 0) {
    label += fmt::format("{} x ", edge.count / users);
  } else if (edge.count != users && !edge.delay) {
    label += fmt::format("{} of {}\\n", edge.count, users);
  }
  const TapeNode& value = tape.nodes[edge.from].value;
  return fmt::format("label=\"{}{}\\n{}\"{}", label, to_string(value.shape), with_unit(value.bytes(), "B"),
                     style);
}

// The nodes that stand in a scope, "cell/", or at the top, "", and the scopes below.
void write_scope(std::string& text, const FoldedTape& tape, const std::string& scope) {
  const std::string indent(2 + 2 * static_cast<std::size_t>(std::count(scope.begin(), scope.end(), '/')),
                           ' ');
  std::set<std::string> below;
  for (std::size_t i = 0; i < tape.nodes.size(); ++i) {
    const std::string& own = tape.nodes[i].value.scope;
    const std::string path = own.empty() ? "" : own + "/";
    if (path == scope)
      text += fmt::format("{}n{} [{}];\n", indent, i, node_text(tape.nodes[i]));
    else if (path.starts_with(scope))
      below.insert(path.substr(scope.size(), path.find('/', scope.size()) - scope.size()));
  }
  for (const std::string& name : below) {
    text += fmt::format("{0}subgraph \"cluster/{1}{2}\" {{\n{0}  label=\"{2}\";\n", indent, escaped(scope),
                        escaped(name));
    write_scope(text, tape, scope + name + "/");
    text += indent + "}\n";
  }
}

}  // namespace

std::string to_dot(const std::vector<TapeNode>& nodes) {
  const FoldedTape tape = fold(nodes);
  std::string text =
      "digraph tape {\n"
      "  graph [fontname=\"Helvetica\", labeljust=l, color=gray60];\n"
      "  node [fontname=\"Helvetica\"];\n"
      "  edge [fontname=\"Helvetica\", fontsize=10];\n";
  write_scope(text, tape, "");
  for (const FoldedTape::Edge& edge : tape.edges)
    text += fmt::format("  n{} -> n{} [{}];\n", edge.from, edge.to, edge_text(tape, edge));
  return text + "}\n";
}

}  // namespace xgrad
