// docs/rnnlm.md, word by word: every command line in it is run, in the order of the page, in a folder that
// has the texts it speaks of.
#include <sstream>

#include "rnnlm/program.hpp"

TEST_CASE("rnnlm: every command line of its page does what it says") {
  const checks::RunFolder folder;
  const std::string text = checks::repeated("it was the best of times\nit was the worst of times\n", 100);
  folder.write("book.txt", text);
  folder.write("other.txt", "it was the age of wisdom\n");
  folder.write("wiki.txt", text);
  folder.write("sentences.txt", "it was the best\nthe worst of times\n");
  folder.write("candidates.txt", "1 ||| it was the best\n1 ||| best the was it\n");
  folder.write("other.scores", checks::repeated("-1.5\n", 10));
  folder.write("book.conf", "nhid = 16  # units\nemsize = 16\n");
  std::filesystem::create_directory(folder / "ptb");
  for (const char* split : {"train", "valid", "test"})
    folder.write(fmt::format("ptb/ptb.{}.txt", split), text);
  std::filesystem::create_directory_symlink(XGRAD_TEST_DATA "/../rnnlm/recipes", folder / "recipes");

  std::ifstream page(XGRAD_TEST_DATA "/../docs/rnnlm.md");
  std::size_t run = 0;
  bool is_shell = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("```")) is_shell = line == "```sh";
    if (!is_shell || !line.starts_with("rnnlm ")) continue;
    ++run;
    const bool trains = line.starts_with("rnnlm train") || line.starts_with("rnnlm --config");
    const auto outcome =
        folder.rnnlm(line.substr(6) + (trains ? " --epochs 1 --emsize 8 --nhid 8 --force" : ""));
    CAPTURE(line);
    CHECK_MESSAGE(outcome.status == 0, outcome.out);
  }
  CHECK(run >= 15);
  CHECK(folder.has("book.safetensors"));
  CHECK(folder.has("curves.svg"));
}
