// World: the processes of a program that MPI has started, `mpirun -n 4 ./program`. All of them hold the
// whole model and take the same steps; each computes the gradients of some shards of a batch
// (shards.hpp), which are exchanged while the sweep goes on. Part of the target xgrad::mpi.
//
//   World world(argc, argv);
//   ... parameters, model, optimizer
//   world.broadcast(parameters);  // unless all have drawn them from one seed
//   Shards<float> shards(parameters, 8, world.exchange<float>());
//   for (...) sgd.step(shards.gradient(loss_of_shard).gradients);
//
// The sum over the shards is a fixed tree, so the weights are the same bits for any number of processes. How
// they are exchanged, and what that costs, stands in exchange.cpp. What else reads all of the parameters, as
// an evaluation does, has to do so in all processes: updates that an optimizer has deferred (Sparse::exact)
// are rounded otherwise where they are made earlier. A checkpoint reads without a change: one process saves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include <xgrad/autograd/gradients.hpp>
#include <xgrad/autograd/parameters.hpp>
#include <xgrad/training/shards.hpp>

namespace xgrad {

/// The processes, or ranks, of this program. One for a program, made in main() before anything else, on the
/// thread that calls it from then on. Where a process calls a member all others must call it, too, unless it
/// says otherwise: it waits for them.
class World {
 public:
  /// Starts MPI, which takes its own arguments away. Throws Error if it was started before.
  World(int& argc, char**& argv);
  /// Ends MPI; or, where an exception leaves its scope, all processes, as fail() does.
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  std::size_t rank() const;  ///< of this process, below size(); for itself
  std::size_t size() const;  ///< how many processes there are; for itself

  /// Gives the parameters below the scope, in all processes, the values that they have in process 0. Throws
  /// Error, in all of them, if their paths or shapes differ.
  template <class T>
  void broadcast(const Parameters<T>& parameters) const;
  /// What `bytes` are in process 0.
  std::string broadcast(const std::string& bytes) const;
  /// @{ What `value` is in process 0, and the largest of all.
  double broadcast(double value) const;
  int largest(int value) const;
  /// @}
  /// The bytes of all processes, in the order of their ranks. For a recurrent state there is gather_rows()
  /// in layers/state.hpp.
  std::string concatenate(const std::string& bytes) const;
  /// Throws Error, in all processes, unless `text` is the same in all; it names the first one that differs,
  /// and what both have of `what`.
  void agree(const std::string& what, const std::string& text) const;
  /// Returns when all processes have called it.
  void barrier() const;

  /// For Shards. It must not outlive this.
  template <class T>
  std::shared_ptr<ShardExchange<T>> exchange();
  /// The sum, not the mean, of the gradients of all processes, by the tree over them as over shards. Throws
  /// Error, in all of them, if one has a gradient of a parameter that is not below the scope of
  /// `parameters`.
  template <class T>
  Gradients<T> all_reduce(const Parameters<T>& parameters, const Gradients<T>& gradients);
  /// Bytes of gradients that this process has sent to others; for itself.
  std::uint64_t bytes_sent() const { return *bytes_sent_; }

  /// Says what is wrong, with the rank, and ends all processes at once, with this status; for itself. What an
  /// error in one process has to come to, as the others would wait for it for ever:
  ///
  ///     World world(argc, argv);
  ///     try { ... } catch (const std::exception& error) { world.fail(error.what()); }
  [[noreturn]] void fail(const std::string& message, int status = 1) const;
  /// The same without a word.
  [[noreturn]] void end(int status) const;

 private:
  int exceptions_;
  std::shared_ptr<std::uint64_t> bytes_sent_ = std::make_shared<std::uint64_t>(0);
};

}  // namespace xgrad
