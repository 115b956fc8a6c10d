// Generator and generate: tokens follow the model's distribution, or what top_k and top_p leave of it, at any
// temperature and logits; they are fed back together with the state, depend on seed and place alone, and
// nothing is recorded. Most models here are tables made for the purpose.
#include <xgrad/models/generate.hpp>

#include <numeric>
#include <set>
#include <type_traits>

#include <xgrad/layers/lstm.hpp>

#include "autograd/ops/checks.hpp"

using namespace xgrad;
using Tokens = std::vector<std::int64_t>;

namespace {

// The same logits whatever came before.
struct Fixed {
  std::vector<double> row;
  auto operator()(const Ids& ids, const Variable<double>& state) const {
    const std::size_t steps = ids.shape()[0], V = row.size();
    std::vector<double> all;
    for (std::size_t t = 0; t < steps; ++t)  // the steps before the last must not matter
      for (const double logit : row) all.push_back(t + 1 < steps ? -logit : logit);
    return Step{Variable<double>(Array<double>({steps, 1, V}, all)), state};
  }
  static Variable<double> zero(std::size_t N) { return Array<double>::zeros({N, 1}); }
};

// Certain that the next token is (sum of all tokens so far) mod 7; the state is that sum.
struct Running {
  auto operator()(const Ids& ids, const Variable<double>& state) const {
    const std::size_t steps = ids.shape()[0];
    auto logits = Array<double>::zeros({steps, 1, 7});
    double sum = state.item();
    for (std::size_t t = 0; t < steps; ++t) {
      sum += static_cast<double>(ids[t]);
      logits.mutable_data()[t * 7 + static_cast<std::size_t>(sum) % 7] = 1000;
    }
    return Step{Variable<double>(logits), Variable<double>(Array<double>::full({1, 1}, sum))};
  }
  static Variable<double> zero(std::size_t N) { return Array<double>::zeros({N, 1}); }
};

constexpr double infinity = std::numeric_limits<double>::infinity(),
                 largest = std::numeric_limits<double>::max(),
                 subnormal = std::numeric_limits<double>::denorm_min();

// Pearson's statistic of `count` tokens drawn with these options against weights, of which one that is 0 must
// not be drawn.
double chi_square(const std::vector<double>& row, const std::vector<double>& weights, std::size_t count,
                  const GenerateOptions& options) {
  std::vector<double> seen(row.size());
  for (const auto token : generate(Fixed{row}, {0}, count, options)) ++seen[static_cast<std::size_t>(token)];
  double total = 0, result = 0;
  for (const double weight : weights) total += weight;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const double expected = static_cast<double>(count) * weights[i] / total;
    if (expected == 0) CHECK(seen[i] == 0);
    if (expected > 0) result += (seen[i] - expected) * (seen[i] - expected) / expected;
  }
  return result;
}

std::vector<double> softmax_weights(const std::vector<double>& row, double temperature) {
  std::vector<double> weights;
  for (const double logit : row) weights.push_back(std::exp(logit / temperature));
  return weights;
}

// The tokens that are drawn; those whose probability is 1/20 or more are all among them.
std::set<std::int64_t> drawn(const std::vector<double>& row, GenerateOptions options) {
  options.seed = 5;
  const Tokens tokens = generate(Fixed{row}, {0}, 400, options);
  return {tokens.begin(), tokens.end()};
}
using Set = std::set<std::int64_t>;

}  // namespace

TEST_CASE("generate: tokens follow softmax of the logits over the temperature") {
  const std::vector<double> row = {0, 1, -1, 2, 0.5};
  for (const std::uint32_t seed : {0U, 1U, 2U})
    for (const double temperature : {0.5, 1.0, 3.0}) {
      const double statistic = chi_square(row, softmax_weights(row, temperature), 8000,
                                          {.seed = seed, .temperature = temperature});
      CHECK(statistic < 23.5);  // 4 degrees of freedom: exceeded once in 10000
      CHECK(statistic > 0.05);  // and so evenly spread as rarely
    }
}

TEST_CASE("generate: the tokens of a seed are those they have always been") {
  CHECK(generate(Fixed{{0, 0.5, 1, 0.2}}, {0}, 20, {.seed = 3, .temperature = 0.7}) ==
        Tokens{2, 1, 2, 1, 3, 2, 3, 3, 0, 2, 2, 1, 2, 3, 0, 1, 3, 3, 0, 1});
  CHECK(generate(Fixed{{0, 0.5, 1, 0.2, -3, 2, 2, 1}}, {0}, 20, {.seed = 12, .temperature = 1.7}) ==
        Tokens{0, 6, 6, 6, 2, 6, 7, 1, 6, 6, 6, 6, 6, 6, 5, 2, 0, 2, 1, 6});
}

TEST_CASE("generate: what top_k and top_p leave keeps its proportions") {
  const std::vector<double> row = {0, 1, -1, 2, 0.5};
  for (const std::uint32_t seed : {0U, 1U, 2U})
    for (const double temperature : {0.5, 1.0, 3.0})
      for (const bool by_k : {true, false}) {
        auto weights = softmax_weights(row, temperature);
        const double kept = weights[3] + weights[1] + weights[4];
        GenerateOptions options{.seed = seed, .temperature = temperature};
        if (by_k)
          options.top_k = 3;
        else  // the middle between what two have and what three have
          options.top_p = (kept - weights[4] / 2) / (kept + weights[0] + weights[2]);
        weights[0] = weights[2] = 0;
        CHECK(chi_square(row, weights, 8000, options) < 18.4);  // 2 degrees of freedom
      }
}

TEST_CASE("generate: top_k leaves the k likeliest tokens and of equals those of the lower ids") {
  const std::vector<double> row = {0, 2, 1, 2, 1, 1};
  CHECK(drawn(row, {.top_k = 1}) == Set{1});
  CHECK(drawn(row, {.top_k = 2}) == Set{1, 3});
  CHECK(drawn(row, {.top_k = 3}) == Set{1, 2, 3});
  CHECK(drawn(row, {.top_k = 4}) == Set{1, 2, 3, 4});
  CHECK(drawn(row, {.top_k = 5}) == Set{1, 2, 3, 4, 5});
  for (const std::size_t all : {std::size_t{0}, std::size_t{6}, std::size_t{7}, ~std::size_t{0}})
    CHECK(generate(Fixed{row}, {0}, 50, {.top_k = all}) == generate(Fixed{row}, {0}, 50));
  CHECK(drawn(row, {.temperature = 1e300, .top_k = 3}) == Set{1, 2, 3});  // whose probabilities are equal
  CHECK(drawn({-infinity, 1, -infinity, -infinity}, {.top_k = 3}) == Set{1});
}

TEST_CASE("generate: top_p leaves the smallest set of likeliest tokens that has this probability") {
  const std::vector<double> equal(4, 7.0);
  CHECK(drawn(equal, {.top_p = 0}) == Set{0});
  CHECK(drawn(equal, {.top_p = 0.25}) == Set{0});
  CHECK(drawn(equal, {.top_p = 0.26}) == Set{0, 1});
  CHECK(drawn(equal, {.top_p = 0.5}) == Set{0, 1});
  CHECK(drawn(equal, {.top_p = 0.51}) == Set{0, 1, 2});
  CHECK(drawn(equal, {.top_p = 0.75}) == Set{0, 1, 2});
  CHECK(drawn(equal, {.top_p = 0.76}) == Set{0, 1, 2, 3});
  const std::vector<double> row = {std::log(0.1), std::log(0.5), std::log(0.15), std::log(0.25)};
  CHECK(drawn(row, {.top_p = 0.49}) == Set{1});
  CHECK(drawn(row, {.top_p = 0.51}) == Set{1, 3});
  CHECK(drawn(row, {.top_p = 0.74}) == Set{1, 3});
  CHECK(drawn(row, {.top_p = 0.76}) == Set{1, 2, 3});
  CHECK(drawn(row, {.top_p = 0.89}) == Set{1, 2, 3});
  CHECK(drawn(row, {.top_p = 0.91}) == Set{0, 1, 2, 3});
  CHECK(drawn(row, {.temperature = 0.5, .top_p = 0.7}) == Set{1});  // 0.25 of 0.345
  CHECK(drawn(row, {.temperature = 1e9, .top_p = 0.7}) == Set{1, 2, 3});
  CHECK(drawn(row, {.temperature = subnormal, .top_p = 0.7}) == Set{1});
  CHECK(generate(Fixed{row}, {0}, 50, {.top_p = 1}) == generate(Fixed{row}, {0}, 50));
  CHECK(drawn(row, {.top_k = 2, .top_p = 0.65}) == Set{1});  // 0.5 of the 0.75 that top_k leaves
  CHECK(drawn(row, {.top_k = 2, .top_p = 0.68}) == Set{1, 3});
}

TEST_CASE("generate: what is never to be drawn is not, also at the temperature zero") {
  CHECK(drawn({0, 3, 5, 1}, {.never = {2, 1}}) == Set{0, 3});
  CHECK(generate(Fixed{{0, 3, 5, 1}}, {0}, 20, {.temperature = 0, .never = {2}}) == Tokens(20, 1));
  CHECK(generate(Fixed{{0, 3, 5, 1}}, {0}, 50, {.never = {}}) == generate(Fixed{{0, 3, 5, 1}}, {0}, 50));
  checks::check_error(
      [] {
        generate(Fixed{{0, 1}}, {0}, 1, {.never = {2}});
      },
      {"[generate] needs tokens of the vocabulary, [0, 2), for never, got 2"});
  checks::check_error([] { generate(Fixed{{0, 1}}, {0}, 1, {.never = {-1}}); }, {"for never, got -1"});
  checks::check_error(
      [] {
        generate(Fixed{{0, 1}}, {0}, 1, {.never = {0, 1}});
      },
      {"there is no token to draw"});
}

TEST_CASE("generate: at the temperature zero the likeliest token is taken, of equals the lowest") {
  for (const double zero : {0.0, -0.0})
    for (const std::uint32_t seed : {0U, 7U}) {
      const GenerateOptions options{.seed = seed, .temperature = zero};
      CHECK(generate(Fixed{{0, 3, 5, 4.5, 5}}, {0}, 20, options) == Tokens(20, 2));
      CHECK(generate(Fixed{{-infinity, -largest, -largest}}, {0}, 20, options) == Tokens(20, 1));
    }
  CHECK(drawn({1, 5, 5}, {.temperature = subnormal}) == Set{1, 2});
}

TEST_CASE("generate: no temperature overflows, whatever the logits") {
  for (const double temperature : {subnormal, 1e-300, 1.0, 1e20}) {
    CHECK(drawn({-1e30, 0, -infinity}, {.temperature = temperature}) == Set{1});
    CHECK(drawn({-largest, largest}, {.temperature = temperature}) == Set{1});
    CHECK(drawn({-infinity, -largest}, {.temperature = temperature}) == Set{1});
  }
  for (const double temperature : {1e300, largest, infinity})
    CHECK(drawn({-1e30, 0, -infinity}, {.temperature = temperature}) == Set{0, 1});
  CHECK(drawn({-largest, largest, -infinity}, {.temperature = infinity}) == Set{0, 1});
  // The difference of the logits overflows; by the temperature it is 2.
  CHECK(chi_square({-largest, largest}, {1, std::exp(2.0)}, 4000, {.temperature = largest}) < 15.1);
  // And here it is a subnormal number, in units of which the temperature is 2.
  CHECK(chi_square({0, subnormal}, {1, std::exp(0.5)}, 4000, {.temperature = 2 * subnormal}) < 15.1);
}

TEST_CASE("generate: a token without probability is not drawn by the number 0 either") {
  REQUIRE(counter_random({373, 0}, {1824719, 0, 0, 0})[0] == 0);
  CHECK(detail::draw({-infinity, -1e30, 0, 1}, {.seed = 373}, 1824719) == 2);
  CHECK(detail::draw({-infinity, 0, 1}, {.seed = 373, .top_k = 1}, 1824719) == 2);
}

TEST_CASE("generate: logits of any size keep their distribution") {
  for (const double shift : {1e4, -1e4}) {
    const Tokens far = generate(Fixed{{shift, shift + 1, shift - 1}}, {0}, 50),
                 near = generate(Fixed{{0, 1, -1}}, {0}, 50);
    CHECK(far == near);
  }
}

TEST_CASE("generate: towards temperature zero the likeliest token is taken") {
  for (const double temperature : {1e-2, 1e-10, 1e-300, 5e-324})
    for (const std::uint32_t seed : {0U, 7U})
      CHECK(generate(Fixed{{0, 3, 5, 4.5, -1}}, {0}, 20, {.seed = seed, .temperature = temperature}) ==
            Tokens(20, 2));
}

TEST_CASE("generate: each token and the state are fed back") {
  for (const Tokens& prompt : {Tokens{1}, Tokens{3, 5, 2}, Tokens{6, 6, 6, 6}}) {
    std::int64_t sum = 0;
    for (const auto token : prompt) sum += token;
    Tokens expected;
    for (int i = 0; i < 12; ++i) {
      expected.push_back(sum % 7);
      sum += expected.back();
    }
    CHECK(generate(Running(), prompt, 12) == expected);
  }
}

TEST_CASE("generate: a text ends before its stop, which a generator draws as any other token") {
  const Tokens text = generate(Running(), {1}, 12);  // 1 2 4 1 2 4 ...
  const auto end = std::find(text.begin(), text.end(), 4);
  CHECK(generate(Running(), {1}, 12, {.stop = 4}) == Tokens(text.begin(), end));
  CHECK(generate(Running(), {1}, 12, {.stop = 1}).empty());
  CHECK(generate(Running(), {1}, 12, {.stop = 5}) == text);
  const Running model;
  Generator generator(model, {.stop = 4});
  generator.read({1});
  for (const auto token : text) CHECK(generator.next() == token);
}

TEST_CASE("generator: read and next in any order are one text") {
  const Running model;
  Generator generator(model);
  generator.read({});
  generator.read({3, 5});
  generator.read({2});
  CHECK(generator.next() == 3);  // of 10
  CHECK(generator.next() == 6);  // of 13
  generator.read({1, 0, 4});     // after 19
  CHECK(generator.next() == 3);  // of 24
  auto copy = generator;
  for (Generator<Running>* const each : {&generator, &copy}) {
    CHECK(each->next() == 6);  // of 27
    CHECK(each->next() == 5);  // of 33
  }
}

TEST_CASE("generator: what is read between two draws does not count as drawn") {
  const Fixed model{{0, 0.5, 1, 0.2}};
  const Tokens text = generate(model, {0}, 20, {.seed = 3});
  Generator generator(model, {.seed = 3});
  for (const auto token : text) {
    generator.read({1, 2, 3});
    CHECK(generator.next() == token);
  }
}

TEST_CASE("generator: a long prompt is read in windows, with the same result") {
  struct Counting : Running {
    std::vector<std::size_t>* lengths;
    auto operator()(const Ids& ids, const Variable<double>& state) const {
      lengths->push_back(ids.size());
      return Running::operator()(ids, state);
    }
  };
  for (const std::size_t length : {1U, 255U, 256U, 257U, 512U, 1000U}) {
    CAPTURE(length);
    Tokens prompt(length);
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < length; ++i) sum += prompt[i] = static_cast<std::int64_t>(i * i % 7);
    std::vector<std::size_t> lengths;
    Counting model;
    model.lengths = &lengths;
    CHECK(generate(model, prompt, 1) == Tokens{sum % 7});
    CHECK(*std::max_element(lengths.begin(), lengths.end()) <= 256);
    CHECK(std::accumulate(lengths.begin(), lengths.end(), std::size_t{0}) == length);  // each once
  }

  const Parameters<double> p(1);
  const Rnnlm<double, Lstm<double>> model(p, 6, 3, 4);
  Tokens prompt(700);
  for (std::size_t i = 0; i < prompt.size(); ++i) prompt[i] = static_cast<std::int64_t>(i * i % 6);
  Generator whole(model), piecewise(model);
  whole.read(prompt);
  for (const auto token : prompt) piecewise.read({token});
  auto [logits, state] = model(Ids({700, 1}, prompt), model.zero(1));
  for (std::uint64_t i = 0; i < 30; ++i) {
    const Array<double> last = logits.value().row(logits.shape()[0] - 1);
    const auto token = detail::draw({last.begin(), last.end()}, {}, i);
    CHECK(whole.next() == token);
    CHECK(piecewise.next() == token);
    auto step = model(Ids({1, 1}, {token}), state);
    logits = step.y;
    state = step.state;
  }
}

TEST_CASE("generate: a token depends on seed and place alone") {
  const Fixed model{{0, 0.5, 1, 0.2}};
  const auto draw = [&](std::uint32_t seed, std::size_t count, const Tokens& prompt) {
    return generate(model, prompt, count, {.seed = seed});
  };
  const Tokens text = draw(3, 40, {0});
  CHECK(draw(3, 40, {0}) == text);
  CHECK(draw(3, 40, {1, 2, 3}) == text);
  CHECK(draw(3, 15, {0}) == Tokens(text.begin(), text.begin() + 15));
  CHECK(draw(4, 40, {0}) != text);
  CHECK(draw(3, 0, {0}).empty());
}

TEST_CASE_TEMPLATE("generate: a language model gives tokens of its vocabulary and records nothing", T, float,
                   double) {
  const Parameters<T> p(1);
  const Rnnlm model(p, 6, 3, 4);
  Tape<T> tape;
  const auto text = generate(model, {5, 0}, 50, {.seed = 1});
  CHECK(tape.size() == 0);
  CHECK(text.size() == 50);
  CHECK(std::all_of(text.begin(), text.end(), [](std::int64_t id) { return id >= 0 && id < 6; }));
  CHECK(generate(model, {5, 0}, 50, {.seed = 1}) == text);
}

TEST_CASE("generator: it records nothing, whatever is open around it") {
  const Parameters<double> p(1);
  const Rnnlm<double, Lstm<double>> model(p, 6, 3, 4);
  Generator before(model);
  before.read({5, 0});
  Tape<double> tape;
  Generator within(model);
  within.read({5, 0});
  for (int i = 0; i < 20; ++i) CHECK(within.next() == before.next());
  CHECK(tape.size() == 0);
}

TEST_CASE("generator: an error leaves it where it was") {
  struct Refusing : Running {
    auto operator()(const Ids& ids, const Variable<double>& state) const {
      for (std::size_t t = 0; t < ids.size(); ++t)
        if (ids[t] > 6) throw Error("refusing", "token at " + std::to_string(t));
      return Running::operator()(ids, state);
    }
  };
  const Refusing model;
  Generator generator(model);
  generator.read({1});
  CHECK(generator.next() == 1);
  Tokens wrong(600, 1);
  wrong[300] = 7;
  checks::check_error([&] { generator.read(wrong); },
                      {"[refusing] token at 44 (in the window that begins at token 256)"});
  for (const std::int64_t token : {2, 4, 1, 2}) CHECK(generator.next() == token);
  wrong[0] = 7;
  checks::check_error([&] { generator.read(wrong); }, {"[refusing] token at 0"});
  CHECK(generator.next() == 4);
}

TEST_CASE("generate: a logit that is NaN or infinite is refused wherever it stands") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  for (const double bad : {nan, inf})
    for (const std::size_t at : {0U, 1U, 2U, 3U})
      for (const double others : {0.0, -inf, 1e300}) {
        std::vector<double> row(4, others);
        row[at] = bad;
        checks::check_error([&] { generate(Fixed{row}, {0}, 1); }, {"[generate]", "logits are not finite"});
      }
  checks::check_error(
      [&] {
        generate(Fixed{{-inf, -inf}}, {0}, 1);
      },
      {"logits are not finite", "all are -inf"});
  for (const double temperature : {0.0, subnormal, 1.0, infinity}) {
    const GenerateOptions options{.temperature = temperature, .top_k = 1};
    checks::check_error(
        [&] {
          generate(Fixed{{-inf, 3, nan, inf}}, {0}, 1, options);
        },
        {"of token 2 is NaN"});
    checks::check_error([&] { generate(Fixed{{-inf, inf, nan}}, {0}, 1, options); }, {"of token 1 is inf"});
  }
  CHECK(generate(Fixed{{-inf, 3, -inf}}, {0}, 4) == Tokens(4, 1));  // words that are ruled out
}

TEST_CASE("generate: a wrong prompt or option is refused") {
  using checks::check_error;
  const Parameters<float> p;
  const Rnnlm model(p, 6, 3, 4);
  checks::check_error([&] { generate(model, {}, 5); }, {"[generate]", "at least one token"});
  checks::check_error([&] { generate(model, {0, 6}, 5); }, {"id 6 at position (1, 0)", "[0, 6)"});
  checks::check_error([&] { generate(model, {-1}, 5); }, {"id -1", "[0, 6)"});
  Generator unfed(model);
  checks::check_error([&] { unfed.next(); }, {"[generate]", "at least one token"});
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const double temperature : {-subnormal, -0.5, -infinity, nan})
    check_error([&] { generate(model, {0}, 5, {.temperature = temperature}); },
                {"[generate]", "temperature >= 0, got"});
  checks::check_error([&] { generate(model, {0}, 5, {.temperature = -0.5}); }, {"got -0.5"});
  for (const double top_p : {-0.5, 1 + 1e-15, infinity, nan})
    check_error([&] { Generator(model, {.top_p = top_p}); }, {"[generate]", "top_p in [0, 1], got"});
  checks::check_error([&] { generate(model, {0}, 5, {.stop = 6}); },
                      {"[generate]", "stop in", "[0, 6), got 6"});
  checks::check_error([&] { generate(model, {0}, 5, {.temperature = 0, .stop = -1}); }, {"[0, 6), got -1"});
  static_assert(!std::is_constructible_v<Generator<Fixed>, Fixed>);  // it would not outlive the generator
}
