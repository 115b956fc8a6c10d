// A published word model, number for number: the first 1000 tokens of the Penn Treebank, 418 words, embedding
// and hidden size 100, windows of 10 rows and 5 steps, plain gradient descent. The golden files hold an
// independent program's results: both first windows at the initial weights, the perplexities of 100 epochs in
// double, and those of many starts in float. Arrays there are batch-major, here everything is time-major.
#include <map>
#include <numeric>

#include <xgrad/models/rnnlm.hpp>
#include <xgrad/training/sgd.hpp>
#include <xgrad/training/windows.hpp>

#include "autograd/errors.hpp"
#include "autograd/ops/checks.hpp"
#include "models/golden.hpp"
#include "models/handwritten_errors.hpp"

using namespace xgrad;

namespace {

constexpr std::size_t V = 418, H = 100, N = 10, steps = 5, windows_per_epoch = 19;

// The arrays of both golden files by name.
const Array<double>& published(const std::string& name) {
  static const golden::File results("word_model.json"), logits("word_model_logits.json");
  return name == "w0_logits" ? logits[name] : results[name];
}

std::vector<std::int64_t> integers(const std::string& name) {
  const auto& array = published(name);
  return std::vector<std::int64_t>(array.begin(), array.end());
}

// Batch-major (N, steps, ...) as time-major (steps, N, ...).
Array<double> time_major(const Array<double>& x, const Shape& shape) {
  const auto width = static_cast<std::ptrdiff_t>(x.size() / (N * steps));
  const auto wide = reshape(Variable<double>(x), {N, steps, width});
  return transpose(wide, {1, 0, 2}).value().reshaped(shape);
}

// The model at the published start: normal numbers over 100 or 10, rounded to float whatever T is, and zero
// biases.
template <class T>
struct Network {
  Parameters<T> p;
  Rnnlm<T> model;
  ReferenceWindows windows{integers("ids"), N, steps};
  Variable<T> state = Array<T>::zeros({N, H});

  explicit Network(std::uint32_t seed) : model(p, V, H, H) {
    Random random(seed);
    for (const auto& [path, divisor] :
         {std::pair{"embed/W", 100}, {"cell/Wx", 10}, {"cell/Wh", 10}, {"affine/W", 10}}) {
      std::vector<T> values(p[path].size());
      for (T& w : values) w = static_cast<T>(static_cast<float>(random.normal() / divisor));
      p.assign(path, Array<T>(p[path].shape(), values));
    }
  }

  // The losses of the windows of one epoch, each before its update.
  std::vector<double> train_epoch() {
    Sgd sgd(p, 0.1);
    std::vector<double> losses;
    for (std::size_t i = 0; i < windows_per_epoch; ++i) {
      const auto window = windows.next();
      Tape<T> tape;
      auto [loss, next] = model.loss(window.inputs, window.targets, state);
      sgd.step(tape.gradient(loss));
      state = next;
      losses.push_back(static_cast<double>(loss.item()));
    }
    return losses;
  }
};

double perplexity(const std::vector<double>& losses) {
  return std::exp(std::accumulate(losses.begin(), losses.end(), 0.0) / static_cast<double>(losses.size()));
}

void check_near(double got, double want, double tolerance) {
  CHECK_MESSAGE(std::abs(got - want) <= tolerance * std::abs(want), got << " should be " << want);
}

double sum_of(const Array<double>& x) { return std::accumulate(x.begin(), x.end(), 0.0); }
double norm_of(const Array<double>& x) {
  return std::sqrt(std::inner_product(x.begin(), x.end(), x.begin(), 0.0));
}

// Norm and sum of one parameter's numbers. The output layer's gradient sums to zero in theory: its sum is
// judged by the norm.
void check_norm_and_sum(const Array<double>& x, const std::string& prefix, const std::string& name) {
  INFO(prefix << name);
  const double norm = published(prefix + "norm_" + name).item(),
               sum = published(prefix + "sum_" + name).item();
  check_near(norm_of(x), norm, 1e-12);
  const bool sums_to_zero = name == "affine_W" || name == "affine_b";
  CHECK(std::abs(sum_of(x) - sum) <= 1e-12 * (sums_to_zero ? norm : std::abs(sum)));
}

const std::map<std::string, std::string> paths = {{"embed_W", "embed/W"},   {"rnn_Wx", "cell/Wx"},
                                                  {"rnn_Wh", "cell/Wh"},    {"rnn_b", "cell/b"},
                                                  {"affine_W", "affine/W"}, {"affine_b", "affine/b"}};

}  // namespace

TEST_CASE("reference network word_model: both first windows at the initial weights") {
  Network<double> network(0);
  CHECK(network.p.count() == 104118);
  for (const std::string w : {"w0_", "w1_"}) {
    CAPTURE(w);
    const auto window = network.windows.next();
    CHECK(checks::distance(network.state.value(), published(w + "h_in")) <= 1e-12);

    Tape<double> tape;
    const auto [logits, next] = network.model(window.inputs, network.state);
    const auto loss = softmax_cross_entropy(logits, window.targets);
    const auto gradients = tape.gradient(loss);
    check_near(loss.item(), published(w + "loss").item(), 1e-12);
    CHECK(checks::distance(next.value(), published(w + "h_out")) <= 1e-12);
    if (w == "w0_")
      CHECK(checks::distance(logits.value(), time_major(published("w0_logits"), {steps, N, V})) <= 1e-12);

    for (const auto& parameter : paths) {
      const std::string& name = parameter.first;
      CAPTURE(name);
      const auto gradient = gradients[network.p[parameter.second]];
      check_norm_and_sum(gradient, w + "grad_", name);
      if (name == "rnn_b" || name == "affine_b") {
        CHECK(checks::distance(gradient, published(w + "grad_" + name)) <= 1e-12);
        continue;
      }
      std::vector<double> sampled;
      for (const auto i : integers("grad_at_index_" + name)) sampled.push_back(gradient.data()[i]);
      CHECK(checks::distance(Array<double>({sampled.size()}, sampled), published(w + "grad_at_" + name)) <=
            1e-12);
    }
    const auto rows =
        take(Variable<double>(gradients[network.model.embed.W]), Ids(integers(w + "grad_embed_rows")));
    CHECK(checks::distance(rows.value(), published(w + "grad_embed_values")) <= 1e-12);
    network.state = next;
  }
}

TEST_CASE("reference network word_model: the first loss in float") {
  Network<float> network(0);
  const auto window = network.windows.next();
  const auto loss = network.model.loss(window.inputs, window.targets, network.state).y;
  check_near(static_cast<double>(loss.item()), 6.033115234375, 1e-6);
}

TEST_CASE("reference network word_model: the page's gradient is right in both first windows") {
  Network<double> network(0);
  for (int i = 0; i < 2; ++i) {
    const auto [inputs, targets] = network.windows.next();
    const auto hand =
        handwritten::word_model_gradient(network.p.values(), inputs, targets, network.state.value());
    Tape<double> tape;
    auto [loss, next] = network.model.loss(inputs, targets, network.state);
    const auto gradients = tape.gradient(loss);
    for (const auto& [path, gradient] : hand)
      CHECK(handwritten::relative_error(gradient, gradients[network.p[path]]) <= 1e-14);
    network.state = next;
  }
}

TEST_CASE("reference network word_model: what truncation costs, beside the gradient through two windows") {
  Network<double> network(0);
  const auto first = network.windows.next(), second = network.windows.next();
  const auto run = [&](bool truncated) {
    Tape<double> tape;
    const auto carried = network.model(first.inputs, network.state).state;
    return tape.gradient(
        network.model.loss(second.inputs, second.targets, truncated ? detach(carried) : carried).y);
  };
  const auto truncated = run(true), full = run(false);
  const auto error = [&](const char* path) {
    const auto& x = network.p[path];
    return handwritten::relative_error(truncated[x], full[x]);
  };
  CHECK(error("embed/W") == doctest::Approx(0.7705671335700366).epsilon(1e-12));
  CHECK(error("cell/Wx") == doctest::Approx(0.7653244058633565).epsilon(1e-12));
  CHECK(error("cell/Wh") == doctest::Approx(0.561032398833095).epsilon(1e-12));
  CHECK(error("cell/b") == doctest::Approx(0.8728832470755092).epsilon(1e-12));
  CHECK(error("affine/W") <= 1e-14);
  CHECK(error("affine/b") <= 1e-14);
}

TEST_CASE("reference network word_model: ten epochs in double") {
  Network<double> network(0);
  for (std::size_t epoch = 0; epoch < 10; ++epoch) {
    const auto losses = network.train_epoch();
    for (std::size_t i = 0; i < windows_per_epoch; ++i)
      check_near(losses[i], published("iter_loss_f64_10").data()[epoch * windows_per_epoch + i], 1e-12);
    check_near(perplexity(losses), published("ppl_f64_10").data()[epoch], 1e-12);
    check_near(perplexity(losses), published("ppl_f64").data()[epoch], 1e-12);
  }
  CHECK(checks::distance(network.state.value(), published("h_after_10")) <= 1e-12);
  CHECK(checks::distance(network.p["cell/b"].value(), published("after10_rnn_b")) <= 1e-12);
  for (const auto& [name, path] : paths) check_norm_and_sum(network.p[path].value(), "after10_", name);
}

// Under a sanitizer a hundred epochs take minutes, and the later ones run the same code.
constexpr std::size_t epochs = xgrad::testing::address_sanitizer ? 10 : 100;

TEST_CASE("reference network word_model: a hundred epochs in double") {
  Network<double> network(0);
  for (std::size_t epoch = 0; epoch < epochs; ++epoch)
    check_near(perplexity(network.train_epoch()), published("ppl_f64").data()[epoch], 1e-8);
}

TEST_CASE("reference network word_model: a hundred epochs in float from twelve starts") {
  for (std::uint32_t seed = 0; seed < 12; ++seed) {
    CAPTURE(seed);
    Network<float> network(seed);
    for (std::size_t epoch = 0; epoch < epochs; ++epoch) {
      const double value = perplexity(network.train_epoch());
      const double mean = published("ppl_seeds_12_211_f32_mean").data()[epoch],
                   deviation = published("ppl_seeds_12_211_f32_sd").data()[epoch];
      // Late training amplifies rounding, from some starts sooner than from others: after epoch 60 the
      // published run of start 6 is itself 2.5e-4 away from the same run in double, and another order of the
      // additions moves start 8 by 5e-3.
      if (epoch < 80)
        check_near(value, published("ppl_seeds_0_11_f32").data()[seed * 100 + epoch],
                   epoch < 10                ? 1e-5
                   : epoch < 60 || seed == 0 ? 1e-4
                                             : 2e-2);
      if (epoch >= 80) CHECK(std::abs(value - mean) <= 5 * deviation);
    }
  }
}

TEST_CASE(
    "reference network word_model: a hundred epochs in float from other starts stay in the band of two "
    "hundred") {
  for (const std::uint32_t seed : {12U, 211U}) {
    CAPTURE(seed);
    Network<float> network(seed);
    for (std::size_t epoch = 0; epoch < epochs; ++epoch) {
      const double mean = published("ppl_seeds_12_211_f32_mean").data()[epoch],
                   deviation = published("ppl_seeds_12_211_f32_sd").data()[epoch];
      CHECK(std::abs(perplexity(network.train_epoch()) - mean) <= 5 * deviation);
    }
  }
}
