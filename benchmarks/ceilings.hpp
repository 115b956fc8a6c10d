// Ceilings: what one thread of this processor can do at most with the instruction set of the kernels,
// measured in the same run as what stands beside it: multiply-adds in registers, and reads of memory by its
// size, as a matrix of weights lies in one level of the caches or another. Start with `Ceilings`.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <xgrad/autograd/config.hpp>

#include "ceiling_loops.hpp"

namespace xgrad {

/// The best of many short measurements: whatever disturbs one, it takes away.
class Ceilings {
 public:
  Ceilings() {
    const CeilingLoops loops = loops_of(config().kernels);
    flops_ = best(9, [&] { return loops.multiply_adds(1e8); });
    flops_in_double_ = best(9, [&] { return loops.multiply_adds_in_double(5e7); });
    constexpr std::size_t largest = std::size_t{64} << 20;
    struct alignas(64) Line {
      float elements[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    };
    const std::vector<Line> lines(largest / sizeof(Line));
    const float* const data = lines[0].elements;
    for (std::size_t bytes = std::size_t{16} << 10; bytes <= largest; bytes *= 2) {
      const std::size_t n = bytes / sizeof(float),
                        passes = std::max<std::size_t>(1, (std::size_t{16} << 20) / bytes);
      float sum = loops.read(data, n);
      const double bandwidth = best(9, [&] {
        for (std::size_t i = 0; i < passes; ++i) sum += loops.read(data, n);
        return static_cast<double>(passes * bytes);
      });
      if (sum < 0) throw std::logic_error("the sum of ones is negative");
      reads_.emplace_back(bytes, bandwidth);
    }
  }

  /// Operations a second, an addition and a multiplication being two.
  template <class T>
  double flops() const {
    return sizeof(T) == sizeof(float) ? flops_ : flops_in_double_;
  }

  /// Bytes a second of reads that go through so many bytes again and again: between the sizes that were
  /// measured.
  double bandwidth(std::size_t bytes) const {
    const auto above =
        std::find_if(reads_.begin(), reads_.end(), [&](const auto& r) { return r.first >= bytes; });
    if (above == reads_.begin()) return above->second;
    if (above == reads_.end()) return reads_.back().second;
    const auto below = above - 1;
    const double part = std::log2(static_cast<double>(bytes) / static_cast<double>(below->first));
    return below->second + part * (above->second - below->second);
  }

  std::string describe() const {
    std::string text = fmt::format("peak of one thread: {:.0f} GFLOP/s in float, {:.0f} in double; reads of ",
                                   1e-9 * flops_, 1e-9 * flops_in_double_);
    for (const std::size_t kib : {16, 256, 512, 1024, 8192, 65536})
      text += fmt::format("{}{}: {:.0f}", kib == 16 ? "" : ", ",
                          kib < 1024 ? fmt::format("{} KiB", kib) : fmt::format("{} MiB", kib / 1024),
                          1e-9 * bandwidth(kib << 10));
    return text + " GB/s";
  }

 private:
  static CeilingLoops loops_of(const std::string& kernels) {
#if defined(__x86_64__)
    if (kernels == "avx512") return ceiling_loops_avx512();
    if (kernels == "avx2") return ceiling_loops_avx2();
#endif
    (void)kernels;
    return ceiling_loops_baseline();
  }

  // The most that `work` does in a second, of `times`; it returns how much it has done.
  template <class Work>
  static double best(int times, Work work) {
    double most = 0;
    for (int i = 0; i < times; ++i) {
      const auto start = std::chrono::steady_clock::now();
      const double done = work();
      most = std::max(most,
                      done / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    return most;
  }

  double flops_ = 0, flops_in_double_ = 0;
  std::vector<std::pair<std::size_t, double>> reads_;  // bytes, and bytes a second
};

}  // namespace xgrad
