// Losses: sums and counts that add up over windows, ignored targets that have no part in anything, extremes.
// Values against PyTorch, gradients and messages follow from the registry; softmax_cross_entropy has more in
// test_softmax.cpp.
#include <xgrad/autograd/tape_stats.hpp>

#include "autograd/ops/checks.hpp"

using namespace xgrad;
using checks::distance;
using checks::identical;
using checks::numbers;

TEST_CASE_TEMPLATE("losses: without options, cross_entropy is softmax_cross_entropy", T, float, double) {
  const Variable<T> logits = numbers<T>({2, 3, 5}, -3, 3);
  const Ids targets({2, 3}, {0, 4, 2, 1, 1, 3});
  const auto loss = cross_entropy(logits, targets);
  CHECK(loss.count == 6);
  CHECK(loss.sum.item() == softmax_cross_entropy(logits, targets, Reduction::sum).item());
  CHECK(std::abs(loss.mean().item() - softmax_cross_entropy(logits, targets).item()) <
        4 * checks::epsilon<T>);
}

TEST_CASE("losses: sums and counts of parts add up to those of the whole") {
  const Array<double> logits = numbers<double>({4, 3});
  const Ids targets{0, 2, -1, 1};
  const CrossEntropyOptions options{.ignore = -1, .weights = {1, 2, 3}, .label_smoothing = 0.1};
  const auto whole = cross_entropy(Variable<double>(logits), targets, options);
  const auto first = cross_entropy(Variable<double>(logits.rows(0, 1)), {0}, options),
             rest = cross_entropy(Variable<double>(logits.rows(1, 4)), {2, -1, 1}, options);
  CHECK(whole.count == 6);
  CHECK(first.count + rest.count == whole.count);
  CHECK(first.sum.item() + rest.sum.item() == doctest::Approx(whole.sum.item()).epsilon(1e-14));
}

TEST_CASE("losses: an ignored row has no part in value or gradient, even if it is NaN") {
  Array<double> logits = numbers<double>({3, 2});
  logits.mutable_data()[2] = std::numeric_limits<double>::quiet_NaN();
  Tape<double> tape;
  const auto x = tape.leaf(logits);
  const auto loss = cross_entropy(x, {1, -100, 0}, {.ignore = -100, .label_smoothing = 0.2});
  CHECK(loss.count == 2);
  CHECK(std::isfinite(loss.sum.item()));
  const auto dx = tape.gradient(loss.mean())[x];
  CHECK(dx.data()[2] == 0);
  CHECK(dx.data()[3] == 0);
  CHECK(std::all_of(dx.begin(), dx.end(), [](double d) { return std::isfinite(d); }));
}

TEST_CASE_TEMPLATE("losses: extreme logits", T, float, double) {
  const Variable<T> logits(Array<T>({4}, {1e4, -1e4, 1e4, -1e4})), targets(Array<T>({4}, {1, 0, 0, 1}));
  CHECK(identical(binary_cross_entropy_with_logits(logits, targets, Reduction::none).value(),
                  Array<T>({4}, {0, 0, 1e4, 1e4})));
  CHECK(cross_entropy(reshape(logits, {1, 4}), {1}).sum.item() == doctest::Approx(2e4 + std::log(2.0)));
}

TEST_CASE("losses: binary cross entropy has no cancellation") {
  const auto loss = [](float x, float t) {
    return binary_cross_entropy_with_logits(Variable<float>(Array<float>({1}, {x})),
                                            Variable<float>(Array<float>({1}, {t})))
        .item();
  };
  constexpr float inf = std::numeric_limits<float>::infinity();
  CHECK(loss(10, 1) == doctest::Approx(4.53989e-5).epsilon(1e-6));
  CHECK(loss(16, 1) == doctest::Approx(1.12535e-7).epsilon(1e-5));
  CHECK(loss(-16, 0) == doctest::Approx(1.12535e-7).epsilon(1e-5));
  CHECK(loss(inf, 1) == 0);
  CHECK(loss(-inf, 0) == 0);
  CHECK(loss(inf, 0) == inf);
  CHECK(loss(-inf, 1) == inf);
  CHECK(loss(inf, 0.5F) == inf);
  CHECK(std::isnan(loss(NAN, 0)));
  Tape<float> tape;
  const auto x = tape.leaf(Array<float>({2}, {16, -16}));
  const auto dx = tape.gradient(
      binary_cross_entropy_with_logits(x, Variable<float>(Array<float>({2}, {1, 0})), Reduction::sum))[x];
  CHECK(dx.data()[0] == doctest::Approx(-1.12535e-7).epsilon(1e-5));
  CHECK(dx.data()[1] == doctest::Approx(1.12535e-7).epsilon(1e-5));
}

TEST_CASE("losses: a logit of minus infinity costs nothing where its class has no weight") {
  const Variable<double> logits(Array<double>({1, 3}, {-INFINITY, 1, 2}));
  const CrossEntropyOptions options{.weights = {0, 1, 1}, .label_smoothing = 0.1};
  CHECK(cross_entropy(logits, {1}, options).sum.item() == doctest::Approx(1.236153).epsilon(1e-6));
  CHECK(cross_entropy(logits, {0}, {.weights = {0, 1, 1}}).sum.item() == 0);
}

TEST_CASE("losses: the mean of a million is not off in float") {
  const std::size_t n = 1000000;
  const Ids targets({n}, std::vector<Ids::value_type>(n, 1));
  const auto about_log_2 = [](const Variable<float>& loss) {
    CHECK(loss.item() == doctest::Approx(std::log(2.0)).epsilon(1e-6));
  };
  const Variable<float> logits(Array<float>::zeros({n, 2}));
  about_log_2(softmax_cross_entropy(logits, targets));
  about_log_2(cross_entropy(logits, targets).mean());
  Tape<float> tape;
  const auto b = tape.leaf(Array<float>::zeros({2}));
  const Variable<float> x(Array<float>::full({n, 1}, 1)), W(Array<float>::zeros({1, 2}));
  const auto loss = affine_cross_entropy<float>({x, W}, b, targets);
  about_log_2(loss);
  CHECK(tape.gradient(loss)[b].data()[0] == doctest::Approx(0.5).epsilon(1e-6));
}

TEST_CASE("losses: huber is smooth where its pieces meet, and its slope is bounded") {
  Tape<double> tape;
  const auto y = tape.leaf(Array<double>({5}, {-100, -2, 0, 2, 100}));
  const Variable<double> zero(Array<double>::zeros({5}));
  const auto losses = huber(y, zero, 2, Reduction::none);
  CHECK(identical(losses.value(), Array<double>({5}, {198, 2, 0, 2, 198})));
  CHECK(identical(tape.gradient(sum(losses))[y], Array<double>({5}, {-2, -2, 0, 2, 2})));
}

TEST_CASE("losses: reductions, and targets that are variables themselves") {
  Tape<double> tape;
  const auto y = tape.leaf(Array<double>({2}, {1, 4})), t = tape.leaf(Array<double>({2}, {0, 2}));
  CHECK(squared_error(y, t).item() == 2.5);
  CHECK(squared_error(y, t, Reduction::sum).item() == 5);
  CHECK(absolute_error(y, t).item() == 1.5);
  const auto gradients = tape.gradient(squared_error(y, t, Reduction::sum));
  CHECK(identical(gradients[y], Array<double>({2}, {2, 4})));
  CHECK(identical(gradients[t], Array<double>({2}, {-2, -4})));
}

TEST_CASE_TEMPLATE("losses: by rows of logits at a time, affine_cross_entropy is the composition of its ops",
                   T, float, double) {
  constexpr std::size_t N = 7, K = 3, V = 5;
  const Ids targets({N}, {4, 0, 1, 1, 3, 2, 4});
  const Array<T> x = numbers<T>({N, K}), W = numbers<T>({K, V}, -1, 1), b = numbers<T>({V}, -1, 1);
  const double tolerance = std::is_same_v<T, double> ? 1e-12 : 1e-5;
  for (const Reduction reduction : {Reduction::mean, Reduction::sum})
    for (const double factor : {1.0, -2.5})
      for (const std::size_t rows : {1, 3, 7, 100}) {
        CAPTURE(rows);
        const auto run = [&](bool by_rows) {
          Tape<T> tape;
          const auto vx = tape.leaf(x), vW = tape.leaf(W), vb = tape.leaf(b);
          const auto loss =
              factor *
              (by_rows ? affine_cross_entropy({vx, vW}, vb, targets, {.reduction = reduction, .rows = rows})
                       : softmax_cross_entropy(affine({vx, vW}, vb), targets, reduction));
          const auto gradients = tape.gradient(loss);
          return std::vector{loss.value(), gradients[vx], gradients[vW], gradients[vb]};
        };
        const auto chunked = run(true), plain = run(false);
        for (std::size_t i = 0; i < plain.size(); ++i) {
          CHECK(chunked[i].shape() == plain[i].shape());
          CHECK(distance(chunked[i], plain[i]) <= tolerance);
        }
      }
}

TEST_CASE("losses: affine_cross_entropy keeps no logits, and makes none of all rows") {
  constexpr std::size_t N = 400, K = 2, V = 50;
  const Parameters<float> p;
  const auto W = p.weight("W", {K, V}), b = p.bias("b", {V});
  const Ids targets({N}, std::vector<Ids::value_type>(N, 1));
  const auto saved = [&](auto loss) {
    xgrad::Statistics<float> statistics;
    Tape<float> tape(statistics);
    const auto y = loss(tape.leaf(numbers<float>({N, K})));
    return statistics.of(tape).total.saved_bytes;
  };
  const std::size_t gradients = (N * K + K * V + V) * sizeof(float);
  CHECK(saved([&](const auto& x) {
          return affine_cross_entropy({x, W}, b, targets, {.rows = 8});
        }) == gradients);
  CHECK(saved([&](const auto& x) {
          return softmax_cross_entropy(affine({x, W}, b), targets);
        }) >= N * V * sizeof(float));
}
