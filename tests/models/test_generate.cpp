// generate: tokens follow the model's distribution, are fed back together with the state, depend on seed and
// place alone, and nothing is recorded. The models here are tables made for the purpose.
#include <xgrad/models/generate.hpp>

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

// Pearson's statistic of `count` tokens drawn with these options against exp(logit / temperature).
double chi_square(const std::vector<double>& row, std::size_t count, const GenerateOptions& options) {
  std::vector<double> seen(row.size()), p;
  for (const auto token : generate(Fixed{row}, {0}, count, options)) ++seen[static_cast<std::size_t>(token)];
  double total = 0, result = 0;
  for (const double logit : row) total += p.emplace_back(std::exp(logit / options.temperature));
  for (std::size_t i = 0; i < row.size(); ++i) {
    const double expected = static_cast<double>(count) * p[i] / total;
    result += (seen[i] - expected) * (seen[i] - expected) / expected;
  }
  return result;
}

}  // namespace

TEST_CASE("generate: tokens follow softmax of the logits over the temperature") {
  const std::vector<double> row = {0, 1, -1, 2, 0.5};
  for (const std::uint32_t seed : {0U, 1U, 2U})
    for (const double temperature : {0.5, 1.0, 3.0}) {
      const double statistic = chi_square(row, 8000, {.seed = seed, .temperature = temperature});
      CHECK(statistic < 23.5);  // 4 degrees of freedom: exceeded once in 10000
      CHECK(statistic > 0.05);  // and so evenly spread as rarely
    }
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

TEST_CASE("generate: a logit that is NaN or infinite is refused wherever it stands") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  for (const double bad : {nan, inf})
    for (const std::size_t at : {0U, 1U, 2U, 3U})
      for (const double others : {0.0, -inf, 1e300}) {
        std::vector<double> row(4, others);
        row[at] = bad;
        checks::check_error([&] { generate(Fixed{row}, {0}, 1); }, {"[generate]", "logits are not finite"});
      }
  checks::check_error([&] { generate(Fixed{{-inf, -inf}}, {0}, 1); }, {"logits are not finite"});
  CHECK(generate(Fixed{{-inf, 3, -inf}}, {0}, 4) == Tokens(4, 1));  // words that are ruled out
}

TEST_CASE("generate: a wrong prompt or temperature is refused") {
  using checks::check_error;
  const Parameters<float> p;
  const Rnnlm model(p, 6, 3, 4);
  check_error([&] { generate(model, {}, 5); }, {"[generate]", "at least one token"});
  check_error([&] { generate(model, {0, 6}, 5); }, {"id 6 at position (1, 0)", "[0, 6)"});
  check_error([&] { generate(model, {-1}, 5); }, {"id -1", "[0, 6)"});
  for (const double temperature : {0.0, -0.5, std::numeric_limits<double>::quiet_NaN()})
    check_error([&] { generate(model, {0}, 5, {.temperature = temperature}); },
                {"[generate]", "temperature > 0, got"});
  check_error([&] { generate(model, {0}, 5, {.temperature = -0.5}); }, {"got -0.5"});
}
