// evaluate: the sum over all windows is that of one long run, each target counts once whatever the layout,
// tracks that end early lose their rows with the state kept, and nothing is recorded. token_losses: each is
// -log softmax of its logits, whatever the windows.
#include <xgrad/models/evaluate.hpp>

#include <numeric>

#include <xgrad/layers/gru.hpp>
#include <xgrad/layers/lstm.hpp>
#include <xgrad/layers/stack.hpp>
#include <xgrad/training/perplexity.hpp>
#include <xgrad/training/windows.hpp>

#include "autograd/ops/checks.hpp"
#include "models/cells.hpp"

using namespace xgrad;
using Tokens = std::vector<std::int64_t>;

namespace {

Tokens text(std::size_t n) {
  Random random(9);
  Tokens tokens;
  for (std::size_t i = 0; i < n; ++i) tokens.push_back(static_cast<std::int64_t>(random.uniform() * 7));
  return tokens;
}

// The loss of a text read token by token, in one window.
template <class Model>
double one_run(const Model& model, const Tokens& tokens) {
  const std::size_t steps = tokens.size() - 1;
  const Ids inputs({steps, 1}, Tokens(tokens.begin(), tokens.end() - 1)),
      targets({steps, 1}, Tokens(tokens.begin() + 1, tokens.end()));
  const Inference pause;
  return static_cast<double>(model.loss(inputs, targets, model.zero(1), Reduction::sum).y.item());
}

}  // namespace

TEST_CASE_TEMPLATE("evaluate: one track equals one long run for every window length", T, float, double) {
  const Parameters<T> p(2);
  const Rnnlm model(p, 7, 4, 6);
  const auto tokens = text(50);
  const double expected = one_run(model, tokens);
  for (const std::size_t length : {1U, 2U, 5U, 7U, 48U, 49U, 100U}) {
    const auto result = evaluate(model, StreamWindows(tokens, 1, length));
    CHECK(result.total == doctest::Approx(expected).epsilon(64 * checks::epsilon<T>));
    CHECK(result.count == 49);
  }
}

TEST_CASE("evaluate: several tracks equal their own runs with any cell") {
  const Parameters<double> p(2), q(2);
  const Rnnlm rnn(p, 7, 4, 6);
  const Rnnlm<double, cells::Lstm<double>> lstm(q, 7, 4, 6);
  for (const std::size_t n : {20U, 21U, 22U, 23U, 24U})
    for (const std::size_t N : {2U, 3U, 4U})
      for (const std::size_t length : {1U, 3U, 30U}) {
        CAPTURE(n);
        CAPTURE(N);
        CAPTURE(length);
        const auto tokens = text(n);
        double rnn_total = 0, lstm_total = 0;
        std::size_t start = 0;
        for (std::size_t track = 0; track < N; ++track) {
          const std::size_t targets = (n - 1) / N + (track < (n - 1) % N ? 1 : 0);
          const auto first = tokens.begin() + static_cast<std::ptrdiff_t>(start);
          const Tokens own(first, first + static_cast<std::ptrdiff_t>(targets) + 1);
          rnn_total += one_run(rnn, own);
          lstm_total += one_run(lstm, own);
          start += targets;
        }
        const StreamWindows windows(tokens, N, length);
        CHECK(evaluate(rnn, windows).total == doctest::Approx(rnn_total).epsilon(1e-13));
        CHECK(evaluate(lstm, windows).total == doctest::Approx(lstm_total).epsilon(1e-13));
        CHECK(evaluate(lstm, windows).count == n - 1);
      }
}

TEST_CASE_TEMPLATE("evaluate: nothing is recorded and training goes on", T, float, double) {
  const Parameters<T> p(2);
  const Rnnlm model(p, 7, 4, 6);
  const StreamWindows windows(text(30), 2, 5);
  const auto alone = evaluate(model, windows);
  Tape<T> tape;
  const auto loss = model.loss(windows[0].inputs, windows[0].targets, model.zero(2)).y;
  const std::size_t recorded = tape.size();
  const auto beside = evaluate(model, windows);
  CHECK(tape.size() == recorded);
  CHECK(beside.total == alone.total);
  const auto gradients = tape.gradient(loss);
  for (const auto& parameter : p.list()) CHECK(gradients.reached(parameter));
}

TEST_CASE("evaluate: an untrained model without weights loses the log of the vocabulary per token") {
  const Parameters<double> p;
  const Rnnlm model(p, 7, 4, 6);
  p.assign("affine/W", Array<double>::zeros({6, 7}));
  const auto result = evaluate(model, StreamWindows(text(40), 3, 4));
  CHECK(result.count == 39);
  CHECK(result.total == doctest::Approx(39 * std::log(7.0)).epsilon(1e-14));
}

TEST_CASE("evaluate: 10^6 losses in float are added up in double") {
  struct Model {
    Variable<float> zero(std::size_t N) const { return Array<float>::zeros({N}); }
    Step<Variable<float>, Variable<float>> loss(const Ids& inputs, const Ids&, const Variable<float>& state,
                                                Reduction) const {
      return {Array<float>::full(inputs.shape(), 0.1F), state};
    }
  };
  const auto result = evaluate(Model(), StreamWindows(Tokens(1000001, 0), 10, 35));
  CHECK(result.count == 1000000);
  CHECK(result.total == doctest::Approx(1e6 * static_cast<double>(0.1F)).epsilon(1e-11));
}

TEST_CASE("evaluate: padding counts nowhere, and a document that begins has a state of its own") {
  const Parameters<double> p(2);
  const Rnnlm model(p, 7, 4, 6);
  const Tokens first = text(9), second = text(5);
  struct Padded {
    Ids inputs, targets;
    Sequences sequences;
  };
  std::vector<Padded> windows;  // the two texts side by side, in windows of 4 steps, and then the first again
  for (std::size_t begin = 0; begin < 16; begin += 4) {
    std::vector<Ids::value_type> inputs, targets, mask, reset;
    for (std::size_t t = begin; t < begin + 4; ++t)
      for (const Tokens* tokens : {&first, &second}) {
        const std::size_t i = t % 8;
        const bool present = i + 1 < tokens->size() && (t < 8 || tokens == &first);
        inputs.push_back(present ? (*tokens)[i] : -1);
        targets.push_back(present ? (*tokens)[i + 1] : 1000);
        mask.push_back(present ? 1 : 0);
        reset.push_back(t == 8 ? 1 : 0);
      }
    const Shape shape({4, 2});
    windows.push_back({Ids(shape, inputs), Ids(shape, targets), {Ids(shape, mask), Ids(shape, reset)}});
  }
  const auto result = evaluate(model, windows);
  CHECK(result.count == 8 + 4 + 8);
  CHECK(result.total == doctest::Approx(2 * one_run(model, first) + one_run(model, second)).epsilon(1e-13));
  for (auto& window : windows) window.sequences.mask = Ids({4, 2}, Tokens(8, 0));
  const auto none = evaluate(model, windows);
  CHECK(none.count == 0);
  CHECK(none.total == 0);
}

namespace {

double perplexity(const std::vector<double>& losses) {
  Perplexity result;
  result.add(std::accumulate(losses.begin(), losses.end(), 0.0), losses.size());
  return result.value();
}

// A model whose dropout is there and does nothing, as it is not in training.
template <class Cell>
void check_windows() {
  const Parameters<double> p(2);
  const Rnnlm<double, Stack<Cell>> model(p, 7, 6, 6, {.dropout = 0.5, .variational = true, .loss_rows = 8},
                                         StackOptions{.dropout = 0.5});
  const auto tokens = text(2001);
  const auto whole = token_losses(model, tokens, 5000);
  CHECK(whole.size() == 2000);
  for (const std::size_t window : {1U, 35U, 1000U, 1999U, 2000U}) {
    const auto losses = token_losses(model, tokens, window);
    CHECK(losses.size() == 2000);
    for (std::size_t i = 0; i < losses.size(); ++i) CHECK(std::abs(losses[i] - whole[i]) < 1e-12);
    CHECK(std::abs(perplexity(losses) - perplexity(whole)) < 1e-10);
  }
  const Ids inputs({2000, 1}, Tokens(tokens.begin(), tokens.end() - 1));
  const auto log_p = log_softmax(model(inputs, model.zero(1)).y).value();
  for (std::size_t i = 0; i < 2000; ++i)
    CHECK(whole[i] == doctest::Approx(-log_p.data()[7 * i + static_cast<std::size_t>(tokens[i + 1])]));
}

}  // namespace

TEST_CASE("token_losses: the same for every window, in order") {
  check_windows<Lstm<double>>();
  check_windows<Gru<double>>();
}

TEST_CASE_TEMPLATE("token_losses: they add up to what evaluate says, and nothing is recorded", T, float,
                   double) {
  const Parameters<T> p(2);
  const Rnnlm<T, Lstm<T>> model(p, 7, 4, 6);
  const auto tokens = text(300);
  Tape<T> tape;
  const auto losses = token_losses(model, tokens, 35);
  CHECK(tape.size() == 0);
  CHECK(losses.size() == 299);
  CHECK(std::accumulate(losses.begin(), losses.end(), 0.0) ==
        doctest::Approx(evaluate(model, StreamWindows(tokens, 1, 35)).total).epsilon(1e-13));
}

TEST_CASE("token_losses: no more than a window is computed at a time") {
  struct Model {
    std::vector<std::size_t>* lengths;
    Variable<float> zero(std::size_t N) const { return Array<float>::zeros({N}); }
    Step<Variable<float>, Variable<float>> loss(const Ids& inputs, const Ids& targets,
                                                const Variable<float>& state, Reduction) const {
      lengths->push_back(inputs.size());
      std::vector<float> losses;
      for (const auto target : targets) losses.push_back(static_cast<float>(target));
      return {Array<float>(targets.shape(), losses), state};
    }
  };
  Tokens tokens(601);
  std::iota(tokens.begin(), tokens.end(), 0);
  std::vector<std::size_t> lengths;
  const auto losses = token_losses(Model{&lengths}, tokens);
  CHECK(lengths == std::vector<std::size_t>{256, 256, 88});
  CHECK(losses == std::vector<double>(tokens.begin() + 1, tokens.end()));
}

TEST_CASE("token_losses: texts of no target, and what is refused") {
  const Parameters<float> p(2);
  const Rnnlm model(p, 7, 4, 6);
  CHECK(token_losses(model, {3}).empty());
  using checks::check_error;
  check_error([&] { token_losses(model, {}); }, {"[token_losses]", "at least one token"});
  check_error([&] { token_losses(model, {1, 2}, 0); }, {"[token_losses]", "window", "got 0"});
  auto tokens = text(50);
  tokens.back() = 7;  // a target only
  check_error([&] { token_losses(model, tokens, 10); },
              {"target 7 at position (8, 0)", "in the window that begins at token 40"});
  check_error([&] { token_losses(model, {7, 1}); }, {"id 7 at position (0, 0)"});
}
