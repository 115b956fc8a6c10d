// softmax, log_softmax, logsumexp and softmax_cross_entropy: values in long double along every axis, logits
// of +-1e4 and equal huge ones, the three reductions, gradients, and the texts of errors.
#include "autograd/ops/checks.hpp"

using namespace xgrad;
using checks::check_error;
using checks::numbers;
using checks::prove;

namespace {

// log softmax of a row of n numbers, `stride` apart, at position i of it.
template <class T>
long double log_probability(const T* row, std::size_t n, std::size_t stride, std::size_t i) {
  long double largest = row[0], total = 0;
  for (std::size_t k = 0; k < n; ++k) largest = std::max(largest, static_cast<long double>(row[k * stride]));
  for (std::size_t k = 0; k < n; ++k) total += std::exp(static_cast<long double>(row[k * stride]) - largest);
  return static_cast<long double>(row[i * stride]) - largest - std::log(total);
}

}  // namespace

TEST_CASE_TEMPLATE("softmax: values along every axis", T, float, double) {
  for (const Shape& shape : {Shape{1}, Shape{5}, Shape{37}, Shape{2, 3}, Shape{3, 19}, Shape{2, 3, 4},
                             Shape{0, 3}, Shape{2, 3, 20}, Shape{300, 17}, Shape{20, 2060}})
    for (std::ptrdiff_t axis = -static_cast<std::ptrdiff_t>(shape.rank());
         axis < static_cast<std::ptrdiff_t>(shape.rank()); ++axis) {
      const std::size_t a = normalize_axis("test", axis, shape), n = shape[a];
      if (n == 0) continue;
      CAPTURE(to_string(shape));
      CAPTURE(axis);
      const Variable<T> x = numbers<T>(shape, -3, 3);
      const std::size_t inner = shape.stride(a);
      const auto exact = [&](std::size_t i) {
        const std::size_t k = i / inner % n;
        return log_probability(x.value().data() + i - k * inner, n, inner, k);
      };
      const double tolerance = 16 * checks::epsilon<T>;
      checks::check_elements(softmax(x, axis).value(), shape, tolerance,
                             [&](std::size_t i) { return std::exp(exact(i)); });
      if (n > 2)  // of two, one may be certain, its logarithm about 0
        checks::check_elements(log_softmax(x, axis).value(), shape, 4 * tolerance, exact);
      const Array<T> above = numbers<T>(shape, 1, 4);  // so that no sum is about 1, nor its logarithm about 0
      Shape sums = shape;
      sums.set(a, 1);
      checks::check_elements(logsumexp(Variable<T>(above), static_cast<int>(axis), keepdims).value(), sums,
                             tolerance, [&](std::size_t i) {
                               const T* const first = above.data() + i / inner * inner * n + i % inner;
                               return static_cast<long double>(*first) - log_probability(first, n, inner, 0);
                             });
    }
}

TEST_CASE("softmax: gradients along every axis") {
  for (const std::ptrdiff_t axis : {0, 1, 2, -1, -2}) {
    prove([=](const auto& x) { return softmax(x[0], axis); }, {{2, 3, 4}});
    prove([=](const auto& x) { return log_softmax(x[0], axis); }, {{2, 3, 4}});
    prove([=](const auto& x) { return softmax(x[0], axis) * log_softmax(x[0] + x[0], axis); }, {{2, 3, 2}});
  }
  for (const Shape& shape : {Shape{1}, Shape{7}, Shape{2, 19}, Shape{0, 3}}) {
    prove([](const auto& x) { return softmax(x[0]); }, {shape}, -2, 2);
    prove([](const auto& x) { return log_softmax(x[0]); }, {shape}, -2, 2);
  }
  prove([](const auto& x) { return softmax(select(x[0], 0)) * log_softmax(select(x[0], 1)); }, {{2, 5}});
}

TEST_CASE_TEMPLATE("softmax: logits of any size", T, float, double) {
  for (const double shift : {0.0, 1e4, -1e4, 1e30, -1e30}) {
    CAPTURE(shift);
    const Variable<T> equal = Array<T>::full({2, 9}, static_cast<T>(shift));
    const auto ninth = [](std::size_t) { return 1 / 9.0L; };
    checks::check_elements(softmax(equal).value(), {2, 9}, 4 * checks::epsilon<T>, ninth);
    checks::check_elements(log_softmax(equal).value(), {2, 9}, 4 * checks::epsilon<T>,
                           [](std::size_t) { return -std::log(9.0L); });
    CHECK(softmax_cross_entropy(equal, {3, 8}).item() == doctest::Approx(std::log(9.0)).epsilon(1e-6));
  }
  const Variable<T> far = Array<T>({3}, {T(1e4), T(-1e4), T(0)});
  checks::check_elements(softmax(far).value(), {3}, 0, [](std::size_t i) { return i == 0 ? 1 : 0; });
  checks::check_elements(log_softmax(far).value(), {3}, 0, [](std::size_t i) {
    return i == 0 ? 0 : i == 1 ? -2e4 : -1e4;
  });
  CHECK(softmax_cross_entropy(reshape(far, {1, 3}), {1}).item() == T(2e4));
  CHECK(softmax_cross_entropy(reshape(far, {1, 3}), {0}).item() == 0);

  Tape<T> tape;
  const auto x = tape.leaf(reshape(far, {1, 3}).value());
  const auto dx = tape.gradient(softmax_cross_entropy(x, {2}))[x];
  checks::check_elements(dx, {1, 3}, 0, [](std::size_t i) { return i == 0 ? 1 : i == 1 ? 0 : -1; });
}

TEST_CASE_TEMPLATE("softmax: a masked logit of minus infinity has no probability and no gradient", T, float,
                   double) {
  const T inf = std::numeric_limits<T>::infinity();
  Tape<T> tape;
  const auto x = tape.leaf(Array<T>({2, 2}, {0, -inf, -inf, 0}));
  const auto p = softmax(x);
  CHECK(checks::identical(p.value(), Array<T>({2, 2}, {1, 0, 0, 1})));
  const auto loss = softmax_cross_entropy(x, {0, 1});
  CHECK(loss.item() == 0);
  const auto dx = tape.gradient(loss + sum(p))[x];
  checks::check_elements(dx, {2, 2}, 0, [](std::size_t) { return 0; });
}

TEST_CASE_TEMPLATE("softmax: NaN in a row spoils that row alone", T, float, double) {
  const T nan = std::numeric_limits<T>::quiet_NaN();
  for (const std::size_t n : {3U, 8U, 33U})
    for (const std::size_t where : {std::size_t{0}, n / 2, n - 1}) {
      auto data = numbers<T>({2, n});
      data.mutable_data()[where] = nan;
      const Variable<T> x = data;
      for (const auto& y : {softmax(x), log_softmax(x)})
        for (std::size_t i = 0; i < 2 * n; ++i) CHECK(std::isnan(y.value().data()[i]) == (i < n));
      const auto losses = softmax_cross_entropy(x, {1, 1}, Reduction::none).value();
      CHECK(std::isnan(losses.data()[0]));
      CHECK_FALSE(std::isnan(losses.data()[1]));
    }
}

TEST_CASE_TEMPLATE("logsumexp: neither overflows nor takes its slopes from a rounded sum", T, float, double) {
  const T inf = std::numeric_limits<T>::infinity();
  // Along rows, along columns, and along columns so few that they are transposed.
  for (const std::size_t copies : {1, 20, 3}) {
    const auto of = [copies, axis = copies == 1 ? 1 : 0](T first, T second) {
      std::vector<T> values(2 * copies, second);
      std::fill_n(values.begin(), copies, first);
      Tape<T> tape;
      const auto x = tape.leaf(Array<T>(axis == 1 ? Shape{1, 2} : Shape{2, copies}, values));
      const auto y = logsumexp(x, axis);
      const Array<T> dx = tape.gradient(sum(y))[x];
      return std::array{y.value().data()[copies - 1], dx.data()[copies - 1], dx.data()[2 * copies - 1]};
    };
    CAPTURE(copies);
    using Expected = std::array<T, 3>;
    CHECK(of(1e17F, 1e17F) == Expected{1e17F, 0.5, 0.5});
    CHECK(of(-inf, -inf) == Expected{-inf, 0, 0});
    CHECK(of(-inf, 7) == Expected{7, 0, 1});
    const auto at_inf = of(inf, 100);  // whose exponential is infinite in float
    CHECK(at_inf[0] == inf);
    CHECK(std::isnan(at_inf[1]));
    CHECK(at_inf[2] == 0);
    for (const T y : of(T(NAN), 1)) CHECK(std::isnan(y));
    for (const T y : of(1, T(NAN))) CHECK(std::isnan(y));
    CHECK(std::isnan(of(inf, T(NAN))[0]));
  }
  CHECK(logsumexp(Variable<T>(Array<T>({2}, {10000, 10000}))).item() ==
        doctest::Approx(10000 + std::log(2.0)));
}

TEST_CASE("logsumexp: over several axes, as over one") {
  const Variable<double> x = numbers<double>({3, 4, 5}, -2, 2);
  const auto flat = logsumexp(reshape(x, {60}));
  CHECK(logsumexp(x).item() == doctest::Approx(flat.item()).epsilon(1e-15));
  CHECK(to_string(logsumexp(x, {0, 2}).shape()) == "(4,)");
  CHECK(to_string(logsumexp(x, {0, 2}, keepdims).shape()) == "(1, 4, 1)");
  prove([](const auto& v) { return logsumexp(v[0], {0, -1}); }, {{3, 4, 5}});
  CHECK(logsumexp(Variable<double>(-3)).item() == -3);
}

TEST_CASE_TEMPLATE("cross entropy: values of the three reductions", T, float, double) {
  struct Case {
    Shape logits;
    Ids targets;
  };
  for (const auto& c :
       {Case{{5}, Ids(Shape{}, {2})}, {{3, 5}, {4, 0, 4}}, {{2, 3, 21}, Ids({2, 3}, {0, 20, 7, 7, 1, 2})}}) {
    CAPTURE(to_string(c.logits));
    const Variable<T> x = numbers<T>(c.logits, -3, 3);
    const std::size_t V = c.logits.back();
    const auto exact = [&](std::size_t r) {
      return -log_probability(x.value().data() + r * V, V, 1, static_cast<std::size_t>(c.targets[r]));
    };
    long double total = 0;
    for (std::size_t r = 0; r < c.targets.size(); ++r) total += exact(r);
    const double tolerance = 16 * checks::epsilon<T>;
    checks::check_elements(softmax_cross_entropy(x, c.targets, Reduction::none).value(), c.targets.shape(),
                           tolerance, exact);
    checks::check_elements(softmax_cross_entropy(x, c.targets, Reduction::sum).value(), {}, tolerance,
                           [&](std::size_t) { return total; });
    checks::check_elements(softmax_cross_entropy(x, c.targets).value(), {}, tolerance,
                           [&](std::size_t) { return total / static_cast<long double>(c.targets.size()); });
  }
}

TEST_CASE("cross entropy: gradients of the three reductions") {
  for (const auto reduction : {Reduction::mean, Reduction::sum, Reduction::none}) {
    prove([=](const auto& x) { return softmax_cross_entropy(x[0], {1, 0, 1}, reduction); }, {{3, 4}}, -2, 2);
    prove([=](const auto& x) { return softmax_cross_entropy(x[0], Ids(Shape{}, {2}), reduction); }, {{3}}, -2,
          2);
    prove(
        [=](const auto& x) {
          return softmax_cross_entropy(x[0], Ids({2, 2}, {8, 3, 3, 0}), reduction) * 3;
        },
        {{2, 2, 9}});
    prove(
        [=](const auto& x) {
          return softmax_cross_entropy(x[0] + x[0], {1, 2}, reduction) * sum(x[0]);
        },
        {{2, 3}});
  }
  prove([](const auto& x) { return softmax_cross_entropy(x[0], Ids(), Reduction::sum); }, {{0, 3}});
  prove([](const auto& x) { return softmax_cross_entropy(x[0], Ids(), Reduction::none); }, {{0, 3}});
}

TEST_CASE_TEMPLATE("cross entropy: equals the picked entries of log_softmax", T, float, double) {
  const auto logits = numbers<T>({4, 23}, -2, 2);
  const Ids targets = {22, 0, 5, 5};
  Tape<T> tape;
  const auto x = tape.leaf(logits), z = tape.leaf(logits);
  Variable<T> picked = 0;
  for (std::ptrdiff_t r = 0; r < 4; ++r)
    picked = picked - select(select(log_softmax(z), r), targets[static_cast<std::size_t>(r)]);
  const auto loss = softmax_cross_entropy(x, targets);
  CHECK(loss.item() == doctest::Approx((picked / 4).item()).epsilon(1e-6));
  const auto gradients = tape.gradient(loss + picked / 4);
  CHECK(checks::distance(gradients[x], gradients[z]) < 8 * checks::epsilon<T>);
}

TEST_CASE("softmax: wrong axes targets and sizes are named") {
  const Variable<double> x = numbers<double>({2, 3}), none = Array<double>::zeros({2, 0}), number = 1.0;
  check_error([&] { softmax(x, 2); }, {"[softmax] axis 2 does not exist in shape (2, 3)"});
  check_error([&] { log_softmax(number); }, {"[log_softmax] axis -1 does not exist in shape ()"});
  check_error([&] { softmax(none); }, {"[softmax] axis 1 of shape (2, 0) is empty"});
  check_error([&] { log_softmax(none, 1); }, {"[log_softmax]", "(2, 0)", "empty"});
  check_error([&] { softmax_cross_entropy(x, {0}); },
              {"[softmax_cross_entropy]", "(1,)", "(2, 3)", "except the last"});
  check_error(
      [&] {
        softmax_cross_entropy(x, Ids({2, 1}, {0, 0}));
      },
      {"[softmax_cross_entropy]", "(2, 1)", "(2, 3)"});
  check_error([&] { softmax_cross_entropy(number, Ids(Shape{}, {0})); },
              {"[softmax_cross_entropy]", "logits of shape ()"});
  check_error(
      [&] {
        softmax_cross_entropy(x, {0, 3});
      },
      {"[softmax_cross_entropy] target 3 at position (1,)", "[0, 3)"});
  check_error([&] { softmax_cross_entropy(x, {-1, 0}); }, {"target -1 at position (0,)", "[0, 3)"});
  const Variable<double> cube = numbers<double>({2, 2, 3});
  check_error(
      [&] {
        softmax_cross_entropy(cube, Ids({2, 2}, {0, 1, 5, 9}));
      },
      {"target 5 at position (1, 0)"});
  check_error(
      [&] {
        softmax_cross_entropy(Variable<double>(Array<double>::zeros({0, 3})), Ids());
      },
      {"[softmax_cross_entropy]", "no targets"});
}
