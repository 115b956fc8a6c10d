// Times the steps of two builds of xgrad_benchmarks, that of this checkout and that of another commit, in
// processes that take turns, so that both meet the same moods of the machine. A round is one process of each,
// the first of them now this one and now that; what is reported is the ratio of the medians over all rounds,
// this checkout's to the other's (below 1 is faster), and its spread: the middle half of the ratios of single
// rounds. `./run bench --against COMMIT` builds both and calls this. Start with `main`. Usage: xgrad_against
// THIS OTHER [--rounds N] [arguments of Google Benchmark, for both]
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace {

// In its own time each process takes three rounds, and of small steps more.
const std::vector<std::string> each_process = {"--step-alone", "--rounds=3", "--seconds=0.3"};
// What says nothing of the steps: what a technique gives, BLAS itself, the compiler.
const std::string without = "--benchmark_filter=-Technique|GEMM|BLAS|Compiling";

// Milliseconds of each workload, in the order in which the program has them.
struct Times {
  std::vector<std::string> names;
  std::map<std::string, double> step;
  std::string machine;
};

class TemporaryFile {
 public:
  TemporaryFile() {
    const int file = mkstemp(name_.data());
    if (file < 0) throw std::runtime_error("cannot make a temporary file " + name_);
    close(file);
  }
  ~TemporaryFile() { unlink(name_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::string& name() const { return name_; }

 private:
  std::string name_ = std::filesystem::temp_directory_path() / "xgrad-against-XXXXXX";
};

void run(const std::string& program, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), program);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  std::fflush(stdout);
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("cannot start a process");
  if (child == 0) {
    if (std::freopen("/dev/null", "w", stdout) != nullptr) execv(argv[0], argv.data());
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw std::runtime_error(
        fmt::format("{} failed, expected it to take {}; is that commit older than "
                    "`bench --against`, or does the filter match nothing?",
                    program, fmt::join(each_process, " ")));
}

Times measure(const std::string& program, std::vector<std::string> arguments) {
  const TemporaryFile json;
  arguments.push_back("--benchmark_out=" + json.name());
  arguments.push_back("--benchmark_out_format=json");
  run(program, arguments);
  std::ifstream file(json.name());
  const auto report = nlohmann::json::parse(file);
  Times times;
  const auto& context = report.at("context");
  times.machine = fmt::format("BLAS: {}; processor: {}", context.at("blas").get<std::string>(),
                              context.value("processor", "unknown"));
  for (const auto& workload : report.at("benchmarks")) {
    std::string name = workload.at("name");
    name.resize(std::min(name.size(), name.find("/iterations")));
    times.names.push_back(name);
    times.step[name] = workload.at("step_ms");
  }
  return times;
}

double quantile(std::vector<double> values, double part) {
  std::sort(values.begin(), values.end());
  const double place = part * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (place - static_cast<double>(below)) * (values[above] - values[below]);
}

int compare(const std::string& ours, const std::string& theirs, int rounds,
            const std::vector<std::string>& arguments) {
  std::vector<std::string> names;
  std::map<std::string, std::vector<double>> here, there;
  for (int round = 0; round < rounds; ++round) {
    Times first = measure(round % 2 == 0 ? ours : theirs, arguments),
          second = measure(round % 2 == 0 ? theirs : ours, arguments);
    if (round % 2 != 0) std::swap(first, second);
    if (round == 0) {
      fmt::print("{}; {} rounds\n{:<42} {:>12} {:>12} {:>8} {:>16}\n", first.machine, rounds, "workload",
                 "this, ms", "other, ms", "ratio", "middle half");
      for (const std::string& name : first.names)
        if (second.step.contains(name)) names.push_back(name);
    }
    for (const std::string& name : names) {
      here[name].push_back(first.step.at(name));
      there[name].push_back(second.step.at(name));
    }
    fmt::print(stderr, "round {} of {}\n", round + 1, rounds);
  }
  for (const std::string& name : names) {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < here[name].size(); ++i) ratios.push_back(here[name][i] / there[name][i]);
    const double mine = quantile(here[name], 0.5), other = quantile(there[name], 0.5);
    fmt::print("{:<42} {:>12.4g} {:>12.4g} {:>8.3f} {:>7.3f} to {:.3f}\n", name, mine, other, mine / other,
               quantile(ratios, 0.25), quantile(ratios, 0.75));
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    std::vector<std::string> arguments(argv + 1, argv + argc);
    if (arguments.size() < 2) throw std::runtime_error("expected two programs");
    const std::string ours = arguments[0], theirs = arguments[1];
    arguments.erase(arguments.begin(), arguments.begin() + 2);
    int rounds = 20;
    if (!arguments.empty() && arguments[0] == "--rounds") {
      if (arguments.size() < 2 || arguments[1].find_first_not_of("0123456789") != std::string::npos ||
          (rounds = std::atoi(arguments[1].c_str())) < 1)
        throw std::runtime_error("--rounds: expected a whole number from 1");
      arguments.erase(arguments.begin(), arguments.begin() + 2);
    }
    arguments.insert(arguments.begin(), each_process.begin(), each_process.end());
    arguments.insert(arguments.begin(), without);  // a later filter takes its place
    return compare(ours, theirs, rounds, arguments);
  } catch (const std::exception& error) {
    fmt::print(stderr, "xgrad_against: {}\n", error.what());
    return 2;
  }
}
