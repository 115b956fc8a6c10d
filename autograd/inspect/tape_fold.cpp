// Folding by refinement: values are put together by what they are and by their inputs within the step; then
// groups are divided as long as their members disagree on other inputs; then the first step, which may lack
// what is computed from a constant state alone, joins the others. See tape_fold.hpp.
#include <xgrad/autograd/tape_fold.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <unordered_set>
#include <utility>

namespace xgrad {

namespace {

constexpr std::size_t none = TimeGroups::outside;

// Where a value stands: in which loop (or outside), and in which of its steps, counted in the order of
// execution.
struct Place {
  std::size_t loop = none, position = 0;
};

std::vector<Place> find_places(const std::vector<TapeNode>& nodes) {
  std::vector<Place> places(nodes.size());
  Place now;
  std::size_t loops = 0, step = 0;
  std::unordered_set<std::size_t> seen;  // steps of this loop
  bool left = false;                     // an op outside any step came last
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (!nodes[i].time_step) {
      left = left || !nodes[i].leaf;
      continue;
    }
    const std::size_t next = *nodes[i].time_step;
    const bool same = !seen.empty() && next == step;
    if (seen.empty() || (same ? left : seen.count(next) > 0)) {
      now = {loops++, 0};
      seen.clear();
    } else if (!same) {
      ++now.position;
    }
    step = next;
    seen.insert(step);
    left = false;
    places[i] = now;
  }
  return places;
}

// Moves out of its loop what one step has computed for several from what stands outside, such as the product
// of all rows of a sequence: the next step reads it and makes no such value. Returns the loops that these
// values come from; `none` for others.
std::vector<std::size_t> move_out(const std::vector<TapeNode>& nodes, std::vector<Place>& places) {
  using Made = std::tuple<std::size_t, std::size_t, std::string_view, std::string>;
  std::set<Made> made;
  std::vector<bool> from_outside(nodes.size()), read_later(nodes.size()), read_here(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const std::size_t loop = places[i].loop;
    made.emplace(loop, places[i].position, nodes[i].op, to_string(nodes[i].shape));
    from_outside[i] = std::all_of(nodes[i].inputs.begin(), nodes[i].inputs.end(), [&](const auto& input) {
      return places[input.node].loop != loop || from_outside[input.node];
    });
  }
  std::vector<std::size_t> loops(nodes.size(), none);
  for (std::size_t i = nodes.size(); i-- > 0;) {
    const auto [loop, position] = places[i];
    if (loop == none) continue;
    const bool moved = from_outside[i] && read_later[i] &&
                       !made.contains({loop, position + 1, nodes[i].op, to_string(nodes[i].shape)});
    for (const auto& input : nodes[i].inputs) {
      const Place& source = places[input.node];
      if (source.loop != loop) continue;
      const bool later = source.position != position || (moved && !read_here[input.node]);
      (later ? read_later : read_here)[input.node] = true;
    }
    if (moved) loops[i] = std::exchange(places[i].loop, none);
  }
  return loops;
}

class Folding {
 public:
  explicit Folding(const std::vector<TapeNode>& nodes)
      : nodes_(nodes), places_(find_places(nodes)), moved_(move_out(nodes, places_)), group_(nodes.size()) {
    gather();
    while (divide()) {
    }
    join_first_steps();
  }

  FoldedTape result() const {
    FoldedTape folded;
    std::map<std::size_t, std::size_t> index;  // of each group in the result
    std::map<std::tuple<std::size_t, std::size_t, std::optional<std::ptrdiff_t>>, std::size_t> edges;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      const auto& members = members_[group_[i]];
      const std::size_t to = index.try_emplace(group_[i], index.size()).first->second;
      if (to == folded.nodes.size()) {
        folded.nodes.push_back({nodes_[members.back()], members.size()});
        folded.nodes.back().value.time_step = step_of(members.back());
      }
      for (const auto& input : nodes_[i].inputs) {
        const std::optional<std::size_t> x = step_of(input.node), y = step_of(i);
        std::optional<std::ptrdiff_t> delay;
        if (origin(i, input) == From::other_step)
          delay = static_cast<std::ptrdiff_t>(*y) - static_cast<std::ptrdiff_t>(*x);
        const std::size_t from = index.at(group_[input.node]);
        const auto [edge, is_new] = edges.try_emplace({from, to, delay}, folded.edges.size());
        if (is_new) folded.edges.push_back({from, to, delay, 0, y ? y : x});
        FoldedTape::Edge& of_all = folded.edges[edge->second];
        if (++of_all.count > 1) of_all.time_step.reset();
      }
    }
    return folded;
  }

  TimeGroups groups() const {
    TimeGroups groups{{}, group_};
    for (const Place& place : places_) groups.loop.push_back(place.loop);
    return groups;
  }

 private:
  enum class From { nowhere, outside, same_step, other_step };

  std::optional<std::size_t> step_of(std::size_t node) const {
    return places_[node].loop == none ? std::nullopt : nodes_[node].time_step;
  }

  From origin(std::size_t node, const TapeNode::Input& input) const {
    const Place &x = places_[input.node], &y = places_[node];
    if (y.loop == none || x.loop != y.loop) return From::outside;
    return x.position == y.position ? From::same_step : From::other_step;
  }

  // The first division: by loop, op, shape, inputs within the step, and position among those of the step.
  // What is outside of loops stays by itself, but for what was moved out of the same one, by pieces of a
  // sequence whose lengths may differ.
  void gather() {
    using Key = std::tuple<std::size_t, std::size_t, std::string_view, std::string, std::vector<std::size_t>>;
    std::map<Key, std::size_t> counts, groups;  // of a step; by position in a step
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      std::vector<std::size_t> inputs;
      for (const auto& input : nodes_[i].inputs)
        if (origin(i, input) == From::same_step)
          inputs.insert(inputs.end(), {input.argument, group_[input.node]});
      const auto [loop, position] = places_[i];
      Key key(loop, position, nodes_[i].op, to_string(nodes_[i].shape), std::move(inputs));
      if (moved_[i] != none)
        key = {moved_[i], none, nodes_[i].op, "", {}};
      else
        std::get<1>(key) = loop == none ? i : counts[key]++;
      group_[i] = groups.try_emplace(std::move(key), members_.size()).first->second;
      if (group_[i] == members_.size()) members_.emplace_back();
      members_[group_[i]].push_back(i);
    }
  }

  // True if two nodes read the same groups in the same way, but for inputs that `may_differ`; what only one
  // of them has comes from nowhere to the other.
  template <class F>
  bool agree(std::size_t a, std::size_t b, F may_differ) const {
    const auto &xs = nodes_[a].inputs, &ys = nodes_[b].inputs;
    for (auto x = xs.begin(), y = ys.begin(); x != xs.end() || y != ys.end();) {
      const bool has_x = x != xs.end() && (y == ys.end() || x->argument <= y->argument);
      const bool has_y = y != ys.end() && (x == xs.end() || y->argument <= x->argument);
      const From of_a = has_x ? origin(a, *x) : From::nowhere, of_b = has_y ? origin(b, *y) : From::nowhere;
      const bool same = of_a == of_b && group_[x->node] == group_[y->node];
      if (!same && !may_differ(of_a, of_b, y)) return false;
      if (has_x) ++x;
      if (has_y) ++y;
    }
    return true;
  }

  // Whether two values of one group may stay together. A carried input agrees with any that is not of the
  // same step: with the initial state, or with none where that is a constant.
  bool alike(std::size_t a, std::size_t b) const {
    return nodes_[a].scope == nodes_[b].scope && agree(a, b, [](From x, From y, auto) {
             const bool within = x == From::same_step || y == From::same_step;
             return !within && (x == From::other_step || y == From::other_step);
           });
  }

  // Divides every group into those that are alike; true if any was divided. The last member, which has all
  // that a steady loop has, comes first.
  bool divide() {
    const std::size_t groups = members_.size();
    for (std::size_t g = 0; g < groups; ++g) {
      std::vector<std::vector<std::size_t>> parts;
      for (auto& rest = members_[g]; !rest.empty();) {
        const auto part = std::stable_partition(
            rest.begin(), rest.end(),
            [&, last = rest.back()](std::size_t member) { return !alike(last, member); });
        parts.emplace_back(part, rest.end());
        rest.erase(part, rest.end());
      }
      members_[g] = std::move(parts.front());
      for (std::size_t p = 1; p < parts.size(); ++p) {
        for (const std::size_t member : parts[p]) group_[member] = members_.size();
        members_.push_back(std::move(parts[p]));
      }
    }
    return members_.size() > groups;
  }

  // Whether a group has no value of a first step.
  bool begins_later(std::size_t group) const { return places_[members_[group].front()].position > 0; }

  // Whether a value of the first step is what `later` is at a later one of its loop: whatever `later` reads
  // from its own step is read alike, or does not exist at the first step.
  bool precedes(std::size_t first, std::size_t later) const {
    const TapeNode &x = nodes_[first], &y = nodes_[later];
    if (x.op != y.op || x.shape != y.shape) return false;
    return agree(first, later, [&](From before, From from, auto input) {
      return (before == From::nowhere || before == From::outside) &&
             (from == From::other_step || (from == From::same_step && begins_later(group_[input->node])));
    });
  }

  void join_first_steps() {
    std::map<std::size_t, std::vector<std::size_t>> groups;  // of each loop
    for (std::size_t g = 0; g < members_.size(); ++g) groups[places_[members_[g].front()].loop].push_back(g);
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (places_[i].loop == none || places_[i].position > 0 || members_[group_[i]].size() > 1) continue;
      for (const std::size_t g : groups[places_[i].loop]) {
        if (!begins_later(g) || !precedes(i, members_[g].back())) continue;
        members_[g].insert(members_[g].begin(), i);
        group_[i] = g;
        break;
      }
    }
  }

  const std::vector<TapeNode>& nodes_;
  std::vector<Place> places_;
  std::vector<std::size_t> moved_;                 // the loop that a node was moved out of, or `none`
  std::vector<std::size_t> group_;                 // of each node
  std::vector<std::vector<std::size_t>> members_;  // of each group, in the order of the tape
};

}  // namespace

FoldedTape fold(const std::vector<TapeNode>& nodes) { return Folding(nodes).result(); }

TimeGroups time_groups(const std::vector<TapeNode>& nodes) { return Folding(nodes).groups(); }

}  // namespace xgrad
