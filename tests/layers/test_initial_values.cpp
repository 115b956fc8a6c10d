// Initial values by option: every parameter of every layer is drawn by the option that is meant for it, gate
// by gate, also through wrappers and in the language model; and the defaults, which must not move.
#include <xgrad/layers/initial_values.hpp>

#include <map>
#include <memory>

#include <xgrad/layers/affine.hpp>
#include <xgrad/layers/any_cell.hpp>
#include <xgrad/layers/bidirectional.hpp>
#include <xgrad/layers/embedding.hpp>
#include <xgrad/layers/gru.hpp>
#include <xgrad/layers/layer_norm_cells.hpp>
#include <xgrad/layers/lstm.hpp>
#include <xgrad/layers/mgu.hpp>
#include <xgrad/layers/residual.hpp>
#include <xgrad/layers/rnn.hpp>
#include <xgrad/layers/stack.hpp>
#include <xgrad/layers/weight_drop.hpp>
#include <xgrad/models/rnnlm.hpp>

#include "autograd/ops/checks.hpp"

using namespace xgrad;
using checks::check_error;

namespace {

constexpr std::size_t D = 3, H = 4;

using Shapes = std::vector<std::string>;
using Means = std::map<std::string, double>;

// Fills with `value` and keeps the shapes that it is asked for.
Initializer marked(double value, const std::shared_ptr<Shapes>& shapes = std::make_shared<Shapes>()) {
  return [=](Random&, std::span<double> numbers, const Shape& shape) {
    std::fill(numbers.begin(), numbers.end(), value);
    shapes->push_back(to_string(shape));
  };
}

// By path, the one number that all elements of a parameter are, or NaN if they differ.
template <class T>
Means means(const Parameters<T>& p) {
  Means result;
  for (const auto& [path, values] : p.values()) {
    const double first = *values.begin();
    const bool all = std::all_of(values.begin(), values.end(), [=](double x) { return x == first; });
    result[path] = all ? first : std::numeric_limits<double>::quiet_NaN();
  }
  return result;
}

// The largest element of |Q Q^T - I| of the n square matrices that W: (H, nH) holds side by side.
double defect(const Array<double>& W) {
  const std::size_t rows = W.shape()[0], width = W.shape()[1];
  double worst = 0;
  for (std::size_t gate = 0; gate < width; gate += rows)
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < rows; ++j) {
        double product = i == j ? -1 : 0;
        for (std::size_t k = 0; k < rows; ++k)
          product += W.data()[i * width + gate + k] * W.data()[j * width + gate + k];
        worst = std::max(worst, std::abs(product));
      }
  return worst;
}

bool is_recurrent(const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  return name == "Wh" || name == "Un" || name == "Uf" || name == "Ug";
}

// All recurrent matrices are orthogonal, gate by gate, and there are as many.
void check_orthogonal(const Parameters<double>& p, std::size_t count) {
  std::size_t seen = 0;
  for (const auto& parameter : p.list()) {
    const std::string& path = parameter.parameter()->path;
    if (!is_recurrent(path)) continue;
    CAPTURE(path);
    ++seen;
    CHECK(defect(parameter.value()) < 1e-12);
  }
  CHECK(seen == count);
}

}  // namespace

TEST_CASE("initial values: each cell's parameters are drawn by the option of their part") {
  const auto x = std::make_shared<Shapes>(), h = std::make_shared<Shapes>(), b = std::make_shared<Shapes>();
  const Initializer Wx = marked(2, x), Wh = marked(3, h), bias = marked(4, b);
  const auto check = [&](const Means& got, const Means& expected, std::size_t gates, const Shapes& biases) {
    CHECK(got.size() == expected.size());
    for (const auto& entry : expected) {
      CAPTURE(entry.first);
      CHECK(got.at(entry.first) == entry.second);
    }
    CHECK(*x == Shapes(gates, "(3, 4)"));
    CHECK(*h == Shapes(gates, "(4, 4)"));
    CHECK(*b == biases);
    for (const auto& shapes : {x, h, b}) shapes->clear();
  };
  {
    const Parameters<double> p;
    const Rnn cell(p, D, H, {.Wx = Wx, .Wh = Wh, .b = bias});
    check(means(p), {{"Wx", 2}, {"Wh", 3}, {"b", 4}}, 1, {"(4,)"});
  }
  {
    const Parameters<double> p;
    const Lstm cell(p, D, H, {.Wx = Wx, .Wh = Wh, .b = bias});
    check(means(p), {{"Wx", 2}, {"Wh", 3}, {"b", 4}}, 4, {"(16,)"});
  }
  {
    const Parameters<double> p;
    const PeepholeLstm cell(p, D, H, {.Wx = Wx, .Wh = Wh, .b = bias, .peepholes = constant(5)});
    check(means(p), {{"Wx", 2}, {"Wh", 3}, {"b", 4}, {"pi", 5}, {"pf", 5}, {"po", 5}}, 4, {"(16,)"});
  }
  {
    const Parameters<double> p;
    const LayerNormLstm cell(p, D, H,
                             {.Wx = Wx, .Wh = Wh, .b = bias, .gain = constant(5), .bias_c = constant(6)});
    check(means(p),
          {{"Wx", 2}, {"Wh", 3}, {"b", 4}, {"gain_x", 5}, {"gain_h", 5}, {"gain_c", 5}, {"bias_c", 6}}, 4,
          {"(16,)"});
  }
  {
    const Parameters<double> p;
    const Gru cell(p, D, H, {.Wx = Wx, .Wh = Wh, .b = bias});
    check(means(p), {{"Wx", 2}, {"Wh", 3}, {"b", 4}, {"bh", 4}}, 3, {"(12,)", "(4,)"});
  }
  {
    const Parameters<double> p;
    const ResetBeforeGru cell(p, D, H, {.Wx = Wx, .Wh = Wh, .b = bias});
    check(means(p), {{"Wx", 2}, {"Wh", 3}, {"Un", 3}, {"b", 4}}, 3, {"(12,)"});
  }
  {
    const Parameters<double> p;
    const LayerNormGru cell(p, D, H, {.Wx = Wx, .Wh = Wh, .b = bias, .gain = constant(5)});
    check(means(p),
          {{"Wx", 2},
           {"Wh", 3},
           {"Vn", 2},
           {"Un", 3},
           {"b", 4},
           {"bn", 4},
           {"gain_x", 5},
           {"gain_h", 5},
           {"gain_vn", 5},
           {"gain_un", 5}},
          3, {"(8,)", "(4,)"});
  }
  {
    const Parameters<double> p;
    const Mgu cell(p, D, H, {.Wx = Wx, .Wh = Wh, .b = bias});
    check(means(p), {{"Wx", 2}, {"Uf", 3}, {"Ug", 3}, {"b", 4}}, 2, {"(8,)"});
  }
}

TEST_CASE("initial values: an LSTM's b takes the place of its forget bias") {
  const auto b_of = [](const LstmOptions& options) {
    const Parameters<double> p;
    const Lstm cell(p, 1, 1, options);
    const auto b = p.values().at("b");
    return std::vector<double>(b.begin(), b.end());
  };
  CHECK(b_of({}) == std::vector<double>{0, 1, 0, 0});
  CHECK(b_of({.forget_bias = 3}) == std::vector<double>{0, 3, 0, 0});
  CHECK(b_of({.forget_bias = 3, .b = constant(2)}) == std::vector<double>{2, 2, 2, 2});
}

TEST_CASE("initial values: affine, embedding and projection") {
  const Parameters<double> p;
  const Affine affine(p / "a", D, H, {.W = constant(2), .b = constant(3)});
  const Affine bias_alone(p / "b", D, H, {.b = constant(3)});
  const Embedding embedding(p / "e", 5, D, {.W = constant(4)});
  const auto tied = Affine<double>::tied(p / "t", embedding.W, {.b = constant(5)});
  const Projected<Rnn<double>> projected(p / "p", D, H, ProjectedOptions{.width = 2, .Wp = constant(6)});
  const Means got = means(p);
  for (const auto& [path, value] :
       Means{{"a/W", 2}, {"a/b", 3}, {"b/b", 3}, {"e/W", 4}, {"t/b", 5}, {"p/Wp", 6}})
    CHECK(got.at(path) == value);
  CHECK(std::isnan(got.at("b/W")));  // the default
  CHECK(std::isnan(got.at("p/cell/Wh")));
}

TEST_CASE("initial values: without options they are drawn as ever, in the order of declaration") {
  for (const std::string& name : cell_names()) {
    CAPTURE(name);
    const Parameters<double> p(7);
    const AnyCell<double> cell(p, D, H, name);
    Random random(7);
    for (const auto& parameter : p.list()) {
      const std::string& path = parameter.parameter()->path;
      CAPTURE(path);
      const Array<double> got = parameter.value();
      std::vector<double> expected(got.size(), path.starts_with("gain") ? 1 : 0);
      const double bound = 1 / std::sqrt(static_cast<double>(got.shape()[0]));
      if (got.shape().rank() == 2 || path.starts_with("p")) {
        uniform(-bound, bound)(random, expected);
      } else if (path == "b" && got.size() == 4 * H) {  // of an LSTM
        std::fill_n(expected.begin() + H, H, 1.0);
      }
      CHECK(std::equal(expected.begin(), expected.end(), got.begin(), got.end()));
    }
  }
}

TEST_CASE(
    "initial values: every gate of every cell has an orthogonal matrix of its own, chosen by name too") {
  const std::map<std::string, std::size_t> matrices{
      {"reset_before_gru", 2}, {"layer_norm_gru", 2}, {"mgu", 2}};
  for (const std::string& name : cell_names()) {
    CAPTURE(name);
    const Parameters<double> p;
    const AnyCell<double> cell(p, D, 6, name, {.Wh = orthogonal()});
    check_orthogonal(p, matrices.count(name) > 0 ? matrices.at(name) : 1);
  }
}

TEST_CASE("initial values: wrappers hand options on to their cells") {
  const LstmOptions options{.Wh = orthogonal(), .b = constant(2)};
  const StackOptions two{.layers = 2};
  {
    const Parameters<double> p;
    const Stack<Bidirectional<Lstm<double>>> cell(p, D, H, two, options);
    check_orthogonal(p, 4);
    CHECK(means(p).at("1/backward/b") == 2);
  }
  {
    const Parameters<double> p;
    const Residual<Zoneout<Lstm<double>>> cell(p, H, H, ZoneoutOptions{}, options);
    check_orthogonal(p, 1);
  }
  {
    const Parameters<double> p;
    const Stack<AnyCell<double>> cell(p, D, H, two, std::string("gru"), CellOptions{.Wh = orthogonal()});
    check_orthogonal(p, 2);
  }
  {
    const Parameters<double> p;
    const Stack<WeightDrop<Lstm<double>>> cell(p, D, H, two, WeightDropOptions{.rate = 0.5}, options);
    check_orthogonal(p, 2);
    const auto before = p.values();
    Tape<double> tape;
    const auto dropped = cell.for_training(RandomKey(1)).cells[0].cell.Wh.value();  // 0 or doubled
    const auto kept = cell.cells[0].cell.Wh.value();
    for (std::size_t i = 0; i < kept.size(); ++i)
      CHECK((dropped.data()[i] == 0 || dropped.data()[i] == 2 * kept.data()[i]));
    CHECK(p.values().size() == before.size());
  }
}

TEST_CASE("initial values: of the language model, and its gradient") {
  const RnnlmOptions options{.embed = {.W = normal(1)}, .affine = {.W = glorot_uniform(), .b = constant(-1)}};
  const auto lstm = LstmOptions{.Wx = glorot_uniform(), .Wh = orthogonal()};
  const Parameters<double> p(3);
  const Rnnlm<double, Lstm<double>> model(p, 6, D, H, options, lstm);
  check_orthogonal(p, 1);
  CHECK(means(p).at("affine/b") == -1);
  std::vector<double> first(6 * D);
  Random random(3);
  normal(1)(random, first);
  CHECK(std::equal(first.begin(), first.end(), model.embed.W.value().begin()));
  const double bound = std::sqrt(6.0 / (H + 6));
  for (const double w : model.affine().W.value()) CHECK(std::abs(w) <= bound);

  const Ids inputs({3, 2}, {0, 5, 1, 1, 3, 0}), targets({3, 2}, {1, 1, 3, 0, 5, 5});
  CHECK(checks::prove_function([&]<class T>(const Parameters<T>& q) {
    const Rnnlm<T, Lstm<T>> proved(q, 6, D, H, options, lstm);
    return proved.loss(inputs, targets, proved.zero(2)).y;
  }));

  const Parameters<double> q;
  const Rnnlm<double> tied(q, 6, H, H,
                           {.tied = true, .embed = {.W = constant(2)}, .affine = {.b = constant(3)}});
  CHECK(means(q).at("embed/W") == 2);
  CHECK(means(q).at("affine/b") == 3);
}

TEST_CASE("initial values: what cannot be drawn is refused with the parameter's path") {
  const Parameters<double> p;
  check_error([&] { const Gru cell(p / "a", D, H, {.b = orthogonal()}); },
              {"[orthogonal] fills a matrix", "the shape (12,) (parameter 'a/b')"});
  check_error([&] { const Lstm cell(p / "c", D, H, {.Wh = blocks(3, constant(1))}); },
              {"[blocks]", "(4, 4) into 3", "(parameter 'c/Wh')"});
  const Parameters<double> q;
  const Embedding embedding(q / "e", 5, H);
  check_error([&] { (void)Affine<double>::tied(q / "t", embedding.W, {.W = constant(1)}); },
              {"[Affine] is tied to the matrix of another layer"});
  check_error([&] { Rnnlm<double>(q / "m", 5, H, H, {.tied = true, .affine = {.W = constant(1)}}); },
              {"[Rnnlm] ties the output layer", "options.affine.W"});
  CHECK(q.list().size() == 1);
}
