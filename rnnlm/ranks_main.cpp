// rnnlm-ranks: rnnlm as one of several processes, which `rnnlm --ranks N`, or a user, starts by mpirun.
// The first one prints what rnnlm does; the others say nothing, unless they alone fail.
#include <chrono>
#include <cstdio>
#include <thread>

#include <xgrad/training/distributed/world.hpp>

#include "program.hpp"
#include "signals.hpp"

namespace {

using namespace xgrad;

class MpiRanks : public Ranks {
 public:
  explicit MpiRanks(World& world) : world_(world) {}
  std::size_t rank() const override { return world_.rank(); }
  std::size_t size() const override { return world_.size(); }
  bool is_started() const override { return true; }
  void agree(const std::string& what, const std::string& text) const override { world_.agree(what, text); }
  int largest(int value) const override { return world_.largest(value); }
  std::string concatenate(const std::string& bytes) const override { return world_.concatenate(bytes); }
  std::shared_ptr<ShardExchange<float>> exchange(float) override { return world_.exchange<float>(); }
  std::shared_ptr<ShardExchange<double>> exchange(double) override { return world_.exchange<double>(); }

 private:
  World& world_;
};

}  // namespace

int main(int argc, char** argv) {
  note_forwarded_signals();  // which may come while MPI starts
  World world(argc, argv);
  MpiRanks ranks(world);
  if (!ranks.is_first() && std::freopen("/dev/null", "w", stdout) == nullptr)
    world.fail("cannot open /dev/null", 74);
  const auto [status, message] = program(argc, argv, ranks);
  if (message.empty()) return ranks.is_first() ? status : 0;
  // What all of them have found the first one says; the others wait for that.
  if (!ranks.is_first()) std::this_thread::sleep_for(std::chrono::seconds(2));
  if (ranks.is_first()) {
    std::fputs(("rnnlm: " + message + "\n").c_str(), stderr);
    world.end(status);
  }
  world.fail(message, status);
}
