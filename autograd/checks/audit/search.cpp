// The search for the fewest changes that make the sweep give the hand-written numbers. It works from the loss
// backwards: first the parameters behind which there are few ops, where few changes come into question; what
// explains them is kept for those further up. Where several explanations are equally good, all are kept until
// one is not. Start with Search::run.
#include <algorithm>
#include <numeric>
#include <set>

#include <xgrad/autograd/checks/audit/candidates.hpp>
#include <xgrad/autograd/checks/audit/explanation.hpp>

namespace xgrad::auditing {

namespace {

constexpr std::size_t kept_at_most = 8;     // explanations
constexpr std::size_t most_sweeps = 60000;  // fewer if they take long

class Search {
 public:
  Search(const Recording& recording, const std::vector<Written>& written)
      : recording_(recording), written_(written), all_(candidates(recording)) {
    std::size_t work = 1;  // numbers that a sweep computes
    for (const RecordedOp& op : recording.ops())
      for (const RecordedInput& input : op.inputs) work += input.value.size() + op.y.size();
    budget_ = std::clamp<std::size_t>(200000000 / work, 1000, most_sweeps);
    for (const Written& w : written) below_.push_back(recording.downstream(w.parameter));
  }

  Explanation run() {
    states_.push_back(judged({}));
    // One factor, sign or the like that explains everything needs no search.
    if (unexplained(states_.front()) == 0 && states_.front().cost < 2) return std::move(states_.front());
    // Parameters behind which there are few ops come first.
    std::vector<std::size_t> order(written_.size());
    std::iota(order.begin(), order.end(), 0);
    const auto behind = [&](std::size_t w) { return std::count(below_[w].begin(), below_[w].end(), true); };
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t v, std::size_t w) { return behind(v) < behind(w); });
    for (const std::size_t w : order) {
      explain(w);
      visited_.push_back(w);
    }
    for (const std::size_t w : order)
      if (!states_.front().matches[w]) explain_by_two(w);
    return std::move(states_.front());
  }

 private:
  Explanation judged(Changes changes) {
    Explanation state{std::move(changes), 0, {}, {}};
    state.terms = sweep(recording_, state.changes);
    std::set<std::pair<AuditDefect, std::string>> parts;  // the same part of several is one mistake
    for (const Written& w : written_) {
      state.matches.push_back(match(w, state.terms[w.parameter]));
      if (!state.matches.back()) continue;
      const double each = state.matches.back()->cost /
                          static_cast<double>(std::max<std::size_t>(1, state.matches.back()->parts.size()));
      for (const auto& part : state.matches.back()->parts)
        if (parts.emplace(part.defect, part.text).second) state.cost += each;
    }
    for (const auto& change : state.changes) state.cost += change->cost;
    return state;
  }

  static std::ptrdiff_t unexplained(const Explanation& state) {
    return std::count(state.matches.begin(), state.matches.end(), std::nullopt);
  }

  // True if the change touches the way from the loss to the parameter.
  bool concerns(const Change& change, std::size_t w) const {
    if (change.crossings) return true;
    const auto& below = below_[w];
    for (const auto& [edge, rule] : change.edges)
      if (below[edge.first]) return true;
    for (const auto& [op, map] : change.outputs)
      if (below[op]) return true;
    return false;
  }

  // Written gradient number w: keeps the states that explain it, or extends them by one change, or by one and
  // a cut of the flow through time.
  void explain(std::size_t w) {
    const std::vector<Explanation> before = states_;
    const Changes singles = changes_of(w);
    std::vector<Explanation> found = before;
    std::erase_if(found, [&](const Explanation& state) { return !state.matches[w]; });
    const auto plain = [&](const Explanation& state) { return state.matches[w]->parts.empty(); };
    // A factor or the like of this one alone may be an easy way out: one change may explain more.
    if (!std::any_of(found.begin(), found.end(), plain))
      for (const Explanation& state : before)
        for (const auto& change : singles) extend(state, {change}, w, found);
    if (found.empty()) {
      for (const Explanation& state : before)
        for (const auto& flow : singles)
          for (const auto& change : singles)
            if (flow->defect == AuditDefect::missing_flow && change != flow)
              extend(state, {flow, change}, w, found);
    }
    if (!found.empty()) states_ = best(std::move(found));
  }

  Changes changes_of(std::size_t w) const {
    Changes result = all_;
    std::erase_if(result, [&](const auto& change) { return !concerns(*change, w); });
    return result;
  }

  // Any two changes beside the best state, the likeliest first. Half of the budget is left for others.
  void explain_by_two(std::size_t w) {
    const Explanation before = states_.front();
    const std::size_t reserved = budget_ / 2;
    Changes singles = changes_of(w);
    std::stable_sort(singles.begin(), singles.end(),
                     [](const auto& a, const auto& b) { return a->cost < b->cost; });
    std::vector<Explanation> found;
    for (std::size_t b = 1; b < singles.size(); ++b)
      for (std::size_t a = 0; a < b && budget_ > reserved; ++a)
        extend(before, {singles[a], singles[b]}, w, found);
    if (!found.empty()) states_ = best(std::move(found));
  }

  // The states that say most at least cost; of equals the earlier.
  static std::vector<Explanation> best(std::vector<Explanation> found) {
    std::stable_sort(found.begin(), found.end(), [](const Explanation& a, const Explanation& b) {
      const auto score = [](const Explanation& s) { return s.cost + static_cast<double>(unexplained(s)); };
      return score(a) < score(b) - 1e-9;
    });
    if (found.size() > kept_at_most) found.resize(kept_at_most);
    return found;
  }

  // Only if it explains w, and still explains what was explained.
  void extend(const Explanation& state, const Changes& more, std::size_t w, std::vector<Explanation>& found) {
    if (budget_ == 0) return;
    for (const auto& change : more)
      if (std::find(state.changes.begin(), state.changes.end(), change) != state.changes.end()) return;
    --budget_;
    Changes changes = state.changes;
    changes.insert(changes.end(), more.begin(), more.end());
    Explanation next = judged(std::move(changes));
    if (!next.matches[w]) return;
    for (const std::size_t v : visited_)
      if (state.matches[v] && !next.matches[v]) return;
    found.push_back(std::move(next));
  }

  const Recording& recording_;
  const std::vector<Written>& written_;
  std::size_t budget_;  // sweeps that are left
  Changes all_;
  std::vector<std::vector<bool>> below_;
  std::vector<Explanation> states_;
  std::vector<std::size_t> visited_;
};

}  // namespace

Explanation explain(const Recording& recording, const std::vector<Written>& written) {
  return Search(recording, written).run();
}

}  // namespace xgrad::auditing
