// Texts and n-best lists for `rnnlm score`, whose models are those of corpus/model. The first byte of an
// input says how it is read, in hexadecimal: '0', '1', '2' words, characters, bytes; 4 more: an n-best list;
// 8 more: mixed with the column of scores that follows the text after a form feed.
#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include <xgrad/training/corpus.hpp>

#include "fuzz.hpp"
#include "score.hpp"
#include "text.hpp"

namespace {

using namespace xgrad;
using fuzz::require;

constexpr std::array levels{"word", "char", "byte"};

struct ReadModel {
  ModelFile file;
  Model<double> model{file};
};

const ReadModel& read(std::size_t level) {
  const auto from = [](const std::string& name) {
    std::ifstream in(XGRAD_FUZZ_CORPUS "/model/" + name, std::ios::binary);
    const fuzz::MemoryFile file(fuzz::safetensors_file(std::string{std::istreambuf_iterator<char>(in), {}}));
    return ReadModel{ModelFile(file.path())};
  };
  static const std::array<ReadModel, 3> all{from("word"), from("char"), from("byte")};
  return all[level];
}

std::size_t lines_of(std::string_view text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

// The tokens of all lines, their ends included.
std::size_t tokens_of(const std::vector<std::string_view>& lines, const std::string& level) {
  std::size_t tokens = lines.size();
  for (const auto line : lines) tokens += split_text(line, level).size();
  return tokens;
}

void run(std::string_view input) {
  if (input.empty()) return;
  const auto mode = static_cast<unsigned>(input[0]);
  const std::size_t level = mode % 4 % levels.size();
  std::string_view text = input.substr(1), column;
  Settings settings;
  settings.nbest = (mode & 4U) != 0;
  settings.eval_window = 3;
  const bool mixed = (mode & 8U) != 0 && text.find('\f') != std::string_view::npos;
  if (mixed) {
    column = text.substr(text.find('\f') + 1);
    text = text.substr(0, text.find('\f'));
  }
  const fuzz::MemoryFile column_file(column);
  if (mixed) settings.column = column_file.path();

  std::vector<std::string_view> lines;
  for_each_line(text, [&](std::string_view line, std::size_t number) {
    lines.push_back(line);
    require(number == lines.size() && line.find_first_of("\r\n") == std::string_view::npos,
            "lines are counted, and have no ends");
  });
  try {
    const std::string out = fuzz::printed(
        [&] { score(read(level).file, read(level).model, std::string(text), "text", settings); });
    if (settings.nbest) {
      require(lines_of(out) == lines.size(), "every candidate is ranked");
    } else {
      require(lines_of(out) == lines.size() + 4, "every line is scored");
      require(out.ends_with(fmt::format("\nTokens:\t{}\n", tokens_of(lines, levels[level]))),
              "every token is scored");
      require(out.find("nan") == std::string::npos || text.find("nan") != std::string_view::npos,
              "a score is a number");
    }
  } catch (const BadData&) {
  }
}

const fuzz::Target target("score", run);

}  // namespace
