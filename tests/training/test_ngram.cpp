// The counting baselines against numbers worked out by hand on texts of a few words, the laws of probability,
// and the refusals. The texts: `train` below has the trigrams ^^0 ^01 010 101 011, with ^ the virtual start
// mark.

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <xgrad/autograd/error.hpp>
#include <xgrad/training/ngram.hpp>

namespace {

using Ids = std::vector<std::int64_t>;

const Ids train = {0, 1, 0, 1, 1};

doctest::Approx close_to(double value) { return doctest::Approx(value).epsilon(1e-12); }

template <class Call>
std::string message_of(Call call) {
  try {
    call();
  } catch (const xgrad::Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

}  // namespace

TEST_CASE("a unigram model knows the smoothed frequencies") {
  const xgrad::NGram unigram(1, train, 3);
  CHECK(unigram.probability({}, 0, 0.5) == close_to(2.5 / 6.5));
  CHECK(unigram.probability(Ids{1, 0, 2}, 1, 0.5) == close_to(3.5 / 6.5));  // whatever came before
  CHECK(unigram.probability({}, 2, 0.5) == close_to(0.5 / 6.5));
  CHECK(unigram.perplexity(Ids{0, 1, 2}, 1.0) == close_to(std::cbrt(8.0 / 3.0 * 8.0 / 4.0 * 8.0 / 1.0)));
}

TEST_CASE("a trigram model knows what follows two words") {
  const xgrad::NGram trigram(3, train, 3);
  CHECK(trigram.probability({}, 0, 1.0) == close_to(2.0 / 4.0));
  CHECK(trigram.probability(Ids{0}, 1, 1.0) == close_to(2.0 / 4.0));
  CHECK(trigram.probability(Ids{0, 1}, 0, 1.0) == close_to(2.0 / 5.0));
  CHECK(trigram.probability(Ids{2, 2, 0, 1}, 1, 0.25) == close_to(1.25 / 2.75));  // only the last two count
  CHECK(trigram.probability(Ids{2, 2}, 1, 0.25) == close_to(1.0 / 3.0));          // a context never met
  CHECK(trigram.perplexity(Ids{0, 1, 2}, 1.0) == close_to(std::cbrt(2.0 * 2.0 * 5.0)));
}

TEST_CASE("a bigram model lies between") {
  const xgrad::NGram bigram(2, train, 3);
  CHECK(bigram.probability({}, 0, 1.0) == close_to(2.0 / 4.0));
  CHECK(bigram.probability(Ids{0}, 1, 1.0) == close_to(3.0 / 5.0));
  CHECK(bigram.probability(Ids{1}, 1, 1.0) == close_to(2.0 / 5.0));
}

TEST_CASE("the probabilities of all words sum to one in every context") {
  constexpr std::int64_t vocabulary = 7;
  std::mt19937 random(4);
  Ids ids(200);
  for (auto& id : ids) id = static_cast<std::int64_t>(random() % vocabulary);
  for (std::size_t order = 1; order <= 3; ++order) {
    const xgrad::NGram model(order, ids, vocabulary);
    for (const auto& context : {Ids{}, Ids{3}, Ids{0, 6}, Ids{5, 5, 5}}) {
      double sum = 0.0;
      for (std::int64_t word = 0; word < vocabulary; ++word) sum += model.probability(context, word, 0.03);
      CHECK(sum == close_to(1.0));
    }
  }
}

TEST_CASE("perplexity is the geometric mean of the inverse probabilities") {
  const xgrad::NGram trigram(3, train, 3);
  const Ids text = {1, 0, 1, 1, 2, 0, 1};
  double loss = 0.0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    loss -= std::log(trigram.probability({text.data(), i}, text[i], 0.1));
  }
  CHECK(trigram.perplexity(text, 0.1) == close_to(std::exp(loss / 7.0)));
}

TEST_CASE("the best k is where calculus puts it") {
  // With c(0) = 3 of 4 and V = 2, p(0) = (3 + k) / (4 + 2 k) equals the text's own 7 / 10 at k = 1 / 2.
  const auto fit = xgrad::NGram(1, Ids{0, 0, 0, 1}, 2).best_fit(Ids{0, 0, 0, 0, 0, 0, 0, 1, 1, 1});
  CHECK(fit.k == doctest::Approx(0.5).epsilon(1e-6));
  CHECK(fit.perplexity == close_to(std::exp(-0.7 * std::log(0.7) - 0.3 * std::log(0.3))));
}

TEST_CASE("the best k stays in the documented range") {
  CHECK(xgrad::best_trigram(train, train, 3).k == close_to(1e-4));     // seen text wants no smoothing
  CHECK(xgrad::best_trigram(train, Ids{2, 2}, 3).k == close_to(1.0));  // unseen text wants nothing else
  CHECK(xgrad::best_trigram(train, Ids{2, 2}, 3).perplexity == close_to(std::sqrt(4.0 * 3.0)));
  CHECK(xgrad::unigram_perplexity(train, Ids{2}, 3) == close_to(8.0));
}

TEST_CASE("unfit arguments are refused by name") {
  using xgrad::NGram;
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  const NGram model(3, train, 3);
  CHECK(message_of([] { NGram(4, train, 3); }) == "[ngram] order is 4, expected 1, 2 or 3");
  CHECK(message_of([] { NGram(3, train, 0); }) == "[ngram] vocabulary is 0, expected 1 ... 2097151");
  CHECK(message_of([] { NGram(3, train, 2097152); }) ==
        "[ngram] vocabulary is 2097152, expected 1 ... 2097151");
  CHECK(message_of([] { NGram(3, {}, 3); }) == "[ngram] train is empty, expected at least one id");
  CHECK(message_of([] { NGram(3, train, 1); }) == "[ngram] train[1] is 1, expected an id in [0, 1)");
  CHECK(message_of([&] { (void)model.perplexity({}, 1.0); }) ==
        "[ngram] text is empty, expected at least one id");
  CHECK(message_of([&] {
          (void)model.best_fit(Ids{0, -1});
        }) == "[ngram] text[1] is -1, expected an id in [0, 3)");
  CHECK(message_of([&] {
          (void)model.probability(Ids{0, 3}, 0, 1.0);
        }) == "[ngram] context[1] is 3, expected an id in [0, 3)");
  CHECK(message_of([&] { (void)model.probability({}, 7, 1.0); }) ==
        "[ngram] word[0] is 7, expected an id in [0, 3)");
  CHECK(message_of([] { (void)xgrad::unigram_perplexity(train, {}, 3); }) ==
        "[ngram] heldout is empty, expected at least one id");
  CHECK(message_of([] {
          (void)xgrad::best_trigram({}, Ids{0, 3}, 3);
        }) ==  // which is seen first
        "[ngram] heldout[1] is 3, expected an id in [0, 3)");
  CHECK(message_of([] { (void)xgrad::best_trigram(train, Ids{0}, 0); }) ==
        "[ngram] vocabulary is 0, expected 1 ... 2097151");
  for (const double k : {0.0, -1.0, nan, std::numeric_limits<double>::infinity()}) {
    CHECK_THROWS_AS((void)model.perplexity(train, k), xgrad::Error);
  }
}

TEST_CASE("the largest vocabulary keeps its words apart") {
  constexpr auto last = static_cast<std::int64_t>(xgrad::NGram::max_vocabulary - 1);
  const xgrad::NGram model(3, Ids{last, last, last, 0}, xgrad::NGram::max_vocabulary);
  constexpr auto mass = 1e-6 * static_cast<double>(xgrad::NGram::max_vocabulary);
  CHECK(model.probability(Ids{last, last}, last, 1e-6) == close_to((1.0 + 1e-6) / (2.0 + mass)));
  CHECK(model.probability(Ids{last, 0}, last, 1e-6) == close_to(1e-6 / mass));
  CHECK(model.probability(Ids{}, last, 1e-6) == close_to((1.0 + 1e-6) / (1.0 + mass)));
}
