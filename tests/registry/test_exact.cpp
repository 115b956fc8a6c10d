// Values and gradients of every op in double, held to exact ones: within 8 units of double's epsilon of the
// value or, of an op that is not elementwise, of how far it moves if each input moves by its own size.
// gradcheck proves the rule, `rounding` judges float beside double; this judges double. The table is made by
// oracle/exact.py, which says what is in it; a row names its call, which is looked up in `with_options` or in
// the registry. Start with the first test case.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <set>

#include <fmt/format.h>

#include <xgrad/autograd/tape.hpp>

#include "oracle/table.hpp"
#include "registry/registry.hpp"

using namespace xgrad;
using registry::Inputs;

namespace {

using Double = std::numeric_limits<double>;
using Call = std::function<Variable<double>(const Inputs<double>&)>;

const std::map<std::string, Call> with_options = {
    {"leaky_relu(x, 0.25)", [](const auto& v) { return leaky_relu(v[0], 0.25); }},
    {"elu(x, 0.75)", [](const auto& v) { return elu(v[0], 0.75); }},
    {"scale_shift(x, 1.75, 0.5)", [](const auto& v) { return scale_shift(v[0], 1.75, 0.5); }},
    {"clip(x, -1, 30)", [](const auto& v) { return clip(v[0], -1, 30); }},
    {"pow(x, 1.5)", [](const auto& v) { return pow(v[0], 1.5); }},
    {"pow(x, 3)", [](const auto& v) { return pow(v[0], 3); }},
    {"pow(x, -2)", [](const auto& v) { return pow(v[0], -2); }},
    {"pow", [](const auto& v) { return pow(v[0], v[1]); }},
    {"binary_cross_entropy_with_logits",
     [](const auto& v) { return binary_cross_entropy_with_logits(v[0], v[1], Reduction::none); }},
    {"squared_error", [](const auto& v) { return squared_error(v[0], v[1], Reduction::none); }},
    {"absolute_error", [](const auto& v) { return absolute_error(v[0], v[1], Reduction::none); }},
    {"huber(y, t, 17)", [](const auto& v) { return huber(v[0], v[1], 17, Reduction::none); }},
    {"sum(x)", [](const auto& v) { return sum(v[0]); }},
    {"sum(x, 0)", [](const auto& v) { return sum(v[0], 0); }},
    {"mean(x, 1)", [](const auto& v) { return mean(v[0], 1); }},
    {"prod(x, 1)", [](const auto& v) { return prod(v[0], 1); }},
    {"max(x, 1)", [](const auto& v) { return max(v[0], 1); }},
    {"min(x, 1)", [](const auto& v) { return min(v[0], 1); }},
    {"norm(x, 1)", [](const auto& v) { return norm(v[0], 1); }},
    {"variance(x, 1)", [](const auto& v) { return variance(v[0], 1); }},
    {"variance(x, 1, 1)", [](const auto& v) { return variance(v[0], 1, false, 1); }},
    {"cumsum(x, 1)", [](const auto& v) { return cumsum(v[0], 1); }},
    {"softmax(x, 0)", [](const auto& v) { return softmax(v[0], 0); }},
    {"softmax(x, 1)", [](const auto& v) { return softmax(v[0], 1); }},
    {"log_softmax(x, 0)", [](const auto& v) { return log_softmax(v[0], 0); }},
    {"log_softmax(x, 1)", [](const auto& v) { return log_softmax(v[0], 1); }},
    {"logsumexp(x, 0)", [](const auto& v) { return logsumexp(v[0], 0); }},
    {"logsumexp(x, 1)", [](const auto& v) { return logsumexp(v[0], 1); }},
    {"layer_norm", [](const auto& v) { return layer_norm(v[0], v[1], v[2]); }},
    {"matmul(x, W)", [](const auto& v) { return matmul(v[0], v[1]); }},
    {"matmul(x, W, both)", [](const auto& v) { return matmul(v[0], v[1], Transpose::both); }},
    {"affine({x, W}, b)",
     [](const auto& v) {
       return affine({v[0], v[1]}, v[2]);
     }},
    {"affine({x, W}, {h, U}, b)",
     [](const auto& v) {
       return affine({v[0], v[1]}, {v[2], v[3]}, v[4]);
     }},
    {"softmax_cross_entropy(x, {2, 0})",
     [](const auto& v) {
       return softmax_cross_entropy(v[0], {2, 0});
     }},
    {"affine_cross_entropy({x, W}, b, {1, 0})",
     [](const auto& v) {
       return affine_cross_entropy({v[0], v[1]}, v[2], {1, 0}, {.reduction = Reduction::sum, .rows = 1});
     }},
    {"cross_entropy(x, {1, 3, -1}, ...)",
     [](const auto& v) {
       return cross_entropy(v[0], {1, 3, -1},
                            {.ignore = -1, .weights = {1, 0.5, 2, 1, 0}, .label_smoothing = 0.25})
           .sum;
     }},
    {"pointwise((1 - z) * tanh(n) + z * h)",
     [](const auto& v) {
       return pointwise([](auto z, auto n, auto h) { return (1 - z) * tanh(n) + z * h; }, v[0], v[1], v[2]);
     }},
};

// They move elements, or multiply them with a constant; test_oracle.cpp has them to the last bit.
const std::set<std::string> movers = {"reshape",      "transpose", "squeeze", "expand_dims", "flip",
                                      "broadcast_to", "pad",       "select",  "slice",       "split",
                                      "stack",        "concat",    "take",    "reset_rows",  "gather",
                                      "scatter_add",  "one_hot",   "where",   "dropout"};

// Results whose errors are measured against more than the table says.
struct Exception {
  std::string op;
  std::optional<std::size_t> argument;  // of the gradient; nothing for the value
  enum { one, largest, unsigned_infinity } against;
  const char* reason;
};
const std::vector<Exception> exceptions = {
    // against 1
    {"tanh", 0, Exception::one, "the slope is 1 - y^2: nothing but y is saved"},
    {"pointwise", 1, Exception::one, "it has a tanh"},
    {"sigmoid", 0, Exception::one, "the slope is y (1 - y): nothing but y is saved"},
    {"softmax", 0, Exception::one, "the slope is y (dy - sum y dy): nothing but y is saved"},
    {"log_softmax", {}, Exception::one, "the logarithm of a sum in which one term is 1"},
    {"logsumexp", {}, Exception::one, "the same"},
    {"softmax_cross_entropy", {}, Exception::one, "the same"},
    {"softmax_cross_entropy", 0, Exception::one, "p - 1 at the target, where p may be nearly 1"},
    // against the largest element of the gradient
    {"layer_norm", 0, Exception::largest, "less its mean and its part along n, nothing may be left of dy"},
    // infinities without their sign
    {"pow", 0, Exception::unsigned_infinity, "the sign is that of x^(p - 1), and p - 1 is rounded"},
};

std::string op_of(const std::string& call) { return call.substr(0, call.find('(')); }

// The function of a row's name: with options of its own, or as the registry calls it.
Call function_of(const std::string& call) {
  if (const auto found = with_options.find(call); found != with_options.end()) return found->second;
  for (const auto& row : registry::ops()) {
    registry::Draw draw(1);
    if (row.name == call) return row.valid(draw).f;
  }
  FAIL("the table's call " << call << " is not known here");
  return {};
}

// |got - exact| in units of epsilon times `size`, or times the smallest normal number if that is more.
double error(double got, double exact, double size) {
  if (got == exact || (std::isnan(got) && std::isnan(exact))) return 0;
  const double apart = std::abs(got - exact) / Double::epsilon() / std::max(size, Double::min());
  return std::isfinite(got) && std::isfinite(exact) ? apart : Double::infinity();
}

void check(const std::string& call, std::optional<std::size_t> argument, const Inputs<double>& xs,
           const Array<double>& got, const Array<double>& exact, const std::vector<double>& sizes) {
  CHECK(to_string(got.shape()) == to_string(exact.shape()));
  REQUIRE(got.size() == exact.size());
  double least = 0;
  bool with_sign = true;
  for (const Exception& exception : exceptions) {
    const bool any_options = exception.against != Exception::unsigned_infinity;
    if (exception.op != (any_options ? op_of(call) : call) || exception.argument != argument) continue;
    if (exception.against == Exception::one) least = 1;
    if (exception.against == Exception::largest)
      for (const double g : exact) least = std::max(least, std::abs(g));
    with_sign = exception.against != Exception::unsigned_infinity;
  }
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double expected = exact.data()[i],
                 of_table = sizes.empty() || std::isnan(sizes.at(i)) ? 0 : sizes[i],
                 e = error(got.data()[i], expected, std::max({std::abs(expected), of_table, least}));
    if (e <= 8 || (!with_sign && std::isinf(got.data()[i]) && std::isinf(expected))) continue;
    std::string at;
    for (const auto& x : xs)
      if (x.shape() == got.shape())
        at += fmt::format("{}{}", at.empty() ? " at " : ", ", x.value().data()[i]);
    FAIL_CHECK(fmt::format("element {}{} is {}, expected {}: {:.3g} epsilon", index_of(i, got.shape()), at,
                           got.data()[i], expected, e));
  }
}

}  // namespace

TEST_CASE("exact: values and gradients in double are those of mpmath") {
  const auto numbers = [](const nlohmann::json& entries) {
    std::vector<double> result;
    for (const auto& entry : entries) result.push_back(oracle::number(entry));
    return result;
  };
  for (const auto& row : oracle::table("exact.json")) {
    const auto call = row.at("call").get<std::string>();
    INFO(call);
    const Array<double> y = oracle::array(row.at("y"));
    const bool elementwise = !row.contains("u");  // dy is 1, and each pair has a gradient of its own
    Tape<double> tape;
    Inputs<double> xs;
    for (const auto& entry : row.at("x")) {
      const Variable<double> x = oracle::array(entry);
      xs.push_back(tape.leaf(elementwise ? broadcast_to(x, y.shape()).value() : x.value()));
    }
    const Variable<double> result = function_of(call)(xs);
    check(call, {}, xs, result.value(), y, numbers(row.value("y_size", nlohmann::json())));
    const auto u = elementwise ? Array<double>::full(y.shape(), 1) : oracle::array(row.at("u"));
    const auto gradients = tape.gradient(result, {.seed = u, .unreached = zeros});
    for (std::size_t i = 0; i < xs.size(); ++i) {
      INFO("the gradient of argument " << i);
      check(call, i, xs, gradients[xs[i]], oracle::array(row.at("g").at(i)),
            row.contains("g_size") ? numbers(row["g_size"].at(i)) : std::vector<double>());
    }
  }
}

TEST_CASE("exact: the table has every op of the registry that does not only move elements") {
  std::set<std::string> known = movers, names;
  for (const auto& row : oracle::table("exact.json")) {
    const std::string op = op_of(row.at("call").get<std::string>());
    CAPTURE(op);
    CHECK_FALSE(movers.contains(op));
    known.insert(op);
  }
  for (const auto& row : registry::ops()) names.insert(row.name);
  CHECK(known == names);
}

TEST_CASE("exact: an error of ten epsilon does not pass") {
  const double epsilon = Double::epsilon();
  CHECK(error(1 + 10 * epsilon, 1, 1) == 10);
  CHECK(error(1 + epsilon, 1, 1) == 1);
  CHECK(error(5e-324, 0, 0) < 8);
  CHECK(error(1e-300, 0, 0) > 8);
  CHECK(error(Double::infinity(), Double::max(), 1) > 8);
  CHECK(error(0, NAN, 1) > 8);
  CHECK(error(-INFINITY, INFINITY, INFINITY) > 8);
}
