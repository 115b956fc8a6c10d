// Wrong copies of the library's ops, and what gradcheck says of them: it must catch all, name op and
// argument, and tell what kind of mistake it is. The matrix of kinds and families is printed and stands in
// docs/proof.md, which says how to print it anew.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <sstream>

#include <fmt/format.h>

#include "autograd/errors.hpp"
#include "fault.hpp"

using namespace xgrad;
using namespace xgrad::faults;
using namespace xgrad::testing;

namespace {

struct Family {
  const char* name;
  std::vector<Fault> faults;
};

std::vector<Fault> joined(std::vector<Fault> first, const std::vector<Fault>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

const std::vector<Family>& families() {
  static const std::vector<Family> all{
      {"arith", arithmetic_faults()},
      {"element", elementwise_faults()},
      {"activ", activation_faults()},
      {"choice", choice_faults()},
      {"reduce", joined(reduce_faults(), extrema_faults())},
      {"shape", shape_faults()},
      {"slicing", slicing_faults()},
      {"linear", joined(linear_faults(), products_faults())},
      {"index", joined(indexing_faults(), gather_faults())},
      {"softmax", softmax_faults()},
      {"network", network_faults()},
      {"losses", joined(cross_entropy_faults(), target_losses_faults())},
      {"unroll", unroll_faults()},
  };
  return all;
}

const std::vector<std::pair<Mistake, const char*>> mistakes{
    {Mistake::sign, "wrong sign"},
    {Mistake::slight_factor, "factor 1 + 1e-6"},
    {Mistake::factor, "factor forgotten or added"},
    {Mistake::rounded_constant, "rounded constant"},
    {Mistake::wrong_term, "term dropped or wrong"},
    {Mistake::transposed, "transposed"},
    {Mistake::wrong_axis, "wrong axis"},
    {Mistake::broadcast_sum, "forgotten broadcast sum"},
    {Mistake::overwritten, "overwritten, not added to"},
    {Mistake::not_finite, "not finite"},
    {Mistake::time_shift, "one step off in time"},
};

// One version of a fault's function, for gradcheck.
struct Version {
  const Fault& fault;
  bool wrong;
  Variable<double> operator()(const Parameters<double>& p) const { return fault.in_double(p, wrong); }
  Variable<Complex> operator()(const Parameters<Complex>& p) const { return fault.in_complex(p, wrong); }
};
struct DoubleVersion {
  const Fault& fault;
  bool wrong;
  Variable<double> operator()(const Parameters<double>& p) const { return fault.in_double(p, wrong); }
};

// What a report must say of a fault.
struct Verdict {
  bool caught, op_named, argument_named, kind_right;
};

Verdict judge(const Fault& fault, const GradcheckReport& report) {
  std::set<std::pair<std::size_t, std::string>> expected, named;
  for (const Argument& argument : fault.wrong) expected.insert({argument.index, argument.path});
  bool op = !report, kind = !report;
  for (const auto& failure : report.failures) {
    op = op && failure.op == fault.op;
    kind = kind && failure.diagnosis.defect == fault.defect;
    named.insert({failure.argument, failure.path});
  }
  return {!report, op, op && named == expected, kind};
}

template <class Action>
void for_each_fault(Action action) {
  for (const auto& family : families())
    for (const Fault& fault : family.faults) {
      CAPTURE(fault.what);
      action(family.name, fault);
    }
}

// The kill matrix and what is said below it.
class Matrix {
 public:
  void add(const std::string& family, const Fault& fault, const GradcheckReport& report) {
    const Verdict verdict = judge(fault, report);
    Cell& cell = cells_[{fault.mistake, family}];
    ++cell.planted;
    cell.caught += verdict.caught ? 1 : 0;
    ++planted;
    caught += verdict.caught ? 1 : 0;
    op_named += verdict.op_named ? 1 : 0;
    argument_named += verdict.argument_named ? 1 : 0;
    kind_right += verdict.kind_right ? 1 : 0;
    if (!verdict.kind_right && !report.failures.empty())
      others_ += fmt::format("\n  {}:\n    {}", fault.what, to_string(report.failures[0].diagnosis.defect));
  }

  std::string text() const {
    std::string table = fmt::format("{:26}", "caught / planted");
    for (const auto& family : families()) table += "  " + std::string(family.name);
    for (const auto& [mistake, name] : mistakes) {
      table += fmt::format("\n{:26}", name);
      for (const auto& family : families()) {
        const auto cell = cells_.find({mistake, family.name});
        const std::string text =
            cell == cells_.end() ? "." : fmt::format("{}/{}", cell->second.caught, cell->second.planted);
        table += fmt::format("{:>{}}", text, std::string(family.name).size() + 2);
      }
    }
    table += fmt::format("\n\nfaults planted {}, caught {}, op named {}, argument named {}, kind right {}",
                         planted, caught, op_named, argument_named, kind_right);
    return others_.empty() ? table : table + "\nnot told by their kind:" + others_;
  }

  int planted = 0, caught = 0, op_named = 0, argument_named = 0, kind_right = 0;

 private:
  struct Cell {
    int planted = 0, caught = 0;
  };
  std::map<std::pair<Mistake, std::string>, Cell> cells_;
  std::string others_;
};

// docs/proof.md has `text` between ``` lines after the comment `<!-- name -->`. Writes it there if the
// environment asks for it.
void check_documented(const std::string& name, const std::string& text) {
  const std::string path = XGRAD_TEST_DATA "/../docs/proof.md";
  std::stringstream file;
  file << std::ifstream(path).rdbuf();
  std::string page = file.str();
  const std::string opening = "<!-- " + name + " -->\n```\n";
  const auto start = page.find(opening);
  REQUIRE_MESSAGE(start != std::string::npos, "docs/proof.md has no block ", name);
  const auto first = start + opening.size(), last = page.find("\n```", first);
  REQUIRE(last != std::string::npos);
  if (std::getenv("XGRAD_WRITE_DOCS") != nullptr) {
    page.replace(first, last - first, text);
    std::ofstream(path) << page;
    return;
  }
  CHECK_MESSAGE(page.substr(first, last - first) == text, "docs/proof.md shows another ", name,
                " than is printed");
}

}  // namespace

TEST_CASE("faults: every family and every kind of mistake has some") {
  std::set<Mistake> planted;
  std::set<std::string> texts;
  std::size_t count = 0;
  for (const auto& family : families()) CHECK_MESSAGE(family.faults.size() >= 6, family.name);
  for_each_fault([&](const char*, const Fault& fault) {
    CHECK(fault.op.starts_with("my_"));
    CHECK_MESSAGE(texts.insert(fault.what).second, "planted twice");
    planted.insert(fault.mistake);
    ++count;
  });
  CHECK(count >= 200);
  CHECK(planted.size() == mistakes.size());
}

TEST_CASE("faults: without its mistake each function passes every check") {
  for_each_fault([](const char*, const Fault& fault) {
    const auto report = gradcheck(Version{fault, false}, {.exhaustive = true, .differences = true});
    CHECK_MESSAGE(report, report);
    CHECK(report.kinks.empty());
    CHECK(report.saturated == 0);
  });
}

TEST_CASE("faults: each is caught, with its op and argument, and told by its kind") {
  Matrix matrix;
  for_each_fault([&](const char* family, const Fault& fault) {
    const auto report = gradcheck(Version{fault, true});
    const Verdict verdict = judge(fault, report);
    CHECK(verdict.caught);
    CHECK_MESSAGE(verdict.op_named, report);
    CHECK_MESSAGE(verdict.argument_named, report);
    matrix.add(family, fault, report);
  });
  std::cout << "\n" << matrix.text() << "\n\n";
  CHECK(10 * matrix.kind_right >= 9 * matrix.planted);
  check_documented("fault matrix", matrix.text());
}

TEST_CASE("faults: the report that docs/proof.md explains") {
  const auto& faults = families().back().faults;
  const auto fault =
      std::find_if(faults.begin(), faults.end(), [](const Fault& f) { return f.op == "my_select"; });
  REQUIRE(fault != faults.end());
  const auto report = gradcheck(Version{*fault, true});
  CHECK(report.failures.at(0).time_step == 1);
  CHECK(report.failures.at(0).repeats == 2);
  check_documented("report", to_string(report));
}

TEST_CASE("faults: the exhaustive check says the same") {
  for_each_fault([](const char*, const Fault& fault) {
    const auto report = gradcheck(Version{fault, true}, {.exhaustive = true});
    CHECK_MESSAGE(judge(fault, report).argument_named, report);
    CHECK(report.compared > 0);
  });
}

TEST_CASE("faults: central differences catch each in the whole function, and name the parameter") {
  for_each_fault([](const char*, const Fault& fault) {
    const auto right = gradcheck(DoubleVersion{fault, false});
    CHECK_MESSAGE(right, right);
    const auto report = gradcheck(DoubleVersion{fault, true});
    const std::set<std::string> expected(fault.parameters.begin(), fault.parameters.end());
    std::set<std::string> named;
    for (const auto& failure : report.failures) {
      CHECK(failure.op.empty());
      named.insert(failure.path);
    }
    CHECK_MESSAGE(named == expected, report);
  });
}
