// Rnnlm: the whole model's gradient, its loss against the composition written out, the state that crosses
// windows, and cells the library has never seen: an LSTM with a state of two parts and a minimal gated unit
// train and generate in it.
#include <xgrad/models/rnnlm.hpp>

#include <map>
#include <numeric>

#include <xgrad/autograd/derivatives.hpp>
#include <xgrad/layers/unroll.hpp>
#include <xgrad/models/generate.hpp>
#include <xgrad/training/sgd.hpp>
#include <xgrad/training/windows.hpp>

#include "autograd/ops/checks.hpp"
#include "models/cells.hpp"

using namespace xgrad;
using checks::identical;
using checks::numbers;

namespace {

const Ids inputs({5, 2}, {0, 5, 1, 1, 3, 0, 0, 2, 4, 1}), targets({5, 2}, {1, 1, 3, 0, 0, 2, 4, 1, 5, 5});

template <template <class> class Cell, class T>
auto model_of(const Parameters<T>& p, std::size_t V, std::size_t D, std::size_t H) {
  return Rnnlm<T, Cell<T>>(p, V, D, H);
}

// The mean loss of each epoch over the windows of `tokens`, the state carried within an epoch.
template <class T, class Model>
std::vector<double> train(const Model& model, Sgd<T>& sgd, const std::vector<std::int64_t>& tokens,
                          int epochs) {
  const StreamWindows windows(tokens, 3, 5);
  std::vector<double> losses;
  for (int epoch = 0; epoch < epochs; ++epoch) {
    auto state = model.zero(3);
    double total = 0, count = 0;
    for (std::size_t i = 0; i < windows.size(); ++i) {
      const auto window = windows[i];
      state = first_rows(std::move(state), window.inputs.shape()[1]);
      Tape<T> tape;
      auto result = model.loss(window.inputs, window.targets, state);
      sgd.step(tape.gradient(result.y));
      state = std::move(result.state);
      total += static_cast<double>(result.y.item()) * static_cast<double>(window.targets.size());
      count += static_cast<double>(window.targets.size());
    }
    losses.push_back(total / count);
  }
  return losses;
}

// What follows 0 and 2 depends on the tokens before them.
std::vector<std::int64_t> periodic(std::size_t n) {
  const std::vector<std::int64_t> period = {0, 1, 2, 0, 3, 4, 2, 5};
  std::vector<std::int64_t> tokens;
  for (std::size_t i = 0; i < n; ++i) tokens.push_back(period[i % period.size()]);
  return tokens;
}

}  // namespace

TEST_CASE("rnnlm: gradients of every parameter and the initial state over five steps") {
  for (const auto reduction : {Reduction::mean, Reduction::sum, Reduction::none}) {
    const auto report = checks::prove_function([=](auto p) {
      const Rnnlm model(p, 6, 3, 4);
      const auto result = model.loss(inputs, targets, p.input("h0", {2, 4}), reduction);
      return sum(result.y) + sum(square(result.state));
    });
    CHECK(report);
    CHECK(report.compared == 2 * (6 * 3 + (3 * 4 + 4 * 4 + 4) + (4 * 6 + 6) + 2 * 4));
  }
}

TEST_CASE("rnnlm: gradients with cells of a user") {
  const auto lstm = checks::prove_function([](auto p) {
    const auto model = model_of<cells::Lstm>(p, 6, 3, 2);
    auto state = model.zero(2);
    state = {p.input("h0", {2, 2}), p.input("c0", {2, 2})};
    const auto result = model.loss(inputs, targets, state);
    return result.y + sum(square(result.state.h) + result.state.c);
  });
  CHECK(lstm);
  CHECK(lstm.compared == 2 * (6 * 3 + (3 * 8 + 8 + 2 * 8) + (2 * 6 + 6) + 8));
  const auto mgu = checks::prove_function([](auto p) {
    const auto model = model_of<cells::Mgu>(p, 6, 3, 2);
    return model.loss(inputs, targets, p.input("h0", {2, 2})).y;
  });
  CHECK(mgu);
  CHECK(mgu.compared == 2 * (6 * 3 + 2 * (3 * 2 + 2 + 2 * 2) + (2 * 6 + 6) + 4));
}

TEST_CASE("rnnlm: a whole training window is proved op by op") {
  constexpr std::size_t N = 10, T = 5, V = 418, D = 100;  // the window of reference network word_model
  std::vector<Ids::value_type> tokens;
  for (std::size_t i = 0; i <= T * N; ++i) tokens.push_back(static_cast<Ids::value_type>(i * 37 % V));
  const Ids ids({T, N}, {tokens.begin(), tokens.end() - 1}), next({T, N}, {tokens.begin() + 1, tokens.end()});
  const auto report = gradcheck([&](auto p) {
    const Rnnlm model(p, V, D, D);
    return model.loss(ids, next, model.zero(N)).y;
  });
  CHECK_MESSAGE(report, report);
  CHECK(report.ops == 1 + 3 * T + 3);  // embed; select, affine, tanh a step; stack, affine, loss
}

TEST_CASE("rnnlm: second derivatives of the layers together are those of differences of the gradient") {
  const auto loss = [](const auto& p) {
    const Rnnlm model(p, 6, 3, 4);
    return model.loss(inputs, targets, p.input("h0", {2, 4})).y;
  };
  const Parameters<double> drawn(2);
  loss(drawn);
  const Values values = drawn.values();
  Random random(3);
  Values v;
  for (const auto& [path, value] : values) v.emplace(path, random_direction(value.shape(), random));

  const double h = 3e-3;
  const auto moved = [&](int k) {
    Values at;
    for (const auto& [path, value] : values) at.emplace(path, value + k * h * v.at(path));
    Tape<double> tape;
    const Parameters<double> p(at);
    const auto gradients = tape.gradient(loss(p));
    Values result;
    for (const auto& x : p.list()) result.emplace(x.parameter()->path, gradients[x]);
    return result;
  };
  const Values p1 = moved(1), m1 = moved(-1), p2 = moved(2), m2 = moved(-2), p3 = moved(3), m3 = moved(-3);
  for (const auto& [name, Hv] : hvp(loss, values, v)) {
    const std::string path = name;  // a binding cannot be captured
    CAPTURE(path);
    const Array<double> difference =
        (45 * (p1.at(path) - m1.at(path)) - 9 * (p2.at(path) - m2.at(path)) + (p3.at(path) - m3.at(path))) /
        (60 * h);
    CHECK(checks::distance(Hv, difference) < 1e-8);
  }
}

TEST_CASE_TEMPLATE("rnnlm: logits loss and state are the composition by hand", T, float, double) {
  const Parameters<T> p(1);
  const Rnnlm model(p, 6, 3, 4);
  const Variable<T> h0 = numbers<T>({2, 4});
  Variable<T> h = h0, loss = 0;
  const auto result = model(inputs, h0);
  CHECK(to_string(result.y.shape()) == "(5, 2, 6)");
  for (std::size_t t = 0; t < 5; ++t) {
    const auto x = take(model.embed.W, inputs.row(t));
    h = tanh(matmul(x, model.cell.Wx) + matmul(h, model.cell.Wh) + model.cell.b);
    const auto logits = matmul(h, model.affine().W) + model.affine().b;
    CHECK(checks::distance(result.y.value().row(t), logits.value()) < 8 * checks::epsilon<T>);
    for (std::size_t n = 0; n < 2; ++n)
      loss = loss - select(select(log_softmax(logits), static_cast<std::ptrdiff_t>(n)), targets[t * 2 + n]);
  }
  const double tolerance = 32 * checks::epsilon<T>;
  CHECK(checks::distance(result.state.value(), h.value()) < tolerance);
  const auto mean = model.loss(inputs, targets, h0), total = model.loss(inputs, targets, h0, Reduction::sum);
  CHECK(mean.y.item() == doctest::Approx((loss / 10).item()).epsilon(tolerance));
  CHECK(total.y.item() == doctest::Approx(loss.item()).epsilon(tolerance));
  CHECK(identical(mean.state.value(), result.state.value()));
  CHECK(to_string(model.loss(inputs, targets, h0, Reduction::none).y.shape()) == "(5, 2)");
}

TEST_CASE("rnnlm: with few rows of logits at a time loss and gradients are the same") {
  for (const bool tied : {false, true}) {
    CAPTURE(tied);
    const auto run = [&](std::size_t rows, Reduction reduction) {
      const Parameters<double> p(3);
      const Rnnlm<double> model(p, 6, 4, 4, {.tied = tied, .loss_rows = rows});
      Tape<double> tape;
      const auto loss = model.loss(inputs, targets, model.zero(2), reduction).y;
      const auto gradients = tape.gradient(sum(loss));
      std::vector<Array<double>> all{loss.value()};
      for (const auto& parameter : p.list()) all.push_back(gradients[parameter]);
      return all;
    };
    for (const Reduction reduction : {Reduction::mean, Reduction::sum, Reduction::none}) {
      const auto whole = run(0, reduction), chunked = run(3, reduction);
      for (std::size_t i = 0; i < whole.size(); ++i) CHECK(checks::distance(whole[i], chunked[i]) <= 1e-12);
    }
  }
}

TEST_CASE("rnnlm: padding counts nowhere, whatever stands there") {
  const Ids lengths({4, 1, 0});
  const std::vector<Ids::value_type> tokens{0, 5, 2, 3, 3, 1, 4, 4, 1, 2, 0, 5},
      next{1, 3, 2, 0, 0, 2, 4, 1, 5, 5, 3, 1};
  for (const bool tied : {false, true})
    for (const std::size_t loss_rows : {0U, 2U})
      for (const Reduction reduction : {Reduction::mean, Reduction::sum, Reduction::none})
        for (const std::int64_t at_padding : {-1, 0, 5, 6, 1 << 30}) {
          CAPTURE(tied);
          CAPTURE(loss_rows);
          CAPTURE(at_padding);
          const Parameters<double> p(3);
          const Rnnlm<double, cells::Lstm<double>> model(p, 6, 4, 4, {.tied = tied, .loss_rows = loss_rows});
          p.assign("affine/b", Array<double>({6}, {1, 2, 3, 4, 5, 6}));
          auto read = tokens, wanted = next;
          for (std::size_t i = 0; i < 12; ++i)
            if (static_cast<std::int64_t>(i / 3) >= lengths[i % 3]) read[i] = wanted[i] = at_padding;
          Tape<double> tape;
          const auto masked = model.loss(Ids({4, 3}, read), Ids({4, 3}, wanted), model.zero(3), reduction,
                                         {.mask = length_mask(lengths, 4)});
          std::vector<Variable<double>> losses;  // of the two sequences alone
          for (const std::size_t row : {0U, 1U}) {
            std::vector<Ids::value_type> x, y;
            for (std::int64_t t = 0; t < lengths[row]; ++t) {
              x.push_back(tokens[static_cast<std::size_t>(t) * 3 + row]);
              y.push_back(next[static_cast<std::size_t>(t) * 3 + row]);
            }
            const Shape shape({x.size(), 1});
            losses.push_back(model.loss(Ids(shape, x), Ids(shape, y), model.zero(1), Reduction::sum).y);
          }
          const double count = reduction == Reduction::mean ? 5 : 1;
          const auto value = sum(masked.y), expected = (losses[0] + losses[1]) / count;
          CHECK(value.item() == doctest::Approx(expected.item()).epsilon(1e-14));
          const auto got = tape.gradient(value, {.keep = true}),
                     right = tape.gradient(expected, {.keep = true});
          for (const auto& x : p.list()) CHECK(checks::distance(got[x], right[x]) < 1e-14);
          if (tied) continue;
          const auto rows = std::get<RowSparse<double>>(*got.stored(model.embed.W)).rows;
          const auto alone = std::get<RowSparse<double>>(*right.stored(model.embed.W)).rows;
          CHECK(std::equal(rows.begin(), rows.end(), alone.begin(), alone.end()));
          if (reduction != Reduction::none) continue;
          CHECK(masked.y.shape() == Shape({4, 3}));
          for (std::size_t i = 0; i < 12; ++i)
            CHECK((masked.y.value().data()[i] == 0) == (static_cast<std::int64_t>(i / 3) >= lengths[i % 3]));
        }
}

TEST_CASE("rnnlm: the gradient of a masked loss is proved, and a mask without padding changes nothing") {
  for (const Reduction reduction : {Reduction::mean, Reduction::sum, Reduction::none}) {
    const auto report = checks::prove_function([=](auto p) {
      const Rnnlm model(p, 6, 3, 4);
      const auto result =
          model.loss(inputs, targets, p.input("h0", {2, 4}), reduction, {.mask = length_mask({5, 2}, 5)});
      return sum(result.y) + sum(square(result.state));
    });
    CHECK(report);
    const Parameters<float> p(3);
    const Rnnlm model(p, 6, 3, 4);
    CHECK(identical(
        model.loss(inputs, targets, model.zero(2), reduction, {.mask = length_mask({5, 5}, 5)}).y.value(),
        model.loss(inputs, targets, model.zero(2), reduction).y.value()));
  }
}

TEST_CASE("rnnlm: beside padding, ids, targets and masks that do not fit are named") {
  const Parameters<float> p;
  const Rnnlm model(p, 6, 3, 4);
  const auto loss = [&](const Ids& ids, const Ids& next, const Ids& mask) {
    return [=, &model] { model.loss(ids, next, model.zero(2), Reduction::mean, {.mask = mask}); };
  };
  const Ids right({2, 2}, {0, 1, 2, 3}), wrong({2, 2}, {0, 1, 2, 9}), mask({2, 2}, {1, 0, 0, 1});
  using checks::check_error;
  check_error(loss(wrong, right, mask), {"[take] id 9 at position (1, 1)", "[0, 6)"});
  check_error(loss(right, wrong, mask), {"[Rnnlm] target 9 at position (1, 1)", "[0, 6)"});
  check_error(loss(right, right, {0, 1}), {"[Rnnlm] ids of shape (2, 2)", "mask of shape (2,)"});
  check_error(loss(right, {0, 1}, mask), {"[Rnnlm] targets of shape (2,)", "mask of shape (2, 2)"});
  check_error(loss(right, right, Ids({2, 2}, {0, 0, 0, 0})), {"the mean over no targets"});
}

namespace {

constexpr double rate = 0.25;

// Hands on what it reads, so that a tied model around it shows its masks: where token 0 is embedded as ones
// and token i + 1 as unit vector i, logit i + 1 after token 0 is element i of both masks multiplied.
template <class T>
struct Copying {
  Copying(const Parameters<T>&, std::size_t, std::size_t) {}
  auto operator()(const Variable<T>& x, const Variable<T>& h) const { return Step{x, h}; }
};
constexpr std::size_t D = 32, N = 3, steps = 5;

// The masks of the embedded tokens and of the outputs, multiplied.     result: (steps, N, D)
Array<double> masks(bool variational, RandomKey key) {
  const Parameters<double> p;
  const Rnnlm<double, Copying<double>> model(p, D + 1, D, D,
                                             {.tied = true, .dropout = rate, .variational = variational});
  auto W = Array<double>::zeros({D + 1, D});
  for (std::size_t i = 0; i < D; ++i) W.mutable_data()[i] = W.mutable_data()[(i + 1) * D + i] = 1;
  p.assign("embed/W", W);
  const Ids zeros({steps, N}, std::vector<std::int64_t>(steps * N, 0));
  const auto logits = model.for_training(key)(zeros, model.zero(N)).y;
  return slice(logits, 1, D + 1, 2).value();
}

}  // namespace

TEST_CASE("rnnlm: variational dropout is the same at all steps of a window") {
  const auto row = [](const Array<double>& of, std::size_t t, std::size_t n) {
    const double* y = of.data() + (t * N + n) * D;
    return std::vector<double>(y, y + D);
  };
  const auto locked = masks(true, RandomKey(1)), free = masks(false, RandomKey(1));
  std::map<long, std::size_t> seen;
  for (std::size_t n = 0; n < N; ++n) {
    for (std::size_t t = 1; t < steps; ++t) {
      CHECK(row(locked, t, n) == row(locked, 0, n));
      CHECK(row(free, t, n) != row(free, 0, n));
    }
    for (std::size_t other = 0; other < n; ++other) CHECK(row(locked, 0, n) != row(locked, 0, other));
    for (const double y : row(locked, 0, n)) ++seen[std::lround(y * 9)];
  }
  CHECK(seen.size() == 2);  // dropped by one of two masks, or multiplied by 1 / 0.75 twice
  CHECK(seen[0] > 20);      // of 96, of which 42 are expected: 24 if the masks were the same
  CHECK(seen[0] + seen[16] == N * D);
  CHECK(identical(locked, masks(true, RandomKey(1))));
  for (std::size_t n = 0; n < N; ++n) CHECK(row(locked, 0, n) != row(masks(true, RandomKey(2)), 0, n));

  double total = 0;
  constexpr std::uint64_t windows = 400;
  for (std::uint64_t window = 0; window < windows; ++window) {
    const auto drawn = masks(true, RandomKey(7).fold(window));
    total += std::accumulate(drawn.begin(), drawn.end(), 0.0) / static_cast<double>(drawn.size());
  }
  CHECK(total / windows == doctest::Approx(1).epsilon(0.025));  // 5 standard deviations
}

TEST_CASE("rnnlm: the gradient with variational dropout is proved, and the model itself has none") {
  const RnnlmOptions options{.dropout = rate, .variational = true};
  const auto report = checks::prove_function([&]<class T>(const Parameters<T>& p) {
    const Rnnlm<T> model(p, 6, 3, 4, options);
    const auto result =
        model.for_training(RandomKey(3))
            .loss(inputs, targets, p.input("h0", {2, 4}), Reduction::mean, {.mask = length_mask({5, 3}, 5)});
    return result.y + sum(square(result.state));
  });
  CHECK(report);
  CHECK(report.compared == 2 * (6 * 3 + (3 * 4 + 4 * 4 + 4) + (4 * 6 + 6) + 2 * 4));
  const Parameters<float> p(1);
  const auto same = p.derived([](const Variable<float>& w) { return w; });
  const Rnnlm plain(p, 6, 3, 4), dropping(same, 6, 3, 4, options);
  const auto loss = [](const auto& model) { return model.loss(inputs, targets, model.zero(2)).y.item(); };
  CHECK(loss(dropping) == loss(plain));
  CHECK(loss(dropping.for_training(RandomKey(1))) != loss(plain));
  CHECK(loss(dropping.for_training(RandomKey(1))) == loss(dropping.for_training(RandomKey(1))));
  CHECK(loss(dropping.for_training(RandomKey(1))) != loss(dropping.for_training(RandomKey(2))));
}

TEST_CASE(
    "rnnlm: gradients with an adaptive and a sampled output layer, of a whole window with padding, too") {
  const Ids mask({5, 2}, {1, 1, 1, 1, 1, 0, 1, 0, 0, 0});
  for (const bool padded : {false, true})
    for (const RnnlmOptions& options :
         {RnnlmOptions{.adaptive = AdaptiveSoftmaxOptions{.cutoffs = {2, 4}}},
          RnnlmOptions{.sampled = SampledSoftmaxOptions{.samples = 3}},
          RnnlmOptions{.tied = true, .dropout = 0.25, .sampled = SampledSoftmaxOptions{.samples = 3}}}) {
      const Sequences sequences = padded ? Sequences{.mask = mask} : Sequences{};
      CHECK(checks::prove_function([&](auto p) {
        const Rnnlm model(p, 6, 4, 4, options);
        return model.for_training(RandomKey(3))
            .loss(inputs, targets, model.zero(2), Reduction::mean, sequences)
            .y;
      }));
    }
}

TEST_CASE("rnnlm: an output layer that trains by samples is exact in evaluation, and both write text") {
  const Parameters<double> p(1), q(1);
  const Rnnlm sampled(p, 6, 3, 4, {.sampled = SampledSoftmaxOptions{.samples = 2}}),
      adaptive(q, 6, 3, 4, {.adaptive = AdaptiveSoftmaxOptions{.cutoffs = {2}}});
  const auto check = [](const auto& model) {
    const auto [logits, state] = model(inputs, model.zero(2));
    const auto exact = softmax_cross_entropy(logits, targets).item();
    CHECK(model.loss(inputs, targets, model.zero(2)).y.item() == doctest::Approx(exact).epsilon(1e-12));
    CHECK(generate(model, {0}, 10).size() == 10);
  };
  check(sampled);
  check(adaptive);
  const auto drawn = [&](std::uint64_t seed) {
    return sampled.for_training(RandomKey(seed)).loss(inputs, targets, sampled.zero(2)).y.item();
  };
  CHECK(drawn(1) == drawn(1));
  CHECK(drawn(1) != drawn(2));
  std::string paths;
  for (const auto* parameters : {&p, &q})
    for (const auto& parameter : parameters->list()) paths += parameter.parameter()->path + " ";
  CHECK(paths ==
        "embed/W cell/Wx cell/Wh cell/b sampled/W sampled/b "
        "embed/W cell/Wx cell/Wh cell/b adaptive/head/W adaptive/head/b adaptive/1/W adaptive/1/b ");
  checks::check_error(
      [&] { Rnnlm(p / "m", 6, 4, 4, {.tied = true, .adaptive = AdaptiveSoftmaxOptions{.cutoffs = {2}}}); },
      {"[Rnnlm] cannot tie an adaptive softmax"});
  checks::check_error(
      [&] {
        Rnnlm(p / "m", 6, 4, 4, {.adaptive = AdaptiveSoftmaxOptions{}, .sampled = SampledSoftmaxOptions{}});
      },
      {"[Rnnlm] has one output layer"});
}

TEST_CASE("rnnlm: parameters in order and the initial state of any cell") {
  const Parameters<float> p(1), q(1);
  const Rnnlm model(p, 6, 3, 4);
  std::string paths;
  for (const auto& parameter : p.list()) paths += parameter.parameter()->path + " ";
  CHECK(paths == "embed/W cell/Wx cell/Wh cell/b affine/W affine/b ");
  checks::check_elements(model.zero(3).value(), {3, 4}, 0, [](std::size_t) { return 0; });
  CHECK(to_string(model_of<cells::Lstm>(q, 6, 3, 4).zero(3).c.shape()) == "(3, 4)");
}

TEST_CASE_TEMPLATE("rnnlm: the state crosses windows and its gradient does not", T, float, double) {
  const Parameters<T> p(1);
  const Rnnlm model(p, 6, 3, 4);
  Variable<T> carried = model.zero(2);
  {
    Tape<T> tape;
    carried = model(inputs, carried).state;
  }
  const auto gradient = [&](const Variable<T>& state) {
    Tape<T> tape;
    return tape.gradient(model.loss(inputs, targets, state).y)[model.cell.Wh];
  };
  const auto constant = gradient(Variable<T>(carried.value().copy()));
  CHECK(identical(gradient(carried), constant));
  CHECK(checks::distance(gradient(model.zero(2)), constant) > 1e-3);
  Tape<T> tape;
  const auto both = model.loss(inputs, targets, model(inputs, model.zero(2)).state).y;
  CHECK(checks::distance(tape.gradient(both)[model.cell.Wh], constant) > 1e-3);  // through both windows
}

TEST_CASE_TEMPLATE("rnnlm: an LSTM of a user trains and generates", T, float, double) {
  const Parameters<T> p(1);
  const auto model = model_of<cells::Lstm>(p, 6, 8, 16);
  Sgd sgd(p, 1.0);
  const auto losses = train(model, sgd, periodic(104), 120);
  CHECK(losses.front() > 1);
  CHECK(losses.back() < 0.1 * losses.front());
  const auto text = generate(model, {0, 1, 2, 0}, 12, {.temperature = 0.01});
  CHECK(text == std::vector<std::int64_t>{3, 4, 2, 5, 0, 1, 2, 0, 3, 4, 2, 5});
}

TEST_CASE_TEMPLATE("rnnlm: a minimal gated unit of a user trains and generates", T, float, double) {
  const Parameters<T> p(1);
  const auto model = model_of<cells::Mgu>(p, 6, 8, 16);
  Sgd sgd(p, 0.5);
  const auto losses = train(model, sgd, periodic(104), 160);
  CHECK(losses.front() > 1);
  CHECK(losses.back() < 0.1 * losses.front());
  const auto text = generate(model, {0, 1, 2, 0}, 8, {.temperature = 0.01});
  CHECK(text == std::vector<std::int64_t>{3, 4, 2, 5, 0, 1, 2, 0});
}

TEST_CASE("rnnlm: wrong ids targets and states are named") {
  const Parameters<float> p;
  const Rnnlm model(p, 6, 3, 4);
  const auto zero = model.zero(2);
  using checks::check_error;
  check_error([&] { model(Ids({1, 2}, {0, 6}), zero); }, {"[take] id 6 at position (0, 1)", "[0, 6)"});
  check_error(
      [&] {
        model.loss(inputs, Ids({5, 1}, {0, 0, 0, 0, 0}), zero);
      },
      {"targets of shape (5, 1)", "(5, 2, 6)"});
  check_error(
      [&] {
        model.loss(Ids({1, 2}, {0, 0}), Ids({1, 2}, {0, 9}), zero);
      },
      {"target 9 at position (0, 1)"});
  check_error([&] { model(inputs, model.zero(3)); },
              {"[unroll]", "part 0 of the state has shape (3, 4)", "N = 2"});
  check_error([&] { model(Ids({0, 2}, {}), zero); }, {"[unroll]", "at least one step"});
}
