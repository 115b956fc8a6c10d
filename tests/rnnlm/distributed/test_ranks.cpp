// rnnlm in several processes: the model does not depend on how many, nor on those that are killed, and what
// they disagree about is said before the first step.
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <thread>

#include <doctest/doctest.h>

#include <xgrad/autograd/random.hpp>

#include "rnnlm/program.hpp"

using checks::RunFolder;

namespace {

const std::string options =
    "--cell lstm --nhid 8 --emsize 8 --epochs 2 --batch-size 9 --bptt 5 --dropout 0.1 --output adaptive "
    "--shards 4 --sentences 0 --threads 1 ";
const std::string files = "--save model --checkpoint ckpt --every 7 --log log --log-interval 5 ";

void write_text(const RunFolder& folder) {
  folder.write("text", checks::repeated("the cat sat\nthe dog ran home\n", 300));
}

void remove_all(const RunFolder& folder) {
  for (const char* file : {"model", "ckpt", "ckpt.previous", "log"}) folder.remove(file);
}

// The processes that train in this folder.
std::vector<pid_t> ranks_in(const RunFolder& folder) {
  namespace fs = std::filesystem;
  std::vector<pid_t> found;
  std::error_code gone;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    if (fs::read_symlink(entry.path() / "exe", gone).filename() == "rnnlm-ranks" &&
        fs::read_symlink(entry.path() / "cwd", gone) == fs::canonical(folder / ""))
      found.push_back(std::stoi(name));
  }
  return found;
}

}  // namespace

TEST_CASE("rnnlm --ranks: the same model and log from any number of processes, resumed or not") {
  const RunFolder folder;
  write_text(folder);
  const std::string run = "--data text " + options + files;
  REQUIRE(folder.rnnlm(run).status == 0);
  const std::string model = folder.read("model");
  const auto log = folder.log("log");
  for (const char* ranks : {"--ranks 2", "--ranks 3", "--ranks 4"}) {
    CAPTURE(ranks);
    remove_all(folder);
    const auto outcome = folder.rnnlm(run + ranks);
    CHECK_MESSAGE(outcome.status == 0, outcome.out);
    CHECK(outcome.says("held-out perplexity"));
    CHECK(folder.read("model") == model);
    CHECK(folder.log("log") == log);
  }
  remove_all(folder);
  REQUIRE(folder.rnnlm(run + "--epochs 1 --ranks 3").status == 0);
  REQUIRE(folder.rnnlm("--resume ckpt --epochs 2 --ranks 2").status == 0);
  CHECK(folder.read("model") == model);
  // More threads than processors for each of them, and a batch that the shards do not divide.
  remove_all(folder);
  REQUIRE(folder.rnnlm("--data text " + options + files + "--ranks 2 --threads 2").status == 0);
  CHECK(folder.read("model") == model);
  // Shards by default, of a batch of less than eight.
  CHECK(folder.rnnlm("--data text --epochs 1 --batch-size 3 --ranks 2").says("shards 3"));
}

TEST_CASE("rnnlm --ranks: what cannot be is refused before the first step") {
  const RunFolder folder;
  write_text(folder);
  const auto refused = [&](const std::string& arguments, int status, const std::string& text) {
    const auto outcome = folder.rnnlm(arguments);
    CHECK(outcome.status == status);
    CHECK_MESSAGE(outcome.says(text), outcome.out);
  };
  refused("--ranks 5 --shards 4", 2, "--ranks 5 are more than --shards 4: each needs at least one");
  refused("--shards 30", 2, "--shards 30 are more than the tracks of the batch, --batch-size 20");
  refused("--ranks 2 --restarts 1", 2, "--restarts means something only with --checkpoint or --resume");
  refused("--restarts 1 --checkpoint c", 2, "--restarts means something only with --ranks");
  refused("--protocol reference --shards 2", 2,
          "--protocol reference fixes --shards at 1, but 2 was asked for");
  refused("--protocol reference --ranks 2", 2, "--protocol reference computes its batch as a whole");
  refused("--ranks 30", 2, "--ranks 30 are more than the tracks of the batch, --batch-size 20");
  refused("--data nothing --ranks 2", 66, "rnnlm: cannot read 'nothing'");
  REQUIRE(folder.rnnlm("--data text " + options + files + "--epochs 1").status == 0);
  refused("--resume ckpt --shards 2", 2, "--shards is '2', but '4' in 'ckpt'");

  const auto disagree = [&](const std::string& one, const std::string& other, const std::string& text) {
    const std::string program = "exec '" XGRAD_RNNLM "-ranks' ";
    folder.write("either",
                 "test $OMPI_COMM_WORLD_RANK = 0 && " + program + one + "\n" + program + other + "\n");
    const auto outcome = checks::shell(
        "cd '" + folder / "" +
        "' && OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1 "
        "PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe mpirun -n 2 sh either < /dev/null");
    CHECK(outcome.status == 2);
    CHECK_MESSAGE(outcome.says(text), outcome.out);
  };
  folder.write("text2", checks::repeated("the cat ran\nthe dog sat home\n", 300));
  const std::string both = "--shards 2 --epochs 1 ";
  disagree(both + "--lr 1", both + "--lr 2", "rank 1 has other settings than rank 0: ");
  disagree(both + "--data text", both + "--data text2", "rank 1 has other settings than rank 0: ");
  disagree("--data text", "--data text", "mpirun has started 2 processes, but --shards is 1");
  disagree("--ranks 3", "--ranks 3", "--ranks is 3, but mpirun has started 2");
  disagree("eval model --data text", "eval model --data text", "train alone runs in several processes");
}

// XGRAD_KILLS says how many.
TEST_CASE(
    "rnnlm --ranks: where a process is killed the others end, and the run goes on from its checkpoint") {
  const RunFolder folder;
  write_text(folder);
  const std::string run = "--data text " + options + files;
  const auto seconds = [start = std::chrono::steady_clock::now()] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  REQUIRE(folder.rnnlm(run + "--ranks 3").status == 0);
  const double longest = seconds();
  const std::string model = folder.read("model");
  const auto log = folder.log("log");
  const char* const asked = std::getenv("XGRAD_KILLS");
  const std::size_t wanted = asked == nullptr ? 3 : std::strtoull(asked, nullptr, 10);
  xgrad::Random random(3);
  std::size_t kills = 0, unequal = 0;
  double slowest = 0;
  while (kills < wanted) {
    remove_all(folder);
    for (int status = 76; status != 0;) {
      const checks::Child child(folder,
                                (folder.has("ckpt") ? "--resume ckpt " : run + "--force ") + "--ranks 3");
      std::this_thread::sleep_for(std::chrono::duration<double>(longest * random.uniform()));
      const auto ranks = ranks_in(folder);
      const bool killed =
          !ranks.empty() &&
          kill(ranks[static_cast<std::size_t>(random.uniform() * static_cast<double>(ranks.size()))],
               SIGKILL) == 0;
      const double before = seconds();
      status = child.wait();
      if (!killed || status == 0) continue;  // it had ended
      ++kills;
      slowest = std::max(slowest, seconds() - before);
      CHECK(ranks_in(folder).empty());
      REQUIRE_MESSAGE(status == 76, folder.read("out"));
      const std::string out = folder.read("out");
      CHECK_MESSAGE(out.find("one of 3 processes was ended by signal 9") != std::string::npos, out);
    }
    if (folder.read("model") != model || folder.log("log") != log) ++unequal;
  }
  CHECK(unequal == 0);
  CHECK(slowest < 10);
  MESSAGE(kills << " processes killed, " << unequal << " unequal; the others had ended " << slowest
                << " s later at the latest");
}

TEST_CASE("rnnlm --ranks: it starts again by itself, and a signal to stop is for all") {
  const RunFolder folder;
  write_text(folder);
  const std::string run = "--data text " + options + files + "--ranks 2 ";
  REQUIRE(folder.rnnlm(run).status == 0);
  const std::string model = folder.read("model");
  const auto wait_for_checkpoint = [&] {
    for (int i = 0; i < 3000 && (!folder.has("ckpt") || ranks_in(folder).size() < 2); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    REQUIRE(ranks_in(folder).size() == 2);
  };
  remove_all(folder);
  {
    const checks::Child child(folder, run + "--epochs 40 --restarts 2");
    wait_for_checkpoint();
    kill(ranks_in(folder).back(), SIGKILL);
    CHECK_MESSAGE(child.wait() == 0, folder.read("out"));
    CHECK(folder.read("out").find("goes on from 'ckpt', restarts left: 1") != std::string::npos);
  }
  for (const int signal : {SIGINT, SIGTERM}) {
    remove_all(folder);
    const checks::Child child(folder, run + "--epochs 2000");
    wait_for_checkpoint();
    child.signal(signal);
    CHECK(child.wait() == 128 + signal);
    const std::string out = folder.read("out");
    CHECK_MESSAGE(out.find("stopped by ") != std::string::npos, out);
    CHECK(folder.has("model"));
    CHECK(ranks_in(folder).empty());
  }
}
