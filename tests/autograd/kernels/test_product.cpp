// The library's own matrix products on every instruction set that this processor has, float included, against
// three loops in double: all transpositions, sizes around the tiles and the blocks, rows wider than the
// matrix, misaligned places, and each base; that the packed copy that stays with an array never outlives its
// numbers; and that nothing beyond the factors is read.
#include <xgrad/autograd/kernels/product.hpp>

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include <xgrad/autograd/fast_paths.hpp>
#include <xgrad/autograd/kernels/table.hpp>
#include <xgrad/autograd/threads.hpp>

#include "../errors.hpp"

using namespace xgrad;
using namespace xgrad::kernels;
using namespace xgrad::testing;

namespace {

// What a product is added to.
enum class Start { zero, itself, row };

template <class T>
std::vector<T> numbers(std::size_t n, std::size_t seed) {
  std::vector<T> x(n);
  for (std::size_t i = 0; i < n; ++i)
    x[i] = static_cast<T>(std::sin(static_cast<double>(5 * i + 11 * seed + 1)));
  return x;
}

struct ProductSizes {
  std::size_t m, n, k;
};

template <class T>
void check(const ProductSizes& s, Trans trans_a, Trans trans_b, Start start, bool keep_copy) {
  const std::size_t m = s.m, n = s.n, k = s.k;
  CAPTURE(m);
  CAPTURE(n);
  CAPTURE(k);
  CAPTURE(trans_a);
  CAPTURE(trans_b);
  CAPTURE(start);
  CAPTURE(keep_copy);
  const bool ta = trans_a == Trans::yes, tb = trans_b == Trans::yes;
  const std::size_t a_row = (ta ? m : k) + 3, b_row = (tb ? k : n) + 1, c_row = n + 5;
  const auto a = numbers<T>((ta ? k : m) * a_row + 2, 1);
  const auto b_numbers = numbers<T>((tb ? n : k) * b_row + 2, 2);
  const Array<T> b({b_numbers.size()}, b_numbers);
  const auto row = numbers<T>(n + 1, 3);
  auto c = numbers<T>(m * c_row + 2, 4);
  if (start == Start::zero)  // which is not read
    for (std::size_t i = 0; i < m; ++i)
      std::fill_n(c.begin() + static_cast<std::ptrdiff_t>(1 + i * c_row), n,
                  std::numeric_limits<T>::quiet_NaN());
  const auto before = c;
  const Addend<T> base = start == Start::zero     ? Addend<T>{}
                         : start == Start::itself ? Addend<T>{c.data() + 1, c_row}
                                                  : Addend<T>{row.data() + 1, 0};
  product<T>(m, n, k, {a.data() + 1, a_row, trans_a},
             {b.data() + 1, b_row, trans_b, keep_copy ? b.block() : nullptr}, base, c.data() + 1, c_row);
  bool right = true, beside = c[0] == before[0];
  const double bound = 8 * std::numeric_limits<T>::epsilon() * std::sqrt(static_cast<double>(k + 1));
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      const T start_at = start == Start::zero     ? T(0)
                         : start == Start::itself ? before[1 + i * c_row + j]
                                                  : row[1 + j];
      double sum = static_cast<double>(start_at), terms = std::abs(sum);
      for (std::size_t p = 0; p < k; ++p) {
        const double term = static_cast<double>(a[1 + (ta ? p * a_row + i : i * a_row + p)]) *
                            static_cast<double>(b_numbers[1 + (tb ? j * b_row + p : p * b_row + j)]);
        sum += term;
        terms += std::abs(term);
      }
      right = right && std::abs(static_cast<double>(c[1 + i * c_row + j]) - sum) <= bound * terms;
    }
    for (std::size_t j = n; j < c_row; ++j)
      beside = beside && c[1 + i * c_row + j] == before[1 + i * c_row + j];
  }
  REQUIRE(right);
  REQUIRE(beside);
}

template <class T>
void check_all(const ProductSizes& s) {
  for (const Trans trans_a : {Trans::no, Trans::yes})
    for (const Trans trans_b : {Trans::no, Trans::yes})
      for (const Start start : {Start::zero, Start::itself, Start::row})
        for (const bool keep_copy : {false, true}) check<T>(s, trans_a, trans_b, start, keep_copy);
}

// Elements that end where a page begins that nobody may read.
template <class T>
class Fenced {
 public:
  explicit Fenced(const std::vector<T>& elements) {
    const std::size_t page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)),
                      bytes = elements.size() * sizeof(T), pages = (bytes + page - 1) / page;
    size_ = (pages + 1) * page;
    memory_ = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(memory_ != MAP_FAILED);
    char* const fence = static_cast<char*>(memory_) + pages * page;
    REQUIRE(::mprotect(fence, page, PROT_NONE) == 0);
    data_ = reinterpret_cast<T*>(fence - bytes);
    std::copy(elements.begin(), elements.end(), data_);
  }
  ~Fenced() { ::munmap(memory_, size_); }
  Fenced(const Fenced&) = delete;
  Fenced& operator=(const Fenced&) = delete;

  const T* data() const { return data_; }

 private:
  void* memory_;
  std::size_t size_;
  T* data_;
};

}  // namespace

TEST_CASE_TEMPLATE("product: agrees with three loops at every width and height of a tile", T, float, double) {
  for (std::size_t n = 1; n <= 67; ++n) check_all<T>({3, n, 5});
  for (std::size_t m = 1; m <= 27; ++m) check_all<T>({m, 33, 4});
  for (std::size_t k = 1; k <= 40; ++k) check_all<T>({2, 17, k});
}

TEST_CASE_TEMPLATE("product: agrees with three loops for one row and two, which take several panels at once",
                   T, float, double) {
  for (const std::size_t m : {1, 2}) {
    for (std::size_t n = 60; n <= 200; n += 7) check_all<T>({m, n, 3});
    for (const std::size_t n : {64, 128, 256}) check_all<T>({m, n, 5});
    check_all<T>({m, 300, 800});
  }
}

TEST_CASE_TEMPLATE("product: a row is the same bits beside any number of rows", T, float, double) {
  const std::size_t m = 30, n = 300;
  for (const std::size_t k : {90, 800}) {
    const auto a = numbers<T>(m * k, 1), b = numbers<T>(k * n, 2);
    std::vector<T> all(m * n), part(m * n);
    const auto multiply = [&](std::size_t first, std::size_t rows, std::vector<T>& c) {
      product<T>(rows, n, k, {&a[first * k], k}, {b.data(), n}, {}, &c[first * n], n);
    };
    multiply(0, m, all);
    for (std::size_t rows = 1; rows < m; ++rows) {
      for (std::size_t i = 0; i < m; i += rows) multiply(i, std::min(rows, m - i), part);
      CHECK(part == all);
    }
  }
}

TEST_CASE_TEMPLATE("product: the same bits if the first factor is given transposed", T, float, double) {
  const std::size_t m = 101, k = 90;
  const auto a = numbers<T>(m * k, 1), b = numbers<T>(k * 300, 2);
  std::vector<T> turned(k * m);
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t p = 0; p < k; ++p) turned[p * m + i] = a[i * k + p];
  for (const std::size_t n : {1, 2, 4, 8, 31, 36, 50, 292, 300}) {
    CAPTURE(n);
    auto c = numbers<T>(m * n, 3), of_turned = c;
    product<T>(m, n, k, {a.data(), k}, {b.data(), n}, {c.data(), n}, c.data(), n);
    product<T>(m, n, k, {turned.data(), m, Trans::yes}, {b.data(), n}, {of_turned.data(), n},
               of_turned.data(), n);
    CHECK(c == of_turned);
  }
}

TEST_CASE_TEMPLATE("product: agrees with three loops where few rows meet many, deep, wide or far ones", T,
                   float, double) {
  for (std::size_t m = 1; m <= 9; ++m) {
    check_all<T>({m, 67, 130});   // whole registers and some more, along rows of b if it is transposed
    check_all<T>({m, 9, 1100});   // several blocks of them
    check_all<T>({m, 131, 397});  // two blocks of b as it lies
  }
  check_all<T>({1, 4113, 3});  // more sums than are kept at once
  check_all<T>({4, 1029, 9});
  check_all<T>({3, 2051, 5});
  for (const Trans trans_a : {Trans::no, Trans::yes})  // b does not fit the cache
    check<T>({23, 1500, 400}, trans_a, Trans::no, Start::itself, false);
  for (const Trans trans_b : {Trans::no, Trans::yes})  // a is turned for many columns
    check<T>({130, 1030, 390}, Trans::yes, trans_b, Start::itself, false);
}

TEST_CASE_TEMPLATE("product: agrees with three loops across blocks", T, float, double) {
  const std::size_t columns = (std::size_t{1} << 20) / sizeof(T) / 384 + 50;  // more than of any block
  for (const Trans trans_b : {Trans::no, Trans::yes})
    for (const Start start : {Start::zero, Start::itself})
      check<T>({140, columns, 384}, Trans::no, trans_b, start, false);
  check_all<T>({70, 2048 / sizeof(T) + 3, 7});
  check_all<T>({245, 35, 261});
  check_all<T>({65, 40, 520});
}

TEST_CASE_TEMPLATE("product: what is not finite stays where it is", T, float, double) {
  // Registers at the end of a row, and sums in halves, must not meet their neighbours.
  const T infinite = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  for (const Trans trans_b : {Trans::no, Trans::yes})
    for (const std::size_t m : {1, 4, 30}) {
      const std::size_t n = 70, k = 133;
      std::vector<T> a(m * k, T(1)), b(k * n, T(1)), c(m * n);
      const auto entry = [&](std::size_t p, std::size_t j) -> T& {
        return trans_b == Trans::no ? b[p * n + j] : b[j * k + p];
      };
      entry(k - 1, 3) = infinite;
      entry(0, n - 1) = nan;
      product<T>(m, n, k, {a.data(), k}, {b.data(), trans_b == Trans::no ? n : k, trans_b}, {}, c.data(), n);
      for (std::size_t i = 0; i < m; ++i)
        for (std::size_t j = 0; j < n; ++j) {
          CAPTURE(j);
          const T x = c[i * n + j];
          CHECK((j == 3 ? x == infinite : j == n - 1 ? x != x : x == T(k)));
        }
    }
}

TEST_CASE_TEMPLATE("product: the same bits on three threads, however b is read", T, float, double) {
  const std::size_t before = threads();
  for (const ProductSizes& s :
       {ProductSizes{3, 2050, 2100}, {20, 2050, 700}, {40, 1030, 700}, {200, 500, 500}, {900, 70, 600}})
    for (const Trans trans_b : {Trans::no, Trans::yes})
      for (const bool kept : {false, true}) {
        CAPTURE(s.m);
        CAPTURE(trans_b);
        CAPTURE(kept);
        const auto a = numbers<T>(s.m * s.k, 1);
        const Array<T> b({s.k * s.n}, numbers<T>(s.k * s.n, 2));
        std::vector<T> one(s.m * s.n), three(s.m * s.n);
        for (std::vector<T>* c : {&one, &one, &three}) {  // a copy that is kept is made at the second use
          set_threads(c == &one ? 1 : 3);
          product<T>(s.m, s.n, s.k, {a.data(), s.k},
                     {b.data(), trans_b == Trans::no ? s.n : s.k, trans_b, kept ? b.block() : nullptr}, {},
                     c->data(), s.n);
        }
        CHECK(one == three);
      }
  set_threads(before);
}

TEST_CASE_TEMPLATE("product: nothing beyond the factors is read", T, float, double) {
  for (const std::size_t m : {1, 3, 4, 13, 40})
    for (std::size_t n = 1; n <= 70; ++n)
      for (const std::size_t k : {3, 33, 130}) {
        const Fenced<T> a(numbers<T>(m * k, 1)), b(numbers<T>(k * n, 2));
        std::vector<T> c(m * n);
        for (const Trans trans_a : {Trans::no, Trans::yes})
          for (const Trans trans_b : {Trans::no, Trans::yes})
            product<T>(m, n, k, {a.data(), trans_a == Trans::no ? k : m, trans_a},
                       {b.data(), trans_b == Trans::no ? n : k, trans_b}, {}, c.data(), n);
        const auto of_last = [&](std::size_t p) {  // a and b transposed, the last row and column
          return a.data()[p * m + m - 1] * b.data()[(n - 1) * k + p];
        };
        T sum = 0;
        for (std::size_t p = 0; p < k; ++p) sum += of_last(p);
        REQUIRE(c.back() == doctest::Approx(sum).epsilon(1e-4));
      }
}

TEST_CASE_TEMPLATE("product: empty sizes", T, float, double, Complex) {
  const T a[] = {1, 2, 3}, b[] = {4, 5, 6};
  T c[] = {7, 8};
  product<T>(0, 2, 1, {a, 1}, {b, 2}, {}, c, 2);
  product<T>(1, 0, 1, {a, 1}, {b, 2}, {}, c, 2);
  CHECK(c[0] == T(7));
  product<T>(1, 2, 0, {a, 0}, {b, 2}, {c, 2}, c, 2);
  CHECK(c[1] == T(8));
  product<T>(1, 2, 0, {a, 0}, {b, 2}, {b, 0}, c, 2);
  CHECK(c[1] == T(5));
  product<T>(1, 2, 0, {a, 0}, {b, 2}, {}, c, 2);
  CHECK(c[0] == T(0));
}

TEST_CASE_TEMPLATE("product: with BLAS instead", T, float, double) {
  const SwitchedOff off({&FastPaths::own_products});
  for (const ProductSizes& s :
       {ProductSizes{1, 1, 1}, {1, 1, 3}, {3, 3, 1}, {3, 18, 5}, {40, 33, 64}, {70, 33, 9}})
    check_all<T>(s);
  T c[1] = {};
  CHECK(message_of([&] {
          product<T>(std::size_t{1} << 31, 1, 1, {c, 1}, {c, 1}, {}, c, 1);
        }) == "[matmul] a matrix side of 2147483648 does not fit BLAS, expected less than 2^31");
}

TEST_CASE_TEMPLATE("product: a packed copy is dropped when the numbers change", T, float, double) {
  auto W = Array<T>::full({2, 3}, 1);
  const T x[] = {1, 2};
  T y[3];
  const auto multiply = [&] {
    product<T>(1, 3, 2, {x, 2}, {W.data(), 3, Trans::no, W.block()}, {}, y, 3);
    return y[2];
  };
  CHECK(multiply() == T(3));
  CHECK(W.block()->attached != nullptr);
  const auto shared = W;
  W.shared_data()[5] = 10;  // as an optimizer does
  CHECK(multiply() == T(21));
  W.mutable_data()[5] = 0;  // a copy, as the numbers are shared
  CHECK(multiply() == T(1));
  W.mutable_data()[5] = 2;  // in place
  CHECK(multiply() == T(5));
  const auto row = W.rows(1, 2);  // part of the numbers has a copy of its own
  product<T>(1, 3, 1, {x, 1}, {row.data(), 3, Trans::no, row.block()}, {}, y, 3);
  CHECK(y[2] == T(2));
  CHECK(multiply() == T(5));
}
