// Data-parallel training over MPI: `mpirun -n 4 ./10_distributed` prints what `./10_distributed` does, to
// the last digit. The batch is cut into eight shards, whatever the number of processes; each process
// computes some of them, and their gradients are added up by a fixed tree. docs/distributed.md says more.
#include <cstdio>
#include <exception>
#include <vector>

#include <xgrad/layers/gru.hpp>
#include <xgrad/models/rnnlm.hpp>
#include <xgrad/training/adam.hpp>
#include <xgrad/training/clipping.hpp>
#include <xgrad/training/distributed/world.hpp>

using namespace xgrad;

namespace {

constexpr std::size_t V = 50, H = 32, N = 16, T = 10, steps = 200;

// A text that repeats itself with a step that changes.
std::vector<Ids::value_type> text() {
  std::vector<Ids::value_type> tokens{1};
  for (int i = 0; i < 20'000; ++i) tokens.push_back((tokens.back() + 1 + i % 3) % static_cast<int>(V));
  return tokens;
}

void train(World& world) {
  const Parameters<float> parameters(1);  // the same numbers in every process, from one seed
  const Rnnlm<float, Gru<float>> model(parameters, V, H, H, {.dropout = 0.1});
  Adam adam(parameters, 0.005);
  const StreamWindows windows(text(), N, T);

  const Shards<float> shards(parameters, 8, world.exchange<float>());
  auto state_of = [&](std::size_t shard) { return model.zero(shards.columns(shard, N).size()); };
  std::vector<decltype(state_of(0))> states;
  for (std::size_t shard = shards.first(); shard < shards.last(); ++shard) states.push_back(state_of(shard));
  for (std::size_t step = 0; step < steps; ++step) {
    const Window window = windows[step % (windows.size() - 1)];
    auto [gradients, loss] = shards.gradient([&](std::size_t shard) {
      const Window part = columns(window, shards.columns(shard, N));
      auto& state = states[shard - shards.first()];
      const RandomKey key = RandomKey(step).fold(shard);
      auto [mean, next] = model.for_training(key).loss(part.inputs, part.targets, state);
      state = next;
      return mean * shards.columns(shard, N).size() / N;
    });
    clip_global_norm(gradients, parameters, 1);
    adam.step(gradients);
    if (world.rank() == 0 && (step + 1) % 50 == 0) std::printf("step %3zu: loss %.9f\n", step + 1, loss);
  }
}

}  // namespace

int main(int argc, char** argv) {
  World world(argc, argv);
  try {
    train(world);
  } catch (const std::exception& error) {
    world.fail(error.what());
  }
}
