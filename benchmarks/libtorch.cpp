// See libtorch.hpp. This file alone includes libtorch; CMake defines XGRAD_LIBTORCH where it is.
#include "libtorch.hpp"

#ifdef XGRAD_LIBTORCH

#include <cmath>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <torch/torch.h>

namespace xgrad {

namespace {

using torch::Tensor;

std::int64_t size(std::size_t n) { return static_cast<std::int64_t>(n); }

using State = std::vector<Tensor>;  // h, or h and c

// A layer of recurrence: x: (T, N, D) and a state to y: (T, N, H) and the next state.
struct Layers : torch::nn::Module {
  virtual Tensor forward(const Tensor& x, State& state) = 0;
};

struct RnnModule : Layers {
  torch::nn::RNN rnn;
  explicit RnnModule(const Dimensions& d)
      : rnn(torch::nn::RNNOptions(size(d.D), size(d.H)).num_layers(size(d.layers))) {
    register_module("rnn", rnn);
  }
  Tensor forward(const Tensor& x, State& state) override {
    const auto [y, h] = rnn(x, state[0]);
    state = {h};
    return y;
  }
};

struct LstmModule : Layers {
  torch::nn::LSTM lstm;
  explicit LstmModule(const Dimensions& d)
      : lstm(torch::nn::LSTMOptions(size(d.D), size(d.H)).num_layers(size(d.layers))) {
    register_module("lstm", lstm);
  }
  Tensor forward(const Tensor& x, State& state) override {
    const auto [y, next] = lstm(x, std::make_tuple(state[0], state[1]));
    state = {std::get<0>(next), std::get<1>(next)};
    return y;
  }
};

// A cell written out, in as many layers as there are to be.
struct WrittenOut : Layers {
  TorchCell cell;
  std::size_t layers;
  std::vector<std::vector<Tensor>> weights;  // of each layer

  WrittenOut(const Dimensions& d, TorchCell of) : cell(of), layers(d.layers) {
    for (std::size_t layer = 0; layer < layers; ++layer) {
      const std::int64_t D = size(layer == 0 ? d.D : d.H), H = size(d.H);
      std::vector<Tensor> own;
      const auto add = [&](std::initializer_list<std::int64_t> shape, bool ones = false) {
        const double bound = 1 / std::sqrt(static_cast<double>(H));
        Tensor w = ones ? torch::ones(shape) : torch::empty(shape).uniform_(-bound, bound);
        own.push_back(register_parameter(fmt::format("layer{}_{}", layer, own.size()), std::move(w)));
      };
      switch (cell) {
        case TorchCell::rnn:
          add({D, H}), add({H, H}), add({H});
          break;
        case TorchCell::lstm:
          add({D, 4 * H}), add({H, 4 * H}), add({4 * H});
          break;
        case TorchCell::mgu:
          add({D, H}), add({H, H}), add({H}), add({D, H}), add({H, H}), add({H});
          break;
        case TorchCell::layer_norm_gru:
          add({D, 3 * H}), add({H, 3 * H}), add({3 * H}, true), add({3 * H}, true), add({3 * H});
          break;
      }
      weights.push_back(std::move(own));
    }
  }

  Tensor step(const std::vector<Tensor>& w, const Tensor& x, State& state) const {
    const Tensor h = state[0];
    switch (cell) {
      case TorchCell::rnn:
        return state[0] = torch::tanh(x.matmul(w[0]) + h.matmul(w[1]) + w[2]);
      case TorchCell::lstm: {
        const auto gates = (x.matmul(w[0]) + h.matmul(w[1]) + w[2]).chunk(4, 1);
        state[1] = torch::sigmoid(gates[1]) * state[1] + torch::sigmoid(gates[0]) * torch::tanh(gates[2]);
        return state[0] = torch::sigmoid(gates[3]) * torch::tanh(state[1]);
      }
      case TorchCell::mgu: {
        const Tensor f = torch::sigmoid(x.matmul(w[0]) + h.matmul(w[1]) + w[2]);
        return state[0] = (1 - f) * h + f * torch::tanh(x.matmul(w[3]) + (f * h).matmul(w[4]) + w[5]);
      }
      case TorchCell::layer_norm_gru: {
        const std::int64_t width = w[2].size(0);
        const auto from_x = torch::layer_norm(x.matmul(w[0]), {width}, w[2], w[4]).chunk(3, 1),
                   from_h = torch::layer_norm(h.matmul(w[1]), {width}, w[3]).chunk(3, 1);
        const Tensor r = torch::sigmoid(from_x[0] + from_h[0]), z = torch::sigmoid(from_x[1] + from_h[1]);
        return state[0] = (1 - z) * torch::tanh(from_x[2] + r * from_h[2]) + z * h;
      }
    }
    throw std::logic_error("no such cell");
  }

  // state: (layers, N, H) each
  Tensor forward(const Tensor& x, State& state) override {
    Tensor xs = x;
    std::vector<State> next(state.size());
    for (std::size_t layer = 0; layer < layers; ++layer) {
      State now;
      for (const Tensor& part : state) now.push_back(part.select(0, size(layer)));
      std::vector<Tensor> ys;
      for (std::int64_t t = 0; t < xs.size(0); ++t) ys.push_back(step(weights[layer], xs.select(0, t), now));
      xs = torch::stack(ys);
      for (std::size_t i = 0; i < now.size(); ++i) next[i].push_back(now[i]);
    }
    for (std::size_t i = 0; i < state.size(); ++i) state[i] = torch::stack(next[i]);
    return xs;
  }
};

std::shared_ptr<Layers> layers_of(const Dimensions& d, TorchCell cell, TorchForm form) {
  if (form == TorchForm::written_out) return std::make_shared<WrittenOut>(d, cell);
  if (cell == TorchCell::rnn) return std::make_shared<RnnModule>(d);
  if (cell == TorchCell::lstm) return std::make_shared<LstmModule>(d);
  return nullptr;
}

struct Model : torch::nn::Module {
  torch::nn::Embedding embed;
  std::shared_ptr<Layers> layers;
  torch::nn::Linear linear;

  Model(const Dimensions& d, std::shared_ptr<Layers> recurrent)
      : embed(register_module("embed", torch::nn::Embedding(size(d.V), size(d.D)))),
        layers(register_module("layers", std::move(recurrent))),
        linear(register_module("linear", torch::nn::Linear(size(d.H), size(d.V)))) {}
};

struct Step {
  Model model;
  torch::optim::SGD sgd;
  Tensor ids, targets;
  State state;

  Step(const Dimensions& d, TorchCell cell, std::shared_ptr<Layers> recurrent)
      : model(d, std::move(recurrent)),
        sgd(model.parameters(), 0.1),
        ids(torch::randint(size(d.V), {size(d.T), size(d.N)}, torch::kLong)),
        targets(torch::randint(size(d.V), {size(d.T) * size(d.N)}, torch::kLong)) {
    for (int i = 0; i < (cell == TorchCell::lstm ? 2 : 1); ++i)
      state.push_back(torch::zeros({size(d.layers), size(d.N), size(d.H)}));
  }

  Tensor operator()() {
    sgd.zero_grad();
    const Tensor ys = model.layers->forward(model.embed(ids), state);
    const Tensor loss = torch::nn::functional::cross_entropy(model.linear(ys.flatten(0, 1)), targets);
    loss.backward();
    sgd.step();
    for (Tensor& part : state) part = part.detach();
    return loss;
  }
};

}  // namespace

std::function<void()> libtorch_step(const Dimensions& d, TorchCell cell, TorchForm form) {
  auto layers = layers_of(d, cell, form);
  if (layers == nullptr) return {};
  const auto step = std::make_shared<Step>(d, cell, std::move(layers));
  const double loss = (*step)().item<double>(), expected = std::log(static_cast<double>(d.V));
  if (!(std::abs(loss - expected) < 0.5))
    throw std::runtime_error("libtorch's first loss is " + std::to_string(loss) + ", expected about " +
                             std::to_string(expected));
  return [step] { (*step)(); };
}

std::string describe_libtorch() { return TORCH_VERSION; }

void set_libtorch_threads(int n) { torch::set_num_threads(n); }

}  // namespace xgrad

#else

namespace xgrad {

std::function<void()> libtorch_step(const Dimensions&, TorchCell, TorchForm) { return {}; }
std::string describe_libtorch() { return no_libtorch; }
void set_libtorch_threads(int) {}

}  // namespace xgrad

#endif
