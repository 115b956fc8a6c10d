// Products: the library's matrix products over the shapes that recurrent models have, beside BLAS. Start with
// measure_products.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <xgrad/autograd/array.hpp>
#include <xgrad/autograd/kernels/product.hpp>

#include "bare_products.hpp"
#include "rounds.hpp"

namespace xgrad {

/// Which factor is given transposed, and whether a packed copy of the second one is kept from product to
/// product, as that of a parameter is.
struct ProductKind {
  std::string name;
  kernels::Trans a, b;
  bool kept;
};

/// C = A B by the library, and by BLAS: for one row the faster of its products with a matrix and a vector.
template <class T>
class ProductOfShape {
 public:
  ProductOfShape(const ProductKind& kind, std::size_t m, std::size_t n, std::size_t k)
      : kind_(kind),
        m_(m),
        n_(n),
        k_(k),
        A_(Array<T>::full({m, k}, T(0.5))),
        B_(Array<T>::full({k, n}, T(0.5))),
        C_(m * n) {}

  /// How many times as long BLAS takes, by medians of rounds.
  double speed() {
    const Matrix a{A_.data(), kind_.a == kernels::Trans::no ? k_ : m_, kind_.a},
        b{B_.data(), kind_.b == kernels::Trans::no ? n_ : k_, kind_.b, kind_.kept ? B_.block() : nullptr};
    std::vector<std::function<void()>> rivals{
        [&] { kernels::product<T>(m_, n_, k_, a, b, {}, C_.data(), n_); },
        [&] { kernels::gemm<T>(m_, n_, k_, a, b, T(0), C_.data(), n_); }};
    if (m_ == 1)
      rivals.push_back(
          [&] { bare_row(kind_.b == kernels::Trans::yes, n_, k_, A_.data(), B_.data(), C_.data()); });
    std::vector<std::vector<double>> times(rivals.size());
    for (std::size_t round = 0; round <= enough.rounds; ++round)
      for (std::size_t i = 0; i < rivals.size(); ++i) {
        const double time = of_one(rivals[i]);
        if (round > 0) times[i].push_back(time);  // the first makes copies that are kept
      }
    double bare = median(times[1]);
    if (m_ == 1) bare = std::min(bare, median(times[2]));
    own_ += median(times[0]);
    bare_ += bare;
    return bare / median(times[0]);
  }

  /// @{ Seconds of all products so far, and resets them.
  static double own() { return std::exchange(own_, 0); }
  static double bare() { return std::exchange(bare_, 0); }
  /// @}

 private:
  using Matrix = kernels::Matrix<T>;

  static double of_one(const std::function<void()>& step) {
    const double first = seconds(step, CLOCK_PROCESS_CPUTIME_ID);
    const auto steps = static_cast<std::size_t>(std::clamp(2e-4 / (first + 1e-9), 1.0, 2000.0));
    const auto burst = [&] {
      for (std::size_t i = 0; i < steps; ++i) step();
    };
    return enough.rounds == 1 ? first : seconds(burst, CLOCK_PROCESS_CPUTIME_ID) / static_cast<double>(steps);
  }

  static inline double own_ = 0, bare_ = 0;

  ProductKind kind_;
  std::size_t m_, n_, k_;
  Array<T> A_, B_;
  std::vector<T> C_;
};

/// Of all shapes with up to 3 10^8 multiplications; of fewer if only one round is asked for, to show that it
/// runs. The label says how many reach 0.95 of the speed of BLAS, how many stay below 0.85, and the slowest.
template <class T>
void measure_products(benchmark::State& state, const ProductKind& kind) {
  const double most = enough.rounds == 1 ? 1e5 : 3e8;
  const std::vector<std::size_t> rows{1, 2, 3, 4, 10, 20, 50, 128, 350, 700, 1400},
      sides{32, 100, 200, 418, 650, 2600, 10000};
  std::vector<double> speeds;
  std::size_t fast = 0, slow = 0;
  std::string slowest;
  for (auto _ : state) {
    const double start = seconds_on(CLOCK_MONOTONIC);
    for (const std::size_t m : rows)
      for (const std::size_t n : sides)
        for (const std::size_t k : sides) {
          if (static_cast<double>(m * n * k) > most || (kind.kept && m > 64)) continue;
          const double speed = ProductOfShape<T>(kind, m, n, k).speed();
          if (speeds.empty() || speed < *std::min_element(speeds.begin(), speeds.end()))
            slowest = fmt::format("{:.2f} at {}x{}x{}", speed, m, n, k);
          speeds.push_back(speed);
          fast += speed >= 0.95;
          slow += speed < 0.85;
        }
    state.SetIterationTime(seconds_on(CLOCK_MONOTONIC) - start);
  }
  const auto count = static_cast<double>(speeds.size());
  state.counters["step_ms"] = 1e3 * ProductOfShape<T>::own();
  state.counters["bare_ms"] = 1e3 * ProductOfShape<T>::bare();
  state.counters["ratio"] = 1 / median(speeds);
  state.counters["at_95_percent"] = 100 * static_cast<double>(fast) / count;
  state.counters["below_85_percent"] = 100 * static_cast<double>(slow) / count;
  state.counters["rounds"] = static_cast<double>(enough.rounds);
  state.counters["tokens_per_second"] = 1e3 * count / state.counters["step_ms"];
  state.SetLabel(fmt::format("{} shapes: {:.0f} % fast, {:.0f} % slow, {}", speeds.size(),
                             double{state.counters["at_95_percent"]},
                             double{state.counters["below_85_percent"]}, slowest));
}

}  // namespace xgrad
