// Shards: the gradient of a batch that is cut into a fixed number of shards, each with a tape of its own. The
// sum is a fixed binary tree over the shards, so that its bits do not depend on where they are computed: one
// after the other by one process, or by several that exchange them (distributed/world.hpp).
//
//   Shards<float> shards(parameters, 8);
//   const auto [gradients, loss] = shards.gradient([&](std::size_t shard) {
//     const Window part = columns(window, shards.columns(shard, N));
//     return model.loss(part.inputs, part.targets, states[shard - shards.first()]).y / 8;
//   });
//   sgd.step(gradients);
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <xgrad/autograd/gradients.hpp>
#include <xgrad/autograd/parameters.hpp>
#include <xgrad/training/windows.hpp>

namespace xgrad {

/// Columns [first, last) of a batch.
struct Columns {
  std::size_t first,                                 ///< the first of them
      last;                                          ///< the one after the last
  std::size_t size() const { return last - first; }  ///< how many
};

/// These columns of a window, or, where it has fewer, those of them that it has.     ids: (T, N)
Window columns(const Window& window, Columns which);

/// Shards [first, last) of a batch: a node of the tree that their gradients are added up by. A node of more
/// than one shard is the sum of its two halves, of which the first has the one more of an odd number.
struct ShardRange {
  std::size_t first,                                               ///< the first of them
      last;                                                        ///< the one after the last
  std::size_t size() const { return last - first; }                ///< how many shards
  std::size_t middle() const { return first + (size() + 1) / 2; }  ///< where its halves meet
  bool operator==(const ShardRange&) const = default;              ///< the same shards
  bool within(ShardRange all) const { return first >= all.first && last <= all.last; }  ///< no other shards
};

/// The largest nodes of the tree over `count` shards that have no shards but those of `range`, in order: at
/// most 2 log2(count), and one if the range is a node.
std::vector<ShardRange> nodes_within(ShardRange range, std::size_t count);

/// Adds gradients up across processes; World makes one (distributed/world.hpp). Each process has some of the
/// shards, calls begin(), give() for every parameter, in any order, and finish().
template <class T>
class ShardExchange {
 public:
  /// The sum over a node of the tree; none if no shard of it reaches the parameter.
  using Sum = std::optional<Gradient<T>>;

  virtual ~ShardExchange() = default;

  /// The shards of `count` that are computed here. Throws Error if there are fewer shards than processes.
  virtual ShardRange here(std::size_t count) const = 0;
  /// A step begins, with these parameters, the same ones in all processes.
  virtual void begin(const std::vector<Variable<T>>& parameters, std::size_t count) = 0;
  /// The sums of parameter number i, of each of the nodes_within(here(count)).
  virtual void give(std::size_t i, std::vector<Sum> sums) = 0;
  /// Goes on with what is under way; to be called now and then.
  virtual void poll() = 0;
  /// Waits for the sums over all shards, of each parameter, and puts the losses of the shards here among
  /// those of all others.
  virtual std::vector<Sum> finish(std::vector<double>& losses) = 0;
};

/// Computes gradients shard by shard.
template <class T>
class Shards {
 public:
  /// Of all parameters below the scope of `parameters` that are not frozen, in so many shards; with an
  /// exchange, some of them are computed elsewhere. Throws Error for no shards.
  Shards(const Parameters<T>& parameters, std::size_t count,
         std::shared_ptr<ShardExchange<T>> exchange = nullptr);

  std::size_t count() const { return count_; }       ///< of all shards
  std::size_t first() const { return here_.first; }  ///< the first shard that is computed here
  std::size_t last() const { return here_.last; }    ///< the shard after the last of them
  /// The columns of a shard in a batch of N.
  Columns columns(std::size_t shard, std::size_t N) const {
    return {N * shard / count_, N * (shard + 1) / count_};
  }
  /// Those of all shards here.
  Columns columns(std::size_t N) const { return {N * first() / count_, N * last() / count_}; }

  /// What a step is made of.
  struct Result {
    Gradients<T> gradients;  ///< of the sum of the losses of all shards
    double loss;             ///< that sum
  };
  /// Calls `loss` for each shard here, in order, each on a tape of its own, which gives the part that the
  /// shard has of the batch's loss, or none if the shard is empty. Throws Error if a loss has more than one
  /// element.
  Result gradient(const std::function<std::optional<Variable<T>>(std::size_t shard)>& loss) const;

 private:
  Parameters<T> parameters_;
  std::size_t count_;
  std::shared_ptr<ShardExchange<T>> exchange_;
  ShardRange here_;
};

/// T is that of the parameters.
template <class T>
Shards(Parameters<T>, std::size_t) -> Shards<T>;

}  // namespace xgrad
