// Arithmetic of Gradients: sums of those of several windows, tapes and threads, dense and row-sparse, to the
// bit; and their way through a map by path and back.
#include <xgrad/autograd/gradients.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <thread>

#include <xgrad/autograd/derivatives.hpp>
#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/parameters.hpp>
#include <xgrad/autograd/tape.hpp>
#include <xgrad/training/clipping.hpp>
#include <xgrad/training/sgd.hpp>

#include "errors.hpp"

using xgrad::Array;
using xgrad::Complex;
using xgrad::Gradient;
using xgrad::Gradients;
using xgrad::Ids;
using xgrad::Parameters;
using xgrad::RowSparse;
using xgrad::Shape;
using xgrad::Tape;
using xgrad::Unreached;
using xgrad::Variable;
using xgrad::zeros;
using namespace xgrad::testing;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

std::vector<std::int64_t> list(const Ids& ids) { return {ids.begin(), ids.end()}; }

template <class T>
const RowSparse<T>* rows_of(const Gradients<T>& gradients, const Variable<T>& x) {
  return std::get_if<RowSparse<T>>(gradients.stored(x));
}

// Those of one value, `dw`.
template <class T>
Gradients<T> dense(const Variable<T>& w, const std::vector<T>& dw) {
  Tape<T> tape;
  return tape.gradient(w + 0, {.seed = Array<T>(w.shape(), dw)});
}

// Those of the rows `ids` of a table of two columns: row i is (i + 1, 10 (i + 1)) times `size`.
template <class T>
Gradients<T> sparse(const Variable<T>& table, const std::vector<std::int64_t>& ids, double size = 1) {
  Tape<T> tape;
  auto seed = Array<T>::uninitialized({ids.size(), 2});
  for (std::size_t i = 0; i < ids.size(); ++i)
    for (std::size_t k = 0; k < 2; ++k)
      seed.mutable_data()[2 * i + k] =
          static_cast<T>(size * static_cast<double>(ids[i] + 1) * (k == 0 ? 1 : 10));
  return tape.gradient(take(table, Ids(ids)), {.seed = seed});
}

// Elements as bits: tells -0 from 0 and NaN from nothing.
template <class T>
bool same_bits(const Array<T>& a, const Array<T>& b) {
  return a.shape() == b.shape() && std::equal(a.begin(), a.end(), b.begin(),
                                              [](T x, T y) { return std::memcmp(&x, &y, sizeof(T)) == 0; });
}

}  // namespace

TEST_CASE_TEMPLATE("Gradients: are added, subtracted and scaled", T, float, double, Complex) {
  const Parameters<T> p;
  const auto w = p.weight("w", {2}), v = p.weight("v", {1});
  const auto a = dense<T>(w, {1, -2}), b = dense<T>(w, {10, 20});
  CHECK(numbers((a + b)[w]) == std::vector<T>{11, 18});
  CHECK(numbers((a - b)[w]) == std::vector<T>{-9, -22});
  CHECK(numbers((-a)[w]) == std::vector<T>{-1, 2});
  CHECK(numbers((a * 3)[w]) == std::vector<T>{3, -6});
  CHECK(numbers((std::size_t{3} * a)[w]) == std::vector<T>{3, -6});
  CHECK(numbers((a / 4)[w]) == std::vector<T>{T(0.25), T(-0.5)});
  CHECK(numbers((b / 3)[w]) == std::vector<T>{T(10) / T(3), T(20) / T(3)});
  Gradients<T> c = a;
  c += b;
  c *= 2;
  c -= a;
  c /= 0.5;
  CHECK(numbers(c[w]) == std::vector<T>{42, 76});
  // What only one side has.
  const auto d = dense<T>(v, {T(-0.0)});
  CHECK(same_bits((a + d)[v], d[v]));
  CHECK(same_bits((d + a)[v], d[v]));
  CHECK(numbers((a + d)[w]) == std::vector<T>{1, -2});
  CHECK(numbers((d - a)[w]) == std::vector<T>{-1, 2});
  CHECK((a * 2).norm() == doctest::Approx(2 * std::sqrt(5)));
  // All the time nothing else has changed.
  CHECK(numbers(a[w]) == std::vector<T>{1, -2});
  CHECK(numbers(b[w]) == std::vector<T>{10, 20});
}

TEST_CASE("Gradients: imaginary parts are added and scaled too") {
  const Parameters<Complex> p;
  const auto w = p.weight("w", {1});
  const auto a = dense<Complex>(w, {{1, 2}}), b = dense<Complex>(w, {{3, -4}});
  CHECK((a + b)[w].item() == Complex(4, -2));
  CHECK((b / 2 - 3 * a)[w].item() == Complex(-1.5, -8));
  CHECK(b.norm() == 5);
  CHECK(b.values().at("w").item() == 3);
}

TEST_CASE_TEMPLATE("Gradients: rows and whole tables are added", T, float, double, Complex) {
  const Parameters<T> p;
  const auto E = p.weight("E", {5, 2});
  const auto rows = sparse<T>(E, {3, 0}), others = sparse<T>(E, {3, 1}, 100), none = sparse<T>(E, {});
  const auto whole = dense<T>(E, std::vector<T>(10, 1));
  const std::vector<T> whole_and_rows{2, 11, 1, 1, 1, 1, 5, 41, 1, 1};

  const auto both = rows + others;
  REQUIRE(rows_of(both, E) != nullptr);
  CHECK(list(rows_of(both, E)->rows) == std::vector<std::int64_t>{0, 1, 3});
  CHECK(numbers(rows_of(both, E)->values) == std::vector<T>{1, 10, 200, 2000, 404, 4040});
  CHECK(numbers((others - rows)[E]) == std::vector<T>{-1, -10, 200, 2000, 0, 0, 396, 3960, 0, 0});
  CHECK(list(rows_of(others - rows, E)->rows) == std::vector<std::int64_t>{0, 1, 3});

  CHECK(rows_of(rows + whole, E) == nullptr);
  CHECK(numbers((rows + whole)[E]) == whole_and_rows);
  CHECK(numbers((whole + rows)[E]) == whole_and_rows);
  CHECK(numbers((whole - rows)[E]) == std::vector<T>{0, -9, 1, 1, 1, 1, -3, -39, 1, 1});

  REQUIRE(rows_of(none, E) != nullptr);
  CHECK(rows_of(none, E)->rows.size() == 0);
  CHECK(rows_of(none + none, E)->rows.size() == 0);
  CHECK(rows_of(none + none, E)->values.shape() == Shape{0, 2});
  CHECK(numbers((none + rows)[E]) == numbers(rows[E]));
  CHECK(list(rows_of(rows + none, E)->rows) == std::vector<std::int64_t>{0, 3});
  CHECK(numbers((none + whole)[E]) == std::vector<T>(10, 1));
  CHECK(numbers((whole + none)[E]) == std::vector<T>(10, 1));
  CHECK((none * 2 / 3).norm() == 0);

  for (const auto& scaled : {2 * rows, rows / 0.5, -(rows * -2)}) {
    REQUIRE(rows_of(scaled, E) != nullptr);
    CHECK(list(rows_of(scaled, E)->rows) == std::vector<std::int64_t>{0, 3});
    CHECK(numbers(rows_of(scaled, E)->values) == std::vector<T>{2, 20, 8, 80});
  }
}

TEST_CASE("Gradients: -0 of a row that one side alone has stays") {
  const Parameters<double> p;
  const auto E = p.weight("E", {3, 2});
  const auto minus = -sparse<double>(E, {1}, 0);
  CHECK(std::signbit(rows_of(minus, E)->values.data()[0]));
  CHECK(std::signbit(rows_of(minus + sparse<double>(E, {2}), E)->values.data()[0]));
}

TEST_CASE_TEMPLATE("Gradients: tables without columns or of one axis are added", T, float, double) {
  const Parameters<T> p;
  const auto narrow = p.weight("narrow", {3, 0}), flat = p.weight("flat", {4});
  const auto of = [&](const Ids& ids) {
    Tape<T> tape;
    return tape.gradient(sum(take(narrow, ids)) + sum(take(flat, ids)));
  };
  const auto total = of({2, 0}) + of({2, 1});
  CHECK(list(rows_of(total, narrow)->rows) == std::vector<std::int64_t>{0, 1, 2});
  CHECK(total[narrow].shape() == Shape{3, 0});
  CHECK(numbers(total[flat]) == std::vector<T>{1, 1, 2, 0});
}

TEST_CASE("Gradients: rows that a watcher returns twice are added up") {
  struct Twice : xgrad::Watcher<double> {
    Gradient<double> gradient(std::uint32_t, Gradient<double> dy, bool leaf) override {
      if (!leaf) return dy;
      return RowSparse<double>{{3}, {2, 0, 2}, Array<double>({3}, {1, 2, 3})};
    }
  } watcher;
  const Parameters<double> p;
  const auto E = p.weight("E", {3});
  Tape<double> tape(watcher);
  const auto gradients = tape.gradient(sum(take(E, {1})));
  CHECK(list(rows_of(gradients, E)->rows) == std::vector<std::int64_t>{0, 2});
  CHECK(numbers(rows_of(gradients, E)->values) == std::vector<double>{2, 4});
}

TEST_CASE_TEMPLATE("Gradients: in-place arithmetic changes nothing that shares the elements", T, float,
                   double, Complex) {
  const Parameters<T> p;
  const auto w = p.weight("w", {2}), E = p.weight("E", {3, 2});
  const auto unit = dense<T>(w, {1, 1}) + sparse<T>(E, {1});
  Gradients<T> a = dense<T>(w, {1, 2}) + sparse<T>(E, {0});
  const Gradients<T> copy = a;
  const Array<T> held = a[w];
  const RowSparse<T> held_rows = *rows_of(a, E);
  SUBCASE("a += b") { a += unit; }
  SUBCASE("a -= b") { a -= unit; }
  SUBCASE("a += a") {
    a += a;
    CHECK(numbers(a[w]) == std::vector<T>{2, 4});
    CHECK(numbers(rows_of(a, E)->values) == std::vector<T>{2, 20});
  }
  SUBCASE("a -= a") {
    const Gradients<T>& itself = a;
    a -= itself;
    CHECK(numbers(a[w]) == std::vector<T>{0, 0});
    CHECK(list(rows_of(a, E)->rows) == std::vector<std::int64_t>{0});
  }
  SUBCASE("a *= s") { a *= 7; }
  SUBCASE("a /= s") { a /= 7; }
  SUBCASE("scale") {
    a.scale(w, 7);
    a.scale(E, 7);
  }
  CHECK(numbers(copy[w]) == std::vector<T>{1, 2});
  CHECK(numbers(copy[E]) == std::vector<T>{1, 10, 0, 0, 0, 0});
  CHECK(numbers(held) == std::vector<T>{1, 2});
  CHECK(numbers(held_rows.values) == std::vector<T>{1, 10});
  CHECK(numbers(unit[w]) == std::vector<T>{1, 1});
}

TEST_CASE("Gradients: a sum leaves what a tape and a user hold as it is") {
  // The gradient of x is the seed itself, and the value of a leaf may be: nothing was copied on the way.
  Tape<double> tape;
  const auto seed = ramp<double>({2});
  const auto x = tape.leaf(ramp<double>({2})), y = x + tape.leaf(seed);
  auto a = tape.gradient(y, {.seed = seed, .keep = true});
  CHECK(a[x].shares_block_with(seed));
  auto b = tape.gradient(y, {.seed = seed, .keep = true});
  a += b;
  a += b;
  CHECK(numbers(a[x]) == std::vector<double>{3, 6});
  CHECK(numbers(b[x]) == std::vector<double>{1, 2});
  CHECK(numbers(seed) == std::vector<double>{1, 2});
  CHECK(numbers(tape.gradient(sum(y * y))[x]) == std::vector<double>{4, 8});
}

TEST_CASE("Gradients: what is added to none of them is the sum") {
  const Parameters<double> p;
  const auto w = p.weight("w", {1}), idle = p.weight("idle", {1});
  Tape<double> tape;
  const auto x = tape.leaf(ramp<double>({1}));
  auto some = tape.gradient(sum(w * 0 + x * 3), {.keep = true, .unreached = zeros});
  Gradients<double> none;
  CHECK(none.norm() == 0);
  CHECK(none.values().empty());
  CHECK(message_of([&] { (void)none[w]; }) ==
        "[gradient] these gradients are of no tape, and none was given of the parameter 'w'; give it by its "
        "path, or pass Unreached::zeros");
  CHECK(contains(message_of([&] { (void)none[x]; }), "these gradients are of no tape"));
  for (const auto& same : {none + some, some + none, some - none}) {
    CHECK(same[x].item() == 3);
    CHECK(same[idle].item() == 0);
  }
  CHECK((none - some)[x].item() == -3);
  CHECK_FALSE((none + none).reached(w));

  auto moved = std::move(some);
  CHECK_FALSE(some.reached(w));  // NOLINT(bugprone-use-after-move)
  CHECK(message_of([&] { (void)some[idle]; }) != "nothing was thrown");
  some += moved;
  CHECK(some[x].item() == 3);
  CHECK(some[idle].item() == 0);
  auto& itself = some;
  some = std::move(itself);
  CHECK(some[x].item() == 3);
}

TEST_CASE("Gradients: unreached ones of a sum are zeros if they are in both") {
  const Parameters<double> p;
  const auto w = p.weight("w", {1}), idle = p.weight("idle", {1});
  const auto of = [&](Unreached unreached) {
    Tape<double> tape;
    return tape.gradient(sum(w), {.unreached = unreached});
  };
  CHECK((of(zeros) + of(zeros))[idle].item() == 0);
  for (const auto& sum : {of(zeros) + of(Unreached::error), of(Unreached::error) - of(zeros)})
    CHECK(contains(message_of([&] { (void)sum[idle]; }), "does not depend on the parameter 'idle'"));
}

TEST_CASE("Gradients: those of leaves are added on one tape, and given up over several") {
  const Parameters<double> p;
  const auto w = p.weight("w", {1}, xgrad::constant(2));
  Tape<double> tape;
  const auto x = tape.leaf(ramp<double>({1}, 5)), idle = tape.leaf(ramp<double>({1}));
  const auto h = x * w, y = h * h;
  const auto of_h = tape.gradient(y, {.of = {h}, .keep = true}), without = tape.gradient(h, {.keep = true}),
             of_itself = tape.gradient(h, {.of = {h}, .keep = true});
  CHECK((of_h + without)[x].item() == 40 + 2);
  CHECK((of_h + without)[w].item() == 100 + 5);
  CHECK((of_h - of_itself)[h].item() == 20 - 1);
  for (const auto& half : {of_h + without, without + of_h})  // of h only one side is known
    CHECK(contains(message_of([&] { (void)half[h]; }), "no gradient was kept for the intermediate"));
  // What was recorded after a sweep had no part in it.
  const auto late = tape.leaf(ramp<double>({1}, 3)), product = late * h;
  const auto of_late = tape.gradient(product, {.of = {product}, .keep = true, .unreached = zeros});
  for (const auto& sum : {of_h + of_late, of_late + of_h}) {
    CHECK(sum[late].item() == 10);
    CHECK(sum[product].item() == 1);
    CHECK(sum[x].item() == 40 + 6);
    CHECK(contains(message_of([&] { (void)sum[idle]; }), "does not depend on the leaf"));
  }
  const auto both_zeros = of_late + tape.gradient(y, {.keep = true, .unreached = zeros});
  CHECK(both_zeros[idle].item() == 0);

  Gradients<double> other;
  {
    Tape<double> next;
    other = next.gradient(sum(w * 7));
  }
  for (const auto& sum : {of_h + other, other + of_h, of_h + other + of_h, of_h + other - other}) {
    CHECK(sum.reached(w));
    CHECK(message_of([&] { (void)sum[x]; }) ==
          "[gradient] these gradients are a sum over several tapes, or with ones given by path, which holds "
          "those of parameters alone; take the gradient of the variable of shape (1,) from those of its own "
          "tape, before they are added");
    CHECK_FALSE(sum.reached(h));
  }
  CHECK((of_h + other)[w].item() == 107);
  CHECK(contains(message_of([&] {
                   (void)(of_h + Gradients<double>(p, {{"w", Array<double>::zeros({1})}}))[x];
                 }),
                 "a sum over several tapes"));
}

TEST_CASE("Gradients: parameters of two lists are two, even of one path") {
  const Parameters<double> p, q;
  const auto w = p.weight("w", {1}), other = q.weight("w", {2});
  const auto sum = dense<double>(w, {1}) + dense<double>(other, {2, 3});
  CHECK(numbers(sum[w]) == std::vector<double>{1});
  CHECK(numbers(sum[other]) == std::vector<double>{2, 3});
  std::vector<std::string> paths;
  for (const auto& [path, gradient] : sum) paths.push_back(path);
  CHECK(paths == std::vector<std::string>{"w", "w"});
  CHECK(sum.norm() == doctest::Approx(std::sqrt(14)));
  CHECK(contains(message_of([&] { (void)sum.values(); }), "there are two parameters 'w'"));
}

TEST_CASE("Gradients: are gone through in the order of their paths") {
  const Parameters<float> p;
  const auto z = p.weight("z", {1}), E = (p / "embed").weight("W", {3, 2}), a = p.weight("a", {2}),
             idle = p.weight("idle", {1});
  Tape<float> tape;
  const auto leaf = tape.leaf(Array<float>(1));
  const auto gradients =
      tape.gradient(sum(z) + sum(a * 2) + sum(take(E, {1, 1})) + leaf, {.unreached = zeros});
  std::string seen;
  for (const auto& [path, gradient] : gradients) {
    const Gradient<float>& as_stored = gradient;
    seen += path + (std::holds_alternative<RowSparse<float>>(as_stored) ? " rows; " : " dense; ");
    CHECK(&as_stored == gradients.stored(path == "a" ? a : path == "z" ? z : E));
  }
  CHECK(seen == "a dense; embed/W rows; z dense; ");
  const auto values = gradients.values();
  CHECK(values.size() == 3);
  CHECK(numbers(values.at("embed/W")) == std::vector<double>{0, 0, 2, 2, 0, 0});
  CHECK(numbers(values.at("a")) == std::vector<double>{2, 2});
  CHECK(gradients.norm() == doctest::Approx(std::sqrt(1 + 8 + 8)));
  CHECK_FALSE(Gradients<float>().begin() != Gradients<float>().end());
}

TEST_CASE_TEMPLATE("Gradients: the norm is right where squares overflow or vanish", T, float, double) {
  const Parameters<T> p;
  const auto w = p.weight("w", {2}), E = p.weight("E", {2, 2});
  const auto of = [&](double size) {
    return dense<T>(w, {T(3 * size), 0}) + sparse<T>(E, {0}, 0) +
           Gradients<T>(p, {{"E", Array<T>::full({2, 2}, T(2 * size))}});
  };
  const double large = std::same_as<T, float> ? 1e37 : 1e300;
  for (const double size : {1.0, large, 1 / large}) {
    CHECK(of(size).norm() == doctest::Approx(5 * size).epsilon(1e-6));
    CHECK(of(size).norm() == xgrad::global_norm(of(size), p));
  }
  CHECK(std::isnan(dense<T>(w, {T(std::nan("")), 1}).norm()));
  CHECK(dense<T>(w, {T(-infinity), 1}).norm() == infinity);
}

TEST_CASE("Gradients: NaN and infinite elements and factors pass through") {
  const Parameters<float> p;
  const auto w = p.weight("w", {3});
  const float inf = std::numeric_limits<float>::infinity();
  const auto a = dense<float>(w, {inf, std::nanf(""), 1});
  CHECK((a + a)[w].data()[0] == inf);
  CHECK(std::isnan((a - a)[w].data()[0]));
  CHECK(std::isnan((a + a)[w].data()[1]));
  CHECK((a - a)[w].data()[2] == 0);
  const auto b = dense<float>(w, {0, -1, 1e-30F});
  CHECK(std::isnan((b / 0)[w].data()[0]));
  CHECK((b / 0)[w].data()[1] == -inf);
  CHECK(std::isnan((b * infinity)[w].data()[0]));
  CHECK((b * infinity)[w].data()[1] == -inf);
  // Factors that a float does not hold.
  CHECK((b * 1e200)[w].data()[0] == 0);
  CHECK((b / 1e-200)[w].data()[0] == 0);
  CHECK((b / 1e-200)[w].data()[2] == inf);
  CHECK((b / 1e-41)[w].data()[2] == doctest::Approx(1e11));
  CHECK((b * 1e41)[w].data()[2] == doctest::Approx(1e11));
  CHECK(static_cast<double>((b / 1e41)[w].data()[1]) * 1e41 == doctest::Approx(-1).epsilon(1e-3));
}

namespace {

// A loss over a window, with a table, a weight, and elements of many sizes, so that each order of additions
// has its own bits.
template <class T>
Variable<T> loss_of(const Parameters<T>& p, std::size_t window) {
  const auto i = static_cast<std::int64_t>(window);
  const auto x = take(p["E"], {i % 5, (i * i) % 5, 2});
  return sum(square(tanh(matmul(x, p["W"])) * (1.0 + 1e3 * static_cast<double>(window)))) /
         (3 + static_cast<double>(window));
}

template <class T>
Parameters<T> model() {
  const Parameters<T> p(7);
  (void)p.weight("E", {5, 4});
  (void)p.weight("W", {4, 3});
  return p;
}

template <class T>
Gradients<T> of_window(const Parameters<T>& p, std::size_t window) {
  Tape<T> tape;
  return tape.gradient(loss_of(p, window));
}

}  // namespace

TEST_CASE_TEMPLATE("Gradients: the sum over windows is the gradient of the summed loss", T, float, double,
                   Complex) {
  const auto p = model<T>();
  Gradients<T> total;
  Tape<T> tape;
  Variable<T> loss(0);
  for (std::size_t window = 0; window < 5; ++window) {
    total += of_window(p, window);
    loss += loss_of(p, window);
  }
  const auto together = tape.gradient(loss);
  CHECK(rows_of(total, p["E"]) != nullptr);
  const double size = together.norm();
  CHECK(size > 1);
  CHECK((total - together).norm() <= 1e-6 * size);
}

TEST_CASE("Gradients: a sum has the bits of the additions in the order of the calls") {
  const Parameters<float> p;
  const auto w = p.weight("w", {1});
  const auto a = dense<float>(w, {1e8F}), b = dense<float>(w, {-1e8F}), c = dense<float>(w, {1});
  CHECK((a + b + c)[w].item() == 1);
  CHECK((a + c + b)[w].item() == 0);
}

TEST_CASE("Gradients: those of two threads add up to the bits of one") {
  const auto p = model<float>();
  constexpr std::size_t windows = 8;
  std::vector<Gradients<float>> of(windows);
  const auto work = [&](std::size_t first) {
    for (std::size_t window = first; window < windows; window += 2) of[window] = of_window(p, window);
  };
  std::thread other(work, 1);
  work(0);
  other.join();
  Gradients<float> in_threads, in_sequence;
  for (std::size_t window = 0; window < windows; ++window) {
    in_threads += of[window];
    in_sequence += of_window(p, window);
  }
  for (const char* path : {"E", "W"}) {
    CHECK(same_bits(in_threads[p[path]], in_sequence[p[path]]));
    Array<float> by_hand = of[0][p[path]];
    for (std::size_t window = 1; window < windows; ++window) by_hand = by_hand + of[window][p[path]];
    CHECK(same_bits(in_threads[p[path]], by_hand));
  }
}

TEST_CASE_TEMPLATE("Gradients: a map by path and back steps an optimizer to the same bits", T, float,
                   double) {
  const auto p = model<T>(), q = model<T>();
  xgrad::Sgd<T> one(p, 0.1), two(q, 0.1);
  for (std::size_t window = 0; window < 3; ++window) {
    const auto gradients = of_window(p, window);
    one.step(gradients);
    two.step(Gradients<T>(q, gradients.values()));
  }
  for (const char* path : {"E", "W"}) CHECK(same_bits(p[path].value(), q[path].value()));
}

TEST_CASE("Gradients: given by path, below a scope") {
  const Parameters<float> p;
  const auto W = (p / "rnn").weight("W", {2, 1}), b = p.weight("b", {1});
  const Gradients<float> gradients(
      p / "rnn", std::map<std::string, Array<double>>{{"W", Array<double>({2, 1}, {1, 0.1})}}, zeros);
  CHECK(numbers(gradients[W]) == std::vector<float>{1, 0.1F});
  CHECK(gradients[b].item() == 0);
  CHECK(gradients.stored(b) == nullptr);
  CHECK(gradients.values().count("rnn/W") == 1);
  const auto message = [&](const std::string& path, const Shape& shape) {
    return message_of([&] { (void)Gradients<float>(p / "rnn", {{path, Array<float>::zeros(shape)}}); });
  };
  CHECK(message("W", {1, 2}) ==
        "[gradient] the gradient given for 'rnn/W' has shape (1, 2), expected that of the parameter, (2, 1)");
  CHECK(contains(message("Wx", {2, 1}), "there is no 'rnn/Wx'; there are: 'rnn/W'"));
  CHECK(contains(message("b", {1}), "there is no 'rnn/b'"));

  const Gradients<float> partly(p, {{"b", Array<float>({1}, {4})}});
  CHECK(partly[b].item() == 4);
  CHECK(contains(message_of([&] { (void)partly[W]; }), "none was given of the parameter 'rnn/W'"));
  CHECK((partly + gradients)[b].item() == 4);
}

TEST_CASE("Gradients: given by path, do not change with the array or the parameter") {
  const Parameters<double> p;
  const auto w = p.weight("w", {1}, xgrad::constant(3));
  auto array = Array<double>({1}, {1});
  double* const pointer = array.mutable_data();
  const Gradients<double> given(p, {{"w", array}}), of_itself(p, {{"w", w.value()}});
  *pointer = 100;
  p.assign("w", Array<double>({1}, {200}));
  CHECK(given[w].item() == 1);
  CHECK(of_itself[w].item() == 3);
}

TEST_CASE("Gradients: their values are directions of hvp") {
  const auto f = []<class T>(const Parameters<T>& p) {
    const auto w = p.input("w", {2});
    return sum(w * w * w);
  };
  const Parameters<double> p;
  const auto w = p.weight("w", {2}, xgrad::constant(2));
  Tape<double> tape;
  const auto gradients = tape.gradient(sum(w * w * w));  // 12
  const Gradients<double> product(p, xgrad::hvp(f, p.values(), gradients.values()));
  CHECK(numbers(product[w]) == std::vector<double>{144, 144});
}

TEST_CASE("gradients: given by parameter, dense or row-sparse") {
  const Parameters<double> p(1);
  const auto a = p.weight("a", {2}), table = p.weight("table", {3, 1}), none = p.weight("none", {1});
  using Given = std::vector<std::pair<Variable<double>, Gradient<double>>>;
  const RowSparse<double> rows{{3, 1}, Ids({1}), Array<double>({1, 1}, {5})};
  const Gradients<double> gradients(Given{{a, Array<double>({2}, {1, 2})}, {table, rows}});
  CHECK(gradients[a].data()[1] == 2);
  CHECK(gradients[table].data()[1] == 5);
  CHECK(std::holds_alternative<RowSparse<double>>(*gradients.stored(table)));
  CHECK(!gradients.reached(none));
  const Array<double> values({2}, {1, 2});
  const auto error = [](const Given& given) { return message_of([&] { (void)Gradients<double>(given); }); };
  CHECK(error({{a, Array<double>({3}, {1, 2, 3})}}) ==
        "[gradient] the gradient given for 'a' has shape (3,), expected that of the parameter, (2,)");
  CHECK(error({{a, values}, {a, values}}) == "[gradient] two gradients are given for 'a'");
  CHECK(error({{Variable<double>(values), values}}) ==
        "[gradient] a gradient is given for a variable of shape (2,), expected a parameter");
}
