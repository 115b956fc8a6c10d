// Products: the library's matrix products over the shapes that recurrent models have, beside BLAS. Start with
// measure_products.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
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

/// Seconds, medians of rounds.
struct ProductTimes {
  double own, bare;
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

  ProductTimes times() {
    const Matrix a{A_.data(), kind_.a == kernels::Trans::no ? k_ : m_, kind_.a},
        b{B_.data(), kind_.b == kernels::Trans::no ? n_ : k_, kind_.b, kind_.kept ? B_.block() : nullptr};
    std::vector<std::function<void()>> rivals{
        [&] { kernels::product<T>(m_, n_, k_, a, b, {}, C_.data(), n_); },
        [&] { kernels::gemm<T>(m_, n_, k_, a, b, T(0), C_.data(), n_); }};
    if (m_ == 1)
      rivals.push_back(
          [&] { bare_row(kind_.b == kernels::Trans::yes, n_, k_, A_.data(), B_.data(), C_.data()); });
    std::vector<std::vector<double>> of_rounds(rivals.size());
    for (std::size_t round = 0; round <= enough.rounds; ++round)
      for (std::size_t i = 0; i < rivals.size(); ++i) {
        const double time = seconds_a_step(rivals[i], CLOCK_PROCESS_CPUTIME_ID, 2e-4);
        if (round > 0) of_rounds[i].push_back(time);  // the first makes copies that are kept
      }
    const double bare = median(of_rounds[1]);
    return {median(of_rounds[0]), m_ == 1 ? std::min(bare, median(of_rounds[2])) : bare};
  }

 private:
  using Matrix = kernels::Matrix<T>;

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
  double least = 1e9;
  ProductTimes all{0, 0};
  std::string slowest;
  for (auto _ : state) {
    const double start = seconds_on(CLOCK_MONOTONIC);
    for (const std::size_t m : rows)
      for (const std::size_t n : sides)
        for (const std::size_t k : sides) {
          if (static_cast<double>(m * n * k) > most || (kind.kept && m > 64)) continue;
          const ProductTimes times = ProductOfShape<T>(kind, m, n, k).times();
          all = {all.own + times.own, all.bare + times.bare};
          const double speed = times.bare / times.own;
          speeds.push_back(speed);
          if (speed < least) slowest = fmt::format("{:.2f} at {}x{}x{}", speed, m, n, k);
          least = std::min(least, speed);
          fast += speed >= 0.95;
          slow += speed < 0.85;
        }
    state.SetIterationTime(seconds_on(CLOCK_MONOTONIC) - start);
  }
  const auto count = static_cast<double>(speeds.size());
  state.counters["step_ms"] = 1e3 * all.own;
  state.counters["bare_ms"] = 1e3 * all.bare;
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
