// The program rnnlm as its user meets it: run in a shell, judged by what it prints, what it logs and how it
// exits.
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <xgrad/autograd/config.hpp>
#include <xgrad/layers/any_cell.hpp>

namespace {

namespace fs = std::filesystem;

struct Outcome {
  int status;
  std::string out;  // standard output and error together

  std::string last_line() const {
    const auto end = out.find_last_not_of('\n');
    const auto begin = out.find_last_of('\n', end);
    return out.substr(begin == std::string::npos ? 0 : begin + 1, end - begin);
  }
  bool says(const std::string& text) const { return out.find(text) != std::string::npos; }
};

Outcome rnnlm(const std::string& arguments) {
  const std::string command = "'" XGRAD_RNNLM "' " + arguments + " 2>&1";
  Outcome result{0, ""};
  FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::array<char, 4096> buffer;
  for (std::size_t n; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    result.out.append(buffer.data(), n);
  const int status = pclose(pipe);
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return result;
}

// A folder that is gone after the test.
class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / fmt::format("xgrad-rnnlm-{}", getpid())) {
    fs::remove_all(path_);
    fs::create_directory(path_);
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  void write(const std::string& name, const std::string& text) const { std::ofstream(path_ / name) << text; }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  std::string data() const { return "--data '" + path_.string() + "' "; }

 private:
  fs::path path_;
};

std::vector<nlohmann::json> read_log(const std::string& path) {
  std::vector<nlohmann::json> lines;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

std::string repeated(const std::string& text, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) result += text;
  return result;
}

const std::string small = "--emsize 8 --nhid 8 --batch-size 4 --bptt 5 --epochs 2 --sentences 1 ";

}  // namespace

TEST_CASE("rnnlm: the built-in corpus shows the model beside unigram trigram and floor") {
  const Folder folder;
  const auto run = rnnlm("--epochs 1 --tokens 20000 --nhid 16 --emsize 16 --log '" + (folder / "log") + "'");
  CHECK(run.status == 0);
  CHECK(run.says("built-in corpus"));
  CHECK_FALSE(run.says("<unk>"));  // the model knows every word, however short the training text
  double heldout = 0, unigram = 0, trigram = 0, floor = 0, ratio = 0;
  const auto at = run.out.find("epoch  1/1: held-out");
  REQUIRE(at != std::string::npos);
  CHECK(std::sscanf(run.out.c_str() + at, "epoch 1/1: held-out %lf, unigram %lf, trigram %lf, floor %lf",
                    &heldout, &unigram, &trigram, &floor) == 4);
  CHECK(floor >= 12);
  CHECK(floor <= 40);
  CHECK(unigram >= 6 * floor);
  CHECK(trigram >= 1.3 * floor);
  CHECK(heldout > floor);
  CHECK(heldout < unigram);
  double last = 0, last_floor = 0;
  CHECK(std::sscanf(run.last_line().c_str(), "held-out perplexity %lf, floor %lf, ratio %lf", &last,
                    &last_floor, &ratio) == 3);
  CHECK(last == doctest::Approx(heldout).epsilon(1e-3));
  CHECK(last_floor == doctest::Approx(floor));
  CHECK(ratio == doctest::Approx(last / floor).epsilon(1e-2));
  const auto log = read_log(folder / "log");
  REQUIRE(log.size() == 1);
  CHECK(log[0].at("epoch") == 1);
  CHECK(log[0].at("perplexity").get<double>() == doctest::Approx(last).epsilon(1e-3));
}

TEST_CASE("rnnlm: trains with every cell, stacked, tied and with dropout, the same way each time") {
  const std::string options =
      " --epochs 1 --tokens 4000 --nhid 12 --emsize 12 --nlayers 2 --tied --dropout 0.1 --sentences 0";
  for (const std::string& cell : xgrad::cell_names()) {
    CAPTURE(cell);
    const auto run = rnnlm("--cell " + cell + options);
    CHECK(run.status == 0);
    CHECK(run.says(cell + " of 12 units, 2 layers"));
    double perplexity = 0, floor = 0;
    CHECK(std::sscanf(run.last_line().c_str(), "held-out perplexity %lf, floor %lf", &perplexity, &floor) ==
          2);
    CHECK(perplexity > floor);
    if (cell == "lstm") CHECK(rnnlm("--cell lstm" + options).last_line() == run.last_line());
  }
}

TEST_CASE("rnnlm: a folder of texts is trained on and the last line has no floor") {
  const Folder folder;
  folder.write("ptb.train.txt", repeated(" the cat sat \n the dog ran \n", 40));
  folder.write("ptb.valid.txt", repeated(" the cat ran \n", 10));
  folder.write("ptb.test.txt", repeated(" the bird ran \n", 10));
  const auto run = rnnlm(folder.data() + small);
  CHECK(run.status == 0);
  CHECK(run.says("10 held-out tokens are not in the training text"));
  double heldout = 0, unigram = 0, trigram = 0;
  CHECK(std::sscanf(run.last_line().c_str(), "held-out perplexity %lf, unigram %lf, trigram %lf", &heldout,
                    &unigram, &trigram) == 3);
  CHECK_FALSE(run.says("floor"));
  CHECK(run.says("test perplexity"));
}

TEST_CASE("rnnlm: the same seed logs the same numbers and another seed others") {
  const Folder folder;
  const auto train = [&](const std::string& seed, const std::string& log) {
    const auto run = rnnlm(small + "--tokens 2000 --seed " + seed + " --log '" + (folder / log) + "'");
    REQUIRE(run.status == 0);
    return read_log(folder / log);
  };
  const auto first = train("3", "a"), again = train("3", "b"), other = train("4", "c");
  CHECK(first.size() == 2);
  CHECK(first == again);
  CHECK(first != other);
}

TEST_CASE("rnnlm: the reference protocol needs the training file alone and logs its training perplexity") {
  const Folder folder;
  folder.write("train.txt", repeated(" a b c d \n a c b d \n", 12));
  const auto run = rnnlm(folder.data() + "--protocol reference --dtype double --epochs 3 --log '" +
                         (folder / "log") + "'");
  CHECK(run.status == 0);
  const auto log = read_log(folder / "log");
  REQUIRE(log.size() == 3);
  CHECK(log[2].at("epoch") == 3);
  CHECK(log[0].at("perplexity").get<double>() ==
        doctest::Approx(5).epsilon(0.05));  // five words, not yet learned
}

TEST_CASE("rnnlm: the reference protocol logs the published curve where the text is at hand") {
  const fs::path data = fs::path(XGRAD_TEST_DATA) / "../../shared/data/ptb";
  if (!fs::exists(data / "ptb.train.txt")) {
    MESSAGE("the Penn Treebank is not here: not compared");
    return;
  }
  std::ifstream in(XGRAD_TEST_DATA "/golden/word_model.json");
  const auto golden = nlohmann::json::parse(in).at("arrays");
  const auto compare = [&](const std::string& options, const nlohmann::json& curve, std::size_t offset,
                           double tolerance) {
    const Folder folder;
    const auto run = rnnlm("--data '" + data.string() + "' --protocol reference --tokens 1000 --epochs 10 " +
                           options + " --log '" + (folder / "log") + "'");
    REQUIRE(run.status == 0);
    const auto log = read_log(folder / "log");
    REQUIRE(log.size() == 10);
    for (std::size_t i = 0; i < log.size(); ++i)
      CHECK(log[i].at("perplexity").get<double>() ==
            doctest::Approx(curve.at("data")[offset + i].get<double>()).epsilon(tolerance));
  };
  compare("--dtype double --seed 0", golden.at("ppl_f64"), 0, 1e-12);
  for (const std::size_t seed : {1, 7, 11})
    compare(fmt::format("--dtype float --seed {}", seed), golden.at("ppl_seeds_0_11_f32"), 100 * seed, 1e-5);
}

TEST_CASE("rnnlm: a wrong command line is one sentence and status 2") {
  const std::vector<std::array<std::string, 2>> cases{
      {"--no-such-flag", "--no-such-flag"},
      {"stray", "stray"},
      {"--epochs", "--epochs"},
      {"--epochs 0", "--epochs is '0', expected a whole number from 1"},
      {"--epochs -3", "--epochs is '-3'"},
      {"--epochs 2.5", "--epochs is '2.5'"},
      {"--epochs 1e99", "--epochs is '1e99'"},
      {"--lr nan", "--lr is 'nan', expected a number above 0"},
      {"--lr 0", "--lr is '0'"},
      {"--lr -1", "--lr is '-1'"},
      {"--lr inf", "--lr is 'inf'"},
      {"--lr fast", "--lr is 'fast'"},
      {"--clip 0", "--clip is '0'"},
      {"--lr-decay 2", "--lr-decay is '2'"},
      {"--batch-size 0", "--batch-size is '0'"},
      {"--bptt 0", "--bptt is '0'"},
      {"--nhid 0", "--nhid is '0'"},
      {"--emsize x", "--emsize is 'x'"},
      {"--tokens 1", "--tokens is '1'"},
      {"--seed -1", "--seed is '-1', expected a whole number from 0 to 2^32 - 1"},
      {"--seed 4294967296", "--seed is '4294967296'"},
      {"--dtype half", "--dtype is 'half', expected float or double"},
      {"--protocol other", "--protocol is 'other', expected streams or reference"},
      {"--protocol reference --nhid 50", "--protocol reference fixes --nhid at 100, but 50 was asked for"},
      {"--protocol reference --clip 1", "one Elman layer trained without --clip"},
      {"--protocol reference --cell lstm", "without --cell"},
      {"--cell transformer", "--cell is 'transformer', expected one of rnn, rnn_relu, lstm"},
      {"--nlayers 0", "--nlayers is '0'"},
      {"--dropout 1", "--dropout is '1', expected a number from 0 to 0.99"},
      {"--tied --nhid 64", "--emsize is 128 and --nhid 64"},
      {"--protocol reference --lr-epochs 3", "leave --lr-epochs out"},
      {"--nhid 1000000000", "--nhid is '1000000000', expected a whole number from 1 to 32768"},
  };
  for (const auto& known : cases) {
    const std::string &arguments = known[0], &text = known[1];
    CAPTURE(arguments);
    const auto run = rnnlm(arguments);
    CHECK(run.status == 2);
    CHECK_MESSAGE(run.says(text), run.out);
    CHECK(run.says("rnnlm --help"));
  }
}

TEST_CASE("rnnlm: text that is missing is status 66 and text that cannot be used status 65") {
  const Folder folder;
  CHECK(rnnlm("--data '" + (folder / "nowhere") + "'").status == 66);
  CHECK(rnnlm("--data '" + (folder / "nowhere") + "'").says("there is no folder"));
  CHECK(rnnlm(folder.data()).status == 66);
  CHECK(rnnlm(folder.data()).says("neither train.txt nor ptb.train.txt"));

  const std::string good = repeated(" a b c \n", 50);
  folder.write("train.txt", good);
  CHECK(rnnlm(folder.data()).status == 66);  // no valid.txt
  CHECK(rnnlm(folder.data()).says("valid.txt"));
  folder.write("valid.txt", good);
  folder.write("test.txt", "");
  CHECK(rnnlm(folder.data()).status == 65);
  CHECK(rnnlm(folder.data()).says("test text is empty"));
  folder.write("test.txt", "one");
  CHECK(rnnlm(folder.data()).status == 65);
  folder.write("test.txt", good);
  CHECK(rnnlm(folder.data() + small).status == 0);
  CHECK(rnnlm(folder.data() + "--batch-size 500").status == 65);
  CHECK(rnnlm(folder.data() + "--batch-size 500").says("too short"));
  CHECK(rnnlm(folder.data() + "--protocol reference --tokens 50").status == 65);
  if (fs::exists("/proc/self/mem")) {  // opens, but cannot be read
    fs::remove(folder / "valid.txt");
    fs::create_symlink("/proc/self/mem", folder / "valid.txt");
    CHECK(rnnlm(folder.data()).status == 66);
    CHECK(rnnlm(folder.data()).says("cannot read"));
  }
}

TEST_CASE("rnnlm: output that cannot be written is status 74 and diverged training status 75") {
  const Folder folder;
  CHECK(rnnlm(small + "--log '" + (folder / "no/such/folder/log") + "'").status == 74);
  if (fs::exists("/dev/full")) {
    CHECK(rnnlm(small + "--tokens 2000 --log /dev/full").status == 74);
    CHECK(rnnlm(small + "--tokens 2000 > /dev/full").status == 74);
  }
  const auto diverged = rnnlm(small + "--tokens 2000 --lr 1000000 --clip 1000000");
  CHECK(diverged.status == 75);
  CHECK(diverged.says("the perplexity of epoch 1 is inf"));  // though every loss was finite
  CHECK(diverged.says("try a smaller --lr than 1000000"));
  CHECK(rnnlm("--help").status == 0);
  const auto version = rnnlm("--version");
  CHECK(version.status == 0);
  CHECK(version.out == xgrad::to_string(xgrad::config()) + "\n");
}

TEST_CASE("rnnlm: a rate beyond all reason ends with what was not finite first, and status 75") {
  const Folder folder;
  const auto run = rnnlm(small + "--tokens 2000 --lr 1e37 --clip 1e37 --log '" + (folder / "log") + "'");
  CAPTURE(run.out);
  CHECK(run.status == 75);
  CHECK(run.says("built-in corpus: 2000 training"));  // what was printed before is not lost
  CHECK(run.says("rnnlm: [check_finite] step "));
  CHECK(run.says(" of epoch 1, loss "));
  CHECK(run.says(", gradient norm "));
  CHECK(run.says(": the loss is "));  // which op it is, and at what step, hangs on rounding
  CHECK(run.says(" made "));
  CHECK(run.says(", token "));
  CHECK(run.says("try a smaller --lr than 1e+37"));
  CHECK(read_log(folder / "log").empty());  // no epoch was finished
  const auto reference = rnnlm("--protocol reference --dtype double --epochs 1 --tokens 2000");
  CHECK(reference.status == 0);  // whose gradients are not clipped, but looked at
}
