// The sweep: one walk over a graph from a value back to the leaves, which adds up their gradients. Start with
// `run` and `walk`.
#include <xgrad/autograd/tape.hpp>

#include <fmt/format.h>

#include <xgrad/autograd/numbers/instantiate.hpp>

namespace xgrad {

template <class T>
class Sweep {
 public:
  // `wanted` are intermediates whose gradients are results too. Without `keep` the vjps are freed on the way.
  // `watcher` may be null.
  Sweep(Graph<T>& graph, Watcher<T>* watcher, bool keep, const std::vector<std::uint32_t>& wanted)
      : graph_(graph), watcher_(watcher), keep_(keep), wanted_(graph.nodes.size(), false) {
    for (const std::uint32_t node : wanted) wanted_[node] = true;
  }

  // The gradients from dL/dy = `seed` of the value at `start`. To be called once.
  Gradients<T> run(std::uint32_t start, Array<T> seed) {
    take_sums(start + 1);
    sums_[start].add(std::move(seed));
    walk(start);
    result_.parameters_.reserve(graph_.uses.size());
    for (const auto& use : graph_.uses)
      if (auto found = result_.by_node_.extract(use.node))
        result_.add(use.parameter, std::move(found.mapped()));
    give_sums_back();
    return std::move(result_);
  }

  // The same from several values, onto sums of leaves. To be called once.
  void run_onto(std::vector<std::pair<std::uint32_t, Array<T>>> seeds, std::span<const SumOfLeaf<T>> leaves) {
    std::uint32_t start = 0;
    for (const auto& [node, seed] : seeds) start = std::max(start, node);
    take_sums(graph_.nodes.size());
    for (const auto& leaf : leaves) std::swap(sums_[leaf.node], leaf.sum);
    for (auto& [node, seed] : seeds) sums_[node].add(std::move(seed));
    onto_ = true;
    walk(start);
    for (const auto& leaf : leaves) {
      sums_[leaf.node].multiply_outer();
      std::swap(sums_[leaf.node], leaf.sum);
    }
    give_sums_back();
  }

 private:
  using Edge = typename Graph<T>::Edge;
  using Edges = std::span<Edge>;

  // Used again by the next sweep of this thread. One within a vjp of this one has its own.
  static std::vector<GradientSum<T>>& spare() {
    thread_local std::vector<GradientSum<T>> sums;
    return sums;
  }
  void take_sums(std::size_t size) {
    sums_ = std::exchange(spare(), {});
    sums_.resize(size);
  }
  void give_sums_back() {
    sums_.clear();
    constexpr std::size_t most = (std::size_t{64} << 20) / sizeof(GradientSum<T>);
    if (sums_.capacity() <= most) spare() = std::move(sums_);
  }

  void walk(std::uint32_t start) {
    graph_.swept = graph_.broken_off = !keep_;  // until the end is reached
    if (watcher_ != nullptr) watcher_->sweep_begins();
    std::size_t end = graph_.edges.size();
    for (auto node = static_cast<std::uint32_t>(graph_.nodes.size()); node-- > 0;) {
      const Edges edges = graph_.edges_before(end, node);
      end -= edges.size();
      if (!onto_ && (edges.empty() || wanted_[node])) result_.wanted_.insert(node);
      const bool reached = node <= start && !sums_[node].empty();
      if (reached && edges.empty() && !onto_)  // a parameter or leaf
        add_to_result(node, shown(node, sums_[node].take(shape_of(node)), true));
      if (reached && !edges.empty()) reach(node, edges);
      if (!keep_)
        for (auto& edge : edges) graph_.free(edge);
      if (watcher_ != nullptr) watcher_->done(node, !keep_);
    }
    graph_.broken_off = false;
  }

  // What the watcher puts in the place of dy, which is dy where nobody watches.
  Gradient<T> shown(std::uint32_t node, Gradient<T> dy, bool leaf) {
    if (watcher_ == nullptr) return dy;
    dy = watcher_->gradient(node, std::move(dy), leaf);
    const auto* const sparse = std::get_if<RowSparse<T>>(&dy);
    const Shape &shape = sparse != nullptr ? sparse->shape : std::get<Array<T>>(dy).shape(),
                &expected = shape_of(node);
    if (shape != expected)
      throw Error(graph_.nodes[node].op.name(),
                  fmt::format("the watcher returned a gradient of shape {}, expected that of the value, {}",
                              to_string(shape), to_string(expected)));
    if (sparse == nullptr) return dy;
    GradientSum<T> sum;  // which makes the rows ascending and unique
    sum.add(*sparse);
    if (!leaf) return sum.take_dense(expected);
    return sum.take(expected);
  }

  void reach(std::uint32_t node, Edges edges) {
    Array<T> dy = sums_[node].take_dense(shape_of(node));
    if (watcher_ != nullptr) dy = std::get<Array<T>>(shown(node, std::move(dy), false));
    if (wanted_[node]) add_to_result(node, dy);
    const bool watched = watcher_ != nullptr && watcher_->looks_at_elements();
    for (const auto& edge : edges) {
      if (!watched && !edge.aside)
        run_vjp(edge, dy, sums_[edge.input]);
      else
        hand_on_apart(edge, dy);
    }
  }

  void run_vjp(const Edge& edge, const Array<T>& dy, GradientSum<T>& dx) {
    VjpTarget<T> target(dx, graph_.nodes[edge.output].op.name(), edge.argument, shape_of(edge.input),
                        dy.shape());
    edge.vjp->run(dy, target);
  }

  // Into a sum of its own: to be seen apart from what was there before, or to be the gradient of one value
  // alone.
  void hand_on_apart(const Edge& edge, const Array<T>& dy) {
    if (edge.aside && !wanted_[edge.input]) return;
    GradientSum<T> dx;
    run_vjp(edge, dy, dx);
    dx.multiply_outer();
    if (edge.aside) return add_to_result(edge.input, dx.take(shape_of(edge.input)));
    watcher_->contribution(edge.output, edge.input, edge.argument, dy, dx);
    sums_[edge.input].add(std::move(dx));
  }

  // There may be a part from aside already.
  void add_to_result(std::uint32_t node, Gradient<T> dy) {
    const auto [place, fresh] = result_.by_node_.try_emplace(node, std::move(dy));
    if (!fresh) place->second = std::get<Array<T>>(place->second) + std::get<Array<T>>(dy);
  }

  const Shape& shape_of(std::uint32_t node) const { return graph_.nodes[node].shape; }

  Graph<T>& graph_;
  Watcher<T>* watcher_;
  bool keep_, onto_ = false;
  std::vector<bool> wanted_;
  std::vector<GradientSum<T>> sums_;
  Gradients<T> result_;
};

template <class T>
Gradients<T> Tape<T>::sweep(std::uint32_t start, Array<T> seed, bool keep,
                            const std::vector<std::uint32_t>& wanted) {
  return Sweep<T>(graph_, watcher_, keep, wanted).run(start, std::move(seed));
}

template <class T>
void sweep_onto(Graph<T>& graph, std::vector<std::pair<std::uint32_t, Array<T>>> seeds,
                std::span<const SumOfLeaf<T>> leaves) {
  Sweep<T>(graph, nullptr, false, {}).run_onto(std::move(seeds), leaves);
}

#define XGRAD_INSTANTIATE(T)                                                                              \
  template Gradients<T> Tape<T>::sweep(std::uint32_t, Array<T>, bool, const std::vector<std::uint32_t>&); \
  template void sweep_onto(Graph<T>&, std::vector<std::pair<std::uint32_t, Array<T>>>,                    \
                           std::span<const SumOfLeaf<T>>);
XGRAD_FOR_SCALARS(XGRAD_INSTANTIATE)

}  // namespace xgrad
