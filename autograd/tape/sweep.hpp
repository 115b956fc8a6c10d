// Sweep<T>: one walk over a graph from a value back to the leaves, which adds up their gradients. Internal.
// Start with `run`.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <xgrad/autograd/gradients.hpp>
#include <xgrad/autograd/tape/gradient_sum.hpp>
#include <xgrad/autograd/tape/graph.hpp>

namespace xgrad {

template <class T>
class Watcher;

template <class T>
class Sweep {
 public:
  /// `wanted` are intermediates whose gradients are results too. Without `keep` the vjps are freed on the
  /// way. `watcher` may be null.
  Sweep(Graph<T>& graph, Watcher<T>* watcher, bool keep, const std::vector<std::uint32_t>& wanted);

  /// The gradients from dL/dy = `seed` of the value at `start`. To be called once.
  Gradients<T> run(std::uint32_t start, Array<T> seed);

 private:
  using Edges = std::span<typename Graph<T>::Edge>;

  Gradient<T> shown(std::uint32_t node, Gradient<T> dy, bool leaf);
  void reach_leaf(std::uint32_t node);
  void reach(std::uint32_t node, Edges edges);
  void run_vjp(const typename Graph<T>::Edge& edge, const Array<T>& dy, GradientSum<T>& dx);
  void hand_on_apart(const typename Graph<T>::Edge& edge, const Array<T>& dy);
  void add_to_result(std::uint32_t node, Gradient<T> dy);

  Graph<T>& graph_;
  Watcher<T>* watcher_;
  bool keep_;
  std::vector<bool> wanted_;
  std::vector<GradientSum<T>> sums_;
  Gradients<T> result_;
};

}  // namespace xgrad
