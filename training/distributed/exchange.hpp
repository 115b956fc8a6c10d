// MpiExchange: how gradients are added up across processes. Internal; World::exchange() makes one.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <vector>

#include <mpi.h>

#include <xgrad/training/shards.hpp>

namespace xgrad {

/// See exchange.cpp.
template <class T>
class MpiExchange : public ShardExchange<T> {
 public:
  using Sum = typename ShardExchange<T>::Sum;

  /// Counts in `sent` the bytes that it sends.
  explicit MpiExchange(std::shared_ptr<std::uint64_t> sent);
  ~MpiExchange() override;
  MpiExchange(const MpiExchange&) = delete;
  MpiExchange& operator=(const MpiExchange&) = delete;

  ShardRange here(std::size_t count) const override;
  void begin(const std::vector<Variable<T>>& parameters, std::size_t count) override;
  void give(std::size_t i, std::vector<Sum> sums) override;
  void poll() override { progress(); }
  std::vector<Sum> finish(std::vector<double>& losses) override;

 private:
  using Words = std::vector<std::uint64_t>;  // a message

  // Parameters that are sent together.
  struct Bucket {
    std::vector<std::size_t> parameters;
    std::size_t missing = 0;      // of them, not given yet
    std::vector<Words> partials;  // of the rows that are added up here, from each rank
    std::vector<Words> totals;    // of the rows of each rank
    std::size_t partials_received = 0, totals_received = 0;
  };
  struct Sending {
    Words words;
    MPI_Request request;
  };
  struct Receiving {
    std::size_t from, bucket;
    bool is_total;
    Words words;
    MPI_Request request;
  };

  ShardRange shards_of(std::size_t rank, std::size_t count) const {
    return {count * rank / ranks_, count * (rank + 1) / ranks_};
  }
  std::pair<std::size_t, std::size_t> rows_of(std::size_t rank, std::size_t i) const;
  bool is_under_way() const;
  bool progress();
  void launch(std::size_t bucket);
  void arrived(Receiving& message);
  void add_up(std::size_t bucket);
  void send(std::size_t to, std::size_t bucket, bool total, Words words);

  std::shared_ptr<std::uint64_t> sent_;
  MPI_Comm communicator_ = MPI_COMM_NULL;  // of its own, so that no other message is taken for one of these
  std::size_t rank_, ranks_;
  std::size_t count_ = 0;  // of shards
  std::vector<Variable<T>> parameters_;
  std::vector<std::vector<Sum>> given_;
  std::vector<std::size_t> bucket_of_;
  std::vector<Bucket> buckets_;
  std::list<Sending> sending_;
  std::list<Receiving> receiving_;
  std::size_t totals_missing_ = 0;
};

}  // namespace xgrad
