// Losses of digits, as people write them. They stand in tables: an op with the elements at which they show
// and the careful way to compute it, then what is written in the place of its value, VALUE(x), or of its
// gradient, VJP(op, dy). Most of the careful ways are ops of the library.
#include <bit>
#include <cmath>
#include <numbers>

#include <xgrad/autograd/numbers/map.hpp>

#include "lost_digits.hpp"

#define VALUE(...)                         \
  [=](const auto& op, const auto&) {       \
    [[maybe_unused]] const auto& x = op.x; \
    return __VA_ARGS__;                    \
  }

namespace xgrad::faults {

namespace {

using C = Cause;

class Table {
 public:
  void of(const char* name, std::vector<LossyOp::Input> inputs, Function f,
          std::optional<Function> absolute = {}) {
    ops.push_back({name, std::move(inputs), std::move(f), std::move(absolute), {}});
  }
  void value(C cause, const char* what, Written written, const char* unseen = "") {
    ops.back().losses.push_back({what, cause, {}, std::move(written), unseen});
  }
  void slope(C cause, const char* what, Written written, std::size_t argument = 0) {
    ops.back().losses.push_back({what, cause, argument, std::move(written)});
  }

  std::vector<LossyOp> ops;
};

LossyOp::Input at(const std::vector<double>& elements) { return {{elements.size()}, numbers(elements)}; }
LossyOp::Input row(const std::vector<double>& elements) { return {{1, elements.size()}, numbers(elements)}; }
const LossyOp::Input scalar{Shape{}, numbers({0.7})};
LossyOp::Input many(double low, double high) { return {{500000}, uniform(low, high)}; }

template <class T, class F>
Variable<T> each(const Variable<T>& x, const F& f) {
  return kernels::filled<T>(x.shape(),
                            [&](T* y) { std::transform(x.value().begin(), x.value().end(), y, f); });
}

// Loops with an accumulator of T, or of float.
template <class T>
Variable<T> running_sum(const Variable<T>& x) {
  T sum = 0;
  for (const T xi : x.value()) sum += xi;
  return sum;
}
template <class T>
Variable<T> running_float_sum(const Variable<T>& x) {
  float sum = 0;
  for (const T xi : x.value()) sum += static_cast<float>(xi);
  return T(sum);
}
template <class T>
Variable<T> running_product(const Variable<T>& x) {
  T product = 1;
  for (const T xi : x.value()) product *= xi;
  return product;
}
template <class T>
Variable<T> running_sums(const Variable<T>& x) {
  return each(x, [sum = T(0)](T xi) mutable { return sum += xi; });
}
template <class T>
Variable<T> running_mean(const Variable<T>& x) {
  T mean = 0, count = 0;
  for (const T xi : x.value()) mean += (xi - mean) / (count += 1);
  return mean;
}
constexpr double decay = 0.9999;
template <class T>
Variable<T> moving_average(const Variable<T>& x) {
  T average = 0;
  for (const T xi : x.value()) average = T(decay) * average + (1 - T(decay)) * xi;
  return average;
}
// How much each of n elements counts in it.
template <class T>
Variable<T> weights_of_average(const Variable<T>& x) {
  double weight = (1 - decay) * std::pow(decay, static_cast<double>(x.size()));
  return each(x, [&](T) { return static_cast<T>(weight /= decay); });
}
// 1, 2, ..., n.
template <class T>
Variable<T> counted(const Variable<T>& like, std::size_t n) {
  return each(like + Array<T>::zeros({n}), [i = 0.0](T) mutable { return static_cast<T>(++i); });
}

// What loses a NaN.
template <class T>
Variable<T> largest(const Variable<T>& x) {
  T best = -INFINITY;
  for (const T xi : x.value())
    if (xi > best) best = xi;
  return best;
}
template <class T>
Variable<T> clipped(const Variable<T>& x, double low, double high) {
  return each(x, [=](T xi) { return std::min(std::max(T(low), xi), T(high)); });
}
template <class T>
Variable<T> mean_of_numbers(const Variable<T>& x) {
  T sum = 0, count = 0;
  for (const T xi : x.value())
    if (!std::isnan(xi)) {
      sum += xi;
      count += 1;
    }
  return sum / count;
}

// f of each element of x in float alone.
template <class T, class F>
Variable<T> shortcut(const Variable<T>& x, const Variable<T>& exact, const F& f) {
  if constexpr (std::same_as<T, float>) return each(x, f);
  return exact;
}
// In the upper 16 bits of a float, as bfloat16.
template <class T>
Variable<T> in_16_bits(const Variable<T>& x) {
  return shortcut(x, x, [](auto xi) {
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(static_cast<float>(xi)) & 0xffff0000U);
  });
}

const auto ones = [](const auto& x) { return 1 + 0 * x; };
const auto size_of_sum = [](const auto& x) { return sum(abs(x[0])); };
// 1 / (1 + e^-x), as it is right and as it overflows, and the slope of x times that.
const auto gate = [](const auto& x) { return 1 / (1 + exp(-x)); };
const auto overflowing_gate = [](const auto& x) { return exp(x) / (1 + exp(x)); };
const auto slope_of_swish = [](const auto& x) { return gate(x) + x * exp(-x) * square(gate(x)); };

// Functions of each element, near 0 or where they approach a bound.
void cancellation_in_functions(Table& t) {
  t.of("softplus", {at({-9, -15, 0.5, 3})}, FUNCTION(softplus(x[0])));
  t.value(C::cancellation, "log(1 + e^x)", VALUE(log(1 + exp(x[0]))));
  t.slope(C::from_output, "1 - e^-y", VJP(dy * (1 - exp(-op.y))));
  t.of("log_sigmoid", {at({9, 12, -1, 14})}, FUNCTION(log_sigmoid(x[0])));
  t.value(C::cancellation, "log(sigmoid(x))", VALUE(log(sigmoid(x[0]))));
  t.slope(C::cancellation, "1 - sigmoid(x)", VJP(dy * (1 - sigmoid(op.x[0]))));
  t.slope(C::from_output, "1 - e^y", VJP(dy * (1 - exp(op.y))));
  t.of("log1p", {at({1e-3, -2e-4, 3e-5, 0.5})}, FUNCTION(log1p(x[0])));
  t.value(C::cancellation, "log(1 + x)", VALUE(log(1 + x[0])));
  t.of("expm1", {at({1e-3, -2e-4, -10, 1})}, FUNCTION(expm1(x[0])));
  t.value(C::cancellation, "e^x - 1", VALUE(exp(x[0]) - 1));
  t.slope(C::from_output, "y + 1", VJP(dy * (op.y + 1)));
  t.of("elu", {at({-1e-3, -10, 2, 0.5})}, FUNCTION(elu(x[0])));
  t.value(C::cancellation, "e^x - 1 below 0", VALUE(where(x[0] > 0, x[0], exp(x[0]) - 1)));
  t.slope(C::from_output, "y + 1 below 0", VJP(dy * where(op.x[0] > 0, ones(op.y), op.y + 1)));
  t.of("charge", {at({1e-3, 0.5, 10, 12})}, FUNCTION(-expm1(-x[0])));  // of a capacitor
  t.value(C::cancellation, "1 - e^-x", VALUE(1 - exp(-x[0])));
  t.slope(C::from_output, "1 - y", VJP(dy * (1 - op.y)));
  t.of("log1mexp", {at({-3e-3, -3e-4, -1, -2})}, FUNCTION(log(-expm1(x[0]))));
  t.value(C::cancellation, "log(1 - e^x)", VALUE(log(1 - exp(x[0]))));
  t.of("versine", {at({1e-2, 1e-3, 0.5, 1})}, FUNCTION(2 * square(sin(x[0] / 2))));
  t.value(C::cancellation, "1 - cos x", VALUE(1 - cos(x[0])));
  t.slope(C::cancellation, "sqrt(1 - cos^2 x)", VJP(dy * sqrt(1 - square(cos(op.x[0])))));
  t.of("sin", {at({1.55, 1.5, 0.5, 1})}, FUNCTION(sin(x[0])));
  t.slope(C::from_output, "sqrt(1 - y^2)", VJP(dy * sqrt(1 - square(op.y))));
  t.of("x - sin x", {at({1e-2, 1e-1, 0.5, 0.25})},
       FUNCTION(x[0] * square(x[0]) / 6 *
                (1 - square(x[0]) / 20 * (1 - square(x[0]) / 42 * (1 - square(x[0]) / 72)))));
  t.value(C::cancellation, "x - sin x", VALUE(x[0] - sin(x[0])));
  t.slope(C::cancellation, "1 - cos x", VJP(dy * (1 - cos(op.x[0]))));
  t.of("sinh", {at({1e-2, 1e-3, 0.5, 1})}, FUNCTION((expm1(x[0]) - expm1(-x[0])) / 2));
  t.value(C::cancellation, "(e^x - e^-x) / 2", VALUE((exp(x[0]) - exp(-x[0])) / 2));
  t.of("tanh", {at({1e-2, 1e-3, 0.25, 0.5})}, FUNCTION(tanh(x[0])));
  t.value(C::cancellation, "(1 - e^-2x) / (1 + e^-2x)", VALUE((1 - exp(-2 * x[0])) / (1 + exp(-2 * x[0]))));
  t.of("squash", {at({2, 3, 5, 6})}, FUNCTION(1 - 2 / (exp(2 * x[0]) + 1)));  // tanh, with an exact slope
  t.slope(C::from_output, "1 - y^2", VJP(dy * (1 - square(op.y))));
  t.of("asinh", {at({1e-2, 1e-3, 0.5, 3})},
       FUNCTION(log1p(x[0] + square(x[0]) / (1 + sqrt(1 + square(x[0]))))));
  t.value(C::cancellation, "log(x + sqrt(x^2 + 1))", VALUE(log(x[0] + sqrt(square(x[0]) + 1))));
  t.of("atanh", {at({3e-3, 3e-4, 0.5, 0.25})}, FUNCTION(0.5 * log1p(2 * x[0] / (1 - x[0]))));
  t.value(C::cancellation, "log((1 + x) / (1 - x)) / 2", VALUE(0.5 * log((1 + x[0]) / (1 - x[0]))));
  t.of("erfc", {at({2, 2.5, 3, 3.5})}, [](const auto& x) {
    auto tail = x[0];
    for (int k = 60; k > 0; --k) tail = x[0] + 0.5 * k / tail;
    return exp(-square(x[0])) / tail * std::numbers::inv_sqrtpi;
  });
  t.value(C::cancellation, "1 - erf(x)", VALUE(1 - erf(x[0])));
  t.of("gelu", {at({-3, -4, 0.5, 2})}, FUNCTION(gelu(x[0])));
  t.value(C::cancellation, "x (1 + erf(x / sqrt 2)) / 2",
          VALUE(x[0] * (1 + erf(x[0] / std::numbers::sqrt2)) / 2));
  t.of("complement of sigmoid", {at({9, 12, 15, 0.5})}, FUNCTION(sigmoid(-x[0])));
  t.value(C::cancellation, "1 - sigmoid(x)", VALUE(1 - sigmoid(x[0])));
  t.of("pseudo_huber", {at({1e-2, 1e-3, 0.5, 3})}, FUNCTION(square(x[0]) / (1 + sqrt(1 + square(x[0])))));
  t.value(C::cancellation, "sqrt(1 + x^2) - 1", VALUE(sqrt(1 + square(x[0])) - 1));
  t.of("difference of roots", {at({1e4, 1e5, 3, 1e3})}, FUNCTION(1 / (sqrt(x[0] + 1) + sqrt(x[0]))));
  t.value(C::cancellation, "sqrt(x + 1) - sqrt(x)", VALUE(sqrt(x[0] + 1) - sqrt(x[0])));
  t.slope(C::cancellation, "1 / (2 sqrt(x + 1)) - 1 / (2 sqrt(x))",
          VJP(dy * (0.5 * rsqrt(op.x[0] + 1) - 0.5 * rsqrt(op.x[0]))));
  t.of("root", {at({100, 1000, 3, 5})}, FUNCTION(-2 / (x[0] + sqrt(square(x[0]) - 4))));  // of y^2 + x y + 1
  t.value(C::cancellation, "(-x + sqrt(x^2 - 4)) / 2", VALUE((sqrt(square(x[0]) - 4) - x[0]) / 2));
  t.of("bias correction", {at({1, 2, 5, 10})}, FUNCTION(-expm1(std::log(0.999) * x[0])));
  t.value(C::cancellation, "1 - beta^x", VALUE(1 - pow(0.999 * ones(x[0]), x[0])));
}

// Of several elements.
void cancellation_in_sums(Table& t) {
  const LossyOp::Input near_100 = at({100.3, 102.7, 97.1, 105.9});
  t.of("variance", {near_100}, FUNCTION(variance(x[0])));
  t.value(C::cancellation, "mean(x^2) - mean(x)^2", VALUE(mean(square(x[0])) - square(mean(x[0]))));
  t.of("variance", {at({10000.3, 10002.5, 9997, 10005, 9999.1})}, FUNCTION(variance(x[0])));
  t.slope(C::cancellation, "2 x / n - 2 sum x / n^2", VJP(dy * (0.4 * op.x[0] - 0.08 * sum(op.x[0]))));
  t.of("layer_norm", {row({100.3, 102.7, 97.1, 105.9})},
       FUNCTION((x[0] - mean(x[0])) * rsqrt(variance(x[0]) + 1e-5)));
  t.value(C::cancellation, "the variance by squares",
          VALUE((x[0] - mean(x[0])) * rsqrt(mean(square(x[0])) - square(mean(x[0])) + 1e-5)));
  t.of("covariance", {near_100, at({200.3, 203.1, 199.7, 207.9})},
       FUNCTION(mean((x[0] - mean(x[0])) * (x[1] - mean(x[1])))));
  t.value(C::cancellation, "mean(x y) - mean(x) mean(y)", VALUE(mean(x[0] * x[1]) - mean(x[0]) * mean(x[1])));
  t.of("squared distance", {near_100, at({100.5, 102.1, 97.2, 105.6})}, FUNCTION(sum(square(x[0] - x[1]))));
  t.value(C::cancellation, "a a - 2 a b + b b",
          VALUE(sum(square(x[0])) - 2 * sum(x[0] * x[1]) + sum(square(x[1]))));
  t.of("difference of squares", {at({1000.1, 3}), at({1000.35, 2})}, FUNCTION((x[0] - x[1]) * (x[0] + x[1])));
  t.value(C::cancellation, "a^2 - b^2", VALUE(square(x[0]) - square(x[1])));
  t.of("log ratio", {at({1000, 3}), at({1000.25, 2})}, FUNCTION(log1p((x[0] - x[1]) / x[1])));
  t.value(C::cancellation, "log a - log b", VALUE(log(x[0]) - log(x[1])));
  t.of("binary_cross_entropy", {at({9, 12, -3, 1}), at({0, 0, 0, 0})},
       FUNCTION(binary_cross_entropy_with_logits(x[0], x[1], Reduction::none)));
  t.value(C::cancellation, "-t log p - (1 - t) log(1 - p)",
          VALUE(-x[1] * log(sigmoid(x[0])) - (1 - x[1]) * log(1 - sigmoid(x[0]))));
  t.of("pow", {at({20, 7, 1.5}), at({25, 30, 2})}, FUNCTION(pow(x[0], x[1])));
  t.value(C::cancellation, "e^(p log x), the rounding of p log x magnified", VALUE(exp(x[1] * log(x[0]))));
}

void slopes_from_outputs(Table& t) {
  t.of("logistic", {at({9, 12, 15, 0.5})}, FUNCTION(gate(x[0])));
  t.slope(C::from_output, "y (1 - y)", VJP(dy * op.y * (1 - op.y)));
  t.of("log", {at({2e38, 3e-38, 3})}, FUNCTION(log(x[0])));
  t.slope(C::from_output, "e^-y", VJP(dy * exp(-op.y)));
  t.of("logsumexp", {at({1000, 999.3, 998.9})}, FUNCTION(logsumexp(x[0])));
  t.slope(C::from_output, "e^(x - y)", VJP(dy * exp(op.x[0] - op.y)));
  t.of("saturation", {at({1e4, 1e3, 2})}, FUNCTION(1 / (1 + 1 / x[0])));
  t.slope(C::from_output, "(1 - y)^2", VJP(dy * square(1 - op.y)));
  t.of("cos", {at({0.01, 0.1, 1.5})}, FUNCTION(cos(x[0])));
  t.slope(C::from_output, "-sqrt(1 - y^2)", VJP(-dy * sqrt(1 - square(op.y))));
}

// Loops over many elements.
void accumulation(Table& t) {
  t.of("sum", {many(0, 1)}, FUNCTION(sum(x[0])), size_of_sum);
  t.value(C::accumulation, "a running sum", VALUE(running_sum(x[0])));
  t.value(C::accumulation, "a running sum of type float in any scalar", VALUE(running_float_sum(x[0])),
          "double adds up in float, too");
  t.of("mean", {many(0, 1)}, FUNCTION(mean(x[0])));
  t.value(C::accumulation, "a running sum / n", VALUE(running_sum(x[0]) / 500000));
  t.value(C::accumulation, "mean += (x - mean) / count", VALUE(running_mean(x[0])));
  t.of("dot", {many(0, 1), many(0, 1)}, FUNCTION(sum(x[0] * x[1])), FUNCTION(sum(abs(x[0]) * abs(x[1]))));
  t.value(C::accumulation, "a running sum", VALUE(running_sum(x[0] * x[1])));
  t.of("cumsum", {many(0, 1)}, FUNCTION(cumsum(x[0])), FUNCTION(cumsum(abs(x[0]))));
  t.value(C::accumulation, "running sums", VALUE(running_sums(x[0])));
  t.of("norm", {many(0, 1)}, FUNCTION(norm(x[0])));
  t.value(C::accumulation, "the root of a running sum", VALUE(sqrt(running_sum(square(x[0])))));
  t.of("squared error", {many(0, 1), many(1, 2)}, FUNCTION(squared_error(x[0], x[1], Reduction::sum)));
  t.value(C::accumulation, "a running sum", VALUE(running_sum(square(x[0] - x[1]))));
  t.of("log likelihood", {many(0.01, 0.9)}, FUNCTION(sum(log(x[0]))));
  t.value(C::accumulation, "a running sum", VALUE(running_sum(log(x[0]))));
  t.of("product", {many(0.999, 1.001)}, FUNCTION(exp(sum(log(x[0])))));
  t.value(C::accumulation, "a running product", VALUE(running_product(x[0])));
  t.of("moving average", {many(1, 2)}, FUNCTION(sum(x[0] * weights_of_average(x[0]))));
  t.value(C::accumulation, "m = 0.9999 m + 0.0001 x", VALUE(moving_average(x[0])));
  t.of("ticks", {at({1e-3})}, FUNCTION(x[0] * counted(x[0], 100000)));
  t.value(C::accumulation, "time += step", VALUE(running_sums(x[0] + 0 * counted(x[0], 100000))));

  t.of("weighted", {scalar, many(0, 1)}, FUNCTION(sum(x[0] * x[1])));
  t.slope(C::accumulation, "dw = dy times a running sum", VJP(dy * running_sum(op.x[1])));
  t.of("bias", {scalar, many(0, 1)}, FUNCTION(sum(square(x[0] + x[1]))));
  t.slope(C::accumulation, "db = dy times a running sum", VJP(2 * dy * running_sum(op.x[0] + op.x[1])));
  t.of("rate", {scalar, many(0, 1)}, FUNCTION(sum(exp(-x[0] * x[1]))));
  t.slope(C::accumulation, "dk = -dy times a running sum",
          VJP(-dy * running_sum(op.x[1] * exp(-op.x[0] * op.x[1]))));
  t.of("embedding", {{{2, 1}, numbers({0.7, 0.3})}, {{500000, 1}, uniform(0, 1)}},
       FUNCTION(sum(select(x[0], 0) * x[1])));
  t.slope(C::accumulation, "the gradients of a frequent word, one by one",
          VJP(dy * pad(reshape(running_sum(op.x[1]), {1, 1}), {{0, 1}, {0, 0}})));
}

// What overflows or vanishes in between, though the result is an ordinary number.
void range(Table& t) {
  const LossyOp::Input at_100 = at({100, 99, 98});
  t.of("softmax", {at_100}, FUNCTION(softmax(x[0])));
  t.value(C::range, "e^x / sum e^x", VALUE(exp(x[0]) / sum(exp(x[0]))));
  t.of("log_softmax", {at({0, -120, 1})}, FUNCTION(log_softmax(x[0])));
  t.value(C::range, "log(softmax(x))", VALUE(log(softmax(x[0]))));
  t.of("logsumexp", {at_100}, FUNCTION(logsumexp(x[0])));
  t.value(C::range, "log(sum e^x)", VALUE(log(sum(exp(x[0])))));
  t.slope(C::range, "e^x / sum e^x", VJP(dy * exp(op.x[0]) / sum(exp(op.x[0]))));
  t.of("cross_entropy", {row({0, 120})}, FUNCTION(softmax_cross_entropy(x[0], Ids{0})));
  t.value(C::range, "-log(softmax(x)[target])", VALUE(-log(sum(slice(softmax(x[0]), 0, 1, 1)))));
  t.of("sigmoid", {at({100, -3, 1})}, FUNCTION(sigmoid(x[0])));
  t.value(C::range, "e^x / (1 + e^x)", VALUE(overflowing_gate(x[0])));
  t.of("logistic", {at({60, -3, 1})}, FUNCTION(gate(x[0])));
  t.slope(C::range, "e^x / (1 + e^x)^2", VJP(dy * exp(op.x[0]) / square(1 + exp(op.x[0]))));
  t.of("softplus", {at({100, -3, 1})}, FUNCTION(softplus(x[0])));
  t.value(C::range, "log1p(e^x)", VALUE(log1p(exp(x[0]))));
  t.slope(C::range, "e^x / (1 + e^x)", VJP(dy * overflowing_gate(op.x[0])));
  t.of("tanh", {at({50, -1, 0.5})}, FUNCTION(tanh(x[0])));
  t.value(C::range, "(e^2x - 1) / (e^2x + 1)", VALUE((exp(2 * x[0]) - 1) / (exp(2 * x[0]) + 1)));
  t.of("log cosh", {at({100, 3, 1})}, FUNCTION(x[0] + softplus(-2 * x[0]) - std::numbers::ln2));
  t.value(C::range, "log((e^x + e^-x) / 2)", VALUE(log((exp(x[0]) + exp(-x[0])) / 2)));
  t.of("norm", {at({3e25, 4e25, 1e24})}, FUNCTION(norm(x[0])));
  t.value(C::range, "sqrt(sum x^2), large", VALUE(sqrt(sum(square(x[0])))));
  t.slope(C::range, "x / sqrt(sum x^2)", VJP(dy * op.x[0] / sqrt(sum(square(op.x[0])))));
  t.of("norm", {at({3e-25, 4e-25, 1e-24})}, FUNCTION(norm(x[0])));
  t.value(C::range, "sqrt(sum x^2), small", VALUE(sqrt(sum(square(x[0])))));
  t.of("hypot", {at({3e25, 1}), at({4e25, 2})}, FUNCTION(norm(stack({x[0], x[1]}), 0)));
  t.value(C::range, "sqrt(a^2 + b^2)", VALUE(sqrt(square(x[0]) + square(x[1]))));
  t.slope(C::range, "a / sqrt(a^2 + b^2)", VJP(dy * op.x[0] / sqrt(square(op.x[0]) + square(op.x[1]))));
  t.of("deviation", {at({3e25, 4e25, 1e24})}, FUNCTION(norm(x[0] - mean(x[0])) / std::sqrt(3.0)));
  t.value(C::range, "the root of the variance", VALUE(sqrt(variance(x[0]))));
  t.of("log likelihood", {at({1e-10, 1e-12, 1e-20})}, FUNCTION(sum(log(x[0]))));
  t.value(C::range, "log of the product", VALUE(log(prod(x[0]))));
  t.of("geometric mean", {at({1e15, 1e16, 1e10, 1e4})}, FUNCTION(prod(pow(x[0], 0.25))));
  t.value(C::range, "the root of the product", VALUE(pow(prod(x[0]), 0.25)));
  t.of("mean", {at({1e38, 2e38, 3e38})}, FUNCTION(sum(x[0] / 3)));
  t.value(C::range, "sum / n", VALUE(running_sum(x[0]) / 3));
  t.of("midpoint", {at({3e38, 1}), at({2e38, 2})}, FUNCTION(x[0] / 2 + x[1] / 2));
  t.value(C::range, "(a + b) / 2", VALUE((x[0] + x[1]) / 2));
  t.of("student_t", {at({1e25, 3, 10})}, FUNCTION(2 * log(x[0]) + log1p(square(1 / x[0]))));
  t.value(C::range, "log(1 + x^2)", VALUE(log1p(square(x[0]))));
  t.slope(C::range, "2 x / (1 + x^2)", VJP(2 * dy * op.x[0] / (1 + square(op.x[0]))));
  t.of("clipped norm", {at({3e25, 4e25, 1e24})}, FUNCTION(x[0] / norm(x[0])));
  t.value(C::range, "x min(1, 1 / sqrt(sum x^2))", VALUE(x[0] * minimum(rsqrt(sum(square(x[0]))), 1)));
  t.of("rsqrt", {at({1e-15, 3, 1e5})}, FUNCTION(rsqrt(x[0])));
  t.slope(C::range, "-1 / (2 sqrt(x x x))", VJP(-0.5 * dy / sqrt(op.x[0] * op.x[0] * op.x[0])));
  t.of("divide", {at({1e-30, 3}), at({1e-25, 2})}, FUNCTION(x[0] / x[1]));
  t.slope(C::range, "-a / (b b)", VJP(-dy * op.x[0] / (op.x[1] * op.x[1])), 1);
  t.of("prod", {at({1e-20, 2e-20, 1e-15})}, FUNCTION(prod(x[0])));
  t.slope(C::range, "y / x", VJP(dy * op.y / op.x[0]));
}

// A NaN that arises in float alone, and what a comparison or a mask makes of it. The slope of the gate is
// about 0 at 100, that of x gate(x) about 1.
void lost_nans(Table& t) {
  const LossyOp::Input gates = at({-0.5, 100, 1});
  t.of("rectified", {gates}, FUNCTION(gate(x[0])));
  t.value(C::lost_nan, "z > 0 ? z : 0", VALUE(where(overflowing_gate(x[0]) > 0, overflowing_gate(x[0]), 0)));
  t.of("max", {gates}, FUNCTION(max(gate(x[0]))));
  t.value(C::lost_nan, "if (z > best) best = z", VALUE(largest(overflowing_gate(x[0]))));
  t.of("clip", {gates}, FUNCTION(clip(gate(x[0]), 0.125, 0.875)));
  t.value(C::lost_nan, "min(max(low, z), high)", VALUE(clipped(overflowing_gate(x[0]), 0.125, 0.875)));
  t.of("mean", {gates}, FUNCTION(mean(gate(x[0]))));
  t.value(C::lost_nan, "the mean of what is not NaN", VALUE(mean_of_numbers(overflowing_gate(x[0]))));
  t.of("masked", {at({100, 1, -3})}, FUNCTION(where(Ids{0, 1, 1}, exp(x[0]), 0)));
  t.value(C::lost_nan, "mask * e^x, 0 inf", VALUE(exp(x[0]) * where(Ids{0, 1, 1}, ones(x[0]), 0)));
  t.slope(C::lost_nan, "dx = mask * dy e^x, 0 inf",
          VJP(dy * exp(op.x[0]) * where(Ids{0, 1, 1}, ones(op.x[0]), 0)));
  t.of("swish", {at({100, 2, 1})}, FUNCTION(x[0] * gate(x[0])));
  t.slope(C::lost_nan, "z > 0 ? slope : 0",
          VJP(dy * where(op.x[0] * overflowing_gate(op.x[0]) > 0, slope_of_swish(op.x[0]), 0)));
  t.of("max", {at({2, 100, 1})}, FUNCTION(max(x[0] * gate(x[0]))));
  t.slope(C::lost_nan, "to where z is the largest that is not NaN", [](const auto& op, const auto& dy) {
    const auto z = op.x[0] * overflowing_gate(op.x[0]);
    return dy * where(z == largest(z), slope_of_swish(op.x[0]), 0);
  });
  t.of("max", {at({1, NAN, 2})}, FUNCTION(max(x[0])));
  t.value(C::lost_nan, "if (x > best) best = x, at NaN", VALUE(largest(x[0])), "double loses it, too");
  t.of("relu", {at({1, NAN, 2})}, FUNCTION(relu(x[0])));
  t.value(C::lost_nan, "x > 0 ? x : 0, at NaN", VALUE(where(x[0] > 0, x[0], 0)), "double loses it, too");
}

// Where double has the full number of digits.
void shortcuts(Table& t) {
  const LossyOp::Input ordinary = at({0.7, 1.3, 0.3, 2.1});
  t.of("rsqrt", {ordinary}, FUNCTION(rsqrt(x[0])));
  t.value(C::shortcut, "a guess by the bits and one Newton step",
          VALUE(shortcut(x[0], rsqrt(x[0]), [](float v) {
            const auto bits = std::bit_cast<std::uint32_t>(v);
            const auto guess = std::bit_cast<float>(0x5f3759dfU - (bits >> 1));
            return guess * (1.5F - 0.5F * v * guess * guess);
          })));
  t.of("exp", {ordinary}, FUNCTION(exp(x[0])));
  t.value(C::shortcut, "five terms of the series", VALUE(shortcut(x[0], exp(x[0]), [](float v) {
            return 1 + v * (1 + v / 2 * (1 + v / 3 * (1 + v / 4)));
          })));
  t.of("tanh", {at({0.7, 1.3, 0.3, 0.5})}, FUNCTION(tanh(x[0])));
  t.value(C::shortcut, "x (27 + x^2) / (27 + 9 x^2)",
          VALUE(shortcut(x[0], tanh(x[0]), [](float v) { return v * (27 + v * v) / (27 + 9 * v * v); })));
  t.of("square", {ordinary}, FUNCTION(square(x[0])));
  t.value(C::shortcut, "the value in 16 bits", VALUE(in_16_bits(square(x[0]))));
  t.slope(C::shortcut, "x kept in 16 bits", VJP(2 * dy * in_16_bits(op.x[0])));
  t.of("sin", {ordinary}, FUNCTION(sin(x[0])));
  t.slope(C::shortcut, "the gradient in 16 bits", VJP(in_16_bits(dy * cos(op.x[0]))));
  t.of("log", {ordinary}, FUNCTION(log(x[0])));
  t.slope(C::shortcut, "1 / x by a guess and two Newton steps",
          VJP(dy * shortcut(op.x[0], 1 / op.x[0], [](float v) {
                const auto bits = std::bit_cast<std::uint32_t>(v);
                auto guess = std::bit_cast<float>(0x7ef311c7U - bits);
                for (int k = 0; k < 2; ++k) guess *= 2 - v * guess;
                return guess;
              })));
}

}  // namespace

std::vector<LossyOp> lossy_ops() {
  Table table;
  cancellation_in_functions(table);
  cancellation_in_sums(table);
  slopes_from_outputs(table);
  accumulation(table);
  range(table);
  lost_nans(table);
  shortcuts(table);
  return std::move(table.ops);
}

}  // namespace xgrad::faults
