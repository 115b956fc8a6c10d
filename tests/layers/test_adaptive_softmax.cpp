// AdaptiveSoftmax: a distribution over all tokens, whose loss is that of the distribution; its gradient, and
// what it refuses.
#include <xgrad/layers/adaptive_softmax.hpp>

#include <numeric>

#include <xgrad/autograd/tape.hpp>
#include <xgrad/training/sgd.hpp>

#include "autograd/ops/checks.hpp"

using namespace xgrad;
using checks::numbers;

namespace {

// The first cluster is as wide as the outputs, the second half as wide.
const AdaptiveSoftmaxOptions three{.cutoffs = {3, 5}, .wide = 3, .narrowing = 2};

// Every cluster has a target, and the second one has two.
const Ids targets({2, 3}, {0, 9, 3, 5, 2, 4});

}  // namespace

TEST_CASE_TEMPLATE("adaptive softmax: probabilities are those of head and clusters, and add up to 1", T,
                   float, double) {
  const Parameters<T> p(2);
  const AdaptiveSoftmax<T> layer(p / "out", 16, 10, three);
  const Variable<T> ys = numbers<T>({4, 16}, -1, 1, 3);
  const Array<T> log_p = layer(ys).value();
  REQUIRE(log_p.shape() == Shape{4, 10});
  const Array<T> head = log_softmax(layer.head(ys)).value();
  for (std::size_t n = 0; n < 4; ++n) {
    long double total = 0;
    for (std::size_t k = 0; k < 10; ++k)
      total += std::exp(static_cast<long double>(log_p.data()[n * 10 + k]));
    CHECK(std::abs(total - 1) <= 20 * checks::epsilon<T>);
    for (std::size_t k = 0; k < 3; ++k) CHECK(log_p.data()[n * 10 + k] == head.data()[n * 5 + k]);
    // Tokens 5 to 9 share the last class of the head.
    long double cluster = 0;
    for (std::size_t k = 5; k < 10; ++k)
      cluster += std::exp(static_cast<long double>(log_p.data()[n * 10 + k]));
    CHECK(std::abs(std::log(cluster) - head.data()[n * 5 + 4]) <= 40 * checks::epsilon<T>);
  }
}

TEST_CASE_TEMPLATE("adaptive softmax: the loss of a target is its -log p, summed, averaged or not", T, float,
                   double) {
  const Parameters<T> p(2);
  const AdaptiveSoftmax<T> layer(p / "out", 16, 10, three);
  const Variable<T> ys = numbers<T>({2, 3, 16}, -1, 1, 3);
  const Array<T> log_p = layer(ys).value(), each = layer.loss(ys, targets, Reduction::none).value();
  REQUIRE(each.shape() == targets.shape());
  long double total = 0;
  for (std::size_t i = 0; i < 6; ++i) {
    const T expected = -log_p.data()[i * 10 + static_cast<std::size_t>(targets.begin()[i])];
    CHECK(std::abs(each.data()[i] - expected) <= 16 * checks::epsilon<T> * std::abs(expected));
    total += expected;
  }
  CHECK(layer.loss(ys, targets, Reduction::sum).item() == doctest::Approx(double(total)).epsilon(1e-6));
  CHECK(layer.loss(ys, targets).item() == doctest::Approx(double(total) / 6).epsilon(1e-6));
}

TEST_CASE("adaptive softmax: gradients of the losses, the log probabilities and without clusters") {
  for (const Reduction reduction : {Reduction::mean, Reduction::sum, Reduction::none})
    CHECK(checks::prove_function([&](auto p) {
      const AdaptiveSoftmax layer(p / "out", 16, 10, three);
      return layer.loss(p.input("ys", {2, 3, 16}), targets, reduction);
    }));
  CHECK(checks::prove_function([](auto p) {
    const AdaptiveSoftmax layer(p / "out", 16, 10, three);
    return layer(p.input("ys", {2, 16}));
  }));
  CHECK(checks::prove_function([](auto p) {
    const AdaptiveSoftmax layer(p / "out", 4, 10);  // too few tokens for clusters
    return layer.loss(p.input("ys", {6, 4}), targets.reshaped({6}));
  }));
}

TEST_CASE("adaptive softmax: a cluster without a target has no gradient, and no target is a sum of 0") {
  const Parameters<double> p(2);
  const AdaptiveSoftmax<double> layer(p, 16, 10, three);
  Tape<double> tape;
  const auto loss = layer.loss(numbers<double>({2, 16}, -1, 1, 3), Ids({2}, {0, 4}));
  const auto gradients = tape.gradient(loss);
  Sgd(p, 0.1).step(gradients);  // which asks for that of every parameter
  CHECK(gradients.norm() > 0);
  for (const auto& w : {layer.clusters[1].out.W, layer.clusters[1].out.b, *layer.clusters[1].P})
    for (const double g : gradients[w]) CHECK(g == 0);
  CHECK(gradients[layer.clusters[0].out.W].data()[0] != 0);
  CHECK(layer.loss(Array<double>::zeros({0, 16}), Ids({0}, std::vector<Ids::value_type>()), Reduction::sum)
            .item() == 0);
  CHECK(layer.loss(Array<double>::zeros({0, 16}), Ids({0}, std::vector<Ids::value_type>()), Reduction::none)
            .value()
            .size() == 0);
}

TEST_CASE("adaptive softmax: parameters and the widths of the clusters") {
  const Parameters<double> p(1);
  const AdaptiveSoftmax<double> layer(p / "out", 64, 1000, {.cutoffs = {100, 300, 500}, .wide = 100});
  CHECK(layer.head.W.shape() == Shape{64, 103});
  CHECK(!layer.clusters[0].P);
  CHECK(layer.clusters[0].out.W.shape() == Shape{64, 200});
  CHECK(layer.clusters[0].out.b.shape() == Shape{200});
  CHECK(layer.clusters[1].P->shape() == Shape{64, 36});  // 64 / sqrt(3)
  CHECK(layer.clusters[2].out.W.shape() == Shape{28, 500});
  CHECK(layer.head.b.parameter()->path == "out/head/b");
  CHECK(layer.clusters[2].P->parameter()->path == "out/3/P");
  CHECK(layer.clusters[2].out.W.parameter()->path == "out/3/W");
  CHECK(layer.clusters[2].out.b.parameter()->path == "out/3/b");
  const auto cutoffs = adaptive_cutoffs(10'000);
  CHECK(cutoffs.size() == 6);
  CHECK(cutoffs[0] == 2000);
  CHECK(cutoffs[1] == 2700);
  CHECK(cutoffs.back() == 8968);
  CHECK(adaptive_cutoffs(200'000)[0] == 2000);
  CHECK(adaptive_cutoffs(2000)[0] == 500);
  CHECK(adaptive_cutoffs(999).empty());
  const Parameters<double> narrow(1);
  CHECK(!AdaptiveSoftmax<double>(narrow, 4, 10, three).clusters[1].P);  // never more than D, nor fewer than 8
}

TEST_CASE("adaptive softmax: what cannot be is refused by name") {
  const Parameters<double> p(1);
  const auto refused = [&](const AdaptiveSoftmaxOptions& options, std::initializer_list<const char*> parts) {
    checks::check_error([&] { AdaptiveSoftmax<double>(p / "x", 4, 10, options); }, parts);
  };
  refused({.cutoffs = {5, 5}}, {"[AdaptiveSoftmax] needs cutoffs that increase, in (0, 10), got 5 after 5"});
  refused({.cutoffs = {0}}, {"got 0 after 0"});
  refused({.cutoffs = {10}}, {"got 10 after 0"});
  refused({.cutoffs = {5}, .narrowing = -1}, {"needs a narrowing >= 0"});
  CHECK(p.list().empty());
  const AdaptiveSoftmax<double> layer(p / "out", 4, 10, three);
  const Variable<double> ys = numbers<double>({2, 4});
  checks::check_error([&] { layer.loss(ys, Ids({2}, {0, 10})); }, {"AdaptiveSoftmax", "target", "10"});
  checks::check_error(
      [&] {
        layer.loss(ys, Ids({3}, {0, 1, 2}));
      },
      {"needs a target for each row of the outputs (2, 4), got targets of shape (3,)"});
  checks::check_error(
      [&] {
        layer.loss(Array<double>::zeros({0, 4}), Ids({0}, std::vector<Ids::value_type>()));
      },
      {"mean"});
}
