// What data-parallel training costs:
//   XGRAD_NUM_THREADS=1 mpirun -n 2 build/release/benchmarks/xgrad_distributed [ROUNDS [H [V]]]
// An LSTM of two layers on 64 sequences of 35 steps. Each round times, in turn: a step as it is, and one in 8
// shards, by one process, while the others sleep; a step by all processes; a matrix product by one process,
// and one by each of them at once, which is what the machine itself gains. Prints medians.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include <mpi.h>

#include <fmt/format.h>

#include <xgrad/autograd/tape.hpp>
#include <xgrad/layers/lstm.hpp>
#include <xgrad/layers/stack.hpp>
#include <xgrad/models/rnnlm.hpp>
#include <xgrad/training/clipping.hpp>
#include <xgrad/training/distributed/world.hpp>
#include <xgrad/training/sgd.hpp>

#include "gemm.hpp"
#include "rounds.hpp"

using namespace xgrad;

namespace {

constexpr std::size_t N = 64, T = 35, count = 8;

class Trainer {
 public:
  using Model = Rnnlm<float, Stack<Lstm<float>>>;

  Trainer(std::size_t V, std::size_t H) : model_(parameters_, V, H, H, {}, StackOptions{.layers = 2}) {
    std::vector<Ids::value_type> ids(N * T);
    for (std::size_t i = 0; i < ids.size(); ++i)
      ids[i] = static_cast<Ids::value_type>(RandomKey(1).bits(i)[0] % V);
    window_ = {Ids({T, N}, ids), Ids({T, N}, ids)};
  }

  std::size_t size() const { return parameters_.count(); }
  const Parameters<float>& parameters() const { return parameters_; }

  void plain() {
    Tape<float> tape;
    update(tape.gradient(model_.loss(window_.inputs, window_.targets, model_.zero(N)).y));
  }
  void sharded(const Shards<float>& shards) {
    update(shards
               .gradient([&](std::size_t shard) {
                 const Window part = columns(window_, shards.columns(shard, N));
                 const std::size_t rows = part.inputs.shape()[1];
                 return model_.loss(part.inputs, part.targets, model_.zero(rows)).y * rows / N;
               })
               .gradients);
  }

 private:
  void update(Gradients<float> gradients) {
    clip_global_norm(gradients, parameters_, 1);
    sgd_.step(gradients);
  }

  Parameters<float> parameters_{1};
  Model model_;
  Sgd<float> sgd_{parameters_, 0.1};
  Window window_;
};

// Returns when all processes have come here; those that wait sleep.
void meet() {
  MPI_Request request;
  MPI_Ibarrier(MPI_COMM_WORLD, &request);
  for (int done = 0; done == 0; usleep(500)) MPI_Test(&request, &done, MPI_STATUS_IGNORE);
}

// Seconds from the moment when all are here until the last of those that work is done.
double timed(bool works, const std::function<void()>& work) {
  meet();
  const double start = seconds_on(CLOCK_MONOTONIC);
  if (works) work();
  double took = works ? seconds_on(CLOCK_MONOTONIC) - start : 0, longest = 0;
  meet();
  MPI_Allreduce(&took, &longest, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
  return longest;
}

void run(World& world, std::size_t rounds, std::size_t H, std::size_t V) {
  Trainer trainer(V, H);
  const Shards<float> alone(trainer.parameters(), count),
      together(trainer.parameters(), count, world.exchange<float>());
  SquareGemm<float> product(700, true);
  const auto products = [&] {
    for (int i = 0; i < 20; ++i) product();
  };
  const bool is_first = world.rank() == 0;
  std::vector<double> plain, shards, all, one_product, all_products;
  std::uint64_t before = 0;
  for (std::size_t round = 0; round <= rounds; ++round) {
    if (round == 1) plain = shards = all = one_product = all_products = {};  // the first is not counted
    before = world.bytes_sent();
    plain.push_back(timed(is_first, [&] { trainer.plain(); }));
    shards.push_back(timed(is_first, [&] { trainer.sharded(alone); }));
    all.push_back(timed(true, [&] { trainer.sharded(together); }));
    one_product.push_back(timed(is_first, products));
    all_products.push_back(timed(true, products));
  }
  if (!is_first) return;
  const auto ranks = static_cast<double>(world.size());
  const double gain = ranks * median(one_product) / median(all_products);
  const double speed = median(shards) / median(all);
  fmt::print("LSTM of 2 layers, N {}, T {}, H {}, V {}: {} parameters, {} processes, {} shards, {} rounds\n",
             N, T, H, V, trainer.size(), world.size(), count, rounds);
  fmt::print("a step as it is                      {:8.1f} ms\n", 1e3 * median(plain));
  fmt::print("in shards, one process               {:8.1f} ms   {:.3f} of that\n", 1e3 * median(shards),
             median(shards) / median(plain));
  fmt::print("in shards, all processes             {:8.1f} ms   {:.3f} times as fast\n", 1e3 * median(all),
             speed);
  fmt::print("products by all processes at once                 {:.3f} times as many; {:.3f} of them\n", gain,
             speed / gain);
  fmt::print("each process sends                   {:8.1f} MB a step\n",
             1e-6 * static_cast<double>(world.bytes_sent() - before));
}

}  // namespace

int main(int argc, char** argv) {
  World world(argc, argv);
  try {
    const auto argument = [&](int i, std::size_t otherwise) {
      return argc > i ? std::strtoull(argv[i], nullptr, 10) : otherwise;
    };
    run(world, argument(1, 10), argument(2, 650), argument(3, 10'000));
  } catch (const std::exception& error) {
    world.fail(error.what());
  }
}
