// Data-parallel training, for test_world.cpp, which starts it by mpirun: every optimizer trains two small
// language models on a batch of 11 columns in shards, with dropout, clipping and a carried state.
//   ranks SHARDS STEPS RESULT [CHECKPOINT]
// Process 0 writes to RESULT a line for each optimizer and model, with a hash of the weights, which all
// processes must have. With a checkpoint it goes on from those that are there, and leaves its own.
//   ranks fail WHAT
// What ends badly: see `fail`.
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <thread>

#include <xgrad/autograd/tape.hpp>
#include <xgrad/layers/lstm.hpp>
#include <xgrad/layers/state.hpp>
#include <xgrad/models/rnnlm.hpp>
#include <xgrad/training/checkpoint.hpp>
#include <xgrad/training/clipping.hpp>
#include <xgrad/training/distributed/world.hpp>

#include "training/optimizers.hpp"

using namespace xgrad;

namespace {

constexpr std::size_t vocabulary = 60, width = 8, batch = 11, steps_of_window = 4;

Window draw(const RandomKey& key) {
  const auto ids = [](const RandomKey& of) {
    std::vector<Ids::value_type> values;
    for (std::size_t i = 0; i < steps_of_window * batch; ++i) values.push_back(of.bits(i)[0] % vocabulary);
    return Ids({steps_of_window, batch}, std::move(values));
  };
  return {ids(key.fold(0)), ids(key.fold(1))};
}

std::uint64_t hash_of(const Parameters<float>& parameters) {
  std::uint64_t hash = 0xCBF29CE484222325;  // FNV-1a
  for (const auto& w : parameters.list())
    for (const float x : w.value()) hash = (hash ^ std::bit_cast<std::uint32_t>(x)) * 0x100000001B3;
  return hash;
}

// Clusters that some shards have no target in have row-sparse gradients there, and dense ones elsewhere.
RnnlmOptions options_of(bool adaptive) {
  RnnlmOptions options{.dropout = 0.2};
  if (adaptive) options.adaptive = AdaptiveSoftmaxOptions{.cutoffs = {10, 50, 57}};
  return options;
}

std::string train(World& world, std::size_t optimizer_index, bool adaptive, std::size_t count,
                  std::size_t steps, const std::string& file) {
  const auto named = checks::all_optimizers<float>().at(optimizer_index);
  // Other weights in every process, until they are told.
  const Parameters<float> parameters(static_cast<std::uint32_t>(1 + world.rank()));
  const Rnnlm<float, Lstm<float>> model(parameters, vocabulary, width, width, options_of(adaptive));
  world.broadcast(parameters);
  const auto optimizer = named.make(parameters, 0.01, Sparse::exact);
  const Shards<float> shards(parameters, count, world.exchange<float>());
  auto all = model.zero(batch);
  std::size_t step = 0;
  Checkpoint checkpoint(file);
  checkpoint.keep("model", parameters).keep("optimizer", *optimizer).keep("step", step).keep("state", all);
  if (!file.empty()) checkpoint.load();

  std::vector<decltype(all)> states;
  for (std::size_t shard = shards.first(); shard < shards.last(); ++shard) {
    const Columns own = shards.columns(shard, batch);
    states.push_back(rows(all, own.first, own.last));
  }
  double loss = 0;
  for (; step < steps; ++step) {
    const RandomKey key = RandomKey(7).fold(step);
    const Window window = draw(key);
    auto result = shards.gradient([&](std::size_t shard) {
      const Window part = columns(window, shards.columns(shard, batch));
      auto& state = states[shard - shards.first()];
      auto [sum, next] =
          model.for_training(key.fold(2 + shard)).loss(part.inputs, part.targets, state, Reduction::sum);
      state = next;
      return std::optional(sum / static_cast<double>(window.inputs.size()));
    });
    loss = result.loss;
    clip_global_norm(result.gradients, parameters, 1);
    optimizer->step(result.gradients);
  }
  all = gather_rows(concat_rows(states), [&](const std::string& bytes) { return world.concatenate(bytes); });
  if (!file.empty() && world.rank() == 0) checkpoint.save();
  world.barrier();  // the file is there
  world.agree("weights", std::to_string(hash_of(parameters)));
  world.agree("loss", std::to_string(loss));
  return named.name + (adaptive ? ", adaptive: " : ": ") + std::to_string(hash_of(parameters)) + " " +
         std::to_string(loss) + "\n";
}

// The sums of what each process has, by all_reduce: dense gradients, rows, both, and some of none.
void add_up(World& world, std::ostream& out) {
  const auto rank = static_cast<float>(world.rank());
  const Parameters<float> p(1);
  const auto dense = p.weight("dense", {3, 2}), table = p.weight("table", {5, 2}),
             mixed = p.weight("mixed", {4}), none = p.weight("none", {2}),
             scalar = p.weight("scalar", Shape{});
  Gradients<float> mine;
  {
    Tape<float> tape;
    const auto row = static_cast<Ids::value_type>(world.rank() % 5);
    auto loss = sum(dense * (rank + 1)) + sum(take(table, Ids({row, 4}))) * (rank + 1) + scalar * rank;
    loss = world.rank() % 2 == 0 ? loss + sum(take(mixed, Ids({row % 4}))) : loss + sum(mixed * 2.0);
    mine = tape.gradient(loss);
  }
  const auto all = world.all_reduce(p, mine);
  for (const auto& [path, gradient] : all)
    out << path << " " << std::holds_alternative<RowSparse<float>>(gradient) << "\n";
  for (const auto& w : {dense, table, mixed, scalar}) out << all[w] << "\n";
  out << all.reached(none) << "\n";
}

void fail(World& world, const std::string& what) {
  const std::string rank = std::to_string(world.rank());
  if (what == "exception" && rank == "1") throw Error("test", "of rank 1");
  if (what == "killed" && rank == "1") std::abort();
  if (what == "agree") world.agree("settings", rank == "2" ? "--lr 2" : "--lr 1");
  if (what == "parameters") {
    const Parameters<float> p(1);
    p.weight("w", {world.rank() + 1});
    world.broadcast(p);
  }
  if (what == "shards") Shards<float>(Parameters<float>(1), 2, world.exchange<float>());
  std::this_thread::sleep_for(std::chrono::seconds(10));  // in which another one ends this
  std::cout << "rank " << rank << " was not ended" << std::endl;
}

void run(World& world, const std::vector<std::string>& arguments) {
  if (arguments.at(0) == "fail") {
    try {
      return fail(world, arguments.at(1));
    } catch (const Error& error) {
      if (arguments.at(1) == "exception") throw;
      if (world.rank() == 0) std::cout << error.what() << std::endl;
      return;
    }
  }
  std::ostringstream lines;
  const std::size_t count = std::stoul(arguments.at(0)), steps = std::stoul(arguments.at(1));
  const std::string file = arguments.size() > 3 ? arguments[3] : "";
  if (steps == 0) add_up(world, lines);
  for (std::size_t i = 0; steps > 0 && i < checks::all_optimizers<float>().size(); ++i)
    for (const bool adaptive : {false, true})
      lines << train(world, i, adaptive, count, steps,
                     file.empty() ? file : file + std::to_string(i) + (adaptive ? "a" : "f"));
  if (world.rank() == 0) std::ofstream(arguments.at(2)) << lines.str();
}

}  // namespace

int main(int argc, char** argv) {
  World world(argc, argv);
  try {
    run(world, {argv + 1, argv + argc});
  } catch (const std::exception& error) {
    world.fail(error.what());
  }
}
