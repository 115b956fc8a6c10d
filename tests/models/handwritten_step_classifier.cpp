// Step classifier's gradient by hand, and the sums that all of them end with; see handwritten.hpp.
#include <cmath>
#include <numeric>

#include <xgrad/models/step_classifier.hpp>

#include "models/handwritten.hpp"
#include "models/handwritten_products.hpp"

namespace handwritten {

Values total(const Terms& terms) {
  Values sums;
  for (const auto& [path, parts] : terms) {
    Array<double> sum = parts.front();
    for (std::size_t t = 1; t < parts.size(); ++t) sum = sum + parts[t];
    sums.emplace(path, sum);
  }
  return sums;
}

namespace {

struct Step {
  Matrix x, target, h_before, a, h, p;
};

std::vector<Step> forward(const Values& w, Reads reads) {
  const auto xs = xgrad::StepClassifier<double>::inputs().value();
  const auto targets = xgrad::StepClassifier<double>::targets();
  std::vector<Step> steps;
  Matrix h = Matrix::zeros({3, 1});
  for (std::size_t t = 0; t < targets.size(); ++t) {
    Step now{column(xs, t), one_hot_column(4, static_cast<std::size_t>(targets[t])), h, {}, {}, {}};
    now.a = product(w.at("Wx"), now.x) + product(w.at("Wh"), h) + w.at("bh");
    now.h = h = map(now.a, [](double a) { return std::tanh(a); });
    const auto z = product(w.at("Wy"), reads == Reads::hidden ? now.h : now.a) + w.at("by");
    const auto e = map(z, [](double x) { return std::exp(x); });
    now.p = e / std::accumulate(e.begin(), e.end(), 0.0);
    steps.push_back(now);
  }
  return steps;
}

}  // namespace

Terms step_classifier_terms(const Values& values, int repaired, Reads reads) {
  const auto steps = forward(values, reads);
  const auto Wy_T = transposed(values.at("Wy")), Wh_T = transposed(values.at("Wh"));
  Terms terms;
  for (const char* path : {"Wx", "Wh", "bh", "Wy", "by"}) terms[path].resize(steps.size());

  Matrix carried = Matrix::zeros({3, 1});  // Wh^T delta_{t+1}
  for (std::size_t t = steps.size(); t-- > 0;) {
    const Step& now = steps[repaired >= 1 ? t : 0];
    const Matrix error = repaired >= 2 ? now.p - now.target : now.target - now.p;
    const Matrix signal = product(Wy_T, repaired >= 3 ? error : values.at("by"));
    const Matrix slope = 1 - now.h * now.h;
    const bool as_forward = repaired >= 4 && reads == Reads::preactivation;
    Matrix delta = as_forward ? signal : slope * signal;
    if (repaired >= 5) delta = delta + slope * carried;

    terms["Wy"][t] = product(error, transposed(as_forward ? now.a : now.h));
    terms["by"][t] = error;
    terms["Wx"][t] = product(delta, transposed(now.x));
    terms["Wh"][t] = product(delta, transposed(now.h_before));
    terms["bh"][t] = delta;
    carried = product(Wh_T, delta);
  }
  return terms;
}

}  // namespace handwritten
