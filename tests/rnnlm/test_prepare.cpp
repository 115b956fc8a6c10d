// rnnlm prepare: training and evaluation are the same from the text and from what is made of it, at every
// level, from a pipe too; words are counted exactly, however little memory there is; and what is refused.
#include <algorithm>
#include <map>

#include <xgrad/autograd/random.hpp>

#include "count_words.hpp"
#include "prepared.hpp"
#include "rnnlm/program.hpp"
#include "text.hpp"

using checks::RunFolder;
using namespace xgrad;

namespace {

// A text of words that are rare and frequent, with all kinds of blanks and ends of lines.
std::string some_text(std::size_t words, std::uint32_t seed) {
  Random random(seed);
  const std::vector<std::string> blanks{" ", "  ", "\n", "\r\n", "\r", " \t", "\n\n"};
  std::string text = seed % 2 == 0 ? "\xEF\xBB\xBF" : "";
  for (std::size_t i = 0; i < words; ++i) {
    const double u = random.uniform();
    std::string word = fmt::format("w{}", static_cast<int>(1 / (u + 0.002)));
    if (random.uniform() < 0.1) word += "\xC3\xA9\xE2\x82\xAC";
    if (random.uniform() < 0.02) word = "\xEF\xBB\xBF" + word;
    text += word + blanks[std::min<std::size_t>(6, static_cast<std::size_t>(random.uniform() * 9) / 2)];
  }
  return text;
}

const std::string options =
    "--emsize 8 --nhid 8 --batch-size 4 --bptt 5 --dropout 0 --epochs 2 --sentences 1 --dtype double ";

// The lines of a log without what differs: settings and seconds.
std::vector<std::string> losses(const RunFolder& folder, const std::string& log) {
  std::vector<std::string> result;
  std::istringstream in(folder.read(log));
  for (std::string line; std::getline(in, line);) {
    auto one = nlohmann::json::parse(line);
    if (one["event"] == "settings") continue;
    one.erase("seconds");
    result.push_back(one.dump());
  }
  return result;
}

}  // namespace

TEST_CASE("rnnlm prepare: training on it prints what training on the text prints") {
  const RunFolder folder;
  folder.write("text", some_text(3000, 1));
  for (const char* split : {"train", "valid", "test"})
    folder.write(std::string(split) + ".txt", some_text(split[0] == 't' && split[1] == 'r' ? 2000 : 400, 5));
  struct Case {
    std::string data, words, train;
  };
  const std::vector<Case> cases{{"text", "", "--cell gru"},
                                {"text", "--vocab 20 --valid-split 0.2", "--output adaptive"},
                                {"text", "--min-count 3", "--output sampled --samples 10"},
                                {"text", "--level char", ""},
                                {"text", "--level byte", ""},
                                {".", "--vocab 30", "--cell lstm"}};
  for (const Case& one : cases) {
    const std::string &data = one.data, &words = one.words, &train = one.train;
    CAPTURE(words);
    const auto prepared = folder.rnnlm(fmt::format("prepare --data {} {} --save ids --force", data, words));
    REQUIRE_MESSAGE(prepared.status == 0, prepared.out);
    const auto text = folder.rnnlm(
        fmt::format("--data {} {} {} {} --save a --log a.log --force", data, words, train, options));
    REQUIRE_MESSAGE(text.status == 0, text.out);
    const auto ids =
        folder.rnnlm(fmt::format("--data ids {} {} --save b --log b.log --force", train, options));
    REQUIRE_MESSAGE(ids.status == 0, ids.out);
    CHECK(losses(folder, "a.log") == losses(folder, "b.log"));
    CHECK(losses(folder, "a.log").size() >= 2);
    // All but the first lines, which name the text and the settings, and the names of the models.
    const auto tail = [](const std::string& out) {
      std::string result;
      std::istringstream in(out.substr(out.find("\nepoch")));
      for (std::string line; std::getline(in, line);)
        if (line.find("the model") == std::string::npos && line.find("tokens/s") == std::string::npos)
          result += line + "\n";
      return result;
    };
    CHECK(tail(text.out) == tail(ids.out));
    const auto measured = [&](const std::string& of) {
      const auto out = folder.rnnlm("eval a --data " + of).out;
      return out.substr(out.find("loss"), out.find(" nats") - out.find("loss"));
    };
    if (data == ".") CHECK(measured(".") == measured("ids"));
  }
}

TEST_CASE("rnnlm prepare: from a pipe, with what eval and info say of it") {
  const RunFolder folder;
  folder.write("text", some_text(3000, 2));
  REQUIRE(folder.rnnlm("prepare --data text --vocab 40 --save a").status == 0);
  const auto piped = checks::shell("cd '" + folder / "." +
                                   "' && cat text | '" XGRAD_RNNLM "' prepare --data - --vocab 40 --save b");
  REQUIRE_MESSAGE(piped.status == 0, piped.out);
  CHECK(piped.says("bytes of the input are in a temporary file"));
  CHECK(folder.read("a") == folder.read("b"));
  REQUIRE(folder.rnnlm("--data a " + options + "--save model").status == 0);
  const auto info = folder.rnnlm("info a");
  CHECK(info.says("a prepared text, with a vocabulary of 41 at the level word"));
  const PreparedFile file(folder / "a");
  CHECK(info.says(
      fmt::format("valid: {} tokens, {} of them <unk>", file.tokens("valid")->size(), file.unknown[1])));
  std::uint64_t total = 0;
  for (const auto count : file.counts) total += count;
  CHECK(total == file.tokens("train")->size());
  CHECK(folder.rnnlm("eval model --data a").says("'a', held-out text: "));
  // Under a model of other words those are unknown.
  folder.write("other", checks::repeated("w1 w2 new\n", 300));
  REQUIRE(folder.rnnlm("--data other " + options + "--save others").status == 0);
  const auto other = folder.rnnlm("eval others --data a");
  CHECK_MESSAGE(other.status == 0, other.out);
}

TEST_CASE("rnnlm prepare: pieces never cut a token") {
  for (const std::string level : {"word", "char", "byte"})
    for (std::uint32_t seed = 1; seed < 5; ++seed) {
      const std::string text = some_text(60, seed);
      const auto whole = split_text(text, level);
      for (std::size_t piece = 1; piece < 40; ++piece) {
        std::vector<std::string_view> tokens;
        std::size_t begin = 0;
        for (const std::size_t end : cut_points(text, level, piece)) {
          REQUIRE(end > begin);
          for (const auto token : split_text(std::string_view(text).substr(begin, end - begin), level))
            tokens.push_back(token);
          begin = end;
        }
        CHECK(begin == text.size());
        CHECK(tokens == whole);
      }
    }
}

TEST_CASE("rnnlm prepare: words are counted exactly, in a table or in files") {
  const std::string text = some_text(200000, 3);
  std::map<std::string, std::uint64_t> expected;
  for (const auto word : split_text(text, "word")) ++expected[std::string(word)];
  const std::string folder = std::filesystem::temp_directory_path().string();
  for (const std::size_t memory : {std::size_t{1} << 30, std::size_t{5000}}) {
    const auto all = count_words(text, "word", 0, 1, memory, folder);
    REQUIRE(all.size() == expected.size());
    std::size_t last = 0;
    for (const auto& [word, count, first] : all) {
      CHECK(count == expected[word]);
      CHECK((first == 0 || first > last));
      last = first;
    }
    for (const auto& [most, least] :
         std::vector<std::pair<std::size_t, std::size_t>>{{7, 1}, {50, 2}, {0, 9}}) {
      const auto some = count_words(text, "word", most, least, memory, folder);
      std::vector<std::uint64_t> counts;
      for (const auto& word : all) counts.push_back(word.count);
      const auto kept = frequent_words(counts, most, least);
      REQUIRE(some.size() == kept.size());
      for (std::size_t i = 0; i < kept.size(); ++i) CHECK(some[i].word == all[kept[i]].word);
    }
  }
}

TEST_CASE("rnnlm prepare: what is refused") {
  const RunFolder folder;
  folder.write("text", checks::repeated("the cat sat\nthe dog ran\n", 100));
  folder.write("short", "one");
  folder.write("bad", checks::repeated("good line\n", 200000) + "not \xFF text\n");
  folder.write("zip", "PK\x03\x04 and so on");
  REQUIRE(folder.rnnlm("prepare --data text --save ids").status == 0);
  REQUIRE(folder.rnnlm("--data text " + options + "--save model").status == 0);
  const std::string whole = folder.read("ids");
  folder.write("cut", whole.substr(0, whole.size() - 10));
  std::string wrong = whole;
  wrong[wrong.size() - 1] = '\x7F';
  folder.write("wrong", wrong);
  struct Row {
    std::string arguments;
    int status;
    std::string text;
  };
  for (const Row& row : std::vector<Row>{
           {"prepare", 2, "prepare needs --data, a text"},
           {"prepare --data text", 2, "prepare needs --save, the file to write"},
           {"prepare text --save x", 2, "did you mean --data text?"},
           {"prepare --data text --save x --epochs 3", 2, "'--epochs' is no option of prepare"},
           {"prepare --data nowhere --save x", 66, "cannot read 'nowhere': No such file"},
           {"prepare --data text --save text --force", 73, "which the run needs"},
           {"prepare --data text --save ids", 73, "'ids' is there already; --force replaces it"},
           {"prepare --data text --save no/x", 74, "cannot be written"},
           {"prepare --data short --save x", 65, "'short' has 1 token, expected at least two"},
           {"prepare --data bad --save x", 65, "'bad', line 200001, byte 5 is 0xFF"},
           {"prepare --data zip --save x", 65, "'zip' is a zip archive"},
           {"prepare --data text --save x < /dev/null", 0, ""},
           {"prepare --data - --save y < /dev/null", 65, "has 0 tokens"},
           {"--data ids --vocab 3", 2, "'ids' is a prepared text: --vocab belongs to rnnlm prepare"},
           {"--data ids --level char", 2, "--level belongs to rnnlm prepare"},
           {"--data model", 65, "'model' is no prepared text: it is a model of rnnlm"},
           {"--data cut", 65, "'cut' is no prepared text: 'cut': "},
           {"--data wrong", 65, "expected less than 7"},
           {"eval ids --data text", 65, "'ids' is no model of rnnlm"},
           {"eval model --data wrong", 65, "'wrong' is no prepared text: token "}}) {
    CAPTURE(row.arguments);
    const auto outcome = folder.rnnlm(row.arguments);
    CHECK_MESSAGE(outcome.status == row.status, outcome.out);
    CHECK_MESSAGE(outcome.says(row.text), outcome.out);
    CHECK_FALSE(outcome.says("rnnlm: ["));
  }
}
