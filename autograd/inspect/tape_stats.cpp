// The statistics of a tape and their table; see tape_stats.hpp.
#include <xgrad/autograd/tape_stats.hpp>

#include <algorithm>
#include <chrono>
#include <map>
#include <ostream>
#include <set>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include <xgrad/autograd/inspect/units.hpp>
#include <xgrad/autograd/kernels/product.hpp>
#include <xgrad/autograd/numbers/instantiate.hpp>

namespace xgrad {

namespace {

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
Statistics<T>::Statistics(Timing timing) : timed_(timing == Timing::on) {
  seen_ = {kernels::flops(), clock()};
}

template <class T>
double Statistics<T>::clock() const {
  if (!timed_) return 0;
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// What was done since the last call was done for `node`.
template <class T>
void Statistics<T>::note_work(WorkOfNodes& of, std::uint32_t node) {
  const Work now{kernels::flops(), clock()};
  if (now.flops != seen_.flops || timed_) {
    Work& work = of[node];
    work.flops += now.flops - seen_.flops;
    work.seconds += now.seconds - seen_.seconds;
  }
  seen_ = now;
}

template <class T>
Array<T> Statistics<T>::value(const Op&, std::uint32_t node, const Array<T>& y,
                              std::span<const WatchedInput<T>> inputs) {
  if (node == no_node) return y;
  note_work(forward_, node);
  Saved saved;
  note_saved(saved, y, inputs);
  for (storage::Block* const block : saved.blocks) holder_.emplace(block, node);
  saved_.emplace(node, std::move(saved));
  if (timed_) seen_.seconds = clock();  // looking is not the next op's work
  return y;
}

// Vjps are opaque closures: what one holds has a reference more while a copy of it lives.
template <class T>
void Statistics<T>::note_saved(Saved& saved, const Array<T>& y, std::span<const WatchedInput<T>> inputs) {
  struct Look {
    std::map<storage::Block*, std::uint32_t> candidates;  // and their references before the copy
    std::set<storage::Block*> held;
  } look;
  const auto offer = [&](storage::Block* block) {
    if (block != nullptr && !block->parameter && !holder_.contains(block)) look.candidates.emplace(block, 0);
  };
  for (storage::Block* const block : watch_.blocks()) offer(block);
  offer(y.block());
  for (const auto& input : inputs) offer(input.x.value().block());
  const auto compare = [](void* context) {
    auto& [candidates, held] = *static_cast<Look*>(context);
    for (const auto& [block, references] : candidates)
      if (block->references > references) held.insert(block);
  };
  for (const auto& input : inputs) {
    if (input.node == no_node) continue;
    for (auto& [block, references] : look.candidates) references = block->references;
    if (!input.vjp->with_copy(compare, &look)) ++saved.unknown_vjps;
  }
  for (storage::Block* const block : look.held) {
    saved.bytes += block->size;
    watch_.drop(block);
  }
  saved.blocks.assign(look.held.begin(), look.held.end());
}

template <class T>
void Statistics<T>::sweep_begins() {
  backward_.clear();  // of an earlier one
  seen_ = {kernels::flops(), clock()};
}

template <class T>
void Statistics<T>::done(std::uint32_t node, bool freed) {
  note_work(backward_, node);
  const auto saved = saved_.find(node);
  if (!freed || saved == saved_.end()) return;
  for (storage::Block* const block : saved->second.blocks) holder_.erase(block);
  saved_.erase(saved);
}

template <class T>
TapeStats Statistics<T>::of(const Tape<T>& tape) const {
  const std::vector<TapeNode> nodes = tape.nodes();
  TapeStats stats;
  stats.timed = timed_;
  stats.bookkeeping_bytes = tape.graph().bytes();
  const auto find = [](const auto& map, std::size_t node) {
    const auto found = map.find(static_cast<std::uint32_t>(node));
    return found == map.end() ? typename std::decay_t<decltype(map)>::mapped_type() : found->second;
  };
  std::map<std::string, TapeStats::Row, std::less<>> by_op, by_scope;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const Work forward = find(forward_, i), backward = find(backward_, i);
    const Saved saved = find(saved_, i);
    const TapeStats::Row row{.name = {},
                             .nodes = 1,
                             .edges = nodes[i].inputs.size(),
                             .saved_bytes = saved.bytes,
                             .forward_flops = forward.flops,
                             .backward_flops = backward.flops,
                             .forward_seconds = forward.seconds,
                             .backward_seconds = backward.seconds};
    stats.unknown_vjps += saved.unknown_vjps;
    add(stats.total, row);
    add(by_op[std::string(nodes[i].op)], row);
    add(by_scope[nodes[i].scope], row);
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

XGRAD_INSTANTIATE_CLASS(Statistics);

}  // namespace xgrad
