// The text of the picture; see tape_dot.hpp.
#include <xgrad/autograd/tape_dot.hpp>

#include <algorithm>
#include <map>
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

// A scope with the nodes that stand in it and the scopes below.
struct Cluster {
  std::vector<std::size_t> nodes;
  std::map<std::string, Cluster, std::less<>> inner;
};

Cluster clusters_of(const FoldedTape& tape) {
  Cluster top;
  for (std::size_t i = 0; i < tape.nodes.size(); ++i) {
    Cluster* cluster = &top;
    for (std::string_view rest = tape.nodes[i].value.scope; !rest.empty();) {
      const std::size_t end = std::min(rest.find('/'), rest.size());
      cluster = &cluster->inner[std::string(rest.substr(0, end))];
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    cluster->nodes.push_back(i);
  }
  return top;
}

void write_cluster(std::string& text, const FoldedTape& tape, const Cluster& cluster,
                   const std::string& path) {
  const std::string indent(2 + 2 * static_cast<std::size_t>(std::count(path.begin(), path.end(), '/')), ' ');
  for (const std::size_t node : cluster.nodes)
    text += fmt::format("{}n{} [{}];\n", indent, node, node_text(tape.nodes[node]));
  for (const auto& [name, inner] : cluster.inner) {
    text +=
        fmt::format("{0}subgraph \"cluster{1}/{2}\" {{\n{0}  label=\"{2}\";\n", indent, path, escaped(name));
    write_cluster(text, tape, inner, path + "/" + escaped(name));
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
  write_cluster(text, tape, clusters_of(tape), "");
  for (const FoldedTape::Edge& edge : tape.edges)
    text += fmt::format("  n{} -> n{} [{}];\n", edge.from, edge.to, edge_text(tape, edge));
  return text + "}\n";
}

}  // namespace xgrad
