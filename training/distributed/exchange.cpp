// How gradients are added up across processes. The rows of each parameter are shared out among the R ranks.
// Each rank sends to each other one its sums of that one's rows: one for each node of the tree that it has
// whole, which is one where R and the number of shards are powers of two. Who has the sums of all ranks for
// its rows adds them up by the tree, and sends the total to all. So a rank sends and receives about
// 2 (R - 1) / R times the bytes of a gradient in a step, what a ring would send; of row-sparse gradients only
// the rows that there are. Nothing depends on the order in which messages arrive.
//
// Parameters that are small are sent together, in buckets; a bucket is sent as soon as the sweep has finished
// all of its parameters, while it goes on with others. The last ones declared come first, since the sweep
// goes backwards.
#include <xgrad/training/distributed/exchange.hpp>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>
#include <string>
#include <thread>

#include <xgrad/autograd/numbers/instantiate.hpp>

namespace xgrad {

namespace {

// A bucket is full when its parameters have so many bytes.
constexpr std::size_t bucket_bytes = std::size_t{1} << 20;

std::size_t rows(const Shape& shape) { return shape.rank() == 0 ? 1 : shape[0]; }

// A message is a sequence of sums, each a word that tells its kind and, but for `absent`, what follows:
//   dense    the elements of its rows
//   sparse   how many rows, their numbers, counted from the first of the part, and their elements
enum : std::uint64_t { absent, dense, sparse };

class Writer {
 public:
  // The part of a sum that is in these rows of the parameter.
  template <class T>
  void sum(const std::optional<Gradient<T>>& sum, const Shape& shape, std::size_t first, std::size_t last) {
    if (!sum) return words_.push_back(absent);
    const std::size_t width = rows(shape) == 0 ? 0 : shape.size() / rows(shape);
    if (const auto* const all = std::get_if<Array<T>>(&*sum)) {
      words_.push_back(dense);
      return elements(all->data() + first * width, (last - first) * width);
    }
    const auto& some = std::get<RowSparse<T>>(*sum);
    const auto begin =
                   std::lower_bound(some.rows.begin(), some.rows.end(), static_cast<Ids::value_type>(first)),
               end = std::lower_bound(begin, some.rows.end(), static_cast<Ids::value_type>(last));
    words_.push_back(sparse);
    words_.push_back(static_cast<std::uint64_t>(end - begin));
    for (auto row = begin; row != end; ++row) words_.push_back(static_cast<std::uint64_t>(*row) - first);
    elements(some.values.data() + static_cast<std::size_t>(begin - some.rows.begin()) * width,
             static_cast<std::size_t>(end - begin) * width);
  }
  std::vector<std::uint64_t> take() { return std::move(words_); }

 private:
  template <class T>
  void elements(const T* values, std::size_t n) {
    const std::size_t at = words_.size();
    words_.resize(at + (n * sizeof(T) + sizeof(std::uint64_t) - 1) / sizeof(std::uint64_t));
    if (n > 0) std::memcpy(words_.data() + at, values, n * sizeof(T));
  }

  std::vector<std::uint64_t> words_;
};

class Reader {
 public:
  explicit Reader(const std::vector<std::uint64_t>& words) : words_(words) {}

  // The next sum, as that of a parameter of this shape, which is that of the part.
  template <class T>
  std::optional<Gradient<T>> sum(const Shape& shape) {
    const std::uint64_t kind = words_[at_++];
    if (kind == absent) return std::nullopt;
    if (kind == dense) return Gradient<T>(elements<T>(shape));
    std::vector<Ids::value_type> numbers(words_[at_++]);
    for (auto& row : numbers) row = static_cast<Ids::value_type>(words_[at_++]);
    Shape of_values = shape;
    of_values.set(0, numbers.size());
    auto values = elements<T>(of_values);
    return Gradient<T>(RowSparse<T>{shape, Ids(std::move(numbers)), std::move(values)});
  }

 private:
  template <class T>
  Array<T> elements(const Shape& shape) {
    auto values = Array<T>::uninitialized(shape);
    const std::size_t bytes = values.size() * sizeof(T);
    if (bytes > 0) std::memcpy(values.mutable_data(), words_.data() + at_, bytes);
    values.written();
    at_ += (bytes + sizeof(std::uint64_t) - 1) / sizeof(std::uint64_t);
    return values;
  }

  const std::vector<std::uint64_t>& words_;
  std::size_t at_ = 0;
};

Shape with_rows(Shape shape, std::size_t n) {
  if (shape.rank() > 0) shape.set(0, n);
  return shape.rank() == 0 && n == 0 ? Shape{0} : shape;
}

// The sum over a node of the tree, of those of nodes below it.
template <class T>
std::optional<Gradient<T>> total(ShardRange node, const std::vector<ShardRange>& nodes,
                                 std::vector<std::optional<Gradient<T>>>& sums) {
  const auto found = std::find(nodes.begin(), nodes.end(), node);
  if (found != nodes.end()) return std::move(sums[static_cast<std::size_t>(found - nodes.begin())]);
  auto left = total<T>({node.first, node.middle()}, nodes, sums),
       right = total<T>({node.middle(), node.last}, nodes, sums);
  if (left && right) detail::add_to(*left, *right);
  return left ? std::move(left) : std::move(right);
}

// The whole of what is here in parts, which are one below the other.
template <class T>
std::optional<Gradient<T>> joined(const Shape& shape, const std::vector<std::optional<Gradient<T>>>& parts) {
  if (!parts[0]) return std::nullopt;
  std::vector<Ids::value_type> numbers;
  std::size_t n = 0, above = 0;
  const bool is_sparse = std::holds_alternative<RowSparse<T>>(*parts[0]);
  for (const auto& part : parts) {
    if (!is_sparse) continue;
    const auto& some = std::get<RowSparse<T>>(*part);
    for (const auto row : some.rows) numbers.push_back(row + static_cast<Ids::value_type>(above));
    above += some.shape[0];
    n += some.rows.size();
  }
  auto values = Array<T>::uninitialized(is_sparse ? with_rows(shape, n) : shape);
  T* out = values.mutable_data();
  for (const auto& part : parts) {
    const Array<T>& some = is_sparse ? std::get<RowSparse<T>>(*part).values : std::get<Array<T>>(*part);
    out = std::copy(some.begin(), some.end(), out);
  }
  values.written();
  if (!is_sparse) return Gradient<T>(std::move(values));
  return Gradient<T>(RowSparse<T>{shape, Ids(std::move(numbers)), std::move(values)});
}

}  // namespace

template <class T>
MpiExchange<T>::MpiExchange(std::shared_ptr<std::uint64_t> sent) : sent_(std::move(sent)) {
  MPI_Comm_dup(MPI_COMM_WORLD, &communicator_);
  int rank = 0, ranks = 0;
  MPI_Comm_rank(communicator_, &rank);
  MPI_Comm_size(communicator_, &ranks);
  rank_ = static_cast<std::size_t>(rank);
  ranks_ = static_cast<std::size_t>(ranks);
}

// Where an exception has broken off a step, MPI still writes to the buffers: they are left to it.
template <class T>
MpiExchange<T>::~MpiExchange() {
  if (is_under_way()) {
    new std::list<Sending>(std::move(sending_));
    new std::list<Receiving>(std::move(receiving_));
    return;
  }
  int ended = 0;
  MPI_Finalized(&ended);
  if (ended == 0) MPI_Comm_free(&communicator_);
}

template <class T>
bool MpiExchange<T>::is_under_way() const {
  return totals_missing_ > 0 || !sending_.empty() || !receiving_.empty();
}

template <class T>
ShardRange MpiExchange<T>::here(std::size_t count) const {
  if (count < ranks_)
    throw Error("Shards", "there are " + std::to_string(ranks_) + " processes for " + std::to_string(count) +
                              " shards; each needs at least one");
  return shards_of(rank_, count);
}

// The rows of parameter i that a rank adds up.
template <class T>
std::pair<std::size_t, std::size_t> MpiExchange<T>::rows_of(std::size_t rank, std::size_t i) const {
  const std::size_t n = rows(parameters_[i].shape());
  return {n * rank / ranks_, n * (rank + 1) / ranks_};
}

template <class T>
void MpiExchange<T>::begin(const std::vector<Variable<T>>& parameters, std::size_t count) {
  if (is_under_way())
    throw Error("Shards",
                "the step before was broken off, while others go on with it: an error in one process has "
                "to end them all, see World::fail");
  parameters_ = parameters;
  count_ = count;
  given_.assign(parameters.size(), {});
  bucket_of_.assign(parameters.size(), 0);
  buckets_.clear();
  std::size_t bytes = bucket_bytes;
  for (std::size_t i = parameters.size(); i-- > 0;) {
    if (bytes >= bucket_bytes) {
      Bucket& bucket = buckets_.emplace_back();
      bucket.partials.resize(ranks_);
      bucket.totals.resize(ranks_);
      bytes = 0;
    }
    bucket_of_[i] = buckets_.size() - 1;
    buckets_.back().parameters.push_back(i);
    bytes += parameters[i].size() * sizeof(T);
  }
  for (Bucket& bucket : buckets_) bucket.missing = bucket.parameters.size();
  totals_missing_ = ranks_ == 1 ? 0 : buckets_.size();
}

template <class T>
void MpiExchange<T>::give(std::size_t i, std::vector<Sum> sums) {
  given_[i] = std::move(sums);
  if (--buckets_[bucket_of_[i]].missing == 0) launch(bucket_of_[i]);
  progress();
}

// Sends all others their rows.
template <class T>
void MpiExchange<T>::launch(std::size_t bucket) {
  if (ranks_ == 1) return;  // all is here
  for (std::size_t step = 0; step < ranks_; ++step) {
    const std::size_t to = (rank_ + step) % ranks_;
    Writer writer;
    for (const std::size_t i : buckets_[bucket].parameters) {
      const auto [first, last] = rows_of(to, i);
      for (const Sum& sum : given_[i]) writer.sum(sum, parameters_[i].shape(), first, last);
    }
    if (to != rank_) {
      send(to, bucket, false, writer.take());
    } else {
      buckets_[bucket].partials[to] = writer.take();
      ++buckets_[bucket].partials_received;
    }
  }
  for (const std::size_t i : buckets_[bucket].parameters) given_[i].clear();
  if (buckets_[bucket].partials_received == ranks_) add_up(bucket);
}

template <class T>
void MpiExchange<T>::send(std::size_t to, std::size_t bucket, bool is_total, Words words) {
  if (words.size() > std::numeric_limits<int>::max())
    throw Error("Shards", "the gradients for one process are " + std::to_string(words.size()) +
                              " words in a message, more than MPI counts");
  Sending& message = sending_.emplace_back();
  message.words = std::move(words);
  *sent_ += message.words.size() * sizeof(std::uint64_t);
  MPI_Isend(message.words.data(), static_cast<int>(message.words.size()), MPI_UINT64_T, static_cast<int>(to),
            static_cast<int>(2 * bucket + (is_total ? 1 : 0)), communicator_, &message.request);
}

// The partial sums of all ranks are here: adds them up, and sends the total to all others.
template <class T>
void MpiExchange<T>::add_up(std::size_t b) {
  Bucket& bucket = buckets_[b];
  std::vector<Reader> readers(bucket.partials.begin(), bucket.partials.end());
  std::vector<ShardRange> nodes;  // of all ranks
  std::vector<std::size_t> rank_of;
  for (std::size_t rank = 0; rank < ranks_; ++rank)
    for (const ShardRange node : nodes_within(shards_of(rank, count_), count_)) {
      nodes.push_back(node);
      rank_of.push_back(rank);
    }
  Writer writer;
  for (const std::size_t i : bucket.parameters) {
    const auto [first, last] = rows_of(rank_, i);
    const Shape shape = with_rows(parameters_[i].shape(), last - first);
    std::vector<Sum> sums;
    for (const std::size_t rank : rank_of) sums.push_back(readers[rank].template sum<T>(shape));
    writer.sum(total<T>({0, count_}, nodes, sums), shape, 0, last - first);
  }
  bucket.partials.assign(ranks_, {});
  bucket.totals[rank_] = writer.take();
  for (std::size_t step = 1; step < ranks_; ++step)
    send((rank_ + step) % ranks_, b, true, bucket.totals[rank_]);
  if (++bucket.totals_received == ranks_) --totals_missing_;
}

template <class T>
void MpiExchange<T>::arrived(Receiving& message) {
  Bucket& bucket = buckets_[message.bucket];
  if (message.is_total) {
    bucket.totals[message.from] = std::move(message.words);
    if (++bucket.totals_received == ranks_) --totals_missing_;
  } else {
    bucket.partials[message.from] = std::move(message.words);
    if (++bucket.partials_received == ranks_) add_up(message.bucket);
  }
}

// Whether anything was done. No message of the next step can be among those that arrive: no process begins it
// before all have ended this one, see the end of finish().
template <class T>
bool MpiExchange<T>::progress() {
  bool any = false;
  for (;;) {
    int flag = 0, size = 0;
    MPI_Message matched;
    MPI_Status status;
    MPI_Improbe(MPI_ANY_SOURCE, MPI_ANY_TAG, communicator_, &flag, &matched, &status);
    if (flag == 0) break;
    MPI_Get_count(&status, MPI_UINT64_T, &size);
    Receiving& message = receiving_.emplace_back();
    message.from = static_cast<std::size_t>(status.MPI_SOURCE);
    message.bucket = static_cast<std::size_t>(status.MPI_TAG / 2);
    message.is_total = status.MPI_TAG % 2 == 1;
    message.words.resize(static_cast<std::size_t>(size));
    MPI_Imrecv(message.words.data(), size, MPI_UINT64_T, &matched, &message.request);
    any = true;
  }
  const auto is_done = [](MPI_Request& request) {
    int flag = 0;
    MPI_Test(&request, &flag, MPI_STATUS_IGNORE);
    return flag != 0;
  };
  for (auto message = receiving_.begin(); message != receiving_.end();) {
    const auto here = message++;
    if (!is_done(here->request)) continue;
    arrived(*here);
    receiving_.erase(here);
    any = true;
  }
  for (auto message = sending_.begin(); message != sending_.end();) {
    const auto here = message++;
    if (!is_done(here->request)) continue;
    sending_.erase(here);
    any = true;
  }
  return any;
}

template <class T>
std::vector<typename MpiExchange<T>::Sum> MpiExchange<T>::finish(std::vector<double>& losses) {
  std::vector<Sum> result(parameters_.size());
  if (ranks_ == 1) {
    for (std::size_t i = 0; i < result.size(); ++i) result[i] = std::move(given_[i][0]);
    return result;
  }
  // Where there are more processes than processors the others need this one.
  for (std::size_t idle = 0; totals_missing_ > 0 || !sending_.empty();) {
    if (progress()) {
      idle = 0;
    } else if (++idle > 1000) {
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    } else if (idle > 50) {
      std::this_thread::yield();
    }
  }
  for (const Bucket& bucket : buckets_) {
    std::vector<Reader> readers(bucket.totals.begin(), bucket.totals.end());
    for (const std::size_t i : bucket.parameters) {
      std::vector<Sum> parts;
      for (std::size_t rank = 0; rank < ranks_; ++rank) {
        const auto [first, last] = rows_of(rank, i);
        parts.push_back(readers[rank].template sum<T>(with_rows(parameters_[i].shape(), last - first)));
      }
      result[i] = joined<T>(parameters_[i].shape(), parts);
    }
  }
  buckets_.clear();
  std::vector<int> counts, offsets;
  for (std::size_t rank = 0; rank < ranks_; ++rank) {
    const ShardRange shards = shards_of(rank, count_);
    counts.push_back(static_cast<int>(shards.size()));
    offsets.push_back(static_cast<int>(shards.first));
  }
  MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, losses.data(), counts.data(), offsets.data(), MPI_DOUBLE,
                 communicator_);
  return result;
}

XGRAD_INSTANTIATE_REAL_CLASS(MpiExchange);

}  // namespace xgrad
