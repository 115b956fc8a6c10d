// What docs/training.md shows, as tests: each fragment stands here line by line as there, which the test
// `readme` compares.
#include <cmath>
#include <future>
#include <numeric>
#include <sstream>

#include <doctest/doctest.h>

#include <xgrad/autograd/derivatives.hpp>
#include <xgrad/autograd/tape.hpp>
#include <xgrad/layers/affine.hpp>
#include <xgrad/models/evaluate.hpp>
#include <xgrad/models/generate.hpp>
#include <xgrad/models/rnnlm.hpp>
#include <xgrad/models/truncation.hpp>
#include <xgrad/training/adam.hpp>
#include <xgrad/training/averages.hpp>
#include <xgrad/training/checkpoint.hpp>
#include <xgrad/training/clipping.hpp>
#include <xgrad/training/corpus.hpp>
#include <xgrad/training/ngram.hpp>
#include <xgrad/training/schedules.hpp>
#include <xgrad/training/sgd.hpp>
#include <xgrad/training/stopping.hpp>
#include <xgrad/training/windows.hpp>

#include "../examples/ugrnn.hpp"
#include "autograd/folder.hpp"
#include "autograd/ops/checks.hpp"

namespace {

using namespace xgrad;
using checks::identical;

constexpr std::size_t V = 5, D = 3, H = 4, N = 2, T = 4;

// A text in which every word determines the next; all windows are (T, N).
const std::vector<Ids::value_type> tokens = [] {
  std::vector<Ids::value_type> result;
  for (int i = 0; i < 201; ++i) result.push_back(i % 5);
  return result;
}();
const StreamWindows windows(tokens, N, T);

template <class S>
using Model = Rnnlm<S, Ugrnn<S>>;

template <class S>
bool same(const Parameters<S>& a, const Parameters<S>& b) {
  const auto x = a.list(), y = b.list();
  for (std::size_t k = 0; k < x.size(); ++k)
    if (!identical(x[k].value(), y[k].value())) return false;
  return x.size() == y.size();
}

// The largest difference of two gradients, as a part of the norm of the second.
template <class S>
double difference(const Gradients<S>& a, const Gradients<S>& b) {
  return (a - b).norm() / b.norm();
}

// How far an element has moved at most: in Adam's first step as far as the rate, whatever the gradient.
double longest_move(const Variable<double>& w, const Array<double>& before) {
  double result = 0;
  for (std::size_t i = 0; i < w.size(); ++i)
    result = std::max(result, std::abs(w.value().data()[i] - before.data()[i]));
  return result;
}

template <class S>
Gradients<S> gradient_of_window(const Model<S>& model, std::size_t i) {
  Tape<S> tape;
  return tape.gradient(model.loss(windows[i].inputs, windows[i].targets, model.zero(N)).y);
}

}  // namespace

TEST_CASE("docs, training: an optimizer with warm-up and clipping") {
  const Parameters<float> parameters;
  const Rnnlm<float> model(parameters, V, D, H);
  AdamW adam(parameters, 1e-2, {.weight_decay = 0.1});
  const Cosine cosine{.rate = 1e-2, .steps = 300, .warmup = 30};
  const auto [inputs, targets] = windows[0];
  const auto before = model.loss(inputs, targets, model.zero(N)).y.item();
  for (std::size_t step = 0; step < 300; ++step) {
    Tape<float> tape;
    auto gradients = tape.gradient(model.loss(inputs, targets, model.zero(N)).y);
    adam.set_rate(cosine(step));
    clip_global_norm(gradients, parameters, 0.25);
    adam.step(gradients);
    if (step == 0) CHECK(adam.rate() * 30 / 1e-2 == doctest::Approx(1));
  }
  CHECK(model.loss(inputs, targets, model.zero(N)).y.item() < before / 4);
}

TEST_CASE("docs, training: an optimizer for each part") {
  const Parameters<double> parameters;
  const Model<double> model(parameters, V, D, H);
  const auto gradients = gradient_of_window(model, 0);
  const auto E = model.embed.W.value().copy(), b = model.affine().b.value().copy();
  Sgd embed(parameters / "embed", 0.5);
  Adam cell(parameters / "cell", 1e-3), affine(parameters / "affine", 1e-2);
  embed.step(gradients);
  cell.step(gradients);
  affine.step(gradients);
  CHECK(checks::distance(model.embed.W.value(), E - 0.5 * gradients[model.embed.W]) < 1e-15);
  CHECK(longest_move(model.cell.b, Array<double>::zeros({2 * H})) / 1e-3 == doctest::Approx(1).epsilon(1e-3));
  CHECK(longest_move(model.affine().b, b) / 1e-2 == doctest::Approx(1).epsilon(1e-3));
}

TEST_CASE("docs, training: one optimizer with two rates") {
  const Parameters<double> parameters;
  const Model<double> model(parameters, V, D, H);
  const auto E = model.embed.W.value().copy(), b = model.affine().b.value().copy();
  const auto slow_embedding = [](std::string_view path, const Shape&) {
    return ParameterFactors{.rate = path.starts_with("embed/") ? 0.1 : 1};
  };
  Adam adam(parameters, 1e-3, {.by_parameter = slow_embedding});
  adam.step(gradient_of_window(model, 0));
  CHECK(longest_move(model.embed.W, E) / 1e-4 == doctest::Approx(1).epsilon(1e-3));
  CHECK(longest_move(model.affine().b, b) / 1e-3 == doctest::Approx(1).epsilon(1e-3));
}

TEST_CASE("docs, training: no decay of biases and gains") {
  const Parameters<double> parameters;
  const Model<double> model(parameters, V, D, H);
  parameters.assign("affine/b", Array<double>::full({V}, 1));
  const double W = parameters["affine/W"].value().data()[0];
  AdamW adam(parameters, 1e-3, {.weight_decay = 0.1, .by_parameter = decay_matrices_alone});
  adam.step(Gradients<double>(parameters, std::map<std::string, Array<double>>(), zeros));
  CHECK(parameters["affine/b"].value().data()[0] == 1);
  CHECK(parameters["affine/W"].value().data()[0] / W == doctest::Approx(1 - 1e-4).epsilon(1e-12));
}

TEST_CASE("docs, training: freezing, and unfreezing in the end") {
  const Parameters<float> parameters;
  const Model<float> model(parameters, V, D, H);
  const Array<float> before = parameters["embed/W"].value().copy();
  Adam adam(parameters, 1e-2);
  freeze(parameters / "embed");
  for (std::size_t epoch = 0; epoch < 3; ++epoch) {
    if (epoch == 2) unfreeze(parameters / "embed");  // between two steps
    CHECK(identical(parameters["embed/W"].value(), before));
    for (std::size_t i = 0; i < windows.size(); ++i) {
      const auto gradients = gradient_of_window(model, i);
      CHECK(gradients.reached(model.embed.W) == (epoch == 2));
      adam.step(gradients);
    }
  }
  CHECK(!identical(parameters["embed/W"].value(), before));
}

TEST_CASE("docs, training: several windows in one step") {
  const Parameters<float> parameters;
  const Model<float> model(parameters, V, D, H);
  Sgd sgd(parameters, 0.5);
  Gradients<float> mean_of_all;
  {
    std::vector<Variable<float>> logits;
    std::vector<Ids::value_type> targets;
    Tape<float> tape;  // four windows as one batch
    for (std::size_t i = 0; i < 4; ++i) {
      const Window window = windows[i];
      logits.push_back(model(window.inputs, model.zero(N)).y);
      targets.insert(targets.end(), window.targets.begin(), window.targets.end());
    }
    mean_of_all = tape.gradient(softmax_cross_entropy(concat(logits, 0), Ids({4 * T, N}, targets)));
  }
  Gradients<float> total;
  for (std::size_t i = 0; i < 4; ++i) {
    Tape<float> tape;
    total += tape.gradient(model.loss(windows[i].inputs, windows[i].targets, model.zero(N)).y);
  }
  sgd.step(total / 4);
  CHECK(difference(total / 4, mean_of_all) < 1e-6);
}

TEST_CASE("docs, training: windows on several threads") {
  const Parameters<float> parameters, others;
  const Model<float> model(parameters, V, D, H), alone(others, V, D, H);
  Sgd sgd(parameters, 0.5), other(others, 0.5);
  for (std::size_t i = 0; i + 1 < windows.size(); i += 2) {
    const auto gradient = [&](std::size_t window) {
      const auto [inputs, targets] = windows[window];
      Tape<float> tape;
      return tape.gradient(model.loss(inputs, targets, model.zero(N)).y);
    };
    auto next = std::async(std::launch::async, gradient, i + 1);
    auto total = gradient(i);  // meanwhile
    total += next.get();
    sgd.step(total / 2);
    other.step((gradient_of_window(alone, i) + gradient_of_window(alone, i + 1)) / 2);
  }
  CHECK(same(parameters, others));
}

TEST_CASE("docs, training: the best of averaged weights, and when to stop") {
  const Parameters<float> parameters(2);
  const Model<float> model(parameters, V, D, H);
  const auto perplexity = [&] {
    const TokenLosses losses = evaluate(model, windows);
    return std::exp(losses.total / static_cast<double>(losses.count));
  };
  std::size_t epochs = 0;
  Adam adam(parameters, 0.1);
  ExponentialAverage average(parameters, 0.9);
  Best best(parameters);
  EarlyStopping stop({.patience = 3, .threshold = 0.01});
  for (bool stopped = false; !stopped;) {
    for (std::size_t i = 0; i < windows.size(); ++i) {
      adam.step(gradient_of_window(model, i));
      average.update();
    }
    const auto averaged = average.use();  // the parameters are the average until the brace
    const double loss = perplexity();
    best(loss);  // keeps the average
    stopped = stop(loss);
    REQUIRE(++epochs < 100);
  }
  best.restore_parameters();
  CHECK(perplexity() == best.loss());
  CHECK(best.loss() < 1.1);
}

TEST_CASE("docs, training: a run that is broken off and resumed ends with the same bits") {
  const testing::Folder folder;
  const std::size_t steps = 60;
  const auto train = [&](const Parameters<float>& parameters, const std::string& file,
                         std::size_t broken_off) {
    Rnnlm<float, Ugrnn<float>> model(parameters, V, D, H, {.dropout = 0.2});
    Adam adam(parameters, 1e-2);
    const RandomKey run(1);
    auto state = model.zero(N);
    std::size_t step = 0;
    Checkpoint checkpoint(file);
    checkpoint.keep("model", parameters).keep("adam", adam).keep("state", state).keep("step", step);
    checkpoint.load();  // false if there is none yet
    for (; step < steps; ++step) {
      if (step % 10 == 0) checkpoint.save();
      if (step == broken_off) return;
      const auto [inputs, targets] = windows[step % windows.size()];
      Tape<float> tape;
      auto [loss, next] = model.for_training(run.fold(step)).loss(inputs, targets, state);
      adam.step(tape.gradient(loss));
      state = next;
    }
    checkpoint.save();
  };
  const Parameters<float> whole(1), broken(1), resumed(2);
  train(whole, folder / "whole", steps);
  train(broken, folder / "run.safetensors", 37);
  train(resumed, folder / "run.safetensors", steps);
  CHECK(same(whole, resumed));
  CHECK(!same(whole, broken));
  CHECK(std::filesystem::exists(folder / "run.safetensors.previous"));

  const Parameters<float> parameters(3);
  const Model<float> model(parameters, V, D, H);
  auto in_run = [](const std::string& path) { return "model/" + path; };
  parameters.load(folder / "run.safetensors", {.rename = in_run});
  CHECK(same(whole, parameters));
}

TEST_CASE("docs, training: a model is kept in a file, and a part of it goes into another") {
  const testing::Folder folder;
  const auto file = folder / "model.safetensors";
  const Parameters<float> parameters(1);
  const Rnnlm<float, Ugrnn<float>> model(parameters, V, D, H);
  parameters.save(file);  // replaces the file as a whole: a full disk leaves the old one as it was
  Parameters<float> copies;
  Rnnlm<float, Ugrnn<float>> copy(copies, V, D, H);
  copies.load(file);  // an error says what is missing, different or unexpected, and nothing is changed
  CHECK(evaluate(copy, windows).total == evaluate(model, windows).total);

  Parameters<float> larger(3);
  Rnnlm<float, Ugrnn<float>> other(larger, V + 2, D, H);  // two more words
  auto loaded = larger.load(file, {.only = "cell/**"});
  CHECK(loaded.taken.size() == 3);
  CHECK(loaded.missing == std::vector<std::string>{"embed/W", "affine/W", "affine/b"});
  CHECK(loaded.left == std::vector<std::string>{"affine/W", "affine/b", "embed/W"});

  const Parameters<float> all;
  const Ugrnn<float> encoder(all / "encoder" / "0", D, H);
  auto renamed = [](const std::string& path) { return "cell/" + path; };
  (all / "encoder" / "0").load(file, {.rename = renamed});  // paths are those below the scope
  CHECK(identical(all["encoder/0/Wh"].value(), parameters["cell/Wh"].value()));
}

TEST_CASE("docs, training: how far back a gradient reaches") {
  const Parameters<float> parameters;
  const Rnnlm<float> model(parameters, V, D, H);
  const auto report = truncation(model, parameters, StreamWindows(tokens, N, 40), {.longest = 20});
  std::ostringstream text;
  text << report;
  CHECK(text.str().find("steps are needed") != std::string::npos);
}

namespace {

struct Points {
  Array<double> x, y;
};

template <class S>
struct Net {
  Affine<S> hidden, out;

  explicit Net(const Parameters<S>& p) : hidden(p / "hidden", 2, 8), out(p / "out", 8, 1) {}

  Variable<S> operator()(const Variable<S>& x) const { return out(tanh(hidden(x))); }
  Variable<S> loss(const Points& points) const {
    return squared_error((*this)(points.x.cast<S>()), points.y.cast<S>());
  }
};

Points draw_points(std::size_t count, std::uint32_t seed) {
  return {checks::numbers<double>({count, 2}, -2, 2, seed),
          checks::numbers<double>({count, 1}, -2, 2, seed + 100)};
}

// Numbers by path, as a direction in all parameters.
Values direction(const Values& like) {
  Random random(9);
  Values result;
  for (const auto& [path, value] : like) result.emplace(path, random_direction(value.shape(), random));
  return result;
}

double inner(const Values& a, const Values& b) {
  double result = 0;
  for (const auto& [path, x] : a)
    for (std::size_t i = 0; i < x.size(); ++i) result += x.data()[i] * b.at(path).data()[i];
  return result;
}

// The derivative of f: Values -> double at `values` along v, by differences of fourth order.
template <class F>
double central_difference(F f, const Values& values, const Values& v) {
  const double h = 1e-3;
  const auto at = [&](double s) {
    Values moved;
    for (const auto& [path, value] : values) moved.emplace(path, value + s * h * v.at(path));
    return f(moved);
  };
  return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * h);
}

template <class S>
constexpr double tolerance = std::same_as<S, float> ? 1e-4 : 1e-8;

}  // namespace

TEST_CASE_TEMPLATE("docs, training: the gradient of a penalty on a gradient", T, float, double) {
  const Parameters<T> parameters(1);
  const Net<T> net(parameters);
  const Points points = draw_points(6, 1);
  const double lambda = 0.3;
  Adam adam(parameters, 1e-3);
  const Values before = parameters.values();

  const auto outputs = [&]<class S>(const Parameters<S>& p) {
    return sum(Net<S>(p)(p.input("x", points.x.shape())));
  };
  Tape<T> tape;
  const auto x = tape.leaf(points.x.cast<T>());
  const auto slope = tape.gradient(sum(net(x)), {.keep = true})[x].template cast<double>();
  const HvpInputs along{.inputs = {{"x", points.x}}, .directions = {{"x", slope}}};
  auto gradients = tape.gradient(net.loss(points));
  gradients += 2 * lambda * hvp(outputs, parameters, along);
  adam.step(gradients);

  const auto whole = [&](const Values& values) {
    const Parameters<double> p(values);
    const Net<double> moved(p);
    Tape<double> own;
    const auto at = own.leaf(points.x);
    const auto of_x = own.gradient(sum(moved(at)))[at];
    return moved.loss(points).item() + lambda * sum(square(Variable<double>(of_x))).item();
  };
  const Values v = direction(before);
  const double expected = central_difference(whole, before, v), got = inner(gradients.values(), v);
  CHECK(std::abs(got - expected) < tolerance<T> * std::abs(expected));
}

TEST_CASE_TEMPLATE("docs, training: the gradient through a step", T, float, double) {
  const Parameters<T> parameters(1);
  const Net<T> net(parameters);
  const Points support = draw_points(5, 1), query = draw_points(7, 2);
  const double rate = 0.1;
  Adam adam(parameters, 1e-3);
  const Values before = parameters.values();

  const auto gradient = [](const Net<T>& at, const Points& points) {
    Tape<T> tape;
    return tape.gradient(at.loss(points));
  };
  const auto g = gradient(net, support);
  const Parameters<T> moved(parameters.values());  // theta - rate g, on a list of its own
  const Net<T> adapted(moved);
  Sgd(moved, rate).step(Gradients<T>(moved, g.values()));
  const auto after = gradient(adapted, query);  // g'
  const auto loss = [&]<class S>(const Parameters<S>& p) { return Net<S>(p).loss(support); };
  const auto whole = Gradients<T>(parameters, after.values()) - rate * hvp(loss, parameters, after);
  adam.step(whole);

  const auto of_both = [&](const Values& values) {
    const Parameters<double> p(values);
    const Net<double> own(p);
    Tape<double> tape;
    Sgd(p, rate).step(tape.gradient(own.loss(support)));
    return own.loss(query).item();
  };
  const Values v = direction(before);
  const double expected = central_difference(of_both, before, v), got = inner(whole.values(), v);
  CHECK(std::abs(got - expected) < tolerance<T> * std::abs(expected));
}

TEST_CASE("docs, training: what a model draws after a prompt, and how likely a text is") {
  const Parameters<float> parameters(1);
  const Model<float> model(parameters, V, D, H);
  Adam adam(parameters, 0.02);
  for (std::size_t i = 0; i < windows.size() * 8; ++i)
    adam.step(gradient_of_window(model, i % windows.size()));

  const std::vector<Ids::value_type> prompt{0, 1}, sentence{0, 1, 2, 4, 0};  // 3 would follow 2
  const Ids::value_type end = 4;
  const auto text = generate(model, prompt, 40, {.seed = 1, .temperature = 0.8, .top_p = 0.9, .stop = end});
  CHECK(text == std::vector<Ids::value_type>{2, 3});

  std::ostringstream out;
  Generator generator(model, {.seed = 1, .temperature = 0.8});
  generator.read(prompt);
  while (out.tellp() < 60) out << generator.next() << ' ';
  CHECK(out.str().substr(0, 8) == "2 3 4 0 ");

  const std::vector<double> losses = token_losses(model, sentence);  // of sentence[1], sentence[2], ...
  CHECK(losses.size() == 4);
  CHECK(losses[1] < 0.1);
  CHECK(losses[2] > 3);
}

TEST_CASE("docs, training: what counting words reaches") {
  const Corpus corpus = make_corpus("a b\nb a b\nc\n", "a\n", "b a\nc b\n");
  const KneserNey model(5, corpus.train, corpus.vocabulary.size(), corpus.vocabulary.find(end_of_sentence));
  const double perplexity = model.perplexity(corpus.test);
  const auto logs = model.log_probabilities(corpus.test);  // of each word after all before it, in nats
  REQUIRE(logs.size() == 6);
  CHECK(logs[3] == std::log(model.probability(std::vector{corpus.test[2]}, corpus.test[3])));
  CHECK(perplexity == doctest::Approx(std::exp(-std::accumulate(logs.begin(), logs.end(), 0.0) / 6)));
}
