// The backward passes of the reference networks, as their pages printed them, right or wrong, and repaired
// one mistake after another: at each stage the audit's first finding is the mistake that the next repair
// removes.
#include <xgrad/autograd/audit.hpp>

#include <xgrad/models/column_rnn.hpp>
#include <xgrad/models/ones_counter.hpp>
#include <xgrad/models/rnnlm.hpp>
#include <xgrad/models/sigmoid_outputs.hpp>
#include <xgrad/models/step_classifier.hpp>
#include <xgrad/training/windows.hpp>

#include "models/handwritten_errors.hpp"

using namespace xgrad;

namespace {

Values prefixed(const golden::File& file, const std::string& prefix,
                std::initializer_list<const char*> paths) {
  Values values;
  for (const std::string path : paths) values.emplace(path, file[prefix + path]);
  return values;
}

GradcheckValues at(const Values& values) {
  GradcheckValues result;
  result.by_path = values;
  return result;
}

void check_right(const AuditReport& report) {
  INFO(to_string(report));
  CHECK(report.right());
  CHECK(report.findings.empty());
  for (const AuditRow& row : report.rows)
    if (row.verdict != AuditVerdict::not_given) CHECK(row.verdict == AuditVerdict::right);
}

void check_first(const AuditReport& report, AuditDefect defect) {
  INFO(to_string(report));
  REQUIRE_FALSE(report.findings.empty());
  CHECK(to_string(report.findings.front().defect) == to_string(defect));
  CHECK_FALSE(report.right());
}

}  // namespace

TEST_CASE("audit of reference network step_classifier: each stage names what the next repair removes") {
  const golden::File file("step_classifier.json");
  const Values values = {{"Wx", file["init_wx"]},
                         {"Wh", file["init_wh"]},
                         {"bh", file["init_bh"]},
                         {"Wy", file["init_wy"]},
                         {"by", file["init_by"]}};
  const auto audited = [&](int repaired) {
    return audit(
        [](const auto& p) {
          const StepClassifier network(p);
          return network.loss(network.inputs(), network.targets());
        },
        [repaired](const Values& w) {
          return WrittenGradient{handwritten::step_classifier_gradient(w, repaired),
                                 handwritten::step_classifier_terms(w, repaired)};
        },
        {.values = at(values)});
  };
  check_first(audited(0), AuditDefect::repeated_step);
  check_first(audited(1), AuditDefect::sign);
  check_first(audited(2), AuditDefect::upstream_signal);
  check_first(audited(3), AuditDefect::other_forward);
  check_first(audited(4), AuditDefect::missing_flow);
  check_right(audited(5));
}

TEST_CASE("audit of reference network sigmoid_outputs: each stage names what the next repair removes") {
  const golden::File file("sigmoid_outputs.json");
  for (const std::string name : {"nobias", "bias"}) {
    CAPTURE(name);
    const bool bias = name == "bias";
    const Values values = bias ? prefixed(file, name + "_init_", {"U", "W", "V", "b", "c"})
                               : prefixed(file, name + "_init_", {"U", "W", "V"});
    const auto &inputs = file[name + "_inputs"], &targets = file[name + "_targets"];
    const auto network = [bias]<class T>(const Parameters<T>& p) {
      using Biases = typename SigmoidOutputs<T>::Biases;
      return SigmoidOutputs<T>(p, bias ? Biases::with : Biases::without);
    };
    const auto audited = [&](int repaired) {
      return audit(
          [&](const auto& p) { return network(p).squared_loss(p.constant(inputs), p.constant(targets)); },
          [&](const Values& w) {
            Values all = w;
            all.emplace("inputs", inputs);
            all.emplace("targets", targets);
            auto g = handwritten::sigmoid_outputs_gradient(all, repaired);
            for (auto& [path, numbers] : g) numbers = -numbers;  // as the page has it
            return g;
          },
          {.values = at(values), .negated = true, .others = {{"the cross entropy", [&](const auto& p) {
                                                                return network(p).cross_entropy(
                                                                    p.constant(inputs), p.constant(targets));
                                                              }}}});
    };
    const auto printed = audited(0);
    check_first(printed, AuditDefect::missing_slope);
    CHECK(printed.findings.front().text.find("gradient of the cross entropy") != std::string::npos);
    CHECK(printed["V"].remark == "is the gradient of 'the cross entropy'");
    if (bias) CHECK(printed["c"].remark == "is the gradient of 'the cross entropy'");
    check_first(audited(1), AuditDefect::activated_slope);
    check_first(audited(2), AuditDefect::missing_flow);
    check_right(audited(3));
  }
}

TEST_CASE("audit of reference networks ones_counter and column_rnn: right") {
  for (const auto& [wx, wRec] : {std::pair{1.2, 1.2}, {0.5, 0.8}, {-1.5, 2.0}, {0.3, -0.7}})
    check_right(audit(
        [](const auto& p) {
          const OnesCounter network(p);
          return network.loss(network.sequences(), network.targets());
        },
        [](const Values& w) { return handwritten::ones_counter_gradient(w); },
        {.values = at({{"wx", Array<double>(wx)}, {"wRec", Array<double>(wRec)}})}));

  const golden::File file("column_rnn.json");
  Values values = prefixed(file, "", {"x", "s0", "U", "W", "V", "ba", "by"});
  const auto ds = file["ds"];
  const auto linear = audit([&](const auto& p) { return ColumnRnn(p).linear_functional(p.constant(ds)); },
                            [&](const Values& w) {
                              Values all = w;
                              all.emplace("ds", ds);
                              auto terms = handwritten::column_rnn_terms(all);
                              terms.erase("s0");  // which the page drops
                              return WrittenGradient{handwritten::total(terms), terms};
                            },
                            {.values = at(values)});
  check_right(linear);
  CHECK(linear["s0"].verdict == AuditVerdict::not_given);
  CHECK(linear["x"].verdict == AuditVerdict::right);
  check_right(audit(
      [](const auto& p) {
        const ColumnRnn network(p);
        return network.cross_entropy(network.targets());
      },
      [](const Values& w) { return handwritten::column_rnn_cross_entropy_gradient(w); },
      {.values = at(values)}));
}

TEST_CASE("audit of reference network word_model: right") {
  const std::size_t V = 418, H = 100;
  const golden::File file("word_model.json");
  std::vector<std::int64_t> ids;
  for (const double id : file["ids"]) ids.push_back(static_cast<std::int64_t>(id));
  const auto window = ReferenceWindows(ids, 10, 5).next();
  Values values = {{"cell/b", Array<double>::zeros({H})}, {"affine/b", Array<double>::zeros({V})}};
  Random random(0);
  const auto draw = [&](const char* path, const Shape& shape, double scale) {
    std::vector<double> numbers(shape.size());
    for (double& w : numbers) w = random.normal() * scale;
    values.emplace(path, Array<double>(shape, numbers));
  };
  draw("embed/W", {V, H}, 0.01);
  draw("cell/Wx", {H, H}, 0.1);
  draw("cell/Wh", {H, H}, 0.1);
  draw("affine/W", {H, V}, 0.1);
  const auto state = checks::numbers<double>({10, H}, -0.5, 0.5, 3);
  const auto loss = [&](const auto& p) {
    const Rnnlm model(p, V, H, H);
    return model.loss(window.inputs, window.targets, p.constant(state)).y;
  };
  const auto hand = [&](const Values& w) {
    const auto terms = handwritten::word_model_terms(w, window.inputs, window.targets, state);
    return WrittenGradient{handwritten::total(terms), terms};
  };
  check_right(audit(loss, hand, {.values = at(values)}));
}
