// Runs that end before they are done, by a signal or a kill, and go on: the weights and the log are those of
// a run that was never broken off.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>

#include <xgrad/autograd/random.hpp>

#include "rnnlm/program.hpp"

using checks::RunFolder;

namespace {

// A run of two layers with everything that has a state: dropout, momentum, a plateau, an average.
const std::string options =
    "--cell lstm --nlayers 2 --emsize 8 --nhid 8 --dropout 0.2 --variational --wdrop 0.1 "
    "--optimizer adam --lr 0.01 --schedule plateau --average exponential --batch-size 4 --bptt 10 --epochs 4 "
    "--log-interval 50 --sentences 1 ";
const std::string run = "--data . " + options;
const std::string files = "--save model --checkpoint ckpt --log log --every 7 ";

// The texts of `run`: an epoch takes as long as a test can wait for, an evaluation no time.
void write_texts(const RunFolder& folder) {
  folder.write("train.txt", checks::repeated("the cat sat\nthe dog ran home\n", 400));
  for (const char* name : {"valid.txt", "test.txt"})
    folder.write(name, checks::repeated("the cat sat\nthe dog ran home\n", 20));
}

// Waits until the log has so many lines, or the run is over.
void wait_for_lines(const RunFolder& folder, std::size_t count) {
  for (int i = 0; i < 2000; ++i) {
    const std::string text = folder.read("log");
    if (static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) >= count) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

void remove_all(const RunFolder& folder) {
  for (const char* name : {"model", "log", "ckpt", "ckpt.previous"}) folder.remove(name);
}

}  // namespace

TEST_CASE("rnnlm: SIGINT and SIGTERM save the run, which goes on as if it had never been stopped") {
  const RunFolder folder;
  write_texts(folder);
  const auto whole = folder.rnnlm(run + files);
  REQUIRE_MESSAGE(whole.status == 0, whole.out);
  const std::string model = folder.read("model");
  const auto log = folder.log("log");
  for (const int signal : {SIGINT, SIGTERM, SIGHUP})
    for (const std::size_t lines : {1, 6}) {
      CAPTURE(signal);
      CAPTURE(lines);
      remove_all(folder);
      const checks::Child child(folder, run + files);
      wait_for_lines(folder, lines);
      child.signal(signal);
      CHECK(child.wait() == 128 + signal);
      const std::string out = folder.read("out");
      CHECK_MESSAGE(out.find("stopped by SIG") != std::string::npos, out);
      CHECK(out.find("go on with: rnnlm --resume ckpt") != std::string::npos);
      CHECK(out.find("held-out perplexity") != std::string::npos);
      CHECK_MESSAGE(out.find("is in 'model'\n") != std::string::npos, out);
      CHECK(folder.rnnlm("info model").status == 0);
      const auto rest = folder.rnnlm("--resume ckpt --threads 1");
      REQUIRE_MESSAGE(rest.status == 0, rest.out);
      CHECK(rest.last_line() == whole.last_line());
      CHECK(folder.read("model") == model);
      CHECK(folder.log("log") == log);
    }
}

TEST_CASE("rnnlm: a run that is stopped without --save leaves its model in the working folder") {
  const RunFolder folder;
  write_texts(folder);
  folder.write("rnnlm.safetensors", "somebody else's");
  const checks::Child child(folder, run + "--log log --report page.html");
  wait_for_lines(folder, 5);
  child.signal(SIGINT);
  CHECK(child.wait() == 130);
  CHECK(folder.read("rnnlm.safetensors") == "somebody else's");
  CHECK(folder.read("page.html").find("held-out perplexity") != std::string::npos);
  CHECK(folder.read("out").find("is in 'rnnlm-2.safetensors'\n") != std::string::npos);
  CHECK(folder.rnnlm("info rnnlm-2.safetensors").status == 0);
}

TEST_CASE(
    "rnnlm: a run that was over goes on to its report, with another log too, and the reference protocol") {
  const RunFolder folder;
  write_texts(folder);
  const auto whole = folder.rnnlm(run + files);
  REQUIRE_MESSAGE(whole.status == 0, whole.out);
  const std::string model = folder.read("model");
  const auto again = folder.rnnlm("--resume ckpt --log other");
  CHECK_MESSAGE(again.status == 0, again.out);
  CHECK(again.last_line() == whole.last_line());
  CHECK(folder.read("model") == model);
  // The file of a run that was stopped has the weights of a moment that were better; the resumed one has not.
  folder.write("model", "another");
  CHECK(folder.rnnlm("--resume ckpt").status == 0);
  CHECK(folder.read("model") == model);
  folder.remove("log");
  const auto gone = folder.rnnlm("--resume ckpt");
  CHECK(gone.status == 74);
  CHECK_MESSAGE(gone.says("the log of this run, 'log', is gone; put it back, or begin another by --log"),
                gone.out);
  CHECK(folder.log("other").size() == 2);  // settings and the end
  remove_all(folder);
  const auto reference =
      folder.rnnlm("--protocol reference --tokens 2000 --epochs 3 --sentences 0 --checkpoint ckpt");
  REQUIRE_MESSAGE(reference.status == 0, reference.out);
  CHECK(folder.rnnlm("--resume ckpt").last_line() == reference.last_line());
  CHECK(reference.last_line().starts_with("training perplexity "));
}

TEST_CASE("rnnlm: a second signal ends a run at once") {
  const RunFolder folder;
  const checks::Child child(folder, "--log log --log-interval 1");
  wait_for_lines(folder, 2);
  child.signal(SIGTERM);
  child.signal(SIGTERM);
  CHECK(child.wait() == 128 + SIGTERM);
}

TEST_CASE("rnnlm: a run refuses to go on with another text or other settings") {
  const RunFolder folder;
  folder.write("text", checks::repeated("the cat sat\nthe dog ran\n", 200));
  folder.write("other", checks::repeated("the cat sat\nthe dog fell\n", 200));
  REQUIRE(folder.rnnlm("--data text " + checks::small + "--checkpoint ckpt").status == 0);
  const auto refused = [&](const std::string& arguments, int status, const std::string& text) {
    const auto outcome = folder.rnnlm("--resume ckpt " + arguments);
    CHECK_MESSAGE(outcome.status == status, outcome.out);
    CHECK_MESSAGE(outcome.says(text), outcome.out);
  };
  refused("--data other", 65, "'ckpt' is of a run on another text than 'other'; give that text, or begin");
  refused("--nhid 9", 2, "--nhid is '9', but '8' in 'ckpt'");
  refused("--tokens 100", 2, "--tokens");
  refused("--seed 1", 2, "--seed is '1', but '0'");
  refused("--dtype double", 2, "--dtype");
  const auto longer = folder.rnnlm("--resume ckpt --epochs 3 --threads 2");
  CHECK_MESSAGE(longer.status == 0, longer.out);
  CHECK(longer.says("epoch  3/3"));
  CHECK(folder.rnnlm("--resume ckpt")
            .says("'ckpt' is of a run that has done its 3 epochs; with more --epochs"));
  folder.write("ckpt", folder.read("ckpt").substr(0, 500));
  refused("", 65, "ckpt");
  folder.remove("ckpt");
  folder.remove("ckpt.previous");
  refused("", 66, "cannot read 'ckpt': No such file or directory");
}

TEST_CASE(
    "rnnlm: a run goes on from a checkpoint after the last window of an epoch, which has fewer tracks") {
  for (const std::string shards : {"", "--shards 3 "}) {
    const RunFolder folder;
    write_texts(folder);  // of 3,600 tokens, on 4 tracks
    REQUIRE(folder.rnnlm(run + shards + "--save model --checkpoint ckpt --every 1 --epochs 2").status == 0);
    // The last checkpoint is of the end of the epoch, the one before it of its last window.
    std::filesystem::copy_file(folder / "ckpt.previous", folder / "before");
    const auto resumed = folder.rnnlm("--resume before --save model2");
    CHECK_MESSAGE(resumed.status == 0, resumed.out);
    CHECK(resumed.says("goes on from 'before': epoch 2, window 91 of 91"));
    CHECK(folder.read("model2") == folder.read("model"));
  }
}

// XGRAD_KILLS says how many kills there are at least; ctest has a run with 200.
TEST_CASE("rnnlm: kills at random moments lose nothing since the last checkpoint and change no bit") {
  const RunFolder folder;
  folder.write("text", checks::repeated("the cat sat\nthe dog ran home\n", 600));
  const std::string short_run = "--data text " + options;  // whose held-out text takes no time
  const auto start = std::chrono::steady_clock::now();
  REQUIRE(folder.rnnlm(short_run + files).status == 0);
  const double longest = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const std::string model = folder.read("model");
  const auto log = folder.log("log");
  const char* const asked = std::getenv("XGRAD_KILLS");
  const std::size_t wanted = asked == nullptr ? 5 : std::strtoull(asked, nullptr, 10);
  xgrad::Random random(5);
  std::size_t kills = 0, lost = 0, unequal = 0, finished = 0;
  for (; kills < wanted; ++finished) {
    remove_all(folder);
    int status = -1;
    while (status == -1) {
      const std::string threads = finished % 2 == 0 ? "--threads 1 " : "--threads 2 ";
      // Killed before there is a checkpoint, it begins anew.
      const checks::Child child(
          folder, (folder.has("ckpt") ? "--resume ckpt " : short_run + files + "--force ") + threads);
      std::this_thread::sleep_for(std::chrono::duration<double>(1.2 * longest * random.uniform()));
      child.signal(SIGKILL);
      const int ended = child.wait();
      status = ended == 128 + SIGKILL ? -1 : ended;
      if (status == -1) ++kills;
    }
    if (status != 0) ++lost;
    REQUIRE_MESSAGE(status == 0, folder.read("out"));
    if (folder.read("model") != model || folder.log("log") != log) ++unequal;
  }
  CHECK(lost == 0);
  CHECK(unequal == 0);
  MESSAGE(kills << " kills in " << finished << " runs: " << lost << " lost, " << unequal << " unequal");
}
