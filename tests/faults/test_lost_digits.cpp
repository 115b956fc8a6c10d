// What rounding says of losses of digits: it must see each that float shows, and name the op and the
// argument, or the value, and nothing else. The matrix of causes is printed and stands in docs/proof.md,
// which says how to print it anew.
#include <doctest/doctest.h>

#include <algorithm>
#include <iostream>
#include <map>

#include <fmt/format.h>

#include "autograd/errors.hpp"
#include "documented.hpp"
#include "lost_digits.hpp"

using namespace xgrad;
using namespace xgrad::faults;

namespace {

const std::vector<LossyOp>& ops() {
  static const std::vector<LossyOp> all = lossy_ops();
  return all;
}

// Under a sanitizer, long inputs take too long.
bool too_long(const LossyOp& op) {
  const auto is_long = [](const LossyOp::Input& x) { return x.shape.size() > 1000; };
  return xgrad::testing::any_sanitizer && std::any_of(op.inputs.begin(), op.inputs.end(), is_long);
}

// True if all that is beyond its bound is what the loss is in.
bool named(const LossyOp& op, const Loss& loss, const RoundingReport& report) {
  return !report && std::all_of(report.worst.begin(), report.worst.end(), [&](const RoundedOp& found) {
    return found.error <= found.bound || (found.op == op.name && found.argument == loss.argument);
  });
}

// Counts, printed as the matrix and what is said below it.
class Matrix {
 public:
  void add(const LossyOp& op, const Loss& loss, const RoundingReport& report) {
    const bool is_named = named(op, loss, report);
    for (Cell* const cell : {&cells_[{loss.cause, loss.argument.has_value()}], &all}) {
      ++cell->planted;
      cell->noticed += report ? 0 : 1;
      cell->named += is_named ? 1 : 0;
    }
    if (!is_named) others_ += fmt::format("\n  {}, {}: {}", op.name, loss.what, loss.unseen);
  }

  std::string text() const {
    std::string table =
        fmt::format("{:24}{:>27}{:>27}\n{:24}", "losses of digits", "in the value", "in a gradient", "");
    for (int k = 0; k < 2; ++k) table += fmt::format("{:>11}{:>9}{:>7}", "planted", "noticed", "named");
    for (const auto& [cause, name] : causes) {
      table += fmt::format("\n{:24}", name);
      for (const bool gradient : {false, true}) {
        const auto cell = cells_.find({cause, gradient});
        if (cell == cells_.end())
          table += fmt::format("{:>11}{:>9}{:>7}", ".", ".", ".");
        else
          table +=
              fmt::format("{:>11}{:>9}{:>7}", cell->second.planted, cell->second.noticed, cell->second.named);
      }
    }
    return table +
           fmt::format("\n\nplanted {}, noticed {}, named {}\nnot named:", all.planted, all.noticed,
                       all.named) +
           others_;
  }

  struct Cell {
    int planted = 0, noticed = 0, named = 0;
  };
  Cell all;

 private:
  std::map<std::pair<Cause, bool>, Cell> cells_;
  std::string others_;
};

}  // namespace

TEST_CASE("lost digits: with care each op is within its bounds, at the same elements") {
  for (const LossyOp& op : ops()) {
    if (too_long(op)) continue;
    const auto report = rounding(WithLoss{op, nullptr});
    CHECK_MESSAGE(report, report);
  }
}

TEST_CASE("lost digits: each loss is noticed, and the op and the argument named") {
  Matrix matrix;
  for (const LossyOp& op : ops())
    for (const Loss& loss : op.losses) {
      if (too_long(op)) continue;
      INFO(op.name << ": " << loss.what);
      const auto report = rounding(WithLoss{op, &loss});
      CHECK_MESSAGE(named(op, loss, report) == loss.unseen.empty(), report);
      matrix.add(op, loss, report);
    }
  std::cout << "\n" << matrix.text() << "\n\n";
  if (xgrad::testing::any_sanitizer) return;
  CHECK(matrix.all.planted >= 60);
  CHECK(matrix.all.named >= 58);
  check_documented("rounding matrix", matrix.text());
}

TEST_CASE("lost digits: the report that docs/proof.md explains") {
  const auto is_variance = [](const LossyOp& op) { return op.name == "variance"; };
  const auto op = std::find_if(ops().begin(), ops().end(), is_variance);
  REQUIRE(op != ops().end());
  std::string text = to_string(rounding(WithLoss{*op, &op->losses.front()}));
  text.pop_back();  // the end of the last line
  check_documented("rounding report", text);
}
