// What gradcheck says of faults: it must catch each that changes a gradient, name op and argument, and tell
// what kind of mistake it is. The matrix of kinds and families is printed and stands in docs/proof.md, which
// says how to print it anew.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <map>

#include <fmt/format.h>

#include "autograd/errors.hpp"
#include "documented.hpp"
#include "fault.hpp"

using namespace xgrad;
using namespace xgrad::faults;

namespace {

const std::vector<Subject>& subjects() {
  static const std::vector<Subject> all = [] {
    std::vector<Subject> result = corrupted_rows();
    for (Subject& subject : wrong_formulas()) result.push_back(std::move(subject));
    result.push_back(faults_over_time());
    return result;
  }();
  return all;
}

// A subject for gradcheck, with a fault or, if there is none, as it is.
struct Version {
  const Subject& subject;
  const Fault* fault;
  Variable<double> operator()(const Parameters<double>& p) const { return subject.f(p, fault); }
  Variable<Complex> operator()(const Parameters<Complex>& p) const { return subject.f(p, fault); }
};
struct DoubleVersion {
  Version version;
  Variable<double> operator()(const Parameters<double>& p) const { return version(p); }
};

// Of the function times a random cotangent.
Values gradient(const Version& f) {
  Tape<double> tape;
  const Parameters<double> p(0);
  const auto y = f(p);
  Random random(1);
  const auto gradients = tape.gradient(y, {.seed = random_direction(y.shape(), random), .unreached = zeros});
  Values result;
  for (const auto& x : p.list()) result.emplace(x.parameter()->path, gradients[x]);
  return result;
}

// True if they differ by more than rounding.
bool differ(const Values& a, const Values& b) {
  double size = 0, difference = 0;
  for (const auto& [path, g] : a)
    for (std::size_t i = 0; i < g.size(); ++i) {
      const double x = g.data()[i], y = b.at(path).data()[i];
      if (!std::isfinite(x - y)) return true;
      size = std::max({size, std::abs(x), std::abs(y)});
      difference = std::max(difference, std::abs(x - y));
    }
  return difference > 1e-12 * size;
}

// The faults that change the gradient of their subject, and how many others there are of each mistake. Under
// a sanitizer, where a check takes thirty times as long, every fourth.
struct Planting {
  std::vector<std::pair<const Subject*, const Fault*>> faults;
  std::map<Mistake, int> without_effect;
  int count_without_effect = 0;

  Planting() {
    std::size_t count = 0;
    for (const Subject& subject : subjects()) {
      std::optional<Values> right;
      for (const Fault& fault : subject.faults) {
        if (xgrad::testing::any_sanitizer && count++ % 4 != 0) continue;
        if (!right) right = gradient({subject, nullptr});
        if (differ(gradient({subject, &fault}), *right)) {
          faults.emplace_back(&subject, &fault);
        } else {
          ++without_effect[fault.mistake];
          ++count_without_effect;
        }
      }
    }
  }
};
const Planting& planting() {
  static const Planting all;
  return all;
}

// Calls action(subject, fault) for every nth fault that changes a gradient.
template <class Action>
void for_each_fault(std::size_t n, Action action) {
  const auto& faults = planting().faults;
  for (std::size_t k = 0; k < faults.size(); k += n) {
    INFO(faults[k].first->text);
    CAPTURE(faults[k].second->what);
    action(*faults[k].first, *faults[k].second);
  }
}

// What a report says of a fault.
struct Verdict {
  bool op_named, argument_named, kind_right;

  Verdict(const Fault& fault, const GradcheckReport& report) {
    const auto all = [&](auto holds) {
      return !report && std::all_of(report.failures.begin(), report.failures.end(), holds);
    };
    op_named = all([&](const GradcheckFailure& failure) {
      return failure.op == fault.op && (!fault.time_step || failure.time_step == fault.time_step);
    });
    argument_named = op_named && all([&](const GradcheckFailure& failure) {
                       return failure.argument == fault.argument && failure.path == fault.path;
                     });
    kind_right = all([&](const GradcheckFailure& failure) {
      return std::count(fault.defects.begin(), fault.defects.end(), failure.diagnosis.defect) > 0;
    });
  }
};

// Counts, printed as the matrix and what is said below it.
class Matrix {
 public:
  void add(const std::string& family, const Fault& fault, const GradcheckReport& report) {
    const Verdict verdict(fault, report);
    ++planted;
    ++cells_[{fault.mistake, family}];
    caught += report ? 0 : 1;
    op_named += verdict.op_named ? 1 : 0;
    argument_named += verdict.argument_named ? 1 : 0;
    kind_right += verdict.kind_right ? 1 : 0;
    if (!verdict.kind_right && !report)
      ++others_[{fault.mistake, to_string(report.failures[0].diagnosis.defect)}];
  }

  std::string text() const {
    std::vector<std::string> columns;
    for (const Family& family : families()) columns.emplace_back(family.name);
    columns.emplace_back("time");
    std::string table = fmt::format("{:26}", "faults");
    for (const auto& column : columns) table += fmt::format("{:>{}}", column, column.size() + 2);
    table += "  no effect";
    for (const Kind& kind : kinds) {
      table += fmt::format("\n{:26}", kind.name);
      const auto add = [&](const auto& counts, const auto& key, std::size_t width) {
        const auto count = counts.find(key);
        table += fmt::format("{:>{}}", count == counts.end() ? "." : std::to_string(count->second), width);
      };
      for (const auto& column : columns) add(cells_, std::pair(kind.mistake, column), column.size() + 2);
      add(planting().without_effect, kind.mistake, 11);
    }
    table += fmt::format(
        "\n\nfaults that change a gradient {}, caught {}, op named {}, argument named {}, kind right {}\n"
        "faults that change none {}\nnot told by their kind:",
        planted, caught, op_named, argument_named, kind_right, planting().count_without_effect);
    for (const Kind& kind : kinds)
      for (const auto& [key, count] : others_)
        if (key.first == kind.mistake) table += fmt::format("\n  {:2} {}: {}", count, kind.name, key.second);
    return table;
  }

  int planted = 0, caught = 0, op_named = 0, argument_named = 0, kind_right = 0;

 private:
  std::map<std::pair<Mistake, std::string>, int> cells_, others_;
};

}  // namespace

TEST_CASE("faults: every row of the registry has some, and none is planted twice") {
  std::set<std::string> ops, texts;
  for (const Subject& subject : subjects())
    for (const Fault& fault : subject.faults) {
      ops.insert(fault.op);
      CHECK_MESSAGE(texts.insert(subject.text + fault.what).second, fault.what);
    }
  for (const auto& row : registry::ops())
    CHECK_MESSAGE(ops.contains(row.name) != (row.name == "one_hot"), row.name);  // it has no argument
}

TEST_CASE("faults: without them each function passes") {
  for (const Subject& subject : subjects()) {
    const auto report = gradcheck(Version{subject, nullptr});
    CHECK_MESSAGE(report, report);
    CHECK(report.kinks.empty());
    CHECK(report.saturated == 0);
  }
}

TEST_CASE("faults: each is caught, with its op and argument, and told by its kind") {
  Matrix matrix;
  for_each_fault(1, [&](const Subject& subject, const Fault& fault) {
    const auto report = gradcheck(Version{subject, &fault});
    CHECK_FALSE(report);
    CHECK_MESSAGE(Verdict(fault, report).argument_named, report);
    matrix.add(subject.family, fault, report);
  });
  std::cout << "\n" << matrix.text() << "\n\n";
  CHECK(100 * matrix.kind_right >= 97 * matrix.planted);
  if (xgrad::testing::any_sanitizer) return;
  CHECK(matrix.planted >= 1000);
  check_documented("fault matrix", matrix.text());
}

TEST_CASE("faults: the report that docs/proof.md explains") {
  const Subject& subject = subjects().back();
  const auto shifts = [](const Fault& fault) {
    return fault.what == "unrolled select, argument 0: dx one step off";
  };
  const auto fault = std::find_if(subject.faults.begin(), subject.faults.end(), shifts);
  REQUIRE(fault != subject.faults.end());
  check_documented("report", to_string(gradcheck(Version{subject, &*fault})));
}

TEST_CASE("faults: the exhaustive check says the same") {
  for_each_fault(40, [](const Subject& subject, const Fault& fault) {
    const auto report = gradcheck(Version{subject, &fault}, {.exhaustive = true});
    CHECK_MESSAGE(Verdict(fault, report).argument_named, report);
    CHECK(report.compared > 0);
  });
}

TEST_CASE("faults: central differences catch them in the whole function, and name the parameter") {
  for_each_fault(40, [](const Subject& subject, const Fault& fault) {
    const auto right = gradcheck(DoubleVersion{{subject, nullptr}});
    CHECK_MESSAGE(right, right);
    const auto report = gradcheck(DoubleVersion{{subject, &fault}});
    CHECK_FALSE(report);
    for (const auto& failure : report.failures) {
      CHECK(failure.op.empty());
      if (subject.text != "unrolled") CHECK_MESSAGE(failure.path == fault.path, report);
    }
  });
}
