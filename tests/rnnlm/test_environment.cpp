// What the world around a run does to it: disks that are full, files that vanish, runs that meet, readers
// that leave, other users. No run is lost by it, and no file is half written.
#include <algorithm>
#include <chrono>
#include <thread>

#include <sys/stat.h>

#include "rnnlm/program.hpp"

using checks::Child;
using checks::RunFolder;

namespace {

const std::string text = checks::repeated("the cat sat\nthe dog ran home\n", 400);
const std::string run = "--data text " + checks::small;
const std::string endless = "--data text --emsize 8 --nhid 8 --batch-size 4 --bptt 5 --epochs 1000000 ";

// Waits until a run that goes on beside has made its file.
void wait_for(const RunFolder& folder, const std::string& name) {
  for (int i = 0; i < 4000 && !folder.has(name); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  REQUIRE(folder.has(name));
}

std::vector<std::string> files_of(const RunFolder& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder / ""))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

// In the folder, by the shell, where $RNNLM is the program.
checks::Outcome script(const RunFolder& folder, const std::string& commands) {
  return checks::shell("cd '" + folder / "" + "' && RNNLM='" XGRAD_RNNLM "' && " + commands);
}

}  // namespace

TEST_CASE("rnnlm: a run whose files may not become as long as they would be goes on to its end") {
  const RunFolder folder;
  folder.write("text", text);
  // Of 1024 bytes; a sanitizer's own files are none of these.
  const auto outcome = script(folder, "(ulimit -f 4; TMPDIR=. exec \"$RNNLM\" " + run +
                                          "--nhid 32 --emsize 32 --log log --log-interval 5 --save model)");
  CHECK_MESSAGE(outcome.status == 74, outcome.out);
  CHECK_MESSAGE(outcome.says("rnnlm: warning: cannot write the log 'log': File too large; the run goes on"),
                outcome.out);
  CHECK_MESSAGE(outcome.says("rnnlm: warning: cannot write 'model': File too large; the run goes on"),
                outcome.out);
  CHECK_MESSAGE(outcome.says("epoch  2/2"), outcome.out);
  CHECK_MESSAGE(outcome.says("held-out perplexity"), outcome.out);
  CHECK(folder.log("log").size() >= 10);  // which reads each line, and so fails for half a one
  CHECK(files_of(folder) == std::vector<std::string>{"log", "text"});
}

TEST_CASE("rnnlm: a full disk leaves the last whole checkpoint, and the model goes to another disk") {
  const RunFolder folder;
  folder.write("text", text);
  std::filesystem::create_directory(folder / "disk");
  const std::string mount = "mount -t tmpfs -o size=64k tmpfs disk";
  if (script(folder, "unshare -m sh -c '" + mount + "'").status != 0) {
    MESSAGE("not tried: a disk can only be mounted by root");
    return;
  }
  // The checkpoint fits, and so does the one before it; then a file takes the rest, and goes away again.
  const auto outcome = script(
      folder,
      "unshare -m sh -c '" + mount + " && \"$0\" " + endless +
          "--checkpoint disk/ckpt --every 1 --log disk/log --log-interval 100 --save disk/model > out 2> "
          "warnings & run=$!; i=0; while ! test -s disk/model && test $i -lt 4000; do sleep 0.01; "
          "i=$((i+1)); done; head -c 60000 /dev/zero > disk/filler 2> /dev/null; "
          "i=0; while ! grep -q ckpt warnings && test $i -lt 4000; do sleep 0.01; i=$((i+1)); done; "
          "kill -TERM $run; wait $run; echo status $?; cp disk/ckpt kept; \"$0\" info disk/model' "
          "\"$RNNLM\"");
  CAPTURE(outcome.out);
  CAPTURE(folder.read("out"));
  CAPTURE(folder.read("warnings"));
  CHECK(outcome.says("status 143"));
  CHECK(outcome.says("vocabulary"));  // info of the model that stands there whole
  CHECK(folder.read("warnings")
            .find("warning: cannot write 'disk/ckpt': No space left on device; the run goes "
                  "on") != std::string::npos);
  CHECK(folder.read("out").find("stopped by SIGTERM") != std::string::npos);
  CHECK(script(folder, "\"$RNNLM\" --resume kept --epochs 1 --log other").status == 0);
}

TEST_CASE("rnnlm: when the folder of --save has vanished the model goes to the working folder") {
  const RunFolder folder;
  folder.write("text", text);
  for (const std::string end : {"stopped", "done"}) {
    CAPTURE(end);
    std::filesystem::create_directory(folder / "results");
    const Child child(folder, end == "done"
                                  ? "--data text --emsize 8 --nhid 8 --batch-size 4 --bptt 5 --epochs 60 "
                                    "--save results/model"
                                  : endless + "--save results/model");
    wait_for(folder, "results/model");
    std::filesystem::remove_all(folder / "results");
    if (end == "stopped") child.signal(SIGTERM);
    CHECK(child.wait() == (end == "stopped" ? 128 + SIGTERM : 74));
    const std::string out = folder.read("out");
    CHECK_MESSAGE(out.find("is in 'rnnlm.safetensors'") != std::string::npos, out);
    CHECK(folder.rnnlm("info rnnlm.safetensors").status == 0);
    folder.remove("rnnlm.safetensors");
  }
}

TEST_CASE("rnnlm: a run whose reader has gone keeps its model and checkpoint, and says where") {
  const RunFolder folder;
  folder.write("text", text);
  const auto outcome = script(
      folder, "(\"$RNNLM\" " + endless + "--log-interval 1 --checkpoint ckpt; echo status $? >&2) | head -1");
  CHECK_MESSAGE(outcome.says("rnnlm: cannot write to standard output, whose reader is gone; the model is in "
                             "'rnnlm.safetensors'\nstatus 74"),
                outcome.out);
  CHECK(folder.rnnlm("info rnnlm.safetensors").status == 0);
  CHECK(folder.rnnlm("--resume ckpt --epochs 1").status == 0);
}

TEST_CASE("rnnlm: two runs do not write each other's files") {
  const RunFolder folder;
  folder.write("text", text);
  const Child first(folder, endless + "--save model --checkpoint ckpt --log log --every 5");
  wait_for(folder, "model");
  const auto refused = [&](const std::string& arguments, int status, const std::string& message) {
    const auto outcome = folder.rnnlm(arguments);
    CHECK_MESSAGE(outcome.status == status, outcome.out);
    CHECK_MESSAGE(outcome.says(message), outcome.out);
  };
  refused(run + "--save model", 73, "--save 'model' is there already");
  refused(run + "--log log --force", 74, "cannot write the log 'log': another run is writing it");
  refused(run + "--checkpoint ckpt", 73, "--checkpoint 'ckpt' is there already");
  refused(run + "--save new --checkpoint ckpt.previous", 73, "--checkpoint 'ckpt.previous' is there already");
  // The file is another one after each save, and for a moment nobody's.
  int locked = 0;
  for (int i = 0; i < 5; ++i)
    if (folder.rnnlm("--resume ckpt --epochs 1 --log other --force").says("another run is writing it"))
      ++locked;
  CHECK(locked >= 3);
  first.signal(SIGINT);
  CHECK(first.wait() == 130);
  CHECK(folder.rnnlm("info model").status == 0);
}

TEST_CASE("rnnlm: runs that meet at a name that was free do not replace each other's model") {
  const RunFolder folder;
  folder.write("text", text);
  const Child child(folder, endless + "--save model --log log --log-interval 1000000");
  wait_for(folder, "model");
  std::this_thread::sleep_for(std::chrono::milliseconds(300));  // it has seen that the file is its own
  // Another program writes there, as a copy would that is renamed.
  folder.write("new", "somebody else's");
  std::filesystem::rename(folder / "new", folder / "model");
  wait_for(folder, "out");
  child.signal(SIGINT);
  CHECK(child.wait() == 130);
  CHECK(folder.read("model") == "somebody else's");
  CHECK(folder.rnnlm("info rnnlm.safetensors").status == 0);
  // Two that are stopped at once, without --save.
  const Child one(folder, endless + "--log log1"), two(folder, endless + "--log log2");
  for (const char* log : {"log1", "log2"}) wait_for(folder, log);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  one.signal(SIGINT);
  two.signal(SIGINT);
  CHECK(one.wait() == 130);
  CHECK(two.wait() == 130);
  CHECK(folder.rnnlm("info rnnlm-2.safetensors").status == 0);
  CHECK(folder.rnnlm("info rnnlm-3.safetensors").status == 0);
}

TEST_CASE("rnnlm: a signal during an evaluation saves the run first, which goes on as if unbroken") {
  const RunFolder folder;
  // An epoch of training takes no time beside its evaluation.
  folder.write("train.txt", checks::repeated("the cat sat\nthe dog ran home\n", 40));
  folder.write("valid.txt", checks::repeated("the cat sat\nthe dog ran home\n", 20'000));
  folder.write("test.txt", text);
  const std::string slow = "--data . --emsize 8 --nhid 8 --batch-size 4 --bptt 5 --epochs 2 --sentences 0 ";
  const auto whole = folder.rnnlm(slow + "--save model --checkpoint ckpt --log log");
  REQUIRE_MESSAGE(whole.status == 0, whole.out);
  const std::string model = folder.read("model");
  const auto log = folder.log("log");
  for (const char* name : {"model", "ckpt", "ckpt.previous", "log"}) folder.remove(name);
  const Child child(folder, slow + "--save model --checkpoint ckpt --log log");
  wait_for(folder, "model");  // the second epoch is evaluated in a moment
  child.signal(SIGTERM);
  CHECK(child.wait() == 128 + SIGTERM);
  CHECK(folder.read("out").find("epoch  2/2: held-out") == std::string::npos);  // it did not wait for its end
  const auto rest = folder.rnnlm("--resume ckpt");
  REQUIRE_MESSAGE(rest.status == 0, rest.out);
  CHECK(rest.last_line() == whole.last_line());
  CHECK(folder.read("model") == model);
  CHECK(folder.log("log") == log);
}

TEST_CASE("rnnlm: what another user may not read or write is said, by name") {
  const RunFolder folder;
  folder.write("text", text);
  folder.write("secret", text);
  chmod((folder / "").c_str(), 0755);
  chmod((folder / "secret").c_str(), 0600);
  const std::string as_other = "setpriv --reuid=65534 --regid=65534 --clear-groups ";
  if (script(folder, as_other + "\"$RNNLM\" --version").status != 0) {
    MESSAGE("not tried: only root can be another user");
    return;
  }
  const auto says = [&](const std::string& arguments, int status, const std::string& message) {
    const auto outcome = script(folder, as_other + "\"$RNNLM\" " + arguments);
    CHECK_MESSAGE(outcome.status == status, outcome.out);
    CHECK_MESSAGE(outcome.says(message), outcome.out);
  };
  says("--data secret", 66, "cannot read 'secret': Permission denied");
  says("info secret", 66, "cannot read 'secret': Permission denied");
  says("--resume secret", 66, "cannot read 'secret': Permission denied");
  says("plot secret", 66, "cannot read 'secret': Permission denied");
  says("--config secret", 66, "cannot read 'secret': Permission denied");
  says(run + "--save new", 74, "--save 'new' cannot be written: the folder '.': Permission denied");
  says(run + "--log new", 74, "--log 'new' cannot be written: the folder '.': Permission denied");
  says(run + "--checkpoint new", 74,
       "--checkpoint 'new' cannot be written: the folder '.': Permission denied");
  CHECK(files_of(folder) == std::vector<std::string>{"secret", "text"});
}

TEST_CASE("rnnlm: threads and memory that are not to be had are one sentence") {
  const RunFolder folder;
  folder.write("text", text);
  const auto says = [&](const std::string& commands, int status, const std::string& message) {
    const auto outcome = script(folder, commands);
    CHECK_MESSAGE(outcome.status == status, outcome.out);
    CHECK_MESSAGE(outcome.says(message), outcome.out);
  };
  for (const char* value : {"abc", "0", "-1", "1.5", "''", "' 2'", "99999999999999999999"}) {
    CAPTURE(value);
    const auto outcome = script(folder, std::string("XGRAD_NUM_THREADS=") + value + " \"$RNNLM\" " + run);
    if (std::string(value) == "''")  // as if it were not set
      CHECK_MESSAGE(outcome.status == 0, outcome.out);
    else
      CHECK_MESSAGE((outcome.status == 2 && outcome.says("rnnlm: XGRAD_NUM_THREADS is '")), outcome.out);
  }
  says("TERM=dumb NO_COLOR=1 \"$RNNLM\" " + run, 0, "held-out perplexity");
  says("XGRAD_NUM_THREADS=1 OPENBLAS_NUM_THREADS=nonsense \"$RNNLM\" " + run, 0, "held-out perplexity");
}
