// A training run that can be killed at any moment: test_checkpoint.cpp starts it, kills it, and compares. A
// small language model with dropout, whose embedding has row-sparse gradients, a carried state, a schedule
// and an average of the weights; its data are drawn from the number of the step.
//   resumable OPTIMIZER STEPS RESULT [CHECKPOINT EVERY]
// OPTIMIZER: an index of all_optimizers(). Writes to RESULT the weights, their average and the state.
#include <cstdlib>
#include <iostream>
#include <string>

#include <xgrad/autograd/tape.hpp>
#include <xgrad/layers/dropout.hpp>
#include <xgrad/layers/lstm.hpp>
#include <xgrad/models/rnnlm.hpp>
#include <xgrad/training/averages.hpp>
#include <xgrad/training/checkpoint.hpp>
#include <xgrad/training/clipping.hpp>
#include <xgrad/training/schedules.hpp>

#include "training/optimizers.hpp"

using namespace xgrad;

namespace {

constexpr std::size_t vocabulary = 60, width = 8, batch = 3, window = 4;

Ids draw(const RandomKey& key) {
  std::vector<Ids::value_type> ids;
  for (std::size_t i = 0; i < window * batch; ++i) ids.push_back(key.bits(i)[0] % vocabulary);
  return {{window, batch}, std::move(ids)};
}

void run(std::size_t optimizer_index, std::size_t steps, const std::string& result, const std::string& file,
         std::size_t every) {
  const Parameters<float> parameters(1);
  using Cell = Variational<Lstm<float>>;
  const Rnnlm<float, Cell> model(parameters, vocabulary, width, width, {.dropout = 0.2},
                                 VariationalOptions{.input = 0.1, .state = 0.1});
  const auto optimizer =
      checks::all_optimizers<float>().at(optimizer_index).make(parameters, 0.01, Sparse::exact);
  auto* const rated = dynamic_cast<RatedOptimizer<float>*>(optimizer.get());
  Plateau plateau({.rate = 0.01, .factor = 0.5, .patience = 2});
  ExponentialAverage average(parameters, 0.9);
  RandomKey key(7);
  std::size_t step = 0;
  auto state = model.zero(batch);

  Checkpoint checkpoint(file);
  checkpoint.keep("model", parameters).keep("optimizer", *optimizer).keep("plateau", plateau);
  checkpoint.keep("average", average).keep("key", key).keep("step", step).keep("state", state);
  if (every > 0) checkpoint.load();
  for (; step < steps; ++step) {
    if (every > 0 && step % every == 0) checkpoint.save();
    key = key.fold(1);
    Tape<float> tape;
    auto [loss, next] = model.for_training(key).loss(draw(key.fold(2)), draw(key.fold(3)), state);
    auto gradients = tape.gradient(loss);
    clip_global_norm(gradients, parameters, 1);
    optimizer->step(gradients);
    average.update();
    if (rated != nullptr) rated->set_rate(plateau(static_cast<double>(loss.item())));
    state = next;
  }
  Checkpoint end(result);
  end.keep("model", parameters).keep("average", average).keep("state", state).save();
}

}  // namespace

int main(int count, char** arguments) {
  try {
    const auto number = [&](int i) { return std::strtoull(arguments[i], nullptr, 10); };
    if (count != 4 && count != 6) throw Error("resumable", "needs OPTIMIZER STEPS RESULT [CHECKPOINT EVERY]");
    run(number(1), number(2), arguments[3], count > 4 ? arguments[4] : "", count > 5 ? number(5) : 0);
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
