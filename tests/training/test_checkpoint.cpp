// Checkpoints: every kind of part comes back, what does not fit changes nothing, and runs that are killed at
// random moments end with the bits of those that were not.
#include <xgrad/training/checkpoint.hpp>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>

#include <xgrad/layers/lstm.hpp>
#include <xgrad/training/averages.hpp>
#include <xgrad/training/schedules.hpp>
#include <xgrad/training/stopping.hpp>

#include "autograd/folder.hpp"
#include "autograd/ops/checks.hpp"
#include "killed.hpp"
#include "training/optimizers.hpp"

using namespace xgrad;
using checks::check_error;
using checks::error_of;
using checks::identical;
using xgrad::testing::Folder;

namespace {

// One part of each kind.
struct Everything {
  Parameters<double> p;
  Variable<double> w = (p / "a").weight("w", {3, 2});
  Adam<double> adam{p, 0.1};
  Plateau plateau{{.rate = 1}};
  Best<double> best{p};
  EarlyStopping stop{{.patience = 3}};
  TriggeredAverage<double> average{p, 1};
  LstmState<double> state{Variable<double>(0), Variable<double>(0)};
  Variable<float> single;
  RandomKey key{1};
  Random random{1};
  std::size_t step = 0;
  int negative = 0;
  bool flag = false;
  double number = 0;
  std::string json;
  Array<float> array;
  std::vector<std::uint64_t> integers;
  Checkpoint checkpoint;

  explicit Everything(const std::filesystem::path& file, std::uint32_t seed) : p(seed), checkpoint(file) {
    checkpoint.keep("p", p).keep("adam", adam).keep("plateau", plateau).keep("best", best);
    checkpoint.keep("stop", stop).keep("average", average).keep("state", state).keep("single", single);
    checkpoint.keep("random", random)
        .keep("key", key)
        .keep("step", step)
        .keep("negative", negative)
        .keep("flag", flag);
    checkpoint.keep("number", number).keep("json", json).keep("array", array).keep("integers", integers);
  }
  void live() {
    adam.set_rate(0.05);
    plateau(3), best(3), stop(3), average.observe(3), average.observe(4), average.observe(5);
    state = {Variable<double>(Array<double>({2}, {1, 2})), Variable<double>(Array<double>({2}, {3, 4}))};
    single = Variable<float>(Array<float>({1}, {5}));
    key = key.fold(3);
    random.normal();
    step = 7, negative = -7, flag = true, number = 0.1, json = "{\"a\": \"\\u0000\"}";
    array = Array<float>({1, 2}, {6, 7});
    integers = {~std::uint64_t{0}, 0};
    Tape<double> tape;  // last, as the others read w, and so leave no rows behind
    adam.step(tape.gradient(sum(square(take(w, Ids{1})))));
  }
  std::vector<StateDict> states() const {
    return {detail::state_of(p),
            adam.state(),
            plateau.state(),
            best.state(),
            stop.state(),
            average.state(),
            detail::state_of(state),
            detail::state_of(single),
            detail::state_of(key),
            detail::state_of(random),
            detail::state_of(step),
            detail::state_of(negative),
            detail::state_of(flag),
            detail::state_of(number),
            detail::state_of(json),
            detail::state_of(array),
            detail::state_of(integers)};
  }
};

bool same(const std::vector<StateDict>& a, const std::vector<StateDict>& b) {
  const auto equal = []<class E>(const E& x, const StateDict::Entry& y) {
    const E* const other = std::get_if<E>(&y);
    if (other == nullptr) return false;
    if constexpr (std::same_as<E, Array<float>> || std::same_as<E, Array<double>>)
      return identical(x, *other);
    else
      return x == *other;
  };
  if (a.size() != b.size()) return false;
  for (std::size_t k = 0; k < a.size(); ++k) {
    if (a[k].entries().size() != b[k].entries().size()) return false;
    for (const auto& entry : a[k].entries())
      if (!b[k].contains(entry.first) ||
          !std::visit([&](const auto& x) { return equal(x, b[k].entries().at(entry.first)); }, entry.second))
        return false;
  }
  return true;
}

}  // namespace

TEST_CASE("Checkpoint: parts of every kind come back") {
  const Folder folder;
  Everything one(folder / "run", 1), other(folder / "run", 2);
  CHECK(!other.checkpoint.load());
  one.live();
  const auto before = one.states();
  REQUIRE(before[1].contains("updated/a/w"));
  one.checkpoint.save();
  CHECK(same(one.states(), before));
  CHECK(!same(other.states(), before));
  CHECK(other.checkpoint.load());
  CHECK(same(other.states(), before));
  CHECK(other.negative == -7);
  CHECK(other.adam.rate() == 0.05);
  CHECK(other.average.triggered());
  CHECK(identical(other.state.c.value(), Array<double>({2}, {3, 4})));
  const auto w = one.w.value().copy();  // up to date
  CHECK(identical(other.w.value(), w));
  CHECK(folder.names() == std::vector<std::string>{"run"});

  // The model alone, as a file of parameters.
  const Parameters<double> q;
  const auto v = (q / "a").weight("w", {3, 2});
  const auto loaded = q.load(folder / "run", {.rename = [](const std::string& path) { return "p/" + path; }});
  CHECK(loaded.taken == std::vector<std::string>{"a/w"});
  CHECK(identical(v.value(), w));
}

TEST_CASE("Checkpoint: the one before is kept, and named when the last is damaged") {
  const Folder folder;
  const Parameters<float> p;
  (void)p.weight("w", {2});
  std::size_t step = 1;
  Checkpoint checkpoint(folder / "run");
  checkpoint.keep("p", p).keep("step", step);
  checkpoint.save();
  step = 2;
  checkpoint.save();
  CHECK(folder.names() == std::vector<std::string>{"run", "run.previous"});
  folder.write("run", folder.read("run").substr(0, 100));
  step = 3;
  check_error([&] { checkpoint.load(); },
              {"cut short", "the checkpoint before it is kept as '", "run.previous'"});
  CHECK(step == 3);
  Checkpoint previous(folder / "run.previous");
  previous.keep("p", p).keep("step", step);
  CHECK(previous.load());
  CHECK(step == 1);

  // To begin anew here would be to lose the one before, too.
  std::filesystem::remove(folder / "run");
  check_error([&] { checkpoint.load(); },
              {"[checkpoint] there is no '", "run', but '", "run.previous', the one before it"});
  std::filesystem::rename(folder / "run.previous", folder / "run");
  CHECK(checkpoint.load());
}

TEST_CASE("Checkpoint: a file that cannot be looked for is no new run") {
  const Folder folder;
  std::filesystem::create_symlink("run", folder / "run");  // to itself
  std::size_t step = 1;
  Checkpoint checkpoint(folder / "run");
  checkpoint.keep("step", step);
  check_error([&] { checkpoint.load(); }, {"cannot read '", "run'"});
}

TEST_CASE("Checkpoint: what cannot be saved is refused, and the old file stays") {
  const Folder folder;
  std::string text = "old";
  const Parameters<float> p, none = p / "modle";
  (void)(p / "model").weight("w", {1});
  {
    Checkpoint checkpoint(folder / "run");
    checkpoint.keep("p", p).keep("text", text);
    checkpoint.save();
    text = "latin-1: \xe4";
    check_error([&] { checkpoint.save(); }, {"the metadata's value of 'text/value'", "is not UTF-8"});
    CHECK(checkpoint.load());
    CHECK(text == "old");
  }
  Checkpoint checkpoint(folder / "none");
  checkpoint.keep("model", none);
  check_error([&] { checkpoint.save(); }, {"[checkpoint] the part 'model' has no parameters to save"});
  CHECK(folder.names() == std::vector<std::string>{"run"});
}

TEST_CASE("Checkpoint: what does not fit is refused, and no part is changed") {
  const Folder folder;
  {
    Everything one(folder / "run", 1);
    one.live();
    one.checkpoint.save();
  }
  Everything other(folder / "run", 2);
  const Parameters<double> wide;
  (void)wide.weight("w", {9});
  std::size_t step = 5;
  std::uint8_t small = 9;
  const auto before = other.states();
  const auto refused = [&](auto keep) {
    Checkpoint checkpoint(folder / "run");
    keep(checkpoint);
    return error_of([&] { checkpoint.load(); });
  };
  CHECK(refused([&](Checkpoint& c) { c.keep("step", step); }).find("has the parts 'adam/array/") !=
        std::string::npos);
  const auto all_but = [&](Checkpoint& c, auto&... last) {
    c.keep("p", other.p).keep("plateau", other.plateau).keep("best", other.best).keep("stop", other.stop);
    c.keep("average", other.average).keep("state", other.state).keep("single", other.single);
    c.keep("random", other.random)
        .keep("key", other.key)
        .keep("flag", other.flag)
        .keep("number", other.number)
        .keep("json", other.json);
    c.keep("array", other.array).keep("integers", other.integers);
    (c.keep(last.first, last.second), ...);
  };
  Sgd<double> sgd(other.p, 1, {.momentum = 0.5});
  const auto refused_with = [&](auto... last) {
    return refused([&](Checkpoint& c) { all_but(c, last...); });
  };
  using std::pair;
  using Name = std::string;
  CHECK(refused_with(pair<Name, Sgd<double>&>{"adam", sgd}, pair<Name, std::size_t&>{"step", other.step},
                     pair<Name, int&>{"negative", other.negative})
            .find("[sgd] the state is that of 'adam', expected that of 'sgd' (part 'adam' of '") !=
        std::string::npos);
  CHECK(same(other.states(), before));
  CHECK(refused_with(pair<Name, Adam<double>&>{"adam", other.adam},
                     pair<Name, std::size_t&>{"step", other.step},
                     pair<Name, std::uint8_t&>{"negative", small})
            .find("which does not fit") != std::string::npos);
  CHECK(same(other.states(), before));
  CHECK(small == 9);
  CHECK(refused_with(pair<Name, Adam<double>&>{"adam", other.adam},
                     pair<Name, int&>{"negative", other.negative},
                     pair<Name, std::string&>{"step", other.json})
            .find("'value' is of another kind") != std::string::npos);
  CHECK(same(other.states(), before));

  Checkpoint checkpoint(folder / "model");
  check_error([&] { checkpoint.keep("a/b", step); },
              {"[checkpoint] a part needs a name without '/'", "'a/b'"});
  check_error([&] { checkpoint.keep("", step); }, {"got ''"});
  check_error([&] { checkpoint.keep("step", step).keep("step", step); }, {"there are two parts 'step'"});
  wide.save(folder / "model");
  check_error([&] { checkpoint.load(); },
              {"model' is no checkpoint: its metadata has no format 'xgrad checkpoint 1'"});
  check_error([&] { Checkpoint(folder / "none" / "run").save(); }, {"cannot write"});
}

TEST_CASE("Checkpoint: a table that another thread reads is saved as it is with all updates") {
  std::size_t wrong = 0;
  for (int round = 0; round < 10; ++round) {
    const Parameters<float> p;
    const auto W = p.weight("W", {100'000, 8});
    Adam<float> adam(p, 0.1, {.weight_decay = 0.1});
    for (const int row : {0, 1, 2}) {
      Tape<float> tape;
      adam.step(tape.gradient(sum(square(take(W, Ids{row})))));
    }
    std::atomic<bool> begun = false;
    std::thread reader([&] {
      begun = true;
      for (int row = 99'999; row >= 80'000; --row) (void)W.value_of_rows(Ids{row});
    });
    while (!begun) std::this_thread::yield();
    const StateDict saved = detail::state_of(p);
    reader.join();
    if (!identical(saved.array<float>("W"), W.value())) ++wrong;
  }
  CHECK(wrong == 0);
}

// XGRAD_KILLS says how many kills there are at least, in all; ctest has a run with 200.
TEST_CASE("Checkpoint: kills at random moments lose nothing and change no bit") {
  const Folder folder;
  const char* const asked = std::getenv("XGRAD_KILLS");
  const std::size_t count = checks::all_optimizers<float>().size(), steps = 60,
                    wanted = asked == nullptr ? 1 : (std::strtoull(asked, nullptr, 10) + count - 1) / count;
  const auto file = [&](const char* name) { return (folder / name).string(); };
  Random random(3);
  std::size_t kills = 0, lost = 0, unequal = 0, finished = 0;
  for (std::size_t k = 0; k < count; ++k) {
    CAPTURE(checks::all_optimizers<float>()[k].name);
    const checks::Command whole = {XGRAD_RESUMABLE, std::to_string(k), std::to_string(steps), file("whole")};
    const checks::Command broken = {XGRAD_RESUMABLE, std::to_string(k), std::to_string(steps),
                                    file("result"),  file("run"),       "3"};
    const auto remove_all = [&] {
      for (const char* name : {"run", "run.previous", "result"}) std::filesystem::remove(folder / name);
    };
    remove_all();
    REQUIRE(checks::run_for(whole, 0) == 0);  // without a checkpoint
    const auto start = std::chrono::steady_clock::now();
    REQUIRE(checks::run_for(broken, 0) == 0);
    const double longest =
        1e6 * std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    CHECK(folder.read("result") == folder.read("whole"));  // saving changes nothing
    for (std::size_t here = 0; here < wanted; ++finished) {
      remove_all();
      int status = -1;
      while (status == -1) {
        const auto delay = static_cast<std::size_t>(1 + 1.2 * longest * random.uniform());
        status = checks::run_for(broken, here < wanted ? delay : 0, 1 + finished % 2);
        if (status == -1) ++here, ++kills;
      }
      if (status != 0) ++lost;
      if (status == 0 && folder.read("result") != folder.read("whole")) ++unequal;
      REQUIRE(status == 0);
    }
  }
  CHECK(lost == 0);
  CHECK(unequal == 0);
  CHECK(kills >= count * wanted);
  MESSAGE(kills << " kills in " << finished << " runs: " << lost << " lost, " << unequal << " unequal");
}
