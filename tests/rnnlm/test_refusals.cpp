// What rnnlm refuses: each row is a command line that makes no sense, or files that cannot be used, with the
// exit status and the words that say what was wrong and what was expected.
#include <algorithm>

#include <sys/stat.h>

#include "rnnlm/program.hpp"

using checks::RunFolder;

namespace {

struct Refusal {
  std::string arguments;
  int status;
  std::string text;  // of the message
};

void check(const RunFolder& folder, const std::vector<Refusal>& rows) {
  for (const Refusal& row : rows) {
    CAPTURE(row.arguments);
    const auto outcome = folder.rnnlm(row.arguments);
    CHECK_MESSAGE(outcome.status == row.status, outcome.out);
    CHECK_MESSAGE(outcome.says(row.text), outcome.out);
    // One sentence, without what names a function of the library or a terminal obeys.
    CHECK_MESSAGE(("\n" + outcome.out).find("\nrnnlm: ") != std::string::npos, outcome.out);
    CHECK(std::count(outcome.out.begin(), outcome.out.end(), '\n') <= 15);
    CHECK_FALSE(outcome.says("rnnlm: ["));
    CHECK(outcome.out.find('\x1b') == std::string::npos);
    CHECK(outcome.last_line().size() < 500);
  }
}

const std::string good = checks::repeated("the cat sat\nthe dog ran\n", 100);

}  // namespace

TEST_CASE("rnnlm: a wrong command line is one sentence and status 2") {
  const RunFolder folder;
  folder.write("text", good);
  check(folder,
        {{"--no-such-flag", 2, "there is no option '--no-such-flag'; see rnnlm --help"},
         {"--batch-sise 3", 2, "there is no option '--batch-sise'; did you mean --batch-size?"},
         {"--batch_sise 3", 2, "did you mean --batch-size?"},
         {"--epoch 3", 2, "did you mean --epochs?"},
         {"--learning-rate 3", 2, "there is no option '--learning-rate'"},
         {"-x", 2, "there is no option '-x'"},
         {"-epochs 3", 2, "there is no option '-epochs'; did you mean --epochs?"},
         {"---", 2, "there is no option '---'"},
         {"stray", 2, "there is no command 'stray'"},
         {"trian", 2, "there is no command 'trian'; did you mean train?"},
         {"Eval m", 2, "there is no command 'Eval'; did you mean eval?"},
         {"''", 2, "there is no command ''"},
         {"train stray", 2, "'stray' is one too many: train takes options alone"},
         {"train -- --epochs", 2, "'--epochs' is one too many"},
         {"train text", 2, "did you mean --data text?"},
         {"text", 2, "there is no command 'text'; did you mean --data text?"},
         {"--no-tied", 2, "there is no option '--no-tied'; --tied=false switches it off"},
         {"--epochs", 2, "--epochs needs a value, a whole number from 1 to 1000000"},
         {"--epochs=", 2, "--epochs needs a value, a whole number from 1"},
         {"--cell", 2, "--cell needs a value, one of rnn, rnn_relu, lstm"},
         {"--model", 2, "--cell needs a value"},
         {"--lr", 2, "--lr needs a value, a number above 0"},
         {"--config", 2, "--config needs a value"},
         {"--data", 2, "--data needs a value"},
         {"--data ''", 2, "--data is '', expected a name that is not empty"},
         {"--epochs 0", 2, "--epochs is '0', expected a whole number from 1 to 1000000"},
         {"--epochs -3", 2, "--epochs is '-3'"},
         {"--epochs 2.5", 2, "--epochs is '2.5'"},
         {"--epochs 1e99", 2, "--epochs is '1e99'"},
         {"--epochs 0x10", 2, "--epochs is '0x10'"},
         {"--epochs ' 3'", 2, "--epochs is ' 3'"},
         {"--epochs 99999999999999999999", 2, "--epochs is '99999999999999999999'"},
         {"--epochs 1,000", 2, "--epochs is '1,000'"},
         {"--lr nan", 2, "--lr is 'nan', expected a number above 0 and up to 1e37"},
         {"--lr 0", 2, "--lr is '0'"},
         {"--lr -1", 2, "--lr is '-1'"},
         {"--lr inf", 2, "--lr is 'inf'"},
         {"--lr 1e-400", 2, "--lr is '1e-400'"},
         {"--lr fast", 2, "--lr is 'fast'"},
         {"--lr 1e38", 2, "--lr is '1e38'"},
         {"--lr ++1", 2, "--lr is '++1'"},
         {"--clip -0.5", 2, "--clip is '-0.5', expected a number from 0 to 1e37"},
         {"--clip nan", 2, "--clip is 'nan'"},
         {"--lr-decay 2", 2, "--lr-decay is '2', expected a number above 0 and up to 1"},
         {"--lr-decay 0", 2, "--lr-decay is '0'"},
         {"--batch-size 0", 2, "--batch-size is '0'"},
         {"--bptt 0", 2, "--bptt is '0'"},
         {"--nhid 0", 2, "--nhid is '0'"},
         {"--nhid 1000000000", 2, "--nhid is '1000000000', expected a whole number from 1 to 32768"},
         {"--emsize x", 2, "--emsize is 'x'"},
         {"--nlayers 0", 2, "--nlayers is '0'"},
         {"--nlayers 101", 2, "--nlayers is '101', expected a whole number from 1 to 100"},
         {"--tokens 1", 2, "--tokens is '1', expected a whole number from 2"},
         {"--seed -1", 2, "--seed is '-1', expected a whole number from 0 to 4294967295"},
         {"--seed 4294967296", 2, "--seed is '4294967296'"},
         {"--dtype half", 2, "--dtype is 'half', expected float or double"},
         {"--cell transformer", 2, "--cell is 'transformer', expected one of rnn, rnn_relu, lstm"},
         {"--cell LSTN", 2, "--cell is 'LSTN', expected one of"},
         {"--level words --data text", 2, "--level is 'words', expected one of word, char, byte"},
         {"--level char", 2, "the built-in corpus is of words; --level char needs --data"},
         {"--optimizer sdg", 2, "--optimizer is 'sdg', expected one of sgd, momentum, adam"},
         {"--schedule step", 2, "--schedule is 'step', expected one of constant, decay, plateau, cosine"},
         {"--average mean", 2, "--average is 'mean', expected one of none, exponential, triggered"},
         {"--dropout 1", 2, "--dropout is '1', expected a number from 0 to 0.99"},
         {"--dropout -0.1", 2, "--dropout is '-0.1'"},
         {"--wdrop 1", 2, "--wdrop is '1'"},
         {"--wdecay -1", 2, "--wdecay is '-1'"},
         {"--init -1", 2, "--init is '-1'"},
         {"--valid-split 0 --data text", 2, "--valid-split is '0', expected a number above 0 and up to 0.5"},
         {"--valid-split 0.6 --data text", 2, "--valid-split is '0.6'"},
         {"--valid-split 0.1", 2, "--valid-split means something only with --data"},
         {"--every 10", 2, "--every means something only with --checkpoint or --resume"},
         {"--every 0 --checkpoint c", 2, "--every is '0'"},
         {"--log-interval 0", 2, "--log-interval is '0'"},
         {"--sentences -1", 2, "--sentences is '-1', expected a whole number from 0 to 1000"},
         {"--threads -1", 2, "--threads is '-1'"},
         {"--threads 5000", 2, "--threads is '5000', expected a whole number from 0 to 1024"},
         {"--variational", 2, "--variational means something only with --dropout"},
         {"--lr-epochs 3 --schedule plateau", 2, "--lr-epochs means something only with --schedule decay"},
         {"--lr-decay 0.5 --schedule cosine", 2,
          "--lr-decay means something only with --schedule decay or plateau"},
         {"--output soft", 2, "--output is 'soft', expected one of full, adaptive, sampled"},
         {"--output adaptive --tied", 2, "--tied and --output adaptive exclude each other"},
         {"--samples 5", 2, "--samples means something only with --output sampled"},
         {"--protocol reference --output sampled", 2, "fixes --output at full"},
         {"--tied --nhid 64", 2, "--emsize is 128 and --nhid 64"},
         {"--protocol other", 2, "--protocol is 'other', expected streams or reference"},
         {"--protocol reference --nhid 50", 2, "fixes --nhid at 100, but 50 was asked for"},
         {"--protocol reference --clip 1", 2, "fixes --clip at 0, but 1 was asked for"},
         {"--protocol reference --cell lstm", 2, "fixes --cell at rnn, but lstm was asked for"},
         {"--protocol reference --dropout 0.1", 2, "fixes --dropout at 0"},
         {"--protocol reference --tied", 2, "fixes --tied at false"},
         {"--protocol reference --lr-epochs 3", 2, "--lr-epochs"},
         {"eval", 2, "expected eval MODEL, as in 'rnnlm eval book.safetensors --data other.txt'"},
         {"eval m text", 2, "'text' is one too many: expected eval MODEL; did you mean --data text?"},
         {"score m --data text", 2, "'--data' is no option of score: expected score MODEL [FILE|-]"},
         {"score m --lambda 0.5", 2, "--lambda means something only with --mix"},
         {"generate m once upon", 2,
          "'once' is one too many: expected generate MODEL; a prompt stands in quotes"},
         {"eval m", 2, "eval needs --data, the text to evaluate"},
         {"eval m n --data text", 2, "'n' is one too many: expected eval MODEL"},
         {"eval m --data text --epochs 3", 2, "'--epochs' is no option of eval"},
         {"eval m --data text --window 0", 2, "--window is '0'"},
         {"score", 2, "expected score MODEL [FILE|-]"},
         {"score a b c", 2, "'c' is one too many"},
         {"score m --lambda 2", 2, "--lambda is '2', expected a number from 0 to 1"},
         {"generate", 2, "expected generate MODEL"},
         {"generate m --temperature -1", 2, "--temperature is '-1', expected a number from 0"},
         {"generate m --temperature nan", 2, "--temperature is 'nan'"},
         {"generate m --top-p 0", 2, "--top-p is '0', expected a number above 0 and up to 1"},
         {"generate m --top-p 1.1", 2, "--top-p is '1.1'"},
         {"generate m --top-k -1", 2, "--top-k is '-1'"},
         {"generate m --length 0", 2, "--length is '0'"},
         {"generate m --lenght 5", 2, "there is no option '--lenght'; did you mean --length?"},
         {"info", 2, "expected info MODEL"},
         {"info m --data text", 2, "'--data' is no option of info"},
         {"plot", 2, "expected plot LOG..."},
         {"plot l --outptu x", 2, "did you mean --output?"}});
}

TEST_CASE("rnnlm: a wrong configuration names its file and line, and has status 2") {
  const RunFolder folder;
  folder.write("name", "cell = lstm\n\n# nothing here\nnhidd = 5\n");
  folder.write("value", "lr = fast\n");
  folder.write("form", "epochs 5\n");
  folder.write("empty", "epochs =\n");
  folder.write("other", "temperature = 2\n");
  folder.write("control", "ep\x1b[31mochs = 2\n");
  folder.write("tied", "tied = yes\n");
  check(folder, {{"--config name", 2, "'name', line 4: there is no option 'nhidd'; did you mean nhid?"},
                 {"--config value", 2, "'value', line 1: lr is 'fast', expected a number above 0"},
                 {"--config form", 2, "'form', line 1 is 'epochs 5', expected 'name = value'"},
                 {"--config empty", 2, "'empty', line 1: epochs is '', expected a whole number"},
                 {"--config other", 2, "'other', line 1: there is no option 'temperature'"},
                 {"--config control", 2, "line 1: there is no option 'ep\\u001b[31mochs'"},
                 {"--config tied", 2, "tied is 'yes', expected false or true"},
                 {"--config nowhere", 66, "cannot read 'nowhere': No such file or directory"},
                 {"--config .", 66, "'.' is a folder, expected a file"},
                 {"eval m --config name", 2, "there is no option '--config'"}});
}

TEST_CASE("rnnlm: text that cannot be read is status 66, and text that cannot be used status 65") {
  const RunFolder folder;
  const auto make = [&](const std::string& name) { std::filesystem::create_directory(folder / name); };
  for (const char* name : {"none", "no_valid", "empty_test", "one", "fifo", "loop", "dangling", "folder"})
    make(name);
  for (const char* name : {"no_valid", "empty_test", "one", "loop", "dangling", "folder"})
    folder.write(std::string(name) + "/train.txt", good);
  for (const char* name : {"empty_test", "one"}) folder.write(std::string(name) + "/valid.txt", good);
  folder.write("empty_test/test.txt", "");
  folder.write("one/test.txt", "one");
  REQUIRE(mkfifo((folder / "fifo/train.txt").c_str(), 0600) == 0);
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  std::filesystem::create_symlink("valid.txt", folder / "loop/valid.txt");
  std::filesystem::create_symlink("nowhere", folder / "dangling/valid.txt");
  std::filesystem::create_symlink("link", folder / "link");
  make("folder/valid.txt");
  folder.write("good", good);
  folder.write("nul", "the cat\nsat" + std::string(1, '\0') + " here\n");
  folder.write("latin1", "the caf\xe9\n" + good);
  folder.write("later", good + "the caf\xe9\n");
  folder.write("utf16",
               "\xff\xfe"
               "t\0h\0e\0");
  folder.write("gzip", "\x1f\x8b\x08 and so on");
  folder.write("xz",
               "\xfd"
               "7zXZ and so on");
  folder.write("zip", "PK\x03\x04 and so on");
  folder.write("overlong", "a \xc0\xaf b\n");
  folder.write("surrogate", "a \xed\xa0\x80 b\n");
  folder.write("cut", "a b \xe2\x82");
  folder.write("nothing", "");
  folder.write("blank", " \t ");
  folder.write("single", "word");
  folder.write("few", "a few words\n");
  folder.write("short", checks::repeated("a b c d\n", 10));
  check(folder,
        {{"--data nowhere", 66, "cannot read 'nowhere': No such file or directory"},
         {"--data -", 2, "train reads no text from standard input; rnnlm prepare --data -"},
         {"--data none", 66, "'none' has neither train.txt nor ptb.train.txt"},
         {"--data no_valid", 66, "cannot read 'no_valid/valid.txt': No such file or directory"},
         {"--data fifo", 66, "'fifo/train.txt' is a FIFO, expected a file"},
         {"--data pipe", 66, "'pipe' is a FIFO, expected a file"},
         {"--data loop", 66, "cannot read 'loop/valid.txt': Too many levels of symbolic links"},
         {"--data link", 66, "cannot read 'link': Too many levels of symbolic links"},
         {"--data dangling", 66, "cannot read 'dangling/valid.txt': No such file or directory"},
         {"--data folder", 66, "'folder/valid.txt' is a folder, expected a file"},
         {"--data good/train.txt", 66, "cannot read 'good/train.txt': Not a directory"},
         {"--data /dev/zero", 66, "'/dev/zero' is no regular file"},
         {"--data empty_test", 65, "'empty_test/test.txt' has 0 tokens, expected at least two"},
         {"--data one", 65, "'one/test.txt' has 1 token, expected at least two"},
         {"--data nul", 65, "'nul', line 2, byte 4 is NUL: this is not a text; --level byte takes any file"},
         {"--data latin1", 65, "'latin1', line 1, byte 8 is 0xE9, which is not UTF-8"},
         {"--data later", 65, "'later', line 201, byte 8 is 0xE9"},
         {"--data latin1 --level char", 65, "'latin1', line 1, byte 8 is 0xE9"},
         {"--data utf16", 65, "'utf16' is in UTF-16, expected UTF-8"},
         {"--data gzip", 65, "'gzip' is compressed by gzip (gunzip unpacks it)"},
         {"--data xz", 65, "'xz' is compressed by xz"},
         {"--data zip", 65, "'zip' is a zip archive"},
         {"--data overlong", 65, "0xC0, which is not UTF-8"},
         {"--data surrogate", 65, "0xED, which is not UTF-8"},
         {"--data cut", 65, "0xE2, which is not UTF-8"},
         {"--data nothing", 65, "the training part of 'nothing' has 0 tokens"},
         {"--data blank", 65, "the training part of 'blank' has 0 tokens"},
         {"--data single", 65, "'single' has"},
         {"--data few", 65,
          "has 0 tokens, expected at least two; give a longer text or a larger --valid-split"},
         {"--data short --batch-size 100", 65, "too short for --batch-size 100: it needs 101"},
         {"--data good --batch-size 5000 --bptt 2", 65, "too short for --batch-size 5000"},
         {"--data good --bptt 1000000", 65, "--bptt 1000000"},
         {"--data good --protocol reference --tokens 50", 65, "too short"},
         {"--data good --vocab 1 --tokens 2 --batch-size 50", 65, "too short"}});
  if (geteuid() != 0) {
    make("locked");
    chmod((folder / "locked").c_str(), 0);
    check(folder, {{"--data locked", 66, "Permission denied"}});
    chmod((folder / "locked").c_str(), 0700);
  }
  if (std::filesystem::exists("/proc/self/mem"))  // opens, but cannot be read
    check(folder, {{"--data /proc/self/mem", 66, "cannot read '/proc/self/mem': Input/output error"}});
}

TEST_CASE("rnnlm: what is there is not overwritten, and what cannot be written is said before training") {
  const RunFolder folder;
  folder.write("text", good);
  folder.write("old", "kept");
  folder.write("conf", "epochs = 1\n");
  std::filesystem::create_directory(folder / "folder");
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  std::filesystem::create_symlink("text", folder / "link");
  const std::string run = "--data text " + checks::small;
  check(folder,
        {{run + "--log old", 73, "--log 'old' is there already; --force replaces it"},
         {run + "--save old", 73, "--save 'old' is there already; --force replaces it"},
         {run + "--checkpoint old", 73, "--checkpoint 'old' is there already"},
         {run + "--log text --force", 73, "--log 'text' is 'text', which the run needs"},
         {run + "--save ./text --force", 73, "--save './text' is 'text', which the run needs"},
         {run + "--log link --force", 73, "--log 'link' is 'text', which the run needs"},
         {run + "--config conf --log conf --force", 73, "--log 'conf' is 'conf', which the run needs"},
         {run + "--log new --save new", 73, "--log 'new' is 'new', which the run needs"},
         {run + "--log -", 74, "--log '-': expected the name of a file"},
         {run + "--save -", 74, "--save '-': expected the name of a file"},
         {run + "--log folder", 74, "--log 'folder' is a folder"},
         {run + "--save folder", 74, "--save 'folder' is a folder"},
         {run + "--log pipe", 74, "--log 'pipe' is no regular file"},
         {run + "--log nowhere/log", 74, "the folder 'nowhere': No such file or directory"},
         {run + "--save nowhere/model", 74, "the folder 'nowhere': No such file or directory"},
         {run + "--checkpoint nowhere/c", 74, "the folder 'nowhere': No such file or directory"},
         {run + "--log text/log", 74, "Not a directory"}});
  CHECK(folder.read("old") == "kept");
  CHECK(folder.read("text") == good);
  CHECK(folder.read("conf") == "epochs = 1\n");
  if (std::filesystem::exists("/dev/full"))
    check(folder, {{run + "--log /dev/full", 74, "No space left on device"},
                   {run + " > /dev/full", 74, "No space left on device"}});
  check(folder, {{run + " >&-", 74, "standard output is closed"}});
  CHECK(folder.rnnlm(run + "--log log <&- 2>&-").status == 0);
  CHECK(folder.log("log").size() >= 3);  // the log has its own lines alone
}

TEST_CASE("rnnlm: files that are no models, checkpoints or logs are refused") {
  const RunFolder folder;
  folder.write("text", good);
  REQUIRE(folder.rnnlm("--data text " + checks::small + "--save model --log log --checkpoint ckpt").status ==
          0);
  const std::string model = folder.read("model");
  folder.write("cut", model.substr(0, model.size() - 1));
  folder.write("head", model.substr(0, 100));
  folder.write("empty", "");
  folder.write("json", "{}");
  std::string other = model;
  const auto at = other.find("xgrad rnnlm 1");
  REQUIRE(at != std::string::npos);
  other.replace(at, 13, "xgrad rnnlm 9");
  folder.write("version", other);
  const auto cell = model.find("\\\"nhid\\\":\\\"8\\\"");
  REQUIRE(cell != std::string::npos);
  other = model;
  other.replace(cell, 14, "\\\"nhid\\\":\\\"7\\\"");
  folder.write("size", other);
  folder.write("half", "{\"event\":\"epoch\"\n{}\n");
  for (const char* command : {"info ", "generate ", "eval --data text ", "score "})
    check(
        folder,
        {{command + std::string("nowhere"), 66, "cannot read 'nowhere': No such file or directory"},
         {command + std::string("."), 66, "'.' is a folder, expected a model file"},
         {command + std::string("text"), 65, "'text'"},
         {command + std::string("cut"), 65, "'cut'"},
         {command + std::string("head"), 65, "'head'"},
         {command + std::string("empty"), 65, "'empty'"},
         {command + std::string("json"), 65, "'json'"},
         {command + std::string("ckpt"), 65,
          "'ckpt' is no model of rnnlm: it is a checkpoint of a run, whose model is in the file of --save"},
         {command + std::string("version"), 65, "its format is 'xgrad rnnlm 9', expected 'xgrad rnnlm 1'"}});
  check(folder,
        {{"generate size", 65, "'size'"},
         {"--resume model", 65, "'model' is a model; a run goes on from the file of its --checkpoint"},
         {"--resume text", 65, "'text'"},
         {"--resume .", 66, "'.' is a folder, expected a checkpoint"},
         {"--resume nowhere", 66, "cannot read 'nowhere': No such file or directory"},
         {"plot nowhere", 66, "cannot read 'nowhere': No such file or directory"},
         {"plot text", 65, "text"},
         {"plot half", 65, "half"},
         {"plot log --output text", 73, "--output 'text' is there already; --force replaces it"},
         {"plot log --output log --force", 73, "--output 'log' is 'log', which the run needs"},
         {"eval model --data nowhere", 66, "cannot read 'nowhere'"},
         {"score model nowhere", 66, "cannot read 'nowhere'"}});
  folder.write("column", "-1\n-2\n");
  folder.write("words", "-1\nx\n");
  folder.write("positive", "-1\n0.5\n");
  folder.write("line", "the cat sat\n");
  folder.write("list", "1 ||| the cat\nthe dog\n");
  folder.write("nul", std::string("the cat\nthe dog\na\0\n", 19));
  check(folder,
        {{"score model line --mix column", 65, "'column' has 2 scores for 4 tokens, ends of lines included"},
         {"score model line --mix words", 65, "'words', line 2 is 'x', expected the log10 of a probability"},
         {"score model line --mix positive", 65, "'positive', line 2 is '0.5'"},
         {"score model list --nbest", 65, "'list', line 2 is 'the dog', expected 'id ||| text'"},
         {"score model nul", 65, "'nul', line 3, byte 2 is NUL"},
         {"score model < nul", 65, "'standard input', line 3, byte 2 is NUL"},
         {"--data text --checkpoint $(printf '\\303')", 2, "--checkpoint is '\\xc3', which is not UTF-8"}});
}
