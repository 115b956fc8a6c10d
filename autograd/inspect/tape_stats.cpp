// The statistics of a tape and their table; see tape_stats.hpp.
#include <xgrad/autograd/tape_stats.hpp>

#include <algorithm>
#include <chrono>
#include <map>
#include <ostream>
#include <tuple>

#include <fmt/format.h>

#include <xgrad/autograd/inspect/units.hpp>
#include <xgrad/autograd/kernels/product.hpp>
#include <xgrad/autograd/numbers/instantiate.hpp>
#include <xgrad/autograd/ops/part.hpp>

namespace xgrad {

namespace {

// One row for each name, the largest first.
std::vector<TapeStats::Row> grouped(const std::map<std::string, TapeStats::Row, std::less<>>& by_name) {
  std::vector<TapeStats::Row> rows;
  for (const auto& [name, row] : by_name) rows.emplace_back(row).name = name;
  const auto rank = [](const TapeStats::Row& row) {
    return std::make_tuple(row.saved_bytes, row.forward_flops + row.backward_flops, row.nodes);
  };
  std::stable_sort(rows.begin(), rows.end(), [&](const auto& a, const auto& b) { return rank(a) > rank(b); });
  return rows;
}

}  // namespace

template <class T>
Statistics<T>::Statistics(Timing timing)
    : timed_(timing == Timing::on), seen_{kernels::flops(), detail::recomputed_flops, clock()} {}

template <class T>
double Statistics<T>::clock() const {
  if (!timed_) return 0;
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// What was done since the last call is added to `work`.
template <class T>
void Statistics<T>::note_work(Work& work) {
  const Work now{kernels::flops(), detail::recomputed_flops, clock()};
  work.flops += now.flops - seen_.flops;
  work.recomputed += now.recomputed - seen_.recomputed;
  work.seconds += now.seconds - seen_.seconds;
  seen_ = now;
}

// Vjps are opaque closures: what one holds has a reference more while a copy of it lives.
template <class T>
Array<T> Statistics<T>::value(const Op&, std::uint32_t node, const Array<T>& y,
                              std::span<const WatchedInput<T>> inputs) {
  if (node == no_node) return y;
  Record& record = records_[node];
  note_work(record.forward);
  struct Look {
    std::map<storage::Block*, std::uint32_t> candidates;  // and their references before the copy
    std::set<storage::Block*>& held;
  } look{{}, record.saved.blocks};
  const auto offer = [&](storage::Block* block) {
    if (block != nullptr && !block->parameter && !held_.contains(block)) look.candidates.emplace(block, 0);
  };
  for (storage::Block* const block : watch_.blocks()) offer(block);
  offer(y.block());
  for (const auto& input : inputs) offer(input.x.value().block());
  const auto compare = [](void* context) {
    auto& [candidates, held] = *static_cast<Look*>(context);
    for (const auto& [block, references] : candidates)
      if (block->references > references) held.insert(block);
  };
  std::size_t beside = 0;  // what vjps of one op keep together
  for (const auto& input : inputs) {
    if (input.node == no_node) continue;
    beside = std::max(beside, input.vjp->saved_bytes());
    for (auto& [block, references] : look.candidates) references = block->references;
    if (!input.vjp->with_copy(compare, &look)) ++record.saved.unknown_vjps;
  }
  record.saved.bytes += beside;
  for (storage::Block* const block : record.saved.blocks) {
    record.saved.bytes += block->size;
    held_.insert(block);
    watch_.drop(block);
  }
  if (timed_) seen_.seconds = clock();  // looking is not the next op's work
  return y;
}

template <class T>
void Statistics<T>::sweep_begins() {
  for (auto& [node, record] : records_) record.backward = {};  // of an earlier one
  seen_ = {kernels::flops(), detail::recomputed_flops, clock()};
}

template <class T>
void Statistics<T>::done(std::uint32_t node, bool freed) {
  Record& record = records_[node];
  note_work(record.backward);
  if (!freed) return;
  for (storage::Block* const block : record.saved.blocks) held_.erase(block);
  record.saved = {};
}

template <class T>
TapeStats Statistics<T>::of(const Tape<T>& tape) const {
  const std::vector<TapeNode> nodes = tape.nodes();
  TapeStats stats;
  stats.timed = timed_;
  stats.bookkeeping_bytes = tape.graph().bytes();
  std::map<std::string, TapeStats::Row, std::less<>> by_op, by_scope;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const auto known = records_.find(static_cast<std::uint32_t>(i));
    const Record record = known == records_.end() ? Record() : known->second;
    stats.unknown_vjps += record.saved.unknown_vjps;
    for (auto* const sum : {&stats.total, &by_op[std::string(nodes[i].op)], &by_scope[nodes[i].scope]}) {
      ++sum->nodes;
      sum->edges += nodes[i].inputs.size();
      sum->saved_bytes += record.saved.bytes;
      sum->forward_flops += record.forward.flops;
      sum->backward_flops += record.backward.flops;
      sum->recomputed_flops += record.backward.recomputed;
      sum->forward_seconds += record.forward.seconds;
      sum->backward_seconds += record.backward.seconds;
    }
  }
  stats.total.name = "total";
  stats.by_op = grouped(by_op);
  stats.by_scope = grouped(by_scope);
  return stats;
}

std::ostream& operator<<(std::ostream& out, const TapeStats& stats) {
  const bool again = stats.total.recomputed_flops > 0;
  std::size_t width = 8;
  for (const auto* rows : {&stats.by_op, &stats.by_scope})
    for (const auto& row : *rows) width = std::max(width, row.name.size() + 2);
  const auto line = [&](const std::string& name, const TapeStats::Row& row) {
    out << fmt::format("{:<{}} {:>7} {:>7} {:>9} {:>11} {:>11}", name, width, row.nodes, row.edges,
                       with_unit(row.saved_bytes, "B"), with_unit(row.forward_flops, "FLOP"),
                       with_unit(row.backward_flops, "FLOP"));
    if (again) out << fmt::format(" {:>11}", with_unit(row.recomputed_flops, "FLOP"));
    if (stats.timed)
      out << fmt::format(" {:>10.3f} {:>11.3f}", 1e3 * row.forward_seconds, 1e3 * row.backward_seconds);
    out << '\n';
  };
  out << fmt::format("{:<{}} {:>7} {:>7} {:>9} {:>11} {:>11}", "", width, "nodes", "edges", "saved",
                     "forward", "backward")
      << (again ? fmt::format(" {:>11}", "again") : "") << (stats.timed ? " forward ms backward ms\n" : "\n");
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
