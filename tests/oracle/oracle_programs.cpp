// Prints programs as JSON for programs.py, a line each. Without arguments: those of the table. With a count
// and a first seed: new ones, whose results it reads. A program whose results differ is made smaller, while
// programs.py goes on answering, and shown on standard error. Status 1 if there was one.
#include <algorithm>
#include <cstdint>
#include <iostream>
#include <map>
#include <string>

#include "oracle/programs.hpp"
#include "registry/minimise.hpp"

namespace {

using registry::Program;

nlohmann::json ask(const nlohmann::json& question) {
  std::cout << question.dump() << std::endl;
  std::string line;
  std::getline(std::cin, line);
  return nlohmann::json::parse(line);
}

std::string difference(const Program& program) {
  return oracle::difference(program, ask(oracle::to_json(program)));
}

void show(const Program& program, std::uint32_t seed) {
  const Program least = minimise(program, [](const Program& p) { return !difference(p).empty(); });
  auto question = oracle::to_json(least);
  question["show"] = true;
  const auto answer = ask(question);
  std::cerr << "seed " << seed << ": " << difference(program) << "\nthe least of it:\n"
            << listing(least) << oracle::difference(least, answer) << "\nin Python:\n"
            << answer.at("source").get<std::string>() << "\n\n";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    for (std::uint32_t seed = 1; seed <= oracle::programs_of_table; ++seed)
      std::cout << oracle::to_json(registry::draw_program(seed)).dump() << "\n";
    return 0;
  }
  const auto count = static_cast<std::uint32_t>(std::stoul(argv[1])),
             first = argc > 2 ? static_cast<std::uint32_t>(std::stoul(argv[2])) : 1000;
  std::size_t different = 0, steps = 0;
  std::map<std::string, std::size_t> calls;
  for (std::uint32_t seed = first; seed < first + count; ++seed) {
    // Every fourth program is longer and larger than those of the table.
    const Program program =
        seed % 4 == 0 ? registry::draw_program(seed, {16, 200}) : registry::draw_program(seed);
    for (const auto& step : program) ++calls[step.op];
    steps += program.size();
    if (difference(program).empty()) continue;
    ++different;
    show(program, seed);
  }
  const auto& rows = registry::ops();
  const auto called =
      std::count_if(rows.begin(), rows.end(), [&](const auto& row) { return calls.contains(row.name); });
  std::cerr << count << " programs of " << steps << " steps, " << called << " of " << rows.size()
            << " ops: " << different << " differ from PyTorch\n";
  return different == 0 ? 0 : 1;
}
