// The commands that use a model: eval, score, generate, info and plot; and the pages that describe them all.
#include <algorithm>
#include <cmath>
#include <sstream>

#include "rnnlm/program.hpp"

using checks::RunFolder;

namespace {

// A folder with a model of words, "model", in double, one of characters, "chars", and the text they know.
struct Models : RunFolder {
  Models() {
    write("text", checks::repeated("the cat sat\nthe dog ran home\na cat ran\n", 60));
    const std::string run =
        "--data text --emsize 8 --nhid 8 --batch-size 4 --bptt 5 --dropout 0 --optimizer adam --lr 0.02 "
        "--epochs 6 --sentences 0 ";
    const auto words = rnnlm(run + "--cell lstm --nlayers 2 --dtype double --save model --log log");
    REQUIRE_MESSAGE(words.status == 0, words.out);
    const auto characters = rnnlm(run + "--cell gru --level char --save chars");
    REQUIRE_MESSAGE(characters.status == 0, characters.out);
  }
};

double number_after(const std::string& text, const std::string& before) {
  const auto at = text.find(before);
  REQUIRE_MESSAGE(at != std::string::npos, text);
  return std::strtod(text.c_str() + at + before.size(), nullptr);
}

}  // namespace

TEST_CASE("rnnlm eval: the perplexity does not depend on the window") {
  const Models folder;
  for (const std::string model : {"model", "chars"}) {
    const auto whole = folder.rnnlm("eval " + model + " --data text --window 100000");
    REQUIRE_MESSAGE(whole.status == 0, whole.out);
    const double loss = number_after(whole.out, "loss ");
    CHECK(number_after(whole.out, "perplexity ") == doctest::Approx(std::exp(loss)).epsilon(1e-9));
    CHECK(number_after(whole.out, "nats, ") == doctest::Approx(loss / std::log(2)).epsilon(1e-5));
    for (const int window : {1, 35, 1000}) {
      const auto other = folder.rnnlm(fmt::format("eval {} --data text --window {}", model, window));
      CHECK(std::abs(number_after(other.out, "loss ") - loss) <= 1e-10);
    }
  }
  const auto words = folder.rnnlm("eval model --data text");
  CHECK(words.says("'text': 780 tokens, 0 of them unknown"));
  CHECK(folder.rnnlm("eval model --data - < text").says("'-': 780 tokens, 0 of them unknown"));
  // 40 letters, blanks and newlines for 13 tokens.
  CHECK(number_after(words.out, "a token\n") ==
        doctest::Approx(number_after(words.out, "nats, ") * 13 / 39).epsilon(1e-4));
  folder.write("unknown", "the bird sat\n");
  CHECK(folder.rnnlm("eval model --data unknown").says("4 tokens, 1 of them unknown"));
  CHECK_FALSE(folder.rnnlm("eval model --data unknown").says("a character"));
}

TEST_CASE("rnnlm score: the columns of KenLM's query, which add up to what eval says") {
  const Models folder;
  folder.write("lines", "the cat sat\n\nthe bird ran");
  const auto scored = folder.rnnlm("score model lines");
  REQUIRE_MESSAGE(scored.status == 0, scored.out);
  std::istringstream lines(scored.out);
  std::string line;
  double sum = 0;
  std::size_t tokens = 0;
  const std::vector<std::vector<std::string>> expected{
      {"the", "cat", "sat", "</s>"}, {"</s>"}, {"the", "bird", "ran", "</s>"}};
  for (const auto& words : expected) {
    REQUIRE(std::getline(lines, line));
    double total = 0;
    std::istringstream columns(line);
    for (std::size_t i = 0; i < words.size(); ++i, ++tokens) {
      std::string word;
      std::size_t length = 0;
      double log10 = 0;
      columns >> word >> length >> log10;
      CHECK(word.starts_with(words[i] + "="));
      CHECK(length == i + 1);
      CHECK(log10 < 0);
      total += log10;
    }
    CHECK(number_after(line, "Total: ") == doctest::Approx(total).epsilon(1e-4));
    sum += total;
  }
  CHECK(number_after(scored.out, "Perplexity including OOVs:\t") ==
        doctest::Approx(std::pow(10, -sum / static_cast<double>(tokens))).epsilon(1e-4));
  CHECK(number_after(scored.out, "Tokens:\t") == 9);
  CHECK(number_after(scored.out, "\nOOVs:\t") == 1);
  // A text of one sentence is the same stream to both.
  folder.write("one", "the cat sat\n");
  CHECK(
      number_after(folder.rnnlm("score model one").out, "including OOVs:\t") ==
      doctest::Approx(number_after(folder.rnnlm("eval model --data one").out, "perplexity ")).epsilon(1e-9));
  CHECK(folder.rnnlm("score model < one").out == folder.rnnlm("score model one").out);
  CHECK(folder.rnnlm("score model - < one").out == folder.rnnlm("score model one").out);
  CHECK(folder.rnnlm("score model lines --window 1").out == scored.out);
  CHECK(folder.rnnlm("score chars one").says("\\n="));
}

TEST_CASE("rnnlm score: ranks candidates, and mixes with the scores of another model") {
  const Models folder;
  folder.write("list",
               "1 ||| sat the cat ||| x= 1\n1 ||| the cat sat ||| x= 2\n2 ||| home home\n2 ||| a cat ran\n");
  const auto ranked = folder.rnnlm("score model list --nbest");
  REQUIRE_MESSAGE(ranked.status == 0, ranked.out);
  const auto at = [&](const char* text) { return ranked.out.find(text); };
  CHECK(at("1 ||| the cat sat ||| x= 2 ||| -") < at("1 ||| sat the cat ||| x= 1 ||| -"));
  CHECK(at("1 ||| sat the cat") < at("2 ||| a cat ran ||| -"));
  CHECK(at("2 ||| a cat ran") < at("2 ||| home home ||| -"));
  folder.write("line", "the cat\n");
  folder.write("column", "-1\n-2\n-0.5\n");
  const auto mine = folder.rnnlm("score model line"),
             mixed = folder.rnnlm("score model line --mix column --lambda 0.3");
  REQUIRE_MESSAGE(mixed.status == 0, mixed.out);
  const auto score = [](const std::string& text, const std::string& word, const char* length) {
    const auto begin = text.find(word + "=");
    REQUIRE(begin != std::string::npos);
    return number_after(text.substr(begin), length);
  };
  const auto expected = [&](const std::string& word, const char* length, double other) {
    return std::log10(0.3 * std::pow(10, score(mine.out, word, length)) + 0.7 * std::pow(10, other));
  };
  CHECK(score(mixed.out, "the", " 1 ") == doctest::Approx(expected("the", " 1 ", -1)).epsilon(1e-4));
  CHECK(score(mixed.out, "cat", " 2 ") == doctest::Approx(expected("cat", " 2 ", -2)).epsilon(1e-4));
  CHECK(score(mixed.out, "</s>", " 3 ") == doctest::Approx(expected("</s>", " 3 ", -0.5)).epsilon(1e-4));
  CHECK(folder.rnnlm("score model line --mix column --lambda 1").out == mine.out);
  // What `score` writes is a column, too; mixed with itself a model says the same, to the digits written.
  folder.write("written", folder.rnnlm("score model list").out);
  const auto itself = folder.rnnlm("score model list --mix written");
  REQUIRE_MESSAGE(itself.status == 0, itself.out);
  CHECK(number_after(itself.out, "Perplexity including OOVs:\t") ==
        doctest::Approx(number_after(folder.read("written"), "Perplexity including OOVs:\t")).epsilon(1e-5));
}

TEST_CASE("rnnlm generate: from a prompt, with a seed, one text or several") {
  const Models folder;
  const auto one = folder.rnnlm("generate model --prompt 'the cat' --length 12 --seed 3");
  REQUIRE_MESSAGE(one.status == 0, one.out);
  CHECK(one.out.starts_with("the cat "));
  CHECK(folder.rnnlm("generate model --prompt 'the cat' --length 12 --seed 3").out == one.out);
  CHECK(folder.rnnlm("generate model --prompt 'the cat' --length 12 --seed 4").out != one.out);
  CHECK(folder.rnnlm("generate model --prompt - --length 12 --seed 3 < /dev/null").status == 0);
  folder.write("prompt", "the cat\n");
  CHECK(folder.rnnlm("generate model --prompt - --length 12 --seed 3 < prompt").out == one.out);
  // At temperature 0 the seed does not matter, nor where one token is left.
  const auto likeliest = folder.rnnlm("generate model --temperature 0 --length 20");
  CHECK(folder.rnnlm("generate model --temperature 0 --length 20 --seed 9").out == likeliest.out);
  CHECK(folder.rnnlm("generate model --top-k 1 --length 20 --seed 9").out == likeliest.out);
  CHECK(folder.rnnlm("generate model --top-p 1e-9 --length 20 --seed 9").out == likeliest.out);
  const auto several = folder.rnnlm("generate model --count 5 --sentence");
  CHECK(std::count(several.out.begin(), several.out.end(), '\n') == 5);
  const auto second = folder.rnnlm("generate model --seed 1 --sentence");
  CHECK(several.out.find("\n" + second.out) != std::string::npos);  // text n has the seed + n
  const auto unknown = folder.rnnlm("generate model --prompt 'the bird' --length 1");
  CHECK(unknown.says(
      "rnnlm: 1 of 2 tokens of the prompt are not in the vocabulary and are read as <unk>: 'bird'\n"));
  const auto characters = folder.rnnlm("generate chars --prompt 'the c' --length 30");
  CHECK(characters.out.starts_with("the c"));
  CHECK(characters.out.size() == 5 + 30 + 1);
  CHECK(folder.rnnlm("generate model --length 100000 | head -c 100 > /dev/null; true").status == 0);
}

TEST_CASE("rnnlm info: a model file says what it is") {
  const Models folder;
  const auto info = folder.rnnlm("info model");
  CHECK(info.status == 0);
  CHECK(info.says("weights in double, a vocabulary of 9 at the level word"));
  CHECK(info.says("cell = lstm\n"));
  CHECK(info.says("held-out perplexity: "));
  CHECK(folder.rnnlm("info chars").says("weights in float"));
}

TEST_CASE("rnnlm plot: curves in the terminal and as a picture") {
  const Models folder;
  const auto text = folder.rnnlm("plot log");
  CHECK(text.status == 0);
  CHECK(text.says("log"));
  const auto picture = folder.rnnlm("plot log --output curves.svg");
  CHECK(picture.status == 0);
  CHECK(folder.read("curves.svg").find("<svg") != std::string::npos);
}

TEST_CASE("rnnlm --help: at most 100 columns, with every command, defaults and examples") {
  const RunFolder folder;
  for (const char* command : {"", "train ", "eval ", "score ", "generate ", "info ", "plot "}) {
    const auto page = folder.rnnlm(command + std::string("--help"));
    CHECK(page.status == 0);
    std::istringstream lines(page.out);
    for (std::string line; std::getline(lines, line);) CHECK_MESSAGE(line.size() <= 100, line);
    CHECK(page.says("Examples:"));
    CHECK(page.says("Exit status:"));
    CHECK(folder.rnnlm(command + std::string("-h")).out == page.out);
  }
  CHECK(folder.rnnlm("help train").out == folder.rnnlm("train --help").out);
  const auto page = folder.rnnlm("--help");
  CHECK(folder.rnnlm("help").out == page.out);
  for (const char* command :
       {"train", "eval MODEL", "score MODEL [FILE|-]", "generate MODEL", "info MODEL", "plot LOG..."})
    CHECK(page.says("\n  " + std::string(command)));
  CHECK(page.says("(default 4, with --data 20)"));
  CHECK(folder.rnnlm("--version").says("xgrad "));
  CHECK(folder.rnnlm("--man-page").out.starts_with(".TH RNNLM 1"));
  // The examples of the pages make sense to the program, but that their files are not there.
  std::istringstream lines(page.out.substr(page.out.find("Examples:")));
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("  rnnlm ") || line.starts_with("  rnnlm  ")) continue;  // that would train
    const auto outcome = folder.rnnlm(line.substr(8, line.find("  #") - 8));
    CHECK_MESSAGE(outcome.status == 66, outcome.out);
  }
}

TEST_CASE("rnnlm --bash-completion: bash completes commands, options and values") {
  const RunFolder folder;
  if (checks::shell("command -v bash").status != 0) return;
  REQUIRE(folder.rnnlm("--bash-completion > completion").status == 0);
  const auto completed = [&](const std::string& words, int at) {
    return checks::shell(
               fmt::format("cd '{}' && bash -c 'source ./completion; COMP_WORDS=({}); COMP_CWORD={}; _rnnlm; "
                           "echo \"${{COMPREPLY[*]}}\"'",
                           folder / "", words, at))
        .out;
  };
  CHECK(completed("rnnlm ev", 1).find("eval") != std::string::npos);
  CHECK(completed("rnnlm --nl", 1) == "--nlayers\n");
  CHECK(completed("rnnlm --cell layer", 2) == "layer_norm_lstm layer_norm_gru\n");
  CHECK(completed("rnnlm generate m --temp", 3) == "--temperature\n");
  CHECK(completed("rnnlm eval m --epo", 3) == "\n");
}
