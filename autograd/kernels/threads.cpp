// The threads that wait for work, and what shares it among them; see threads.hpp and kernels/parallel.hpp.
#include <xgrad/autograd/threads.hpp>

#include <algorithm>
#include <atomic>
#include <cfenv>
#include <charconv>
#include <climits>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <xgrad/autograd/error.hpp>
#include <xgrad/autograd/kernels/parallel.hpp>

extern "C" void openblas_set_num_threads(int) __attribute__((weak));  // absent where BLAS is another one

namespace xgrad {

namespace {

// The number that the text is, if it is one above 0.
std::optional<std::size_t> positive(std::string_view text) {
  std::size_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc() || end != text.data() + text.size() || n == 0) return std::nullopt;
  return n;
}

std::size_t default_threads() {
  const auto variable = [](const char* name) {
    const char* const value = std::getenv(name);
    return std::string_view(value == nullptr ? "" : value);
  };
  if (const auto own = variable("XGRAD_NUM_THREADS"); !own.empty()) {
    if (const auto n = positive(own)) return *n;
    throw Error("threads",
                "XGRAD_NUM_THREADS is '" + std::string(own) + "', expected a whole number above 0");
  }
  // A list, of which the others are for nested regions; what OpenMP cannot read, it ignores.
  const auto openmp = variable("OMP_NUM_THREADS");
  if (const auto n = positive(openmp.substr(0, openmp.find(',')))) return *n;
  return std::max<std::size_t>(1, std::thread::hardware_concurrency());
}

std::atomic<std::size_t>& wanted_threads() {
  static std::atomic<std::size_t> count = default_threads();
  return count;
}

// This thread does a part of shared work, and shares none itself.
constinit thread_local bool serving = false;

// It does so until the brace.
class Serving {
 public:
  Serving() { serving = true; }
  ~Serving() { serving = false; }
  Serving(const Serving&) = delete;
  Serving& operator=(const Serving&) = delete;
};

// One piece of work at a time, cut into parts that the caller and the waiting threads take one by one.
class Pool {
 public:
  Pool() = default;
  ~Pool() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    for (auto& thread : threads_) thread.join();
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // False if another thread's work is being done. Throws what the first part to fail has thrown.
  bool run(std::size_t parts, void (*work)(const void*, std::size_t), const void* data) {
    const std::unique_lock one(callers_, std::try_to_lock);
    if (!one.owns_lock()) return false;
    {
      const std::lock_guard lock(mutex_);
      start(parts - 1);
      work_ = work;
      data_ = data;
      parts_ = parts;
      next_ = 0;
      underflow_ = false;
      failure_ = nullptr;
      ++round_;
    }
    wake_.notify_all();
    {
      const Serving now;
      take_parts();
    }
    std::unique_lock lock(mutex_);
    done_.wait(lock,
               [this] { return busy_ == 0; });  // all parts are taken: what is not done, a busy thread does
    if (underflow_) std::feraiseexcept(FE_UNDERFLOW);
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    return true;
  }

 private:
  // Starts what is missing of n threads.
  void start(std::size_t n) {
    try {
      while (threads_.size() < n) threads_.emplace_back([this] { serve(); });
    } catch (const std::system_error&) {  // the system has no more: those that there are take all parts
    } catch (const std::bad_alloc&) {     // nor memory for one
    }
  }

  // What a part throws is kept, as it may be on a waiting thread, and the parts that are left are not begun.
  void take_parts() {
    try {
      for (std::size_t part; (part = next_.fetch_add(1)) < parts_;) work_(data_, part);
    } catch (...) {
      next_ = parts_;
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
    }
  }

  void serve() {
    std::uint64_t seen = 0;
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [&] { return stop_ || (round_ != seen && next_ < parts_); });
      if (stop_) return;
      seen = round_;
      ++busy_;
      lock.unlock();
      serving = true;
      std::feclearexcept(FE_UNDERFLOW);
      take_parts();
      const bool underflow = std::fetestexcept(FE_UNDERFLOW) != 0;
      lock.lock();
      underflow_ = underflow_ || underflow;
      if (--busy_ == 0) done_.notify_all();
    }
  }

  std::mutex callers_, mutex_;
  std::condition_variable wake_, done_;
  std::vector<std::thread> threads_;
  void (*work_)(const void*, std::size_t) = nullptr;
  const void* data_ = nullptr;
  std::size_t parts_ = 0, busy_ = 0;
  std::atomic<std::size_t> next_{0};
  std::uint64_t round_ = 0;
  bool stop_ = false, underflow_ = false;  // a waiting thread's flag of the floating-point unit
  std::exception_ptr failure_;
};

}  // namespace

void set_threads(std::size_t n) {
  if (n == 0) throw Error("set_threads", "needs at least one thread, got 0");
  wanted_threads() = n;
  if (openblas_set_num_threads != nullptr)
    openblas_set_num_threads(static_cast<int>(std::min<std::size_t>(n, INT_MAX)));
}

std::size_t threads() { return wanted_threads(); }

std::size_t kernels::detail::parts_for(std::size_t size, std::size_t least) {
  if (serving) return 1;
  return std::min(wanted_threads().load(), size / std::max<std::size_t>(1, least));
}

void kernels::detail::run_parallel(std::size_t parts, void (*run)(const void* work, std::size_t part),
                                   const void* work) {
  static Pool pool;
  if (pool.run(parts, run, work)) return;
  const Serving
      now;  // else what the parts share themselves might find the pool free, and only then be shared
  for (std::size_t part = 0; part < parts; ++part) run(work, part);
}

}  // namespace xgrad
