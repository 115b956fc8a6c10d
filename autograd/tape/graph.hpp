// Graph<T>: a recording as plain data. Nodes are values; an edge says "output o depends on input i, and this
// closure, the vjp, turns dL/do into a contribution to dL/di". Both stand in execution order, so that the
// edges of a node lie together. Tape appends, Sweep walks back, inspect/ and checks/ read. Internal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <xgrad/autograd/op.hpp>
#include <xgrad/autograd/variable.hpp>
#include <xgrad/autograd/vjp.hpp>

namespace xgrad {

/// The index of no node: of a constant.
inline constexpr std::uint32_t no_node = ~std::uint32_t{0};

namespace detail {

/// Memory for the closures of vjps: given out piece by piece, and back all at once.
class ClosureMemory {
 public:
  void* allocate(std::size_t bytes, std::size_t alignment) {
    const std::size_t begin = (used_ + alignment - 1) / alignment * alignment;
    if (alignment > alignof(std::max_align_t) || begin + bytes > size_)
      return allocate_chunk(bytes, alignment);
    used_ = begin + bytes;
    return chunks_[chunk_].memory.get() + begin;
  }
  /// What is given out is free again; the memory is kept.
  void reset();
  /// Given out.
  std::size_t bytes() const { return full_ + used_; }
  /// Kept.
  std::size_t capacity() const {
    std::size_t sum = 0;
    for (const Chunk& chunk : chunks_) sum += chunk.size;
    return sum;
  }

 private:
  struct Chunk {
    std::unique_ptr<std::byte[]> memory;
    std::size_t size;
  };

  void* allocate_chunk(std::size_t bytes, std::size_t alignment);

  std::vector<Chunk> chunks_;
  std::size_t chunk_ = 0, used_ = 0, size_ = 0;  // the one in use
  std::size_t full_ = 0;                         // given out of those before it
};

}  // namespace detail

template <class T>
struct Graph {
  static constexpr std::uint32_t no_time_step = ~std::uint32_t{0};

  struct Node {
    Op op;
    Shape shape;
    std::uint32_t time_step = no_time_step;
  };
  struct Edge {
    Vjp<T>* vjp = nullptr;  ///< null once freed
    std::uint32_t output = 0, input = 0, argument = 0;
    /// The contribution is for the gradient of `input` alone, if that is asked for, and does not flow on:
    /// another edge brings what flows on at once for many such inputs (ops/row_products.hpp).
    bool aside = false;
  };
  struct Use {  ///< of a parameter
    std::shared_ptr<const Parameter<T>> parameter;
    std::uint32_t node;     ///< no_node if it is frozen
    std::uint64_t version;  ///< of its elements, when it was used
  };
  struct View {  ///< a constant that lies in a parameter's block
    Array<T> value;
    std::uint64_t version;
  };

  std::vector<Node> nodes;
  std::vector<Edge> edges;
  std::vector<Use> uses;
  std::vector<View> views;
  std::vector<std::uint32_t> ended_sums;    ///< sums of which a number of an ended tape is a part, ascending
  std::vector<std::uint32_t> of_gradients;  ///< values with a gradient of this tape as an input, ascending
  detail::ClosureMemory closures;
  bool swept = false;       ///< without keep: the vjps are freed
  bool broken_off = false;  ///< so was the last sweep, by an exception

  Graph() = default;
  ~Graph() { clear(); }
  Graph(Graph&&) noexcept = default;
  Graph& operator=(Graph&&) = delete;

  template <class F>
  void add_edge(std::uint32_t output, std::uint32_t input, std::size_t argument, F&& vjp,
                bool aside = false) {
    using Closure = VjpOf<T, std::remove_cvref_t<F>>;
    void* const memory = closures.allocate(sizeof(Closure), alignof(Closure));
    // Field by field: a whole edge would be read, to be copied, before its fields have reached memory.
    Edge& edge = edges.emplace_back();
    edge.vjp = new (memory) Closure(std::forward<F>(vjp));
    edge.output = output;
    edge.input = input;
    edge.argument = static_cast<std::uint32_t>(argument);
    edge.aside = aside;
  }
  /// Takes everything out, and keeps the memory of the lists.
  void clear() {
    for (auto edge = edges.rbegin(); edge != edges.rend(); ++edge) free(*edge);
    nodes.clear();
    edges.clear();
    uses.clear();
    views.clear();
    ended_sums.clear();
    of_gradients.clear();
    closures.reset();
    swept = broken_off = false;
  }
  std::size_t capacity_bytes() const {
    return nodes.capacity() * sizeof(Node) + edges.capacity() * sizeof(Edge) + closures.capacity();
  }
  /// The edges of `node` among the first `end`, if it is the last of those that has some.
  std::span<Edge> edges_before(std::size_t end, std::uint32_t node) {
    std::size_t first = end;
    while (first > 0 && edges[first - 1].output == node) --first;
    return {edges.data() + first, end - first};
  }
  static void free(Edge& edge) {
    if (edge.vjp != nullptr) edge.vjp->~Vjp<T>();
    edge.vjp = nullptr;
  }
  /// Bytes of the lists and closures, without the arrays that these hold.
  std::size_t bytes() const {
    return nodes.size() * sizeof(Node) + edges.size() * sizeof(Edge) + uses.size() * sizeof(Use) +
           views.size() * sizeof(View) + closures.bytes();
  }
};

/// A leaf or parameter of a graph, and what its gradient is added to.
template <class T>
struct SumOfLeaf {
  std::uint32_t node;
  GradientSum<T>& sum;
};

/// Sweeps a recording by itself, from the values that gradients flow into (`seeds`, by node), and frees its
/// vjps. The gradients of `leaves` are added to their sums, those of other leaves are lost. The products of
/// this recording that make a weight's gradient are one product, and no other has a part in it.
template <class T>
void sweep_onto(Graph<T>& graph, std::vector<std::pair<std::uint32_t, Array<T>>> seeds,
                std::span<const SumOfLeaf<T>> leaves);

}  // namespace xgrad
