// Table: the results as Google Benchmark hands them over, one line for each workload as soon as it is done.
// Start with ReportRuns.
#pragma once

#include <cmath>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

namespace xgrad {

/// Shows the counters "step_ms", "bare_ms", their ratio and "tokens_per_second"; where they are, also
/// "plain_ms", "torch_ms" and "torch_cell_ms", as ratios to "bare_ms" too; how much of a ceiling
/// (ceilings.hpp) step and bare reach, in per cent; "peak_mib"; and the shares of a step in per cent:
/// products, loss, elementwise, update, rest. With --benchmark_repetitions there is a line for each
/// repetition, which shows the spread, and one for their medians.
class Table : public benchmark::BenchmarkReporter {
 public:
  explicit Table(std::string title) : title_(std::move(title)) {}

  bool ReportContext(const Context&) override {
    fmt::print("{}\n{:<42} {:<33} {:>6} {:>9} {:>9} {:>7} {:>7} {:>7} {:>10} {:>9} {:>9} {:>8} {:>16}\n",
               title_, "workload", "dimensions", "rounds", "step ms", "bare ms", "ratio", "plain", "torch",
               "torch cell", "tokens/s", "ceiling %", "peak MiB", "shares of it, %");
    std::fflush(stdout);
    return true;
  }

  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      const bool aggregate = run.run_type == Run::RT_Aggregate;
      if (aggregate && run.aggregate_name != "median") continue;
      const double step = run.counters.at("step_ms");
      const auto beside = run.counters.find("bare_ms");
      const double bare = beside == run.counters.end() ? NAN : double{beside->second};
      fmt::print(
          "{:<42} {:<33} {:>6} {:>9.4g} {:>9.4g} {:>7.3f} {:>7} {:>7} {:>10} {:>9.0f} {:>9} {:>8} {:>16}\n",
          run.run_name.function_name + (aggregate ? ", median" : ""), run.report_label,
          number(run, "rounds", "{:.0f}"), step, bare, step / bare, number(run, "plain_ms", "{:.3f}", bare),
          number(run, "torch_ms", "{:.3f}", bare), number(run, "torch_cell_ms", "{:.3f}", bare),
          double{run.counters.at("tokens_per_second")}, of_ceiling(run), number(run, "peak_mib", "{:.1f}"),
          shares(run));
    }
    std::fflush(stdout);
  }

 private:
  // The counter over `unit`, or "-".
  static std::string number(const Run& run, const std::string& counter, const char* format, double unit = 1) {
    const auto found = run.counters.find(counter);
    if (found == run.counters.end()) return "-";
    return fmt::format(fmt::runtime(format), double{found->second} / unit);
  }
  static std::string of_ceiling(const Run& run) {
    const std::string step = number(run, "ceiling_percent", "{:.0f}");
    return step == "-" ? step : step + " " + number(run, "bare_ceiling_percent", "{:.0f}");
  }
  static std::string shares(const Run& run) {
    std::string text;
    for (const char* share : {"products", "loss", "elementwise", "update", "rest"})
      text += fmt::format("{}{}", text.empty() ? "" : " ",
                          number(run, std::string(share) + "_percent", "{:.0f}"));
    return text == "- - - - -" ? "-" : text;
  }

  std::string title_;
};

}  // namespace xgrad
