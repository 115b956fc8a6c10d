// The kernels of complex numbers on every instruction set that this processor has, against the plain loops
// that they stand in for: imaginary parts that carry a derivative, ordinary ones, numbers at the edges of the
// range, every length up to four registers, and products against three loops.
#include <xgrad/autograd/kernels/complex_math.hpp>

#include <algorithm>
#include <cfenv>
#include <cmath>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include <xgrad/autograd/array.hpp>
#include <xgrad/autograd/kernels/product.hpp>
#include <xgrad/autograd/kernels/row.hpp>

using namespace xgrad;
using namespace xgrad::kernels;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

std::vector<InstructionSet> sets() {
  std::vector<InstructionSet> result;
  for (const auto set : {InstructionSet::baseline, InstructionSet::avx2, InstructionSet::avx512})
    if (has(set)) result.push_back(set);
  return result;
}

bool close(double a, double b, double bound) {
  if (std::isnan(b)) return std::isnan(a);
  return a == b || std::abs(a - b) <= bound;
}

// Imaginary parts of about h.
std::vector<Complex> numbers(std::size_t n, std::size_t seed, double h, bool positive = false) {
  std::vector<Complex> x(n);
  for (std::size_t i = 0; i < n; ++i) {
    const double a = 2 * std::sin(static_cast<double>(7 * i + 13 * seed + 1));
    x[i] = {positive ? 0.1 + std::abs(a) : a, h * std::sin(static_cast<double>(5 * i + 3 * seed + 2))};
  }
  return x;
}

template <class F>
constexpr std::size_t count = arguments<F, Complex>;

// Each of `columns` an operand. Real parts agree to `ulps` of their size, imaginary ones to that of what they
// could be, `h` times a slope of some 10.
template <class F>
void check_rows(const F& f, const std::vector<std::vector<Complex>>& columns, double h, double ulps = 8,
                bool repeated = false) {
  constexpr double epsilon = std::numeric_limits<double>::epsilon();
  constexpr std::size_t index = ComplexFormulas::index_of<F>();
  static_assert(index < ComplexFormulas::size);
  for (const auto set : sets()) {
    CAPTURE(name(set));
    for (std::size_t n = 0; n <= columns[0].size(); ++n) {
      const Complex* x[count<F>];
      std::size_t steps[count<F>];
      for (std::size_t k = 0; k < count<F>; ++k) {
        x[k] = columns[k].data();
        steps[k] = repeated && k == 0 ? 0 : 1;
      }
      std::vector<Complex> fast(n + 1, 7.0), plain(n + 1, 7.0);
      table<Complex>(set).rows[index](&f, fast.data(), x, steps, n);
      plain_loop<Complex, F>(&f, plain.data(), x, steps, n);
      REQUIRE(fast[n] == 7.0);
      for (std::size_t i = 0; i < n; ++i) {
        CAPTURE(i);
        CAPTURE(columns[0][i]);
        CAPTURE(fast[i]);
        CAPTURE(plain[i]);
        const double size = std::max(1.0, std::abs(plain[i].real()));
        REQUIRE(close(fast[i].real(), plain[i].real(), ulps * epsilon * size));
        REQUIRE(close(fast[i].imag(), plain[i].imag(),
                      ulps * epsilon * std::max(10 * h * size, std::abs(plain[i].imag()))));
      }
    }
  }
}

// At lengths up to four of the widest registers, and with a first operand that is one number.
template <class F>
void check_formula(const F& f, bool positive = false, double ulps = 8) {
  for (const double h : {1e-100, 0.0, 0x1p-28, 1e-3, 1.0}) {
    CAPTURE(h);
    std::vector<std::vector<Complex>> columns;
    for (std::size_t k = 0; k < count<F>; ++k) columns.push_back(numbers(35, k + 1, h, positive));
    check_rows(f, columns, h, ulps);
    check_rows(f, columns, h, ulps, true);
  }
}

// Of every pair of numbers of the edges of the range.
template <class F>
void check_edges(const F& f) {
  const double edges[] = {0,   -0.0,  1,   -1,    1e-310, 1e-300, -1e-150, 1e-60, 1e150,    -1e300,    30,
                          -30, -99.5, 101, -400., 699.5,  701,    -720,    800,   infinity, -infinity, NAN};
  std::vector<std::vector<Complex>> columns(count<F>);
  for (const double a : edges)
    for (const double b : edges)
      for (const double h : {0.0, 1e-100, -1e-3}) {
        columns[0].emplace_back(a, h);
        if (count < F >> 1) columns[1].emplace_back(b, h / 2);
        if (count < F >> 2) columns[2].emplace_back(a - b, -h);
      }
  for (std::size_t first = 0; first + 5 <= columns[0].size(); first += 5) {
    std::vector<std::vector<Complex>> part;
    for (const auto& column : columns)
      part.emplace_back(column.begin() + static_cast<std::ptrdiff_t>(first),
                        column.begin() + static_cast<std::ptrdiff_t>(first) + 5);
    for (std::size_t i = 0; i < 5; ++i) {
      std::vector<std::vector<Complex>> one;
      for (const auto& column : part) one.push_back({column[i]});
      check_rows(f, one, std::abs(one[0][0].imag()));
    }
  }
}

}  // namespace

TEST_CASE("complex: arithmetic of registers is that of single numbers") {
  check_formula(formulas::Add());
  check_formula(formulas::Subtract());
  check_formula(formulas::Multiply());
  check_formula(formulas::AddProduct());
  check_formula(formulas::Divide(), true, 64);
  check_formula(formulas::DividendVjp(), true, 64);
  check_formula(formulas::DivisorVjp(), true, 256);
  check_formula(formulas::ScaleShift<Complex>{2.5, -0.5});
  check_formula(functions::Value<functions::Square>());
  check_formula(functions::Vjp<functions::Square>());
}

TEST_CASE("complex: functions of registers are those of single numbers") {
  check_formula(functions::Value<functions::Exp>());
  check_formula(functions::Value<functions::Tanh>());
  check_formula(functions::Value<functions::Sigmoid>());
  check_formula(functions::Value<functions::Log>(), true);
  check_formula(functions::Value<functions::Sqrt>(), true);
  check_formula(functions::Vjp<functions::Exp>());
  check_formula(functions::Vjp<functions::Tanh>());
  check_formula(functions::Vjp<functions::Sigmoid>());
  check_formula(functions::Vjp<functions::Log>(), true, 64);
  check_formula(functions::Vjp<functions::Sqrt>(), true, 64);
}

TEST_CASE("complex: registers go to the edges of the range as single numbers do") {
  check_edges(formulas::Add());
  check_edges(formulas::Multiply());
  check_edges(formulas::ScaleShift<Complex>{2.5, -0.0});
  check_edges(functions::Value<functions::Exp>());
  check_edges(functions::Value<functions::Tanh>());
  check_edges(functions::Value<functions::Sigmoid>());
  check_edges(functions::Value<functions::Log>());
  check_edges(functions::Value<functions::Sqrt>());
}

TEST_CASE("complex: registers raise no flags of overflow and invalid numbers that single numbers do not") {
  const auto check = [](auto f) {
    using F = decltype(f);
    const std::size_t step = 1;
    for (const double a : {0.0, 1.0, -30.0, 99.0, 400.0, -400.0, 699.0, -699.0, 800.0, -800.0}) {
      CAPTURE(a);
      const std::vector<Complex> x(9, Complex(a, 1e-100));
      std::vector<Complex> y(9);
      const Complex* const row = x.data();
      const auto flags_of = [&](RowLoop<Complex> loop) {
        std::feclearexcept(FE_ALL_EXCEPT);
        loop(&f, y.data(), &row, &step, y.size());
        return std::fetestexcept(FE_OVERFLOW | FE_INVALID | FE_DIVBYZERO);
      };
      const int plain = flags_of(&plain_loop<Complex, F>);
      for (const auto set : sets()) {
        CAPTURE(name(set));
        CHECK((flags_of(table<Complex>(set).rows[ComplexFormulas::index_of<F>()]) & ~plain) == 0);
      }
    }
  };
  check(functions::Value<functions::Exp>());
  check(functions::Value<functions::Tanh>());
  check(functions::Value<functions::Sigmoid>());
}

TEST_CASE("complex: derivatives in saturation keep all digits") {
  const auto slope = [](auto f, double x) {
    const Complex z(x, scalar::complex_step), *const row = &z;
    const std::size_t step = 1;
    Complex y;
    row_loop<Complex, decltype(f)>()(&f, &y, &row, &step, 1);
    return y.imag() / scalar::complex_step;
  };
  for (const double x : {0.0, 0.1, -2.0, 20.0, -60.0}) {
    CAPTURE(x);
    const double e = std::exp(-2 * std::abs(x)), e1 = std::exp(-std::abs(x));
    CHECK(slope(functions::Value<functions::Tanh>(), x) ==
          doctest::Approx(4 * e / ((1 + e) * (1 + e))).epsilon(2e-15));
    CHECK(slope(functions::Value<functions::Sigmoid>(), x) ==
          doctest::Approx(e1 / ((1 + e1) * (1 + e1))).epsilon(2e-15));
  }
}

TEST_CASE("complex: the largest real part, and sums of exponentials") {
  for (const auto set : sets()) {
    CAPTURE(name(set));
    for (const double h : {1e-100, 1.0})
      for (const std::size_t n : {1, 2, 3, 4, 7, 8, 19, 1030}) {
        CAPTURE(n);
        const auto x = numbers(n, 3, h);
        double largest = -infinity;
        Complex expected = 0;
        for (const Complex xi : x) largest = std::max(largest, xi.real());
        CHECK(table<Complex>(set).max(x.data(), n) == largest);
        for (const Complex xi : x) expected += std::exp(xi - largest);
        std::vector<Complex> y(n + 1, 7.0);
        for (Complex* const out : {y.data(), static_cast<Complex*>(nullptr)}) {
          const Complex sum = table<Complex>(set).exp_shifted(x.data(), out, n, largest);
          CHECK(close(sum.real(), expected.real(), 1e-15 * static_cast<double>(n)));
          CHECK(close(sum.imag(), expected.imag(), 1e-14 * h * static_cast<double>(n)));
        }
        CHECK(y[n] == 7.0);
        CHECK(close(y[n - 1].imag(), std::exp(x[n - 1] - largest).imag(), 1e-15 * h));
      }
  }
}

TEST_CASE("complex: a product agrees with three loops, whatever the imaginary parts") {
  enum class Start { zero, itself, row };
  struct Sizes {
    std::size_t m, n, k;
  };
  for (const Sizes sizes : {Sizes{1, 1, 1}, {3, 7, 5}, {20, 33, 9}, {70, 5, 12}, {2, 40, 1}})
    for (const double h : {1.0, 0x1p-20, 1e-100, 0.0})
      for (const bool ta : {false, true})
        for (const bool tb : {false, true})
          for (const Start start : {Start::zero, Start::itself, Start::row})
            for (const bool keep : {false, true}) {
              const std::size_t m = sizes.m, n = sizes.n, k = sizes.k;
              CAPTURE(m);
              CAPTURE(n);
              CAPTURE(k);
              CAPTURE(h);
              CAPTURE(ta);
              CAPTURE(tb);
              CAPTURE(start);
              CAPTURE(keep);
              const std::size_t a_row = (ta ? m : k) + 3, b_row = (tb ? k : n) + 1, c_row = n + 2;
              const auto a = numbers((ta ? k : m) * a_row, 1, h);
              const Array<Complex> b({(tb ? n : k) * b_row},
                                     numbers((tb ? n : k) * b_row, 2, h == 0 ? 1 : h));
              const auto row = numbers(n, 3, h);
              auto c = numbers(m * c_row, 4, h);
              const auto before = c;
              const Addend<Complex> base = start == Start::zero     ? Addend<Complex>{}
                                           : start == Start::itself ? Addend<Complex>{c.data(), c_row}
                                                                    : Addend<Complex>{row.data(), 0};
              for (int use = 0; use < 3; ++use) {  // with copies that are made, and then kept
                c = before;
                product<Complex>(m, n, k, {a.data(), a_row, ta ? Trans::yes : Trans::no},
                                 {b.data(), b_row, tb ? Trans::yes : Trans::no, keep ? b.block() : nullptr},
                                 base, c.data(), c_row);
              }
              bool right = true;
              for (std::size_t i = 0; i < m; ++i) {
                for (std::size_t j = 0; j < n; ++j) {
                  Complex sum = start == Start::zero     ? Complex()
                                : start == Start::itself ? before[i * c_row + j]
                                                         : row[j];
                  for (std::size_t p = 0; p < k; ++p)
                    sum +=
                        a[ta ? p * a_row + i : i * a_row + p] * b.data()[tb ? j * b_row + p : p * b_row + j];
                  const Complex got = c[i * c_row + j];
                  right = right && close(got.real(), sum.real(), 1e-13) &&
                          close(got.imag(), sum.imag(), 1e-13 * (h == 0 ? 1 : h));
                }
                for (std::size_t j = n; j < c_row; ++j)
                  right = right && c[i * c_row + j] == before[i * c_row + j];
              }
              REQUIRE(right);
            }
}

TEST_CASE("complex: a product of numbers that are small in both parts, or imaginary alone, lacks none") {
  const auto square = [](Complex x) {
    const std::vector<Complex> a(6, x);
    std::vector<Complex> c(4);
    product<Complex>(2, 2, 3, {a.data(), 3}, {a.data(), 2}, {}, c.data(), 2);
    return c[3];
  };
  CHECK(square({1e-80, 1e-80}).real() == 0);
  CHECK(square({1e-80, 1e-80}).imag() / 1e-160 == doctest::Approx(6).epsilon(1e-15));
  CHECK(square({0, 1e-80}).real() / 1e-160 == doctest::Approx(-3).epsilon(1e-15));
  CHECK(square({1e-100, 2e-100}).real() / 1e-200 == doctest::Approx(-9).epsilon(1e-15));
}

TEST_CASE("complex: what is kept of a factor is dropped when its numbers change") {
  auto W = Array<Complex>::full({2, 3}, {1, 1e-100});
  const Complex x[] = {1, 2};
  Complex y[3];
  const auto multiply = [&] {
    product<Complex>(1, 3, 2, {x, 2}, {W.data(), 3, Trans::no, W.block()}, {}, y, 3);
    return y[2];
  };
  CHECK(multiply() == Complex(3, 3e-100));
  CHECK(multiply() == Complex(3, 3e-100));
  CHECK(W.block()->attached != nullptr);
  W.shared_data()[5] = {10, 0};
  CHECK(multiply() == Complex(21, 1e-100));
  W.mutable_data()[5] = 2;
  CHECK(multiply() == Complex(5, 1e-100));
}
