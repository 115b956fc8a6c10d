// Kneser-Ney models against numbers worked out by hand, against the formulas written down without any
// cleverness (`Formulas`), the laws of probability, and the perplexities of the Penn Treebank. In the
// examples ^ is the start mark of a sentence and $ its end.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <xgrad/autograd/error.hpp>
#include <xgrad/training/corpus.hpp>
#include <xgrad/training/ngram.hpp>

using xgrad::KneserNey;

namespace {

using Id = std::int64_t;
using Ids = std::vector<Id>;

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

double sum_over_words(const KneserNey& model, const Ids& context, Id vocabulary) {
  double sum = 0;
  for (Id word = 0; word < vocabulary; ++word) {
    const double p = model.probability(context, word);
    CHECK(p > 0);
    sum += p;
  }
  return sum;
}

// `size` ids, the first of them more often than the later ones.
Ids random_text(std::mt19937& random, std::size_t size, Id vocabulary) {
  Ids text(size);
  for (auto& id : text) {
    const auto a = static_cast<Id>(random() % static_cast<unsigned>(vocabulary));
    id = std::min(a, static_cast<Id>(random() % static_cast<unsigned>(vocabulary)));
  }
  return text;
}

// The docstring of KneserNey word for word: all n-grams in a map, each sum over the vocabulary.
class Formulas {
 public:
  Formulas(std::size_t order, const Ids& text, Id vocabulary, std::optional<Id> boundary)
      : order_(order), vocabulary_(vocabulary), boundary_(boundary) {
    std::vector<Ids> sentences{{}};
    if (boundary) sentences.back().push_back(*boundary);
    for (const Id word : text) {
      sentences.back().push_back(word);
      if (word == boundary) sentences.push_back({word});
    }
    for (const Ids& sentence : sentences) {
      for (std::size_t begin = 0; begin < sentence.size(); ++begin) {
        for (std::size_t end = begin + 1; end <= sentence.size() && end - begin <= order; ++end) {
          if (boundary && end == 1) continue;  // the start mark is not predicted
          auto& seen = seen_[Ids(sentence.data() + begin, sentence.data() + end)];
          ++seen.times;
          seen.after.insert(begin == 0 ? -1 : sentence[begin - 1]);
        }
      }
    }
    for (std::size_t n = 0; n <= order; ++n) discounts_.push_back(estimate(n));
  }

  double probability(Ids context, Id word) const {
    if (context.size() >= order_) context.erase(context.begin(), context.end() - (order_ - 1));
    for (std::size_t i = context.size(); i-- > 0;) {
      if (context[i] == boundary_) {
        context.erase(context.begin(), context.begin() + i);
        break;
      }
    }
    return interpolated(context, word);
  }

  const std::vector<double>& discounts(std::size_t n) const { return discounts_[n]; }

 private:
  struct Seen {
    std::size_t times = 0;
    std::set<Id> after;
  };

  std::size_t a(const Ids& ngram) const {
    const auto found = seen_.find(ngram);
    if (found == seen_.end()) return 0;
    const bool begins_sentence = ngram.size() > 1 && ngram[0] == boundary_;
    return ngram.size() == order_ || begins_sentence ? found->second.times : found->second.after.size();
  }

  std::vector<double> estimate(std::size_t order) const {
    std::map<std::size_t, double> n;
    for (const auto& [ngram, seen] : seen_) {
      if (ngram.size() == order) ++n[a(ngram)];
    }
    const double Y = n[1] / (n[1] + 2 * n[2]);
    const double D1 = 1 - 2 * Y * n[2] / n[1], D2 = 2 - 3 * Y * n[3] / n[2], D3 = 3 - 4 * Y * n[4] / n[3];
    if (D1 > 0 && D2 > 0 && D3 > 0) return {0, D1, D2, D3};
    if (n[1] > 0 && n[2] > 0) return {0, Y, Y, Y};
    return {0, 0.5, 1, 1.5};
  }

  double interpolated(const Ids& context, Id word) const {
    const auto extended = [&](Id next) {
      Ids ngram = context;
      ngram.push_back(next);
      return a(ngram);
    };
    const auto discount = [&](std::size_t count) {
      return discounts_[context.size() + 1][std::min<std::size_t>(count, 3)];
    };
    const double lower = context.empty() ? 1.0 / static_cast<double>(vocabulary_)
                                         : interpolated(Ids(context.begin() + 1, context.end()), word);
    double total = 0, discounted = 0;
    for (Id v = 0; v < vocabulary_; ++v) {
      total += static_cast<double>(extended(v));
      discounted += discount(extended(v));
    }
    if (total == 0) return lower;
    return (static_cast<double>(extended(word)) - discount(extended(word))) / total +
           discounted / total * lower;
  }

  std::size_t order_;
  Id vocabulary_;
  std::optional<Id> boundary_;
  std::map<Ids, Seen> seen_;
  std::vector<std::vector<double>> discounts_;
};

}  // namespace

TEST_CASE("kneser-ney: words alone, by hand") {
  // Counts 3, 2, 1, 1: n_1 = 2, n_2 = n_3 = 1, n_4 = 0, so Y = 1/2 and D = 1/2, 1/2, 3; g = 4.5 / 7.
  const KneserNey model(1, Ids{0, 1, 0, 2, 1, 3, 0}, 5);
  CHECK(model.probability({}, 0) == close_to(0.9 / 7));
  CHECK(model.probability({}, 1) == close_to(2.4 / 7));
  CHECK(model.probability(Ids{1, 1}, 2) == close_to(1.4 / 7));  // whatever came before
  CHECK(model.probability({}, 3) == close_to(1.4 / 7));
  CHECK(model.probability({}, 4) == close_to(0.9 / 7));
  CHECK(model.perplexity(Ids{0, 1, 4}) == close_to(std::cbrt(7 / 0.9 * 7 / 2.4 * 7 / 0.9)));
}

TEST_CASE("kneser-ney: sentences, by hand") {
  const Ids text = {1, 2, 0, 1, 0, 1, 2, 2, 0};  // ^12$ ^1$ ^122$

  // Of pairs, ^1: 3, 12: 2, 2$: 2, 1$: 1, 22: 1; n = 2, 2, 1, 0, Y = 1/3 and D = 1/3, 3/2, 3.
  // Words follow: 1 ^, 2 1 and 2, $ 1 and 2; n = 1, 2, 0, so D = Y = 1/5; g = 0.6 / 5.
  const KneserNey bigram(2, text, 4, 0);
  CHECK(bigram.probability({}, 0) == close_to(1.8 / 5 + 0.6 / 5 / 4));
  CHECK(bigram.probability({}, 1) == close_to(0.8 / 5 + 0.6 / 5 / 4));
  CHECK(bigram.probability({}, 2) == close_to(0.39));
  CHECK(bigram.probability({}, 3) == close_to(0.03));
  CHECK(bigram.probability(Ids{1}, 2) == close_to(0.5 / 3 + 11.0 / 18 * 0.39));
  CHECK(bigram.probability(Ids{1}, 0) == close_to(2.0 / 9 + 11.0 / 18 * 0.39));
  CHECK(bigram.probability(Ids{2, 1}, 3) == close_to(11.0 / 18 * 0.03));
  CHECK(bigram.probability(Ids{0}, 1) == close_to(0 + 1 * 0.19));
  CHECK(bigram.probability(Ids{3}, 1) == close_to(0.19));  // never met as a context
  CHECK(bigram.perplexity(Ids{1, 0, 1}) ==
        close_to(std::cbrt(1 / 0.19 / (2.0 / 9 + 11.0 / 18 * 0.39) / 0.19)));

  // Of triples, ^12: 2, four others: 1, so D = Y = 2/3. Of pairs, ^1 still counts 3 times, but 12 and 1$
  // follow ^ alone, 22 1 alone, 2$ 1 and 2: n = 3, 1, 1, 0, Y = 3/5 and D = 0.6, 0.2, 3.
  const KneserNey trigram(3, text, 4, 0);
  CHECK(trigram.probability(Ids{0}, 1) == close_to(0.19));
  CHECK(trigram.probability(Ids{1}, 2) == close_to(0.4 / 2 + 1.2 / 2 * 0.39));
  CHECK(trigram.probability(Ids{0, 1}, 2) == close_to(4.0 / 9 + 4.0 / 9 * 0.434));
  CHECK(trigram.probability(Ids{2, 0, 1}, 2) == close_to(4.0 / 9 + 4.0 / 9 * 0.434));  // no reach over 0
}

TEST_CASE("kneser-ney: a stream, by hand") {
  // 1 follows 0 and begins the text, 2 follows 1 and 2, 0 follows 1 and 2: n_1 = 0, so D = 1/2, 1, 3/2.
  const KneserNey bigram(2, Ids{1, 2, 0, 1, 0, 1, 2, 2, 0}, 4);
  for (const Id word : {0, 1, 2}) CHECK(bigram.probability({}, word) == close_to(1.0 / 6 + 0.5 / 4));
  CHECK(bigram.probability({}, 3) == close_to(0.5 / 4));
  // Of pairs, 12: 2, 20: 2, 01: 2, 10: 1, 22: 1; n = 2, 3, 0, so D = Y = 1/4.
  CHECK(bigram.probability(Ids{0}, 1) == close_to(1.75 / 2 + 0.25 / 2 * 7.0 / 24));
  CHECK(bigram.perplexity(Ids{1, 2}) ==
        close_to(std::sqrt(24.0 / 7 / (1.75 / 3 + 0.5 / 3 * 7.0 / 24))));  // the first word after nothing
}

TEST_CASE("kneser-ney: equal to the formulas, and summing to one, on random texts") {
  std::mt19937 random(4);
  std::map<std::string, int> met;  // how discounts came about
  for (int round = 0; round < 60; ++round) {
    const Id vocabulary = 1 + static_cast<Id>(random() % 7);
    const Ids text = random_text(random, 1 + random() % (round % 2 ? 150 : 15), vocabulary);
    for (const auto& boundary : {std::optional<Id>{}, std::optional<Id>{0}, std::optional{vocabulary - 1}}) {
      for (std::size_t order = 1; order <= 5; ++order) {
        CAPTURE(text);
        CAPTURE(order);
        const Formulas formulas(order, text, vocabulary, boundary);
        const KneserNey model(order, text, static_cast<std::size_t>(vocabulary), boundary);
        for (std::size_t n = 1; n <= order; ++n) {
          const auto& D = formulas.discounts(n);
          ++met[D[2] == 1 && D[1] == 0.5 ? "fixed" : D[1] == D[2] ? "plain" : "modified"];
        }
        std::vector<Ids> contexts{{}, text};
        for (int i = 0; i < 6; ++i) {
          contexts.push_back(random_text(random, random() % 7, vocabulary));
          contexts.emplace_back(text.begin(), text.begin() + static_cast<int>(random() % text.size()));
        }
        for (const Ids& context : contexts) {
          CAPTURE(context);
          CHECK(sum_over_words(model, context, vocabulary) == close_to(1));
          for (Id word = 0; word < vocabulary; ++word) {
            CHECK(model.probability(context, word) == close_to(formulas.probability(context, word)));
          }
        }
      }
    }
  }
  for (const char* kind : {"modified", "plain", "fixed"}) CHECK_MESSAGE(met[kind] > 100, kind);
}

TEST_CASE("kneser-ney: the probabilities of a text are those of its words, each after all before") {
  std::mt19937 random(5);
  const Ids train = random_text(random, 400, 9), text = random_text(random, 50, 10);
  for (const auto& boundary : {std::optional<Id>{}, std::optional<Id>{2}}) {
    const KneserNey model(4, train, 10, boundary);
    const auto logs = model.log_probabilities(text);
    REQUIRE(logs.size() == text.size());
    Ids context;
    if (boundary) context.push_back(*boundary);
    double sum = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      CHECK(logs[i] == close_to(std::log(model.probability(context, text[i]))));
      context.push_back(text[i]);
      sum += logs[i];
    }
    CHECK(model.perplexity(text) == close_to(std::exp(-sum / 50)));
  }
  CHECK(KneserNey(2, train, 9).log_probabilities({}).empty());
}

TEST_CASE("kneser-ney: texts that leave nothing to estimate") {
  const std::vector<Ids> texts = {{0},    {1},    {0, 0, 0, 0, 0, 0}, {1, 1, 1, 1, 1, 1},
                                  {0, 1}, {1, 0}, {0, 1, 2}};
  for (const Ids& text : texts) {
    const Id least = *std::max_element(text.begin(), text.end()) + 1;
    for (const Id vocabulary : {least, least + 1, least + 5}) {
      for (const auto& boundary :
           {std::optional<Id>{}, std::optional<Id>{0}, std::optional{vocabulary - 1}}) {
        for (std::size_t order = 1; order <= KneserNey::max_order; ++order) {
          CAPTURE(text);
          CAPTURE(order);
          const KneserNey model(order, text, static_cast<std::size_t>(vocabulary), boundary);
          for (const Ids& context : {Ids{}, Ids{0}, Ids{vocabulary - 1}, text}) {
            CHECK(sum_over_words(model, context, vocabulary) == close_to(1));
          }
          CHECK(model.perplexity(text) <= static_cast<double>(vocabulary) * (1 + 1e-12));
        }
      }
    }
  }
  CHECK(KneserNey(5, Ids{0, 0, 0}, 1).perplexity(Ids{0, 0}) == close_to(1));
}

TEST_CASE("kneser_ney: of counts is the model of order 1") {
  const std::vector<std::int64_t> train{0, 1, 1, 2, 2, 2, 2, 4, 0, 1};
  const std::vector<std::uint64_t> counts{2, 3, 4, 0, 1};
  const xgrad::KneserNey a(1, train, 5), b = xgrad::KneserNey::of_counts(counts);
  for (std::int64_t word = 0; word < 5; ++word)
    CHECK(b.probability({}, word) == doctest::Approx(a.probability({}, word)).epsilon(1e-15));
  CHECK_THROWS_AS(xgrad::KneserNey::of_counts({}), xgrad::Error);
  CHECK_THROWS_AS(xgrad::KneserNey::of_counts(std::vector<std::uint64_t>{0, 0}), xgrad::Error);
}

TEST_CASE("kneser-ney: chance cannot be learned, a rule can") {
  std::mt19937 random(6);
  Ids chance(20000), heldout(5000), rule(2000);
  for (auto& id : chance) id = static_cast<Id>(random() % 50);
  for (auto& id : heldout) id = static_cast<Id>(random() % 50);
  for (std::size_t i = 0; i < rule.size(); ++i) rule[i] = static_cast<Id>(i % 10);
  CHECK(xgrad::unigram_perplexity(chance, heldout, 50) == doctest::Approx(50).epsilon(0.005));
  CHECK(xgrad::unigram_perplexity(rule, rule, 10) == doctest::Approx(10).epsilon(0.005));
  for (std::size_t order = 2; order <= KneserNey::max_order; ++order) {
    CAPTURE(order);
    const double perplexity = KneserNey(order, chance, 50).perplexity(heldout);
    CHECK(perplexity > 50);
    CHECK(perplexity < 57);
    CHECK(KneserNey(order, rule, 10).perplexity(rule) < 1.02);
  }
}

TEST_CASE("kneser-ney: ids may be as large as an Id can be") {
  constexpr Id last = std::numeric_limits<Id>::max();
  const KneserNey model(2, Ids{last, last, 0, last}, std::size_t{1} << 63);
  // Of pairs, each one once: D = 1/2. Words follow: the last begins, and follows itself and 0, 0 follows the
  // last; n_2 = 0, so D(3) = 3/2.
  CHECK(model.probability({}, last) == close_to(1.5 / 4));
  CHECK(model.probability(Ids{0}, last) == close_to(0.5 + 0.5 * 1.5 / 4));
  CHECK(model.probability(Ids{last}, 0) == close_to(0.25 + 0.5 * 0.5 / 4));
  CHECK(model.probability(Ids{last - 1}, last - 1) ==
        doctest::Approx(0.5 / std::pow(2.0, 63)).epsilon(1e-12));
}

TEST_CASE("kneser-ney: unfit arguments are refused by name") {
  const Ids train = {0, 1, 0, 1, 1};
  const KneserNey model(3, train, 3);
  const auto of = [](auto call) { return message_of(call); };
  CHECK(of([&] { KneserNey(0, train, 3); }) == "[kneser_ney] order is 0, expected 1 ... 9");
  CHECK(of([&] { KneserNey(10, train, 3); }) == "[kneser_ney] order is 10, expected 1 ... 9");
  CHECK(of([&] { KneserNey(3, train, 0); }) == "[kneser_ney] vocabulary is 0, expected at least one word");
  CHECK(of([&] { KneserNey(3, {}, 3); }) == "[kneser_ney] train is empty, expected at least one id");
  CHECK(of([&] { KneserNey(3, train, 1); }) == "[kneser_ney] train[1] is 1, expected an id in [0, 1)");
  CHECK(of([&] { KneserNey(3, train, 3, 3); }) == "[kneser_ney] boundary is 3, expected an id in [0, 3)");
  CHECK(of([&] { KneserNey(3, train, 3, -1); }) == "[kneser_ney] boundary is -1, expected an id in [0, 3)");
  CHECK(of([&] {
          (void)model.probability(Ids{0, 3}, 0);
        }) == "[kneser_ney] context[1] is 3, expected an id in [0, 3)");
  CHECK(of([&] { (void)model.probability({}, 7); }) == "[kneser_ney] word is 7, expected an id in [0, 3)");
  CHECK(of([&] { (void)model.perplexity({}); }) == "[kneser_ney] text is empty, expected at least one id");
  for (const Id foreign : {-1, 3}) {
    const Ids text = {0, foreign};
    const auto expected = "[kneser_ney] text[1] is " + std::to_string(foreign) + ", expected an id in [0, 3)";
    CHECK(of([&] { (void)model.perplexity(text); }) == expected);
    CHECK(of([&] { (void)model.log_probabilities(text); }) == expected);
    CHECK(of([&] { (void)xgrad::unigram_perplexity(train, text, 3); }) == expected);
  }
}

TEST_CASE("kneser-ney: the perplexities of the Penn Treebank where it is at hand") {
  const auto data = std::filesystem::path(XGRAD_TEST_DATA) / "../../shared/data/ptb";
  if (!std::filesystem::exists(data / "ptb.train.txt")) {
    MESSAGE("the Penn Treebank is not here: not compared");
    return;
  }
  const auto corpus = xgrad::read_corpus(data);
  const auto V = corpus.vocabulary.size();
  REQUIRE(V == 10000);
  // Published for orders 3 and 5 on the test text: 148.3 and 141.2 (Mikolov 2012, table 4.1). The other
  // digits are those of a second program, which counts sentences of strings. Of order 1, whose rare words the
  // corpus has replaced, D(2) and D(3) come out negative, so it has the plain discount.
  struct Case {
    std::size_t order;
    double valid, test;
  };
  for (const Case& known : {Case{1, 687.026347, 639.300810}, Case{2, 199.018861, 185.704694},
                            Case{3, 157.765894, 148.281336}, Case{5, 148.007996, 141.186052}}) {
    CAPTURE(known.order);
    const KneserNey model(known.order, corpus.train, V, corpus.vocabulary.find(xgrad::end_of_sentence));
    CHECK(model.perplexity(corpus.valid) == doctest::Approx(known.valid).epsilon(1e-8));
    CHECK(model.perplexity(corpus.test) == doctest::Approx(known.test).epsilon(1e-8));
  }
}
