// Checkpoints of the library, given as a header and elements (fuzz::safetensors_file): an error changes
// nothing.
#include <algorithm>

#include <xgrad/autograd/safetensors.hpp>
#include <xgrad/training/adam.hpp>
#include <xgrad/training/averages.hpp>
#include <xgrad/training/checkpoint.hpp>
#include <xgrad/training/schedules.hpp>
#include <xgrad/training/stopping.hpp>

#include "fuzz.hpp"

namespace {

using namespace xgrad;
using fuzz::require;

// A part of each kind.
struct Everything {
  Parameters<float> p;
  Variable<float> w = (p / "a").weight("w", {2, 1});
  Adam<float> adam{p, 0.1};
  Plateau plateau{{.rate = 1}};
  Best<float> best{p};
  EarlyStopping stop{{.patience = 3}};
  TriggeredAverage<float> average{p, 1};
  RandomKey key{1};
  std::uint32_t step = 0;
  bool flag = false;
  double number = 0;
  std::string text;
  Array<float> array;
  std::vector<std::uint64_t> integers;
  Checkpoint checkpoint;

  explicit Everything(const std::string& file) : checkpoint(file) {
    checkpoint.keep("p", p).keep("adam", adam).keep("plateau", plateau).keep("best", best);
    checkpoint.keep("stop", stop).keep("average", average).keep("key", key);
    checkpoint.keep("step", step).keep("flag", flag).keep("number", number).keep("text", text);
    checkpoint.keep("array", array).keep("integers", integers);
  }
};

bool same(const StateDict& a, const StateDict& b) {
  if (a.entries().size() != b.entries().size()) return false;
  for (const auto& [name, entry] : a.entries()) {
    const auto other = b.entries().find(name);
    if (other == b.entries().end() || other->second.index() != entry.index()) return false;
    const bool equal = std::visit(
        [&]<class E>(const E& mine) {
          const E& theirs = std::get<E>(other->second);
          if constexpr (requires { mine.shape(); })
            return mine.shape() == theirs.shape() &&
                   std::ranges::equal(safetensors::tensor(mine).bytes, safetensors::tensor(theirs).bytes);
          else
            return mine == theirs;
        },
        entry);
    if (!equal) return false;
  }
  return true;
}

StateDict state_of(const Everything& all) {
  StateDict state;
  const auto put = [&](const char* name, const auto& part) { state.put(name, detail::state_of(part)); };
  put("p", all.p), put("adam", all.adam), put("plateau", all.plateau), put("best", all.best);
  put("stop", all.stop), put("average", all.average), put("key", all.key);
  put("step", all.step), put("flag", all.flag), put("number", all.number), put("text", all.text);
  put("array", all.array), put("integers", all.integers);
  return state;
}

void run(std::string_view input) {
  const fuzz::MemoryFile file(fuzz::safetensors_file(input));
  Everything all(file.path());
  const StateDict before = state_of(all);
  try {
    require(all.checkpoint.load(), "a checkpoint that is there is loaded");
    (void)all.plateau.rate();
  } catch (const Error&) {
    require(same(before, state_of(all)), "a checkpoint that cannot be loaded changes nothing");
  }
}

const fuzz::Target target("checkpoint", run);

}  // namespace
