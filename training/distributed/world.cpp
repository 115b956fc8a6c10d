// See world.hpp.
#include <xgrad/training/distributed/world.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include <mpi.h>

#include <xgrad/autograd/numbers/instantiate.hpp>
#include <xgrad/training/distributed/exchange.hpp>

namespace xgrad {

namespace {

int rank_of_this() {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}

// Calls f(piece, its size) for pieces of so many bytes, as MPI counts in int.
template <class F>
void in_pieces(void* bytes, std::size_t size, F f) {
  constexpr std::size_t most = std::size_t{1} << 30;
  for (std::size_t at = 0; at < size; at += most)
    f(static_cast<char*>(bytes) + at, static_cast<int>(std::min(most, size - at)));
}

// The bytes that process `root` has.
void broadcast_bytes(void* bytes, std::size_t size, int root) {
  in_pieces(bytes, size, [&](char* piece, int n) { MPI_Bcast(piece, n, MPI_BYTE, root, MPI_COMM_WORLD); });
}

std::string broadcast_text(std::string text, int root) {
  std::uint64_t size = text.size();
  MPI_Bcast(&size, 1, MPI_UINT64_T, root, MPI_COMM_WORLD);
  text.resize(size);
  broadcast_bytes(text.data(), size, root);
  return text;
}

}  // namespace

World::World(int& argc, char**& argv) : exceptions_(std::uncaught_exceptions()) {
  int started = 0;
  MPI_Initialized(&started);
  if (started != 0) throw Error("World", "MPI was started before: a program has one World");
  int provided = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
}

World::~World() {
  if (std::uncaught_exceptions() == exceptions_) {
    MPI_Finalize();
    return;
  }
  fail("an exception has left its World");
}

std::size_t World::rank() const { return static_cast<std::size_t>(rank_of_this()); }

std::size_t World::size() const {
  int size = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  return static_cast<std::size_t>(size);
}

template <class T>
void World::broadcast(const Parameters<T>& parameters) const {
  std::string shapes;
  for (const auto& w : parameters.list()) shapes += parameters.path_of(w) + " " + to_string(w.shape()) + "\n";
  agree("parameters", shapes);
  for (const auto& w : parameters.list()) {
    Array<T> value = w.value().copy();
    broadcast_bytes(value.mutable_data(), value.size() * sizeof(T), 0);
    if (rank() != 0) parameters.assign(parameters.path_of(w), value);
  }
}

std::string World::broadcast(const std::string& bytes) const { return broadcast_text(bytes, 0); }

double World::broadcast(double value) const {
  MPI_Bcast(&value, 1, MPI_DOUBLE, 0, MPI_COMM_WORLD);
  return value;
}

int World::largest(int value) const {
  int result = value;
  MPI_Allreduce(&value, &result, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
  return result;
}

std::string World::concatenate(const std::string& bytes) const {
  std::string all;
  for (int from = 0; from < static_cast<int>(size()); ++from) all += broadcast_text(bytes, from);
  return all;
}

void World::agree(const std::string& what, const std::string& text) const {
  const std::string expected = broadcast(text);
  const int ranks = static_cast<int>(size()), mine = text == expected ? ranks : rank_of_this();
  int first = ranks;
  MPI_Allreduce(&mine, &first, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
  if (first == ranks) return;
  const std::string other = broadcast_text(text, first);
  // Of long texts what is around the first difference.
  const auto at = static_cast<std::size_t>(
      std::mismatch(other.begin(), other.end(), expected.begin(), expected.end()).first - other.begin());
  const auto shown = [&](const std::string& all) {
    const std::size_t begin = at < 40 ? 0 : at - 40;
    return "'" + all.substr(std::min(begin, all.size()), 120) + "'";
  };
  throw Error("World", "rank " + std::to_string(first) + " has other " + what +
                           " than rank 0: " + shown(other) + ", expected " + shown(expected));
}

void World::barrier() const { MPI_Barrier(MPI_COMM_WORLD); }

template <class T>
std::shared_ptr<ShardExchange<T>> World::exchange() {
  return std::make_shared<MpiExchange<T>>(bytes_sent_);
}

template <class T>
Gradients<T> World::all_reduce(const Parameters<T>& parameters, const Gradients<T>& gradients) {
  const auto list = parameters.list(Which::trained);
  std::size_t known = 0;
  const auto exchange = this->exchange<T>();
  exchange->begin(list, size());
  for (std::size_t i = 0; i < list.size(); ++i) {
    typename ShardExchange<T>::Sum sum;
    if (gradients.reached(list[i])) {
      sum = *gradients.stored(list[i]);
      ++known;
    }
    exchange->give(i, {std::move(sum)});
  }
  std::vector<double> none(size());
  auto sums = exchange->finish(none);
  std::size_t given = 0;
  for (auto at = gradients.begin(); at != gradients.end(); ++at) ++given;
  if (const int others = largest(static_cast<int>(given - known)); others > 0)
    throw Error("World", "all_reduce was given gradients of " + std::to_string(others) +
                             " parameters that are not below the scope of the parameters");
  std::vector<std::pair<Variable<T>, Gradient<T>>> reached;
  for (std::size_t i = 0; i < list.size(); ++i)
    if (sums[i]) reached.emplace_back(list[i], std::move(*sums[i]));
  return Gradients<T>(reached);
}

void World::fail(const std::string& message, int status) const {
  // In one piece, as all processes write to the same stream.
  const std::string line =
      "rank " + std::to_string(rank()) + " of " + std::to_string(size()) + ": " + message + "\n";
  std::fputs(line.c_str(), stderr);
  end(status);
}

void World::end(int status) const {
  std::fflush(nullptr);
  MPI_Abort(MPI_COMM_WORLD, status);
  std::abort();
}

#define XGRAD_INSTANTIATE(T)                                    \
  template void World::broadcast(const Parameters<T>&) const;   \
  template std::shared_ptr<ShardExchange<T>> World::exchange(); \
  template Gradients<T> World::all_reduce(const Parameters<T>&, const Gradients<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
