// The processes that train one model together, by themselves or under mpirun: what a training run asks of
// them. Those of MPI are in ranks_main.cpp, the launcher in launch.hpp.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include <xgrad/training/shards.hpp>

namespace xgrad {

/// One process, or one of several. What a process calls all others call, too, but for the first four.
class Ranks {
 public:
  Ranks() = default;
  virtual ~Ranks() = default;
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  virtual std::size_t rank() const { return 0; }  ///< of this process
  virtual std::size_t size() const { return 1; }  ///< how many there are
  bool is_first() const { return rank() == 0; }   ///< the one that writes files, and shows what happens
  /// Whether mpirun has started it: then it starts no others.
  virtual bool is_started() const { return false; }

  /// Throws Error in all of them unless `text` is the same in all; `what` is what it is.
  virtual void agree(const std::string& what, const std::string& text) const { (void)what, (void)text; }
  /// The largest value of all.
  virtual int largest(int value) const { return value; }
  /// The bytes of all, one after the other, in all of them.
  virtual std::string concatenate(const std::string& bytes) const { return bytes; }
  /// @{ How gradients are exchanged; none for one process.
  virtual std::shared_ptr<ShardExchange<float>> exchange(float) { return nullptr; }
  virtual std::shared_ptr<ShardExchange<double>> exchange(double) { return nullptr; }
  /// @}
};

}  // namespace xgrad
