// SampledSoftmax: what is sampled, and how often; the loss, which is exact with all tokens and right on the
// average with few; its gradient, which is row-sparse; and what is refused.
#include <xgrad/layers/sampled_softmax.hpp>

#include <algorithm>
#include <numeric>
#include <set>

#include <xgrad/autograd/tape.hpp>

#include "autograd/ops/checks.hpp"

using namespace xgrad;
using checks::numbers;

namespace {

const Ids targets({2, 3}, {0, 9, 3, 5, 2, 4});

}  // namespace

TEST_CASE("token sampler: different tokens, the same for the same key") {
  const auto sampler = TokenSampler::log_uniform(50);
  CHECK(sampler.size() == 50);
  std::set<std::vector<Ids::value_type>> seen;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto sample = sampler(20, RandomKey(seed));
    CHECK(sample.tokens == sampler(20, RandomKey(seed)).tokens);
    CHECK(std::set(sample.tokens.begin(), sample.tokens.end()).size() == 20);
    CHECK(*std::min_element(sample.tokens.begin(), sample.tokens.end()) >= 0);
    CHECK(*std::max_element(sample.tokens.begin(), sample.tokens.end()) < 50);
    CHECK(sample.tries >= 20);
    seen.insert(sample.tokens);
  }
  CHECK(seen.size() == 20);
  std::vector<Ids::value_type> all = sampler(50, RandomKey(1)).tokens;
  std::sort(all.begin(), all.end());
  std::vector<Ids::value_type> every(50);
  std::iota(every.begin(), every.end(), 0);
  CHECK(all == every);
  CHECK(sampler.log_inclusion(49, sampler(50, RandomKey(1)).tries) == 0);
}

TEST_CASE("token sampler: tokens occur as often as their probabilities say") {
  // With one draw the probability of inclusion is that of the token.
  const auto frequencies = [](const TokenSampler& sampler, std::size_t count) {
    std::vector<double> result(sampler.size(), 0.0);
    constexpr int draws = 20000;
    for (std::uint64_t i = 0; i < draws; ++i)
      for (const auto token : sampler(count, RandomKey(i)).tokens)
        result[static_cast<std::size_t>(token)] += 1.0 / draws;
    return result;
  };
  const std::vector<double> counts{1, 5, 2, 12};
  const auto unigram = TokenSampler::unigram(counts);
  const auto often = frequencies(unigram, 1);
  for (std::size_t k = 0; k < 4; ++k) {
    CHECK(often[k] == doctest::Approx(counts[k] / 20).epsilon(0.06));
    CHECK(unigram.log_inclusion(Ids::value_type(k), 1) == doctest::Approx(std::log(counts[k] / 20)));
  }
  const auto zipf = TokenSampler::log_uniform(9);
  const auto first = frequencies(zipf, 1);
  for (std::size_t k = 0; k < 9; ++k) {
    const double p = std::log((double(k) + 2) / (double(k) + 1)) / std::log(10.0);
    CHECK(first[k] == doctest::Approx(p).epsilon(0.08));
  }
  // Of several different ones: that is what log_inclusion says, with the tries that it took on the average.
  const auto four = frequencies(zipf, 4);
  double tries = 0;
  for (std::uint64_t i = 0; i < 20000; ++i) tries += zipf(4, RandomKey(i)).tries / 20000;
  for (std::size_t k = 0; k < 9; ++k)
    CHECK(four[k] == doctest::Approx(std::exp(zipf.log_inclusion(Ids::value_type(k), tries))).epsilon(0.08));
}

TEST_CASE_TEMPLATE("sampled softmax: without a key, and with all tokens, the loss is exact", T, float,
                   double) {
  const Parameters<T> p(2);
  const SampledSoftmax<T> layer(p / "out", 6, 10, {.samples = 10}), few(p / "few", 6, 10, {.samples = 4});
  p.assign("out/b", numbers<T>({10}, -1, 1, 5));
  const Variable<T> ys = numbers<T>({2, 3, 6}, -1, 1, 3);
  for (const Reduction reduction : {Reduction::mean, Reduction::sum, Reduction::none}) {
    const Array<T> exact =
        softmax_cross_entropy(matmul(ys, layer.W, Transpose::second) + layer.b, targets, reduction).value();
    for (const auto& key : {std::optional<RandomKey>(), std::optional(RandomKey(3))}) {
      const Array<T> loss = layer.loss(ys, targets, reduction, key).value();
      REQUIRE(loss.shape() == exact.shape());
      for (std::size_t i = 0; i < exact.size(); ++i)
        CHECK(loss.data()[i] == doctest::Approx(exact.data()[i]).epsilon(20 * checks::epsilon<T>));
    }
  }
  CHECK(few.loss(ys, targets, Reduction::mean, RandomKey(1)).item() !=
        few.loss(ys, targets, Reduction::mean, RandomKey(2)).item());
  CHECK(few.loss(ys, targets, Reduction::mean, RandomKey(1)).item() ==
        few.loss(ys, targets, Reduction::mean, RandomKey(1)).item());
}

TEST_CASE("sampled softmax: the loss of one target, written out") {
  const Parameters<double> p(2);
  const SampledSoftmax<double> layer(p, 3, 10, {.samples = 4});
  p.assign("b", numbers<double>({10}, -1, 1, 5));
  const Array<double> y = numbers<double>({1, 3}, -1, 1, 3);
  const RandomKey key(7);
  const auto sample = layer.sampler(4, key);
  const auto logit = [&](Ids::value_type k) {
    double result = layer.b.value().data()[k] - layer.sampler.log_inclusion(k, sample.tries);
    for (std::size_t d = 0; d < 3; ++d)
      result += y.data()[d] * layer.W.value().data()[std::size_t(k) * 3 + d];
    return result;
  };
  for (Ids::value_type target = 0; target < 10; ++target) {  // some of them are sampled, and count once
    double total = std::exp(logit(target));
    for (const auto k : sample.tokens)
      if (k != target) total += std::exp(logit(k));
    CHECK(layer.loss(y, Ids({1}, {target}), Reduction::sum, key).item() ==
          doctest::Approx(std::log(total) - logit(target)).epsilon(1e-12));
  }
}

TEST_CASE("sampled softmax: gradients, exact and sampled, of matrices of its own and tied ones") {
  for (const Reduction reduction : {Reduction::mean, Reduction::sum, Reduction::none})
    for (const auto& key : {std::optional<RandomKey>(), std::optional(RandomKey(3))})
      CHECK(checks::prove_function([&](auto p) {
        const SampledSoftmax layer(p / "out", 4, 10, {.samples = 5});
        return layer.loss(p.input("ys", {2, 3, 4}), targets, reduction, key);
      }));
  CHECK(checks::prove_function([](auto p) {
    const auto E = p.weight("E", {10, 4});
    const auto layer = SampledSoftmax<typename decltype(E)::value_type>::tied(p / "out", E, {.samples = 5});
    return layer.loss(take(E, targets), targets, Reduction::mean, RandomKey(1));
  }));
}

TEST_CASE("sampled softmax: the gradient has only rows that were used, and on the average is the exact one") {
  const Parameters<double> p(2);
  const SampledSoftmax<double> layer(p, 4, 40, {.samples = 8});
  const Variable<double> ys = numbers<double>({6, 4}, -1, 1, 3);
  const Ids flat = targets.reshaped({6});
  const auto gradient = [&](const std::optional<RandomKey>& key) {
    Tape<double> tape;
    return tape.gradient(layer.loss(ys, flat, Reduction::sum, key));
  };
  const auto one = gradient(RandomKey(5))[layer.b];
  std::set<Ids::value_type> used(flat.begin(), flat.end());
  for (const auto k : layer.sampler(8, RandomKey(5)).tokens) used.insert(k);
  for (Ids::value_type k = 0; k < 40; ++k) CHECK((one.data()[k] != 0) == used.contains(k));
  // The direction; importance weighting has a bias that falls with the number of samples.
  const auto exact = gradient({})[layer.b];
  std::vector<double> mean(40, 0.0);
  for (std::uint64_t i = 0; i < 4000; ++i) {
    const auto g = gradient(RandomKey(i))[layer.b];
    for (std::size_t k = 0; k < 40; ++k) mean[k] += g.data()[k] / 4000;
  }
  double product = 0, of_mean = 0, of_exact = 0;
  for (std::size_t k = 0; k < 40; ++k) {
    product += mean[k] * exact.data()[k];
    of_mean += mean[k] * mean[k];
    of_exact += exact.data()[k] * exact.data()[k];
  }
  CHECK(product / std::sqrt(of_mean * of_exact) > 0.99);
}

TEST_CASE("sampled softmax: what cannot be is refused by name") {
  const Parameters<double> p(1);
  checks::check_error([] { TokenSampler::log_uniform(0); }, {"[TokenSampler] needs at least one token"});
  checks::check_error([] { TokenSampler::unigram({}); }, {"needs at least one token"});
  checks::check_error([] { TokenSampler::unigram({1, 0}); }, {"needs counts above 0, got 0 of token 1"});
  checks::check_error([] { TokenSampler::unigram({1, NAN}); }, {"of token 1"});
  checks::check_error([] { TokenSampler::log_uniform(5)(0, RandomKey(1)); }, {"from 1 to 5", "asked for 0"});
  checks::check_error([] { TokenSampler::log_uniform(5)(6, RandomKey(1)); }, {"asked for 6"});
  checks::check_error(
      [] {
        TokenSampler::unigram({1, 1e-300, 1e-300})(2, RandomKey(1));
      },
      {"drew 1 different tokens", "too improbable"});
  checks::check_error(
      [&] {
        SampledSoftmax<double>(p / "x", 4, 10, {.counts = {1, 2}});
      },
      {"needs a count for each of 10 tokens, got 2"});
  checks::check_error([&] { SampledSoftmax<double>(p / "x", 4, 10, {.samples = 0}); },
                      {"at least one sample"});
  CHECK(p.list().empty());
  const SampledSoftmax<double> layer(p / "out", 4, 10, {.samples = 100});  // not more than there are
  CHECK(layer.samples == 10);
  const Variable<double> ys = numbers<double>({2, 4});
  checks::check_error(
      [&] {
        layer.loss(ys, Ids({2}, {0, 10}), Reduction::mean, RandomKey(1));
      },
      {"SampledSoftmax", "target", "10"});
  checks::check_error([&] { layer.loss(ys, Ids({1, 2}, {0, 1})); }, {"needs a target for each row"});
}
