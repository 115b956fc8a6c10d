// The statistics of a tape and their table; see tape_stats.hpp.
#include <xgrad/autograd/tape_stats.hpp>

#include <algorithm>
#include <map>
#include <ostream>
#include <tuple>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include <xgrad/autograd/tape.hpp>
#include <xgrad/autograd/units.hpp>

namespace xgrad {

namespace {

// While it lives, collects the blocks that arrays on this thread take references to.
class ReferenceWatch {
 public:
  ReferenceWatch() { storage::new_references = &blocks_; }
  ~ReferenceWatch() { storage::new_references = nullptr; }
  ReferenceWatch(const ReferenceWatch&) = delete;
  ReferenceWatch& operator=(const ReferenceWatch&) = delete;

  std::vector<const storage::Block*> take() { return std::exchange(blocks_, {}); }

 private:
  std::vector<const storage::Block*> blocks_;
};

void add(TapeStats::Row& sum, const TapeStats::Row& row) {
  sum.nodes += row.nodes;
  sum.edges += row.edges;
  sum.saved_bytes += row.saved_bytes;
  sum.forward_flops += row.forward_flops;
  sum.backward_flops += row.backward_flops;
  sum.forward_seconds += row.forward_seconds;
  sum.backward_seconds += row.backward_seconds;
}

// One row for each name, the largest first.
std::vector<TapeStats::Row> grouped(const std::map<std::string, TapeStats::Row, std::less<>>& by_name) {
  std::vector<TapeStats::Row> rows;
  for (const auto& entry : by_name) {
    rows.push_back(entry.second);
    rows.back().name = entry.first;
  }
  const auto rank = [](const TapeStats::Row& row) {
    return std::make_tuple(row.saved_bytes, row.forward_flops + row.backward_flops, row.nodes);
  };
  std::stable_sort(rows.begin(), rows.end(), [&](const auto& a, const auto& b) { return rank(a) > rank(b); });
  return rows;
}

}  // namespace

template <class T>
TapeStats Tape<T>::stats() const {
  const std::vector<TapeNode> list = nodes();
  std::vector<TapeStats::Row> rows(list.size());
  TapeStats stats;
  for (std::size_t i = 0; i < list.size(); ++i) {
    rows[i].nodes = 1;
    rows[i].edges = list[i].inputs.size();
  }
  for (const Work& work : forward_work_) {
    rows[work.node].forward_flops += work.flops;
    rows[work.node].forward_seconds += work.seconds;
  }
  for (const Work& work : backward_work_) {
    rows[work.node].backward_flops += work.flops;
    rows[work.node].backward_seconds += work.seconds;
  }
  stats.timed = timed_;
  stats.bookkeeping_bytes = nodes_.size() * sizeof(Node) + edges_.size() * sizeof(Edge) + closure_bytes() +
                            uses_.size() * sizeof(Use) + views_.size() * sizeof(View) + hoisting_.bytes() +
                            (forward_work_.size() + backward_work_.size()) * sizeof(Work);

  ReferenceWatch watch;
  std::unordered_set<const storage::Block*> known;
  for (const Edge& edge : edges_) {
    if (edge.vjp == nullptr) continue;
    if (!edge.vjp->reveal()) ++stats.unknown_vjps;
    for (const storage::Block* block : watch.take())
      if (!block->parameter && known.insert(block).second) rows[edge.output].saved_bytes += block->size;
  }

  std::map<std::string, TapeStats::Row, std::less<>> by_op, by_scope;
  for (std::size_t i = 0; i < list.size(); ++i) {
    add(stats.total, rows[i]);
    add(by_op[std::string(list[i].op)], rows[i]);
    add(by_scope[list[i].scope], rows[i]);
  }
  stats.total.name = "total";
  stats.by_op = grouped(by_op);
  stats.by_scope = grouped(by_scope);
  return stats;
}

std::ostream& operator<<(std::ostream& out, const TapeStats& stats) {
  std::size_t width = 8;
  for (const auto* rows : {&stats.by_op, &stats.by_scope})
    for (const auto& row : *rows) width = std::max(width, row.name.size() + 2);
  const auto line = [&](const std::string& name, const TapeStats::Row& row) {
    out << fmt::format("{:<{}} {:>7} {:>7} {:>9} {:>11} {:>11}", name, width, row.nodes, row.edges,
                       with_unit(row.saved_bytes, "B"), with_unit(row.forward_flops, "FLOP"),
                       with_unit(row.backward_flops, "FLOP"));
    if (stats.timed)
      out << fmt::format(" {:>10.3f} {:>11.3f}", 1e3 * row.forward_seconds, 1e3 * row.backward_seconds);
    out << '\n';
  };
  out << fmt::format("{:<{}} {:>7} {:>7} {:>9} {:>11} {:>11}", "", width, "nodes", "edges", "saved",
                     "forward", "backward")
      << (stats.timed ? " forward ms backward ms\n" : "\n");
  line("total", stats.total);
  out << "by op\n";
  for (const auto& row : stats.by_op) line("  " + row.name, row);
  out << "by scope\n";
  for (const auto& row : stats.by_scope) line("  " + (row.name.empty() ? "(top)" : row.name), row);
  if (stats.unknown_vjps > 0)
    out << fmt::format("{} of the vjps cannot be copied: what they keep is not known\n", stats.unknown_vjps);
  return out;
}

template TapeStats Tape<float>::stats() const;
template TapeStats Tape<double>::stats() const;
template TapeStats Tape<Complex>::stats() const;

}  // namespace xgrad
