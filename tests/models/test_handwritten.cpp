// The hand-written gradients of the reference networks but the step classifier are what their pages compute,
// and right where the pages are or once their mistakes are repaired: each error beside the true gradient is
// the one that an independent program found, to the digits it printed.
#include "models/handwritten.hpp"

#include <xgrad/models/column_rnn.hpp>
#include <xgrad/models/ones_counter.hpp>
#include <xgrad/models/rnnlm.hpp>
#include <xgrad/models/sigmoid_outputs.hpp>

#include "models/handwritten_errors.hpp"

using namespace xgrad;
using handwritten::check_golden;
using handwritten::check_row;
using handwritten::descend;
using handwritten::relative_error;
using handwritten::true_gradient;

TEST_CASE("reference network ones_counter: the page's gradient is right") {
  const golden::File file("ones_counter.json");
  for (const std::string point : {"p0", "p1", "p2", "p3", "p4"}) {
    CAPTURE(point);
    const double wx = file[point + "_w"].data()[0], wRec = file[point + "_w"].data()[1];
    const Values values = {{"wx", Array<double>(wx)}, {"wRec", Array<double>(wRec)}};
    const auto hand = handwritten::ones_counter_gradient(values);
    const auto truth = true_gradient(
        [](const auto& p) {
          const OnesCounter network(p);
          return network.loss(network.sequences(), network.targets());
        },
        values);
    for (const std::size_t i : {0U, 1U}) {
      const std::string path = i == 0 ? "wx" : "wRec";
      const double want = file[point + "_hand_grad"].data()[i];
      CHECK(std::abs(hand.at(path).item() - want) <= 1e-12 * std::abs(want));
      CHECK(std::abs(hand.at(path).item() - truth.at(path).item()) <= 1e-12 * std::abs(want));
    }
    if (point == "p2" || point == "p4")
      CHECK(checks::distance(handwritten::ones_counter_state_gradients(values),
                             file[point + "_hand_grad_over_time"]) <= 1e-12);
  }
}

namespace {

Values sigmoid_outputs_values(const golden::File& file, const std::string& name) {
  Values values = {{"inputs", file[name + "_inputs"]}, {"targets", file[name + "_targets"]}};
  for (const std::string path : {"U", "W", "V"}) values.emplace(path, file[name + "_init_" + path]);
  if (name == "bias")
    for (const std::string path : {"b", "c"}) values.emplace(path, file[name + "_init_" + path]);
  return values;
}

SigmoidOutputs<double> sigmoid_outputs(const Parameters<double>& p, const std::string& name) {
  using Biases = SigmoidOutputs<double>::Biases;
  return SigmoidOutputs<double>(p, name == "bias" ? Biases::with : Biases::without);
}

// The cross entropy with each state a constant to the next step.
Variable<double> one_step_cross_entropy(const SigmoidOutputs<double>& network, const Values& values) {
  const Variable<double> inputs = values.at("inputs"), targets = values.at("targets");
  Variable<double> s = Array<double>::zeros({5}), loss = 0;
  for (std::ptrdiff_t t = 0; t < 10; ++t) {
    s = tanh(matmul(network.U, select(inputs, t)) + matmul(network.W, detach(s)) + network.b);
    loss += binary_cross_entropy_with_logits(matmul(network.V, s) + network.c, select(targets, t),
                                             Reduction::sum);
  }
  return loss;
}

}  // namespace

TEST_CASE("reference network sigmoid_outputs: the page's gradient, repaired one mistake after another") {
  const golden::File file("sigmoid_outputs.json");
  for (const std::string name : {"nobias", "bias"}) {
    const Values values = sigmoid_outputs_values(file, name);
    const bool bias = name == "bias";
    const char* const paths = bias ? "U W V b c" : "U W V";
    // What the page adds to the parameters, so with the other sign.
    check_golden(file, handwritten::sigmoid_outputs_gradient(values, 0), name + "_hand_", -1,
                 {"U", "W", "V"});
    if (bias)
      check_golden(file, handwritten::sigmoid_outputs_gradient(values, 0), name + "_hand_", -1, {"b", "c"});

    const auto squared = true_gradient(
        [&](const Parameters<double>& p) {
          return sigmoid_outputs(p, name).squared_loss(Variable<double>(values.at("inputs")),
                                                       Variable<double>(values.at("targets")));
        },
        values);
    const auto cross_entropy = true_gradient(
        [&](const Parameters<double>& p) {
          return sigmoid_outputs(p, name).cross_entropy(Variable<double>(values.at("inputs")),
                                                        Variable<double>(values.at("targets")));
        },
        values);
    const auto check = [&](int repaired, const Values& truth, const char* row,
                           std::vector<std::string> cells) {
      INFO(name);
      check_row(row, handwritten::sigmoid_outputs_gradient(values, repaired), truth, paths, cells);
    };
    using Cells = std::vector<std::string>;
    check(0, squared, "as printed vs squared loss",
          bias ? Cells{"82.45", "1223", "11.19", "69.81", "11.06"} : Cells{"44.79", "461.4", "7.820"});
    check(1, squared, "+ sigmoid slope",
          bias ? Cells{"6.076", "95.64", "right", "5.060", "right"} : Cells{"4.209", "48.81", "right"});
    check(2, squared, "+ tanh slope",
          bias ? Cells{"0.01456", "0.01695", "right", "0.01466", "right"}
               : Cells{"0.03936", "0.01947", "right"});
    check(3, squared, "+ flow through time",
          bias ? Cells{"right", "right", "right", "right", "right"} : Cells{"right", "right", "right"});
    check(0, cross_entropy, "as printed vs cross-entropy",
          bias ? Cells{"8.350", "97.30", "right", "6.889", "right"} : Cells{"5.220", "52.89", "right"});

    // Where the cross entropy was meant, only the flow through time is missing at last.
    const auto truncated = true_gradient(
        [&](const Parameters<double>& p) { return one_step_cross_entropy(sigmoid_outputs(p, name), values); },
        values);
    const auto meant = [&](int repaired) {
      return handwritten::sigmoid_outputs_gradient(values, repaired, handwritten::Meant::cross_entropy);
    };
    const std::vector<std::string> right(bias ? 5 : 3, "right");
    check_row("+ tanh slope vs the cross-entropy truncated to one step", meant(2), truncated, paths, right);
    check_row("+ flow through time vs cross-entropy", meant(3), cross_entropy, paths, right);
    if (bias) continue;

    // A direction of descent at this start, but far too long.
    const auto printed = handwritten::sigmoid_outputs_gradient(values, 0);
    for (const auto& [path, cosine, length] :
         {std::tuple{"U", 0.900, 41.0}, {"W", 0.760, 351.0}, {"V", 0.982, 8.6}}) {
      CHECK(handwritten::cosine(printed.at(path), squared.at(path)) ==
            doctest::Approx(cosine).epsilon(0.001));
      CHECK(cosine * golden::norm(printed.at(path)) / golden::norm(squared.at(path)) ==
            doctest::Approx(length).epsilon(0.01));
    }
  }
}

TEST_CASE(
    "reference network sigmoid_outputs: a term of the repaired gradient is what one step's use of the "
    "weights "
    "contributes") {
  const golden::File file("sigmoid_outputs.json");
  const Values values = sigmoid_outputs_values(file, "nobias");
  const auto terms = handwritten::sigmoid_outputs_terms(values, 3);
  Tape<double> tape;
  std::map<std::string, std::vector<Variable<double>>>
      uses;  // each step has weights of its own, of the same values
  Variable<double> s = Array<double>::zeros({5}), loss = 0;
  for (std::size_t t = 0; t < 10; ++t) {
    for (const char* path : {"U", "W", "V"}) uses[path].push_back(tape.leaf(values.at(path)));
    const Variable<double> input = values.at("inputs").row(t), target = values.at("targets").row(t);
    s = tanh(matmul(uses["U"][t], input) + matmul(uses["W"][t], s));
    loss += 0.5 * squared_error(sigmoid(matmul(uses["V"][t], s)), target, Reduction::sum);
  }
  const auto gradients = tape.gradient(loss);
  for (const std::string path : {"U", "W", "V"})
    for (std::size_t t = path == "W" ? 1 : 0; t < 10; ++t)  // W meets a state of zeros first
      CHECK(relative_error(terms.at(path)[t], gradients[uses[path][t]]) <= 1e-12);
}

TEST_CASE("reference network sigmoid_outputs: a hundred of the page's own updates") {
  const golden::File file("sigmoid_outputs.json");
  for (const std::string name : {"nobias", "bias"}) {
    CAPTURE(name);
    Values values = sigmoid_outputs_values(file, name);
    for (std::size_t pass = 0; pass <= 100; ++pass) {
      const Parameters<double> p(values);
      const double loss =
          sigmoid_outputs(p, name)
              .squared_loss(Variable<double>(values.at("inputs")), Variable<double>(values.at("targets")))
              .item();
      CHECK(loss == doctest::Approx(file[name + "_curve_printed"].data()[pass]).epsilon(1e-12));
      auto gradient = handwritten::sigmoid_outputs_gradient(values, 0);
      gradient.erase("b");  // which the page never updates
      gradient.erase("c");
      if (pass < 100) descend(values, gradient, 0.01);
    }
    check_golden(file, values, name + "_final_printed_", 1, {"U", "W", "V"});
    if (name == "bias") check_golden(file, values, name + "_final_printed_", 1, {"b", "c"});
  }
}

TEST_CASE(
    "reference network column_rnn: the page's gradient is right, and so is the one for a cross entropy") {
  const golden::File file("column_rnn.json");
  Values values;
  for (const std::string path : {"x", "s0", "U", "W", "V", "ba", "by", "ds"})
    values.emplace(path, file[path]);

  const auto linear = handwritten::column_rnn_gradient(values);
  check_golden(file, linear, "hand_d", 1, {"U", "W", "ba", "x"});
  CHECK(checks::distance(linear.at("s0"), file["hand_ds0_not_returned"]) <= 1e-12);
  check_row("linear functional", linear,
            true_gradient(
                [](const auto& p) {
                  const ColumnRnn network(p);
                  return network.linear_functional(p.input("ds", {6, 1, 7}));
                },
                values),
            "U W ba x s0", {"right", "right", "right", "right", "right"});
  check_row("cross entropy", handwritten::column_rnn_cross_entropy_gradient(values),
            true_gradient(
                [](const auto& p) {
                  const ColumnRnn network(p);
                  return network.cross_entropy(network.targets());
                },
                values),
            "U W V ba by x s0", {"right", "right", "right", "right", "right", "right", "right"});
}

TEST_CASE("reference network word_model: backpropagation through a window by hand, for any sizes") {
  struct Sizes {
    std::size_t V, D, H, T, N;
  };
  for (const auto& [V, D, H, T, N] : {Sizes{7, 3, 4, 5, 2}, {5, 4, 3, 1, 3}, {11, 2, 2, 8, 1}}) {
    Parameters<double> p(3);
    const Rnnlm model(p, V, D, H);
    p.assign("cell/b", checks::numbers<double>({H}));
    p.assign("affine/b", checks::numbers<double>({V}));
    std::vector<std::int64_t> ids;
    for (std::size_t i = 0; i < T * N + 1; ++i) ids.push_back(static_cast<std::int64_t>((i * i + 3 * i) % V));
    const Ids inputs({T, N}, {ids.begin(), ids.end() - 1}), targets({T, N}, {ids.begin() + 1, ids.end()});
    const auto state = checks::numbers<double>({N, H}, -1, 1, 5);

    Tape<double> tape;
    const auto gradients = tape.gradient(model.loss(inputs, targets, Variable<double>(state)).y);
    for (const auto& [path, hand] : handwritten::word_model_gradient(p.values(), inputs, targets, state))
      CHECK(relative_error(hand, gradients[p[path]]) <= 1e-14);
  }
}
