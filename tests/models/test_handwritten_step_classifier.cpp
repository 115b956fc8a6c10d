// Step classifier's hand-written gradient is what its page computes and prints, and becomes right as its
// mistakes are repaired one after another: each error beside the true gradient is the one that an independent
// program found, to the digits it printed.
#include "models/handwritten.hpp"

#include <algorithm>
#include <cctype>

#include <xgrad/models/step_classifier.hpp>

#include "models/handwritten_errors.hpp"

using namespace xgrad;
using handwritten::check_row;
using handwritten::descend;
using handwritten::Reads;
using handwritten::relative_error;
using handwritten::true_gradient;

namespace {

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(c));
  return text;
}

const std::vector<std::string> paths = {"Wx", "Wh", "bh", "Wy", "by"};

Values step_classifier_values(const golden::File& file, const std::string& prefix) {
  Values values;
  for (const auto& path : paths) values.emplace(path, file[prefix + lower(path)]);
  return values;
}

template <class T>
StepClassifier<T> step_classifier(const Parameters<T>& p, Reads reads) {
  using Variant = typename StepClassifier<T>::Variant;
  return StepClassifier<T>(p, reads == Reads::hidden ? Variant::h : Variant::a);
}

Values step_classifier_truth(const Values& values, Reads reads) {
  const auto loss = [=](const auto& p) {
    const auto network = step_classifier(p, reads);
    return network.loss(network.inputs(), network.targets());
  };
  return true_gradient(loss, values);
}

// The cross entropy of each step.
std::vector<double> step_classifier_losses(const Values& values) {
  const Parameters<double> p(values);
  const StepClassifier network(p);
  const auto logits = squeeze(network.forward(network.inputs()).logits, -1);
  const auto losses = softmax_cross_entropy(logits, network.targets(), Reduction::none).value();
  return {losses.begin(), losses.end()};
}

// To two decimals.
std::string median(std::vector<double> numbers) {
  std::sort(numbers.begin(), numbers.end());
  const std::size_t half = numbers.size() / 2;
  return fmt::format("{:.2f}", (numbers[half - 1] + numbers[half]) / 2);
}

}  // namespace

TEST_CASE("reference network step_classifier: the page's gradient, repaired one mistake after another") {
  const golden::File file("step_classifier.json");
  const Values values = step_classifier_values(file, "init_");
  for (const auto& path : paths)
    CHECK(checks::distance(handwritten::step_classifier_gradient(values, 0).at(path),
                           file["hand_grad_" + lower(path)]) <= 1e-12);

  const auto check = [&](Reads reads, int repaired, const char* row, const std::vector<std::string>& cells) {
    check_row(row, handwritten::step_classifier_gradient(values, repaired, reads),
              step_classifier_truth(values, reads), "Wx Wh bh Wy by", cells);
  };
  const auto a = Reads::preactivation, h = Reads::hidden;
  check(a, 0, "a, as printed", {"2.573", "1.000", "3.774", "0.6217", "1.691"});
  check(a, 1, "a + own cell and target per step", {"1.260", "0.9082", "1.073", "1.217", "2.000"});
  check(a, 2, "a + sign", {"1.260", "0.9082", "1.073", "0.7870", "right"});
  check(a, 3, "a + output error instead of by", {"0.9627", "0.9962", "1.130", "0.7870", "right"});
  check(a, 4, "a + match the forward", {"0.2037", "0.002803", "0.3910", "right", "right"});
  check(a, 5, "a + flow through time", {"right", "right", "right", "right", "right"});
  check(h, 0, "h, as printed", {"24.59", "1.000", "26.28", "3.173", "4.133"});
  check(h, 1, "h + own cell and target per step", {"8.610", "15.04", "10.52", "2.000", "2.000"});
  check(h, 2, "h + sign", {"8.610", "15.04", "10.52", "right", "right"});
  check(h, 3, "h + output error instead of by", {"0.02621", "0.003545", "0.02772", "right", "right"});
  check(h, 4, "h + match the forward, which it does", {"0.02621", "0.003545", "0.02772", "right", "right"});
  check(h, 5, "h + flow through time", {"right", "right", "right", "right", "right"});

  // That the page's loss falls at this start is an accident: these two happen to point the right way.
  const Values hand = handwritten::step_classifier_gradient(values, 0),
               truth = step_classifier_truth(values, a);
  for (const char* path : {"Wy", "by"})
    CHECK(handwritten::cosine(hand.at(path), truth.at(path)) == doctest::Approx(0.92).epsilon(0.005));
}

TEST_CASE(
    "reference network step_classifier: what the page prints after pass 20, from what it prints after pass "
    "10") {
  const golden::File file("step_classifier.json");
  Values values = step_classifier_values(file, "page_epoch10_");
  const Values before = values;
  for (int pass = 0; pass < 10; ++pass)
    descend(values, handwritten::step_classifier_gradient(values, 0), 0.001);
  for (const auto& path : paths) {
    CAPTURE(path);
    CHECK(checks::distance(values.at(path), file["page_epoch20_recomputed_" + lower(path)]) <= 1e-14);
  }
  CHECK(fmt::format("{:.7f}", values.at("Wy").data()[2]) == "0.9154887");  // the page breaks off at 0.91548
  // As the printout shows: Wh stands still, of Wx only the first column moves, and bh by just as much.
  CHECK(checks::identical(values.at("Wh"), before.at("Wh")));
  for (std::size_t i = 0; i < 12; ++i)
    if (i % 4 != 0) CHECK(values.at("Wx").data()[i] == before.at("Wx").data()[i]);
  for (std::size_t i = 0; i < 3; ++i)
    CHECK(values.at("Wx").data()[4 * i] - before.at("Wx").data()[4 * i] ==
          doctest::Approx(values.at("bh").data()[i] - before.at("bh").data()[i]).epsilon(1e-12));
}

TEST_CASE("reference network step_classifier: a hundred of the page's own updates") {
  const golden::File file("step_classifier.json");
  Values values = step_classifier_values(file, "init_");
  for (std::size_t pass = 0; pass <= 100; ++pass) {
    const auto losses = step_classifier_losses(values);
    for (std::size_t t = 0; t < 3; ++t)
      CHECK(golden::error(losses[t], file["curve_printed_updates_per_step"].data()[3 * pass + t]) <= 1e-12);
    CHECK(golden::error(losses[0] + losses[1] + losses[2], file["curve_printed_updates"].data()[pass]) <=
          1e-12);
    if (pass < 100) descend(values, handwritten::step_classifier_gradient(values, 0), 0.001);
  }
  for (const auto& path : paths)
    CHECK(checks::distance(values.at(path), file["final_printed_updates_" + lower(path)]) <= 1e-12);
}

TEST_CASE("reference network step_classifier: the page's gradient at a thousand other starts") {
  std::map<std::string, std::vector<double>> errors, cosines;
  for (std::uint32_t seed = 1000; seed < 2000; ++seed) {
    const Parameters<double> p(seed);
    const StepClassifier network(p);
    const Values hand = handwritten::step_classifier_gradient(p.values(), 0),
                 truth = step_classifier_truth(p.values(), Reads::preactivation);
    for (const auto& path : paths) {
      errors[path].push_back(relative_error(hand.at(path), truth.at(path)));
      if (path != "Wh") cosines[path].push_back(handwritten::cosine(hand.at(path), truth.at(path)));
    }
    CHECK(golden::norm(hand.at("Wh")) == 0);
  }
  CHECK(std::count_if(cosines["by"].begin(), cosines["by"].end(), [](double x) { return x > 0; }) == 241);
  CHECK(median(errors["Wx"]) == "2.55");
  CHECK(median(errors["Wh"]) == "1.00");
  CHECK(median(errors["bh"]) == "2.62");
  CHECK(median(errors["Wy"]) == "1.22");
  CHECK(median(errors["by"]) == "2.64");
  CHECK(median(cosines["Wx"]) == "0.20");
  CHECK(median(cosines["Wy"]) == "-0.11");
  CHECK(median(cosines["by"]) == "-0.53");
}

TEST_CASE("reference network step_classifier: two hundred trainings by the page's own updates") {
  int first_step_worse = 0, all_worse = 0;
  for (std::uint32_t seed = 1000; seed < 1200; ++seed) {
    const Parameters<double> p(seed);
    const StepClassifier network(p);
    Values values = p.values();
    const auto first = step_classifier_losses(values);
    for (int pass = 0; pass < 100; ++pass)
      descend(values, handwritten::step_classifier_gradient(values, 0), 0.001);
    const auto last = step_classifier_losses(values);
    first_step_worse += last[0] > first[0];
    all_worse += last[0] + last[1] + last[2] > first[0] + first[1] + first[2];
  }
  CHECK(first_step_worse == 195);
  CHECK(all_worse == 121);
}
