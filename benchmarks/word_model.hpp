// What is measured: one training step of the word model over any cell, and one generated token. Both are
// callables that do the whole work once. Start with TrainingStep.
#pragma once

#include <chrono>
#include <random>
#include <utility>
#include <vector>

#include <xgrad/autograd/tape.hpp>
#include <xgrad/autograd/tape_stats.hpp>
#include <xgrad/layers/lstm.hpp>
#include <xgrad/layers/stack.hpp>
#include <xgrad/models/rnnlm.hpp>
#include <xgrad/training/clipping.hpp>
#include <xgrad/training/finite_check.hpp>
#include <xgrad/training/sgd.hpp>

#include "bare_products.hpp"
#include "cells.hpp"

namespace xgrad {

/// A word model of as many layers as the dimensions say.
template <class T, class Cell>
class WordModel {
 public:
  using Model = Rnnlm<T, Stack<Cell>>;

  explicit WordModel(const Dimensions& d, const RnnlmOptions& options = {})
      : model_(parameters_, d.V, d.D, d.H, options, StackOptions{.layers = d.layers}), d_(d) {}

 protected:
  Ids random_ids(std::size_t steps, std::size_t rows) {
    std::vector<Ids::value_type> ids(steps * rows);
    for (auto& id : ids) id = static_cast<Ids::value_type>(random_() % d_.V);
    return Ids({steps, rows}, ids);
  }

  std::mt19937 random_{1};
  Parameters<T> parameters_{1};
  Model model_;
  Dimensions d_;
};

/// Of one step: its update in seconds, and the rest as its tape tells it.
struct StepTimes {
  double update = 0;
  TapeStats stats{};
};

/// Forward pass, gradient and update over one window, with carried state.
template <class T, class Cell>
class TrainingStep : WordModel<T, Cell> {
 public:
  explicit TrainingStep(const Dimensions& d, const RnnlmOptions& options = {})
      : WordModel<T, Cell>(d, options),
        ids_(this->random_ids(d.T, d.N)),
        targets_(this->random_ids(d.T, d.N)),
        state_(this->model_.zero(d.N)) {}

  void operator()() { step(false); }

  /// With `check` it also looks whether the loss and the gradients' norm are finite, as a careful run does.
  void step(bool check) {
    Tape<T> tape;
    run(tape, check);
  }

  /// What takes how long.
  StepTimes timed_step() {
    Statistics<T> statistics(Timing::on);
    Tape<T> tape(statistics);
    const double update = run(tape, false);
    return {update, statistics.of(tape)};
  }

 private:
  // Returns the seconds of the update.
  double run(Tape<T>& tape, bool check) {
    using Clock = std::chrono::steady_clock;
    const auto forward = [this] { return this->model_.loss(ids_, targets_, state_); };
    auto [loss, next] = forward();
    const auto gradients = tape.gradient(loss);
    if (check)
      check_finite(loss.item(), global_norm(gradients, this->parameters_), [&] { return forward().y; },
                   {.step = ++steps_, .window = {.tokens = ids_}});
    const auto gradients_done = Clock::now();
    sgd_.step(gradients);
    state_ = std::move(next);
    return std::chrono::duration<double>(Clock::now() - gradients_done).count();
  }

  Sgd<T> sgd_{this->parameters_, 0.1};
  Ids ids_, targets_;
  decltype(std::declval<typename WordModel<T, Cell>::Model>().zero(1)) state_;
  std::size_t steps_ = 0;
};

/// The logits after one more token, without a tape.
template <class Cell>
class Token : WordModel<float, Cell> {
 public:
  explicit Token(const Dimensions& d)
      : WordModel<float, Cell>(d), ids_(this->random_ids(1, 1)), state_(this->model_.zero(1)) {}

  void operator()() { state_ = this->model_(ids_, state_).state; }

 private:
  Ids ids_;
  decltype(std::declval<typename WordModel<float, Cell>::Model>().zero(1)) state_;
};

}  // namespace xgrad
