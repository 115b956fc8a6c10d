// World: the weights do not depend on the number of processes, nor on where a checkpoint is resumed; and how
// a program ends of which one process fails. Each case starts the program ranks.cpp by mpirun.
#include <doctest/doctest.h>

#include "rnnlm/program.hpp"

using checks::RunFolder;

namespace {

checks::Outcome ranks(const RunFolder& folder, std::size_t n, const std::string& arguments) {
  // As root, with more processes than processors, one thread each. Open MPI 4, then 5.
  return checks::shell(
      "cd '" + folder / "" +
      "' && OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 "
      "OMPI_MCA_rmaps_base_oversubscribe=1 PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe "
      "XGRAD_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 mpirun -n " +
      std::to_string(n) + " '" XGRAD_RANKS "' " + arguments + " < /dev/null");
}

}  // namespace

TEST_CASE("World: equal bits after 50 steps of every optimizer at 1, 2, 3, 4 and 8 ranks, resumed or not") {
  const RunFolder folder;
  for (const std::size_t n : {1, 2, 3, 4, 8}) {
    const auto run = ranks(folder, n, "8 50 at" + std::to_string(n));
    REQUIRE_MESSAGE(run.status == 0, run.out);
  }
  const std::string expected = folder.read("at1");
  CHECK(expected.find("adam, adaptive: ") != std::string::npos);
  for (const char* other : {"at2", "at3", "at4", "at8"}) CHECK(folder.read(other) == expected);

  REQUIRE(ranks(folder, 2, "8 20 half kept").status == 0);
  REQUIRE(ranks(folder, 3, "8 50 resumed kept").status == 0);
  CHECK(folder.read("half") != expected);
  CHECK(folder.read("resumed") == expected);
}

TEST_CASE("World: all_reduce adds up dense gradients, rows, and both") {
  const RunFolder folder;
  REQUIRE(ranks(folder, 3, "0 0 sums").status == 0);
  CHECK(folder.read("sums") ==
        "dense 0\nmixed 0\nscalar 0\ntable 1\n"  // which are row-sparse
        "{{ 6.,  6.},\n { 6.,  6.},\n { 6.,  6.}}\n"
        "{{ 1.,  1.},\n { 2.,  2.},\n { 3.,  3.},\n { 0.,  0.},\n { 6.,  6.}}\n"
        "{ 3.,  2.,  3.,  2.}\n 3.\n0\n");
}

TEST_CASE("World: what processes disagree about is named, in all of them") {
  const RunFolder folder;
  const auto says = [&](const std::string& what, const std::string& text) {
    const auto run = ranks(folder, 3, "fail " + what);
    CHECK_MESSAGE(run.says(text), run.out);
  };
  says("agree", "[World] rank 2 has other settings than rank 0: '--lr 2', expected '--lr 1'");
  says("parameters", "[World] rank 1 has other parameters than rank 0: 'w (2,)\n', expected 'w (1,)\n'");
  says("shards", "[Shards] there are 3 processes for 2 shards; each needs at least one");
}

TEST_CASE("World: a process that fails or is killed ends the others") {
  const RunFolder folder;
  for (const std::string what : {"exception", "killed"}) {
    const auto run = ranks(folder, 3, "fail " + what);
    CHECK(run.status != 0);
    CHECK_FALSE(run.says("was not ended"));
    if (what == "exception") CHECK(run.says("rank 1 of 3: [test] of rank 1"));
  }
}
