// Threads: large products, losses and updates are the same to the bit on any number of threads, and nested or
// concurrent work neither hangs nor is lost.
#include <xgrad/autograd/threads.hpp>

#include <doctest/doctest.h>

#include <pthread.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <new>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <xgrad/autograd/kernels/parallel.hpp>
#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/parameters.hpp>
#include <xgrad/autograd/tape.hpp>
#include <xgrad/training/adam.hpp>
#include <xgrad/training/sgd.hpp>

#include "errors.hpp"

using namespace xgrad;
using namespace xgrad::testing;

namespace {

// The number of threads before, at the brace.
class Threads {
 public:
  explicit Threads(std::size_t n) { set_threads(n); }
  ~Threads() { set_threads(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  std::size_t before_ = threads();
};

// A step of two layers over a large vocabulary, and another of Adam: all numbers that come of it.
template <class T>
std::vector<Array<T>> step_on(std::size_t n) {
  const Threads threads(n);
  const Parameters<T> p{5};
  const auto E = p.weight("E", {300, 90}), W = p.weight("W", {90, 200}), A = p.weight("A", {200, 3001}),
             b = p.bias("b", {3001});
  std::vector<Ids::value_type> words(150);
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = static_cast<Ids::value_type>(i * i % 300);
  std::vector<Array<T>> results;
  Sgd<T> sgd(p, 0.5);
  Adam<T> adam(p, 0.01);
  for (int i = 0; i < 2; ++i) {
    Tape<T> tape;
    const auto h = tanh(matmul(take(E, Ids(words)), W));
    const auto large =
        sigmoid(take(A, Ids({80}, std::vector<Ids::value_type>(80, 7)))) * 3;  // 240,080 numbers
    results.push_back(large.value());
    results.push_back(pointwise([](auto x) { return tanh(x) * x; }, large).value());
    const auto loss = softmax_cross_entropy(affine({h, A}, b), Ids(words));
    const auto gradients = tape.gradient(loss);
    results.push_back(loss.value());
    if (i == 0)
      sgd.step(gradients);
    else
      adam.step(gradients);
    for (const auto& parameter : p.list()) {
      results.push_back(gradients[parameter]);
      results.push_back(parameter.value().copy());
    }
  }
  return results;
}

}  // namespace

TEST_CASE_TEMPLATE("threads: a training step is the same to the bit on one, two and five", T, float, double) {
  const auto one = step_on<T>(1);
  for (const std::size_t n : {2, 5}) {
    CAPTURE(n);
    const auto many = step_on<T>(n);
    REQUIRE(many.size() == one.size());
    for (std::size_t k = 0; k < one.size(); ++k) {
      CAPTURE(k);
      REQUIRE(many[k].shape() == one[k].shape());
      CHECK(std::memcmp(many[k].data(), one[k].data(), sizeof(T) * one[k].size()) == 0);
    }
  }
}

TEST_CASE("threads: every part is done once, also within another and from several threads") {
  const Threads threads(4);
  const auto count_all = [](std::size_t n) {
    std::vector<int> done(n, 0);
    kernels::parallel_ranges(n, 1, [&](std::size_t first, std::size_t last) {
      for (std::size_t i = first; i < last; ++i) ++done[i];
      int inner = 0;
      kernels::parallel_ranges(3, 1, [&](std::size_t a, std::size_t b) { inner += static_cast<int>(b - a); });
      if (inner != 3) done[first] = -1;
    });
    return done == std::vector<int>(n, 1);
  };
  for (const std::size_t n : {0, 1, 2, 3, 4, 5, 100}) CHECK(count_all(n));
  std::vector<int> right(4, 0);
  std::vector<std::thread> callers;
  for (std::size_t k = 0; k < right.size(); ++k)
    callers.emplace_back([&, k] {
      for (int i = 0; i < 200; ++i) right[k] += count_all(7) ? 1 : 0;
    });
  for (auto& caller : callers) caller.join();
  CHECK(right == std::vector<int>(4, 200));
}

TEST_CASE("threads: little work is not shared") {
  const Threads threads(4);
  std::size_t calls = 0;
  kernels::parallel_ranges(7, 4, [&](std::size_t first, std::size_t last) {
    ++calls;
    CHECK(first == 0);
    CHECK(last == 7);
  });
  CHECK(calls == 1);
}

// As where a thread finds no memory for its own copy of a factor.
TEST_CASE("threads: what a part throws reaches the caller, and the threads go on with other work") {
  const Threads threads(4);
  for (int round = 0; round < 200; ++round) {
    std::atomic<int> begun = 0;
    const auto refused = [&](std::size_t bad) {
      kernels::parallel_ranges(4, 1, [&](std::size_t first, std::size_t) {
        ++begun;
        if (first >= bad) throw std::bad_alloc();
      });
    };
    for (const std::size_t bad : {0, 1, 3}) CHECK_THROWS_AS(refused(bad), std::bad_alloc);
    CHECK(begun >= 3);
    begun = 0;
    refused(4);
    CHECK(begun == 4);  // this thread did not stay one that shares nothing
  }
}

TEST_CASE("threads: none are refused") {
  CHECK(message_of([] { set_threads(0); }) == "[set_threads] needs at least one thread, got 0");
  CHECK(threads() >= 1);
}

// Threads with stacks of 2^45 bytes cannot be started.
TEST_CASE("threads: where the system has no more, those that there are do the work" *
          doctest::skip(any_sanitizer)) {
  const Threads threads(100'000);
  pthread_attr_t before, huge;
  REQUIRE(pthread_getattr_default_np(&before) == 0);
  REQUIRE(pthread_attr_init(&huge) == 0);
  REQUIRE(pthread_attr_setstacksize(&huge, std::size_t{1} << 45) == 0);
  REQUIRE(pthread_setattr_default_np(&huge) == 0);
  CHECK_THROWS_AS(std::thread([] {}), std::system_error);
  std::vector<int> done(1000, 0);
  kernels::parallel_ranges(done.size(), 1, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) ++done[i];
  });
  REQUIRE(pthread_setattr_default_np(&before) == 0);
  pthread_attr_destroy(&huge);
  CHECK(done == std::vector<int>(1000, 1));
}

TEST_CASE("threads: an environment variable that is no number of threads is an error that names it") {
  const auto with = [](const std::string& variable) {  // this program again, which reads it once
    const std::string command = variable + " '" + std::filesystem::read_symlink("/proc/self/exe").string() +
                                "' -tc='threads: none are refused' 2>&1";
    FILE* const pipe = popen(command.c_str(), "r");
    REQUIRE(pipe != nullptr);
    std::string out;
    for (int c; (c = std::fgetc(pipe)) != EOF;) out += static_cast<char>(c);
    pclose(pipe);
    return out;
  };
  for (const std::string value : {"abc", "-1", "2x", "0", "1e3", "99999999999999999999"})
    CHECK(contains(with("XGRAD_NUM_THREADS=" + value),
                   "[threads] XGRAD_NUM_THREADS is '" + value + "', expected a whole number above 0"));
  for (const char* const fine :
       {"XGRAD_NUM_THREADS=3", "XGRAD_NUM_THREADS=", "OMP_NUM_THREADS=4,2", "OMP_NUM_THREADS=x"})
    CHECK(contains(with(fine), "1 passed"));
}
