// Table: the results as Google Benchmark hands them over, one line for each workload as soon as it is done.
// Start with ReportRuns.
#pragma once

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

namespace xgrad {

/// Shows the counters "step_ms", "bare_ms", "tokens_per_second" and, where there is one, "peak_mib" below a title, and the
/// ratio of the first two. With --benchmark_repetitions there is a line for each repetition, which shows the spread, and
/// one for their medians.
class Table : public benchmark::BenchmarkReporter {
 public:
  explicit Table(std::string title) : title_(std::move(title)) {}

  bool ReportContext(const Context&) override {
    fmt::print("{}\n{:<44} {:<34} {:>7} {:>10} {:>10} {:>7} {:>10} {:>9}\n", title_, "workload", "dimensions",
               "rounds", "step ms", "bare ms", "ratio", "tokens/s", "peak MiB");
    std::fflush(stdout);
    return true;
  }

  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      const bool aggregate = run.run_type == Run::RT_Aggregate;
      if (aggregate && run.aggregate_name != "median") continue;
      const double step = run.counters.at("step_ms"), bare = run.counters.at("bare_ms");
      const auto peak = run.counters.find("peak_mib");
      fmt::print("{:<44} {:<34} {:>7} {:>10.4g} {:>10.4g} {:>7.3f} {:>10.0f} {:>9}\n",
                 run.run_name.function_name + (aggregate ? ", median" : ""), run.report_label,
                 aggregate ? std::string() : std::to_string(run.iterations), step, bare, step / bare,
                 double{run.counters.at("tokens_per_second")},
                 peak == run.counters.end() ? "-" : fmt::format("{:.1f}", double{peak->second}));
    }
    std::fflush(stdout);
  }

 private:
  std::string title_;
};

}  // namespace xgrad
