// The choice of steps; see forward.hpp. They are long doubles, as v has any size, and powers of 2, which
// round nothing. Start at the end.
#include <xgrad/autograd/checks/forward.hpp>

#include <algorithm>
#include <bit>
#include <cfenv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include <xgrad/autograd/fast_paths.hpp>

namespace xgrad::proof {

namespace {

using Arrays = std::span<const Array<double>>;

// The least step by which some element moves as far as distance(x); infinite if none moves.
template <class F>
long double least_step(Arrays xs, Arrays vs, F distance) {
  long double least = std::numeric_limits<long double>::infinity();
  for (std::size_t j = 0; j < xs.size(); ++j)
    for (std::size_t i = 0; i < xs[j].size(); ++i)
      if (const long double v = vs[j].data()[i]; v != 0)
        least = std::min(least, distance(xs[j].data()[i]) / std::abs(v));
  return least;
}

long double suited(double x) { return scalar::complex_step * direction_size(x); }

// The steps by which the elements that move do so as far as suits them: the least and the largest.
struct SuitedSteps {
  long double least = std::numeric_limits<long double>::infinity(), most = 0;

  SuitedSteps(Arrays xs, Arrays vs) {
    for (std::size_t j = 0; j < xs.size(); ++j) add(xs[j].data(), vs[j].data(), xs[j].size());
  }

 private:
  // Numbers of common size, whose step is that of v alone, by their bits without the sign, which are in the
  // order of the numbers; `speed - 1` makes 0, which is no speed, the largest. Others one by one.
  void add(const double* x, const double* v, std::size_t n) {
    const auto bits = [](double number) { return std::bit_cast<std::uint64_t>(number) & (~0ULL >> 1); };
    const std::uint64_t low = bits(1e-40), range = bits(1e40) - low;
    std::uint64_t fastest = 0, slowest = ~0ULL, uncommon = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const std::uint64_t size = bits(x[i]), speed = bits(v[i]);
      uncommon += (size - low > range) & (size != 0);
      fastest = std::max(fastest, speed);
      slowest = std::min(slowest, speed - 1);
    }
    if (uncommon > 0) {
      for (std::size_t i = 0; i < n; ++i)
        if (v[i] != 0) add(suited(x[i]) / std::abs(static_cast<long double>(v[i])));
    } else if (fastest > 0) {
      add(suited(0) / std::bit_cast<double>(fastest));
      add(suited(0) / std::bit_cast<double>(slowest + 1));
    }
  }
  void add(long double step) {
    least = std::min(least, step);
    most = std::max(most, step);
  }
};

long double power_of_two(long double step) {
  return std::isfinite(step) ? std::ldexp(1.0L, std::ilogb(step)) : 1;
}

// Calls `f` with a power of 2, as a double if a double can have any number divided by it.
template <class F>
void with_factor(long double factor, const F& f) {
  if (std::abs(std::ilogb(factor)) < 1000)
    f(static_cast<double>(factor));
  else
    f(factor);
}

std::vector<Array<Complex>> run(const ComplexRun& f, Arrays xs, Arrays vs, long double step) {
  std::vector<Array<Complex>> moved;
  with_factor(step, [&](auto h) {
    for (std::size_t j = 0; j < xs.size(); ++j) {
      moved.push_back(Array<Complex>::uninitialized(xs[j].shape()));
      std::transform(xs[j].begin(), xs[j].end(), vs[j].begin(), moved[j].mutable_data(),
                     [h](double x, double v) { return Complex(x, static_cast<double>(h * v)); });
      moved[j].written();
    }
  });
  return f(moved);
}

double derivative(Complex y, long double step) { return static_cast<double>(y.imag() / step); }

// Whether a number got lost below the smallest ones while it lives, on this thread or one that works for it.
// Without that an imaginary part of 0 has no derivative in it, and no other step would find one.
class UnderflowWatch {
 public:
  UnderflowWatch() : before_(std::fetestexcept(FE_UNDERFLOW)) { std::feclearexcept(FE_UNDERFLOW); }
  ~UnderflowWatch() {
    if (before_ != 0) std::feraiseexcept(before_);
  }
  UnderflowWatch(const UnderflowWatch&) = delete;
  UnderflowWatch& operator=(const UnderflowWatch&) = delete;

  /// The threads of BLAS say nothing.
  bool found() const { return !fast_paths().own_products || std::fetestexcept(FE_UNDERFLOW) != 0; }

 private:
  int before_;
};

// For directions that one step suits. An imaginary part near the smallest numbers has lost digits, or is what
// is left of f''' h^2, as in x x x at 0. Then other steps are tried: one as large as x allows, and one that
// does not look at x. A derivative is what a step and an eighth of it agree on.
std::vector<Array<double>> along_group(const ComplexRun& f, Arrays xs, Arrays vs, long double suited_step) {
  const long double own_step = power_of_two(suited_step);
  std::vector<Array<Complex>> y;
  bool underflow = false;
  {
    const UnderflowWatch watch;
    y = run(f, xs, vs, own_step);
    underflow = watch.found();
  }
  std::vector<Array<double>> result;
  std::vector<std::pair<std::size_t, std::size_t>> open;  // element i of part k is not known yet
  with_factor(1 / own_step, [&](auto per_step) {
    const auto is_lost = [underflow](double imaginary) {
      return (std::abs(imaginary) < 1e-290) & ((imaginary != 0) | underflow);
    };
    for (std::size_t k = 0; k < y.size(); ++k) {
      double* const dy = result.emplace_back(Array<double>::uninitialized(y[k].shape())).mutable_data();
      const Complex* const yk = y[k].data();
      const std::size_t n = y[k].size();
      std::size_t lost = 0;
      for (std::size_t i = 0; i < n; ++i) {
        lost += static_cast<std::size_t>(is_lost(yk[i].imag()));
        dy[i] = static_cast<double>(yk[i].imag() * per_step);
      }
      for (std::size_t i = 0; lost > 0 && i < n; ++i) {
        if (!is_lost(yk[i].imag())) continue;
        open.emplace_back(k, i);
        dy[i] = 0;
      }
      result[k].written();
    }
  });
  if (open.empty()) return result;

  const auto large = [](double x) { return 0x1p-27L * (x == 0 ? 1 : std::min(1.0, std::abs(x))); };
  const auto plain = [](double) -> long double { return scalar::complex_step; };
  const long double large_step = power_of_two(least_step(xs, vs, large)),
                    plain_step = power_of_two(least_step(xs, vs, plain));
  const auto try_step = [&](long double step, const std::vector<Array<Complex>>& first, double agreement) {
    const auto is_flat = [&](const auto& at) { return first[at.first].data()[at.second].imag() == 0; };
    if (std::all_of(open.begin(), open.end(), is_flat)) return;
    const auto second = run(f, xs, vs, step / 8);
    std::erase_if(open, [&](const auto& at) {
      const auto [k, i] = at;
      const double a = derivative(first[k].data()[i], step), b = derivative(second[k].data()[i], step / 8);
      const bool agree = a != 0 && std::abs(a - b) <= agreement * std::abs(a);
      if (agree) result[k].mutable_data()[i] = a;
      return agree;
    });
  };
  const std::vector<Array<Complex>> at_large = run(f, xs, vs, large_step);
  try_step(large_step, at_large, 1e-12);
  if (!open.empty() && plain_step != own_step) try_step(plain_step, run(f, xs, vs, plain_step), 1e-12);
  try_step(large_step, at_large, 1e-6);  // with the digits that there are: a derivative of 1e-304
  try_step(own_step, y, 0.5);            // with even fewer
  return result;
}

}  // namespace

std::vector<Array<double>> forward_derivative(const ComplexRun& f, Arrays xs, Arrays vs) {
  constexpr long double range = 1e60L;
  SuitedSteps steps(xs, vs);
  if (!(steps.most > range * steps.least)) return along_group(f, xs, vs, steps.least);
  std::vector<Array<double>> result, rest(vs.begin(), vs.end());
  do {
    // The elements that move too little by this step have a run of their own.
    std::vector<Array<double>> group = rest;
    for (std::size_t j = 0; j < xs.size(); ++j) {
      double *const now = group[j].mutable_data(), *const later = rest[j].mutable_data();
      for (std::size_t i = 0; i < xs[j].size(); ++i) {
        const long double v = now[i];
        const bool waits = v != 0 && suited(xs[j].data()[i]) / std::abs(v) > range * steps.least;
        (waits ? now : later)[i] = 0;
      }
    }
    const std::vector<Array<double>> part = along_group(f, xs, group, steps.least);
    for (std::size_t k = 0; k < result.size(); ++k) result[k] = result[k] + part[k];
    if (result.empty()) result = part;
    steps = SuitedSteps(xs, rest);
  } while (std::isfinite(steps.least));
  return result;
}

std::vector<Array<double>> forward_derivative(const ComplexRunByPath& f, const Values& values,
                                              const Values& directions) {
  std::vector<std::string> paths;
  std::vector<Array<double>> xs, vs;
  for (const auto& [path, value] : values) {
    const auto v = directions.find(path);
    paths.push_back(path);
    xs.push_back(value);
    vs.push_back(v == directions.end() ? Array<double>::zeros(value.shape()) : v->second);
  }
  const auto by_path = [&](const std::vector<Array<Complex>>& moved) {
    ComplexValues result;
    for (std::size_t k = 0; k < paths.size(); ++k) result.emplace(paths[k], moved[k]);
    return f(result);
  };
  return forward_derivative(by_path, xs, vs);
}

}  // namespace xgrad::proof
