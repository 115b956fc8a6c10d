// What an audit accepts, refuses and reports, on small networks whose gradients are written by hand here.
// Mistakes planted in an LSTM are in audit/test_planted.cpp, published programs in models/test_audits.cpp.
#include <xgrad/autograd/audit.hpp>

#include <cmath>
#include <limits>
#include <sstream>

#include <doctest/doctest.h>

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/tape.hpp>

#include "autograd/checks/audit/lstm_by_hand.hpp"
#include "autograd/errors.hpp"

using namespace xgrad;
using lstm::Plant;
using testing::contains;
using testing::message_of;

namespace {

// L = mean (x W + b - t)^2
constexpr auto regression = [](auto p) {
  const auto W = p.weight("W", {3, 2}), b = p.weight("b", {2}, uniform(-1, 1)), x = p.input("x", {4, 3});
  return mean(square(affine({x, W}, b) - p.constant(lstm::data({4, 2}, 1))));
};
Values regression_gradient(const Values& w) {
  using handwritten::product, handwritten::transposed;
  const auto dy = (product(w.at("x"), w.at("W")) + w.at("b") - lstm::data({4, 2}, 1)) * (2.0 / 8);
  return {{"W", product(transposed(w.at("x")), dy)},
          {"b", lstm::column_sum(dy)},
          {"x", product(dy, transposed(w.at("W")))}};
}

// A gradient by the tape: right whatever the forward pass is.
template <class F>
auto by_tape(F forward) {
  return [forward](const Values& w) {
    const Parameters<double> p(w);
    Tape<double> tape;
    const auto loss = forward(p);
    const auto gradients = tape.gradient(loss);
    Values result;
    for (const auto& x : p.list()) result.emplace(x.parameter()->path, gradients[x]);
    return result;
  };
}

Values rounded_to_float(Values values) {
  for (auto& [path, x] : values) x = x.cast<float>().cast<double>();
  return values;
}

}  // namespace

TEST_CASE("audit: right gradients have a clean bill") {
  const auto report = audit(regression, regression_gradient);
  INFO(to_string(report));
  CHECK(report.right());
  CHECK(report.findings.empty());
  REQUIRE(report.rows.size() == 3);
  CHECK(report.rows[0].path == "W");
  CHECK(report["x"].verdict == AuditVerdict::right);
  CHECK(report["x"].error < 1e-15);
  CHECK(report["x"].cosine == doctest::Approx(1));
  CHECK(report.ops == 4);
  CHECK(contains(to_string(report), "audit: right, beside a forward pass of 4 ops proved one by one"));
  CHECK(contains(message_of([&] { (void)report["y"]; }), "[audit] the report has no row 'y'"));
}

TEST_CASE("audit: what is not given is reported, and no mistake") {
  const auto report = audit(regression, [](const Values& w) {
    auto g = regression_gradient(w);
    g.erase("x");
    return g;
  });
  CHECK(report.right());
  CHECK(report["x"].verdict == AuditVerdict::not_given);
  CHECK(contains(to_string(report), "not given"));
}

TEST_CASE("audit: what is refused, and with which words") {
  const auto refused = [](auto change) {
    return message_of([&] {
      audit(regression, [&](const Values& w) {
        auto g = regression_gradient(w);
        change(g);
        return g;
      });
    });
  };
  CHECK(refused([](Values& g) { g["V"] = g["W"]; }) ==
        "[audit] the hand-written gradient has a 'V'; the forward pass declares 'W', 'b', 'x'");
  CHECK(refused([](Values& g) {
          g["b"] = g["b"].reshaped({2, 1});
        }) == "[audit] the hand-written gradient of 'b' has shape (2, 1), expected (2,)");
  CHECK(refused([](Values& g) { g.clear(); }) ==
        "[audit] the hand-written gradient is empty; expected any of 'W', 'b', 'x'");
  CHECK(contains(refused([calls = 0](Values& g) mutable { g["b"] = g["b"] * (1 + 1e-12 * ++calls); }),
                 "[audit] the hand-written gradient is not repeatable: 'b' differs"));
  const auto wrong_term = [](const Values& w) {
    return WrittenGradient{regression_gradient(w), {{"b", {Array<double>::zeros({3})}}}};
  };
  CHECK(message_of([&] { audit(regression, wrong_term); }) ==
        "[audit] step 0's term of 'b' has shape (3,), expected (2,)");
  CHECK(
      contains(message_of([] { audit([](auto p) { return p.weight("W", {3}) * 2; }, regression_gradient); }),
               "[audit] the forward pass must return one number, the loss; it returned shape (3,)"));
}

TEST_CASE("audit: a forward pass that is itself wrong is refused") {
  const auto forward = [](auto p) {
    const auto W = p.weight("W", {3});
    using T = typename std::decay_t<decltype(W)>::value_type;
    return sum(record("my_square", W.value() * W.value(),
                      wrt(W, [x = W.value()](const Array<T>& dy) -> Array<T> { return dy * x; })));
  };
  const auto text = message_of([&] {
    audit(forward, [](const Values& w) { return Values{{"W", 2 * w.at("W")}}; });
  });
  CHECK(contains(text, "[audit] the forward pass itself is not right"));
  CHECK(contains(text, "my_square"));
}

TEST_CASE("audit: numbers that are not finite") {
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    const auto report = audit(regression, [bad](const Values& w) {
      auto g = regression_gradient(w);
      g["W"].mutable_data()[3] = bad;
      g["b"] = -g["b"];
      return g;
    });
    INFO(to_string(report));
    CHECK_FALSE(report.right());
    CHECK(report["W"].verdict == AuditVerdict::not_finite);
    CHECK(report["W"].index == 3);
    REQUIRE(report.findings.size() == 2);  // it does not hide the other
    CHECK(report.findings[0].defect == AuditDefect::not_finite);
    CHECK(report.findings[0].paths == std::vector<std::string>{"W"});
    CHECK(report.findings[1].defect == AuditDefect::sign);
    CHECK(contains(to_string(report), "at (1, 1)"));
  }
}

TEST_CASE("audit: code that adds what it computes returns minus the gradient") {
  const auto minus = [](const Values& w) {
    auto g = regression_gradient(w);
    for (auto& [path, x] : g) x = -x;
    return g;
  };
  CHECK(audit(regression, minus, {.negated = true}).right());
  const auto report = audit(regression, minus);
  REQUIRE(report.findings.size() == 1);
  CHECK(report.findings[0].defect == AuditDefect::sign);
  CHECK(report.findings[0].paths.size() == 3);
}

TEST_CASE("audit: code in float, at its tolerance") {
  const auto in_float = [](Plant plant) {
    return [plant](const Values& w) { return rounded_to_float(lstm::backward(rounded_to_float(w), plant)); };
  };
  CHECK_FALSE(audit(lstm::forward, in_float(Plant::nothing)).right());
  GradcheckValues values;
  values.by_path = [] {
    Parameters<double> p(0);
    lstm::forward(p);
    return rounded_to_float(p.values());
  }();
  CHECK(audit(lstm::forward, in_float(Plant::nothing), {.values = values, .tolerance = 1e-6}).right());
  const auto report =
      audit(lstm::forward, in_float(Plant::tanh_c_activated), {.values = values, .tolerance = 1e-6});
  INFO(to_string(report));
  REQUIRE(report.findings.size() == 1);
  CHECK(report.findings[0].defect == AuditDefect::activated_slope);
}

TEST_CASE("audit: one element off by one part in a million is found, for any network, and nothing else") {
  struct Model {
    const char* name;
    std::function<AuditReport(const detail::Backward&, std::uint32_t)> audited;
    std::function<Values(const Values&)> right;
  };
  const auto model = [](const char* name, auto forward) {
    return Model{name,
                 [forward](const detail::Backward& backward, std::uint32_t seed) {
                   return audit(forward, backward, {.seed = seed});
                 },
                 by_tape(forward)};
  };
  const auto deep = [](auto p) {
    const auto x = p.input("x", {5, 3}), W = p.weight("W", {3, 4}), V = p.weight("V", {4, 6});
    return softmax_cross_entropy(matmul(tanh(matmul(x, W)), V), Ids{0, 5, 2, 3, 3});
  };
  Random random(7);
  for (const Model& each :
       {model("regression", regression), model("classifier", deep), model("LSTM", lstm::forward_at_once)}) {
    CAPTURE(each.name);
    for (std::uint32_t trial = 0; trial < 40; ++trial) {
      CAPTURE(trial);
      CHECK(each.audited([&](const Values& w) { return WrittenGradient{each.right(w)}; }, trial).right());
      const double which = random.uniform(), where = random.uniform(), sign = random.uniform() < 0.5 ? -1 : 1;
      std::string moved;
      std::size_t index = 0;
      const auto report = each.audited(
          [&](const Values& w) {
            auto g = each.right(w);
            auto it =
                std::next(g.begin(), static_cast<std::ptrdiff_t>(which * static_cast<double>(g.size())));
            moved = it->first;
            index = static_cast<std::size_t>(where * static_cast<double>(it->second.size()));
            it->second.mutable_data()[index] *= 1 + sign * 1e-6;
            return WrittenGradient{g};
          },
          trial);
      for (const AuditRow& row : report.rows) {
        CAPTURE(row.path);
        CHECK((row.verdict == AuditVerdict::wrong) == (row.path == moved));
      }
      CHECK(report[moved].index == index);
      REQUIRE(report.findings.size() == 1);
      CHECK((report.findings[0].defect == AuditDefect::few_elements || report[moved].shape.size() < 4));
    }
  }
}

TEST_CASE("audit: a wrong signal that no hypothesis makes is known from what it has in common") {
  // One random signal, multiplied rightly into all three gradients: 4 + 3 + 1 rows of equations, 2 x 2
  // unknowns a column.
  const auto forward = [](auto p) {
    const auto Wx = p.weight("Wx", {3, 4}), Wh = p.weight("Wh", {4, 4}), b = p.bias("b", {4});
    const auto xs = p.constant(lstm::data({2, 1, 3}, 2));
    auto h = p.constant(lstm::data({1, 4}, 5));
    for (std::size_t t = 0; t < 2; ++t) {
      const TimeStep now(t);
      h = tanh(affine({select(xs, static_cast<std::ptrdiff_t>(t)), Wx}, {h, Wh}, b));
    }
    return sum(square(h - 1));
  };
  const auto hand = [](bool common) {
    return [common](const Values& w) {
      using handwritten::product, handwritten::transposed;
      const auto xs = lstm::data({2, 1, 3}, 2);
      auto h = lstm::data({1, 4}, 5);
      Values g = {{"Wx", Array<double>::zeros({3, 4})},
                  {"Wh", Array<double>::zeros({4, 4})},
                  {"b", Array<double>::zeros({4})}};
      for (std::size_t t = 0; t < 2; ++t) {
        const auto d = lstm::data({1, 4}, 9 + static_cast<double>(t));
        g["Wx"] = g["Wx"] + product(transposed(xs.row(t)), d);
        g["Wh"] = g["Wh"] + product(transposed(h), common ? d : d * d);
        g["b"] = g["b"] + d.reshaped({4});
        const auto z = product(xs.row(t), w.at("Wx")) + product(h, w.at("Wh")) + w.at("b");
        h = handwritten::map(z, [](double v) { return std::tanh(v); });
      }
      return g;
    };
  };
  const auto report = audit(forward, hand(true));
  INFO(to_string(report));
  REQUIRE(report.findings.size() == 1);
  CHECK(report.findings[0].defect == AuditDefect::upstream_signal);
  CHECK(report.findings[0].paths.size() == 3);
  CHECK_FALSE(report.findings[0].reproduced);

  const auto nothing = audit(forward, hand(false));
  INFO(to_string(nothing));
  CHECK(nothing.findings.back().defect == AuditDefect::unknown);
  CHECK_FALSE(nothing.right());
}

TEST_CASE("audit: the squared error's gradient where the loss is a cross entropy, and the reverse") {
  const auto logits = [](auto p) {
    const auto x = p.constant(lstm::data({5, 3}, 4));
    return affine({x, p.weight("W", {3, 4})}, p.bias("b", {4}));
  };
  const Ids targets{0, 1, 2, 3, 1};
  const auto softmax_loss = [&](auto p) { return softmax_cross_entropy(logits(p), targets, Reduction::sum); };
  const auto squared_softmax = [&](auto p) {
    using T = typename std::decay_t<decltype(logits(p))>::value_type;
    return 0.5 * squared_error(softmax(logits(p)), one_hot<T>(targets, 4), Reduction::sum);
  };
  const auto t = [](auto p) { return p.constant(0.5 + 0.5 * lstm::data({5, 4}, 8)); };
  const auto binary = [&](auto p) {
    return binary_cross_entropy_with_logits(logits(p), t(p), Reduction::sum);
  };
  const auto squared = [&](auto p) { return 0.5 * squared_error(sigmoid(logits(p)), t(p), Reduction::sum); };

  const auto check = [](const AuditReport& report, AuditDefect defect, const char* text) {
    INFO(to_string(report));
    REQUIRE(report.findings.size() == 1);
    CHECK(report.findings[0].defect == defect);
    CHECK(contains(report.findings[0].text, text));
    CHECK(report.findings[0].paths.size() == 2);
  };
  check(audit(softmax_loss, by_tape(squared_softmax)), AuditDefect::other_loss, "that of the squared error");
  check(audit(binary, by_tape(squared)), AuditDefect::other_loss, "gradient of the squared error");
  check(audit(squared, by_tape(binary)), AuditDefect::missing_slope, "the gradient of the cross entropy");
  const auto other = audit(squared, by_tape(binary), {.others = {{"the binary cross entropy", binary}}});
  CHECK(other["W"].remark == "is the gradient of 'the binary cross entropy'");
  check(audit([&](auto p) { return softmax_cross_entropy(logits(p), targets); }, by_tape(softmax_loss)),
        AuditDefect::factor, "times 5, the number of targets: a sum where there is a mean");
}

TEST_CASE("audit: per-step terms say from which step on they are wrong") {
  // s_t = tanh(x_t U + s_{t-1} W), L = sum of all s; one term of U is wrong.
  const auto forward = [](auto p) {
    const auto U = p.weight("U", {2, 3}), W = p.weight("W", {3, 3});
    auto s = p.constant(Array<double>::zeros({1, 3}));
    auto loss = sum(s);
    for (std::size_t t = 0; t < 4; ++t) {
      const TimeStep now(t);
      s = tanh(matmul(p.constant(lstm::data({1, 2}, static_cast<double>(t))), U) + matmul(s, W));
      loss = loss + sum(s);
    }
    return loss;
  };
  const auto hand = [](int wrong_step) {
    return [wrong_step](const Values& w) {
      using handwritten::product, handwritten::transposed;
      std::vector<Array<double>> s = {Array<double>::zeros({1, 3})}, x;
      for (std::size_t t = 0; t < 4; ++t) {
        x.push_back(lstm::data({1, 2}, static_cast<double>(t)));
        s.push_back(handwritten::map(product(x[t], w.at("U")) + product(s[t], w.at("W")),
                                     [](double v) { return std::tanh(v); }));
      }
      WrittenGradient g;
      g.steps["U"].resize(4);
      g.steps["W"].resize(4);
      auto carried = Array<double>::zeros({1, 3});
      for (std::size_t t = 4; t-- > 0;) {
        const auto delta = (1 - s[t + 1] * s[t + 1]) * (1 + carried);
        g.steps["U"][t] = product(transposed(x[t]), delta) * (static_cast<int>(t) == wrong_step ? 3.0 : 1.0);
        g.steps["W"][t] = product(transposed(s[t]), delta);
        carried = product(delta, transposed(w.at("W")));
      }
      for (const char* path : {"U", "W"})
        g.total[path] = g.steps[path][0] + g.steps[path][1] + g.steps[path][2] + g.steps[path][3];
      return g;
    };
  };
  CHECK(audit(forward, hand(-1)).right());
  const auto report = audit(forward, hand(2));
  CHECK(report["U"].first_wrong_step == 2);
  CHECK_FALSE(report["W"].first_wrong_step.has_value());
  CHECK(contains(to_string(report), "(from step 2 down)"));
}

TEST_CASE("audit: the report prints itself") {
  const auto report = audit(regression, [](const Values& w) {
    auto g = regression_gradient(w);
    g["W"] = g["W"] * 8;
    return g;
  });
  std::ostringstream out;
  out << report;
  CHECK(out.str() == to_string(report));
  CHECK(contains(out.str(),
                 "gradient       error   cosine      ratio\nW                  7   1.0000          8  "));
  CHECK(contains(out.str(), "  wrong: constant factor\n"));
  CHECK(
      contains(out.str(), "audit: 1 mistake, in the order of repair\n  1. constant factor, in 'W': times 8"));
}
