// Wrong formulas: mistakes that no corruption of the library's vjp makes, as somebody makes them who derives
// a vjp by hand. They stand in tables, ops and what is wrong in their vjps. What is meant to be the
// vjp of another function is taken from that one.
#include <algorithm>
#include <cmath>

#include "fault.hpp"

namespace xgrad::faults {

namespace {

using M = Mistake;

class Table {
 public:
  // A call of an op. Numbers that are not given are drawn from the domains of its row in the registry.
  void of(const std::string& op, const std::vector<Shape>& shapes, const Function& f,
          std::vector<Initializer> numbers = {}) {
    std::string family = "time";
    for (const Family& known : families())
      for (const auto& row : known.rows) {
        if (row.name != op) continue;
        family = known.name;
        while (numbers.size() < shapes.size()) numbers.push_back(row.domain(numbers.size()).numbers());
      }
    subjects.push_back({family, op, beside_another_use(op, f, shapes, numbers, 0), {}});
  }
  // A fault of the call.
  void plant(const std::string& what, WrittenVjp vjp, M mistake = M::wrong_term, std::size_t argument = 0,
             std::optional<Defect> defect = {}) {
    Subject& call = subjects.back();
    call.faults.push_back({call.text + ": " + what,
                           mistake,
                           {defect.value_or(defect_of(mistake))},
                           call.text,
                           argument,
                           "x" + std::to_string(argument),
                           std::move(vjp)});
  }

  std::vector<Subject> subjects;
};

// The vjp of another function of the same inputs.
WrittenVjp as_of(const Function& other) { return VJP(op.with(other).vjp(0, dy)); }
WrittenVjp untouched() { return VJP(dy); }
// 0 for dy, and dy for 0.
WrittenVjp inverted() { return VJP(dy - op.vjp(0, dy)); }
// The rows taken for the columns.
WrittenVjp turned() { return VJP(transpose(Variable(op.vjp(0, transpose(dy))))); }

const std::vector<Initializer> at_800{numbers({0.7, -1.2, 800, 0.3})}, at_0{numbers({0.7, 1.2, 0.9, 0})},
    around_800{numbers({799.5, 800, 800.7, 799.2})},
    both_signs{numbers({0.7, -1.2, 1.6, -0.6, -1.8, 0.9, 1.3, -0.8})};
const std::vector<Shape> vector{{4}}, row{{1, 4}}, matrix{{2, 3}}, two{{2, 3}, {2, 3}}, square_matrix{{3, 3}};

// 1 where x > 0, else 0.
template <class T>
Variable<T> positive(const Variable<T>& x) {
  auto y = Array<T>::zeros(x.shape());
  T* const out = y.mutable_data();
  for (std::size_t i = 0; i < x.size(); ++i) out[i] = T(scalar::less(T(0), x.value().data()[i]) ? 1 : 0);
  return y;
}
template <class T>
Variable<T> row_sum(const Variable<T>& x) {
  return sum(x, -1, keepdims);
}
// The same numbers in the scalar of `like`.
template <class T>
Variable<T> constant(const Variable<T>& like, const Shape& shape, const std::vector<double>& values) {
  (void)like;
  return Array<double>(shape, values).cast<T>();
}

void elementwise(Table& t) {
  t.of("log", matrix, FUNCTION(log(x[0])));
  t.plant("dx = dy / y for dy / x", VJP(dy / op.y));
  t.of("square", vector, FUNCTION(square(x[0])), at_0);
  t.plant("dx = dy 2 y / x, at x = 0", VJP(dy * 2 * op.y / op.x[0]), M::not_finite);
  t.of("rsqrt", matrix, FUNCTION(rsqrt(x[0])));
  t.plant("dx = -dy y^2 / 2 for -dy y^3 / 2", VJP(-0.5 * dy * op.y * op.y));
  t.of("abs", matrix, FUNCTION(abs(x[0])), both_signs);
  t.plant("dx = dy for dy sign x", untouched(), M::sign);
  t.of("pow", two, FUNCTION(pow(x[0], x[1])));
  t.plant("dx = dy p x^p for dy p x^(p - 1)", VJP(dy * op.x[1] * op.y));
  t.plant("dx = dy x^(p - 1), the factor p forgotten", VJP(dy * op.y / op.x[0]));
  t.plant("dp = dy y for dy y log x", VJP(dy * op.y), M::wrong_term, 1);
  t.of("pow", vector, FUNCTION(pow(x[0], 3)), at_0);
  t.plant("dx = dy p y / x, at x = 0", VJP(dy * 3 * op.y / op.x[0]), M::not_finite);
  t.of("log1p", matrix, FUNCTION(log1p(x[0])));
  t.plant("dx = dy / x for dy / (1 + x)", VJP(dy / op.x[0]));
  t.of("expm1", matrix, FUNCTION(expm1(x[0])));
  t.plant("dx = dy y, as for exp", VJP(dy * op.y));
  t.of("erf", matrix, FUNCTION(erf(x[0])));
  t.plant("e^-x for e^(-x^2) in dx", VJP(2 / std::sqrt(std::acos(-1.0)) * dy * exp(-op.x[0])));

  t.of("tanh", matrix, FUNCTION(tanh(x[0])));
  t.plant("dx = dy (1 - y) for dy (1 - y^2)", VJP(dy * (1 - op.y)));
  t.of("sigmoid", vector, FUNCTION(sigmoid(x[0])), at_800);
  t.plant("dx = dy y for dy y (1 - y)", VJP(dy * op.y));
  t.plant("dx = dy e^x / (1 + e^x)^2, at x = 800", VJP(dy * exp(op.x[0]) / square(1 + exp(op.x[0]))),
          M::not_finite);
  t.of("relu", matrix, FUNCTION(relu(x[0])));
  t.plant("dx = dy for dy where x > 0", untouched());
  t.of("gelu", matrix, FUNCTION(gelu(x[0])));
  const auto normal = FUNCTION(0.5 * (1 + erf(x / std::sqrt(2.0))));
  t.plant("the slope of the distribution dropped", VJP(dy * normal(op.x[0])));
  t.plant("0.3989 for 1 / sqrt(2 pi), in one of two terms",
          VJP(dy * (normal(op.x[0]) + 0.3989 * op.x[0] * exp(-0.5 * square(op.x[0])))), M::slight_factor, 0,
          Defect::missing_term);
  t.of("softplus", vector, FUNCTION(softplus(x[0])), at_800);
  t.plant("dx = dy (1 - sigmoid x) for dy sigmoid x", VJP(dy * (1 - sigmoid(op.x[0]))));
  t.plant("dx = dy e^x / (1 + e^x), at x = 800", VJP(dy * exp(op.x[0]) / (1 + exp(op.x[0]))), M::not_finite);
  t.of("leaky_relu", matrix, FUNCTION(leaky_relu(x[0], 0.1)), both_signs);
  t.plant("the slope s where x > 0", VJP(1.1 * dy - op.vjp(0, dy)));
  t.plant("dx = 0 where x <= 0, as for relu", as_of(FUNCTION(relu(x[0]))));
  t.plant("dx = s^2 dy where x <= 0", as_of(FUNCTION(leaky_relu(x[0], 0.01))), M::factor);
  t.of("elu", matrix, FUNCTION(elu(x[0], 0.5)), both_signs);
  t.plant("dx = dy e^x for dy a e^x where x <= 0", as_of(FUNCTION(elu(x[0], 1))), M::factor);
  t.plant("dx = dy (y + 1) for dy (y + a) where x <= 0",
          VJP(op.vjp(0, dy) + 0.5 * dy * (1 - positive(op.x[0]))));

  t.of("multiply", two, FUNCTION(x[0] * x[1]));
  t.plant("db = dy b for dy a", VJP(dy * op.x[1]), M::wrong_term, 1);
  t.of("divide", two, FUNCTION(x[0] / x[1]));
  t.plant("db = -dy y for -dy y / b", VJP(-dy * op.y), M::wrong_term, 1);
  t.of("clip", matrix, FUNCTION(clip(x[0], -1, 1)));
  t.plant("dx = dy outside too", untouched());
  t.plant("dx = dy outside, 0 inside", inverted());
  t.of("maximum", two, FUNCTION(maximum(x[0], x[1])));
  t.plant("all of dy goes to a", untouched());
  t.plant("b >= 0 for b >= a in db, as for relu", VJP(dy * positive(op.x[1])), M::wrong_term, 1);
  t.of("minimum", two, FUNCTION(minimum(x[0], x[1])));
  t.plant("the slopes of maximum", inverted());
  t.of("where", two, FUNCTION(where(Ids({2, 3}, {1, 0, 0, 1, 1, 0}), x[0], x[1])));
  t.plant("the mask is inverted", inverted());
  t.plant("both get dy", untouched(), M::wrong_term, 1);
  t.of("where", {{3, 3}, {3, 3}}, FUNCTION(where(Ids({3, 1}, {1, 0, 1}), x[0], x[1])));
  t.plant("a mask of rows is taken for one of columns", turned(), M::wrong_axis);
  const auto root = [](const auto& x) { return sqrt(x); };
  const auto zero = [](const auto& x) { return 0 * x; };
  t.of("where", vector, FUNCTION(where(Ids{1, 0, 1, 0}, x[0], root, zero)), {numbers({0.7, -0.6, 1.2, -1})});
  t.plant("where x > 0, sqrt x: dx = m dy / (2 y), 0/0 where x < 0", VJP(dy * positive(op.y) / (2 * op.y)),
          M::not_finite);
}

void along_axes(Table& t) {
  const std::vector<Shape> rows{{2, 4}}, columns{{4, 2}};

  t.of("prod", row, FUNCTION(prod(x[0], 1, keepdims)), at_0);
  t.plant("dx = dy y / x, where one number is 0", VJP(dy * op.y / op.x[0]), M::not_finite);
  t.of("prod", matrix, FUNCTION(prod(x[0], 1, keepdims)), both_signs);
  t.plant("dx = dy y, not divided by x", VJP(dy * op.y + 0 * op.x[0]));
  t.of("max", square_matrix, FUNCTION(max(x[0], 1, keepdims)));
  t.plant("dx = dy for all", VJP(dy + 0 * op.x[0]));
  t.plant("dx at the smallest", as_of(FUNCTION(min(x[0], 1, keepdims))));
  t.of("logsumexp", row, FUNCTION(logsumexp(x[0], 1, keepdims)), around_800);
  t.plant("dx = dy e^x / sum e^x, at x = 800", VJP(dy * exp(op.x[0]) / row_sum(exp(op.x[0]))), M::not_finite);
  t.of("logsumexp", rows, FUNCTION(logsumexp(x[0], 1, keepdims)));
  t.plant("dx = dy e^x, not normalized", VJP(dy * exp(op.x[0])), M::factor);
  t.plant("dx = dy / sum e^x", VJP(dy * exp(-op.y) + 0 * op.x[0]));
  t.of("norm", rows, FUNCTION(norm(x[0], 1, keepdims)));
  t.plant("dx = dy x, not divided by y", VJP(dy * op.x[0]), M::factor);
  t.of("variance", rows, FUNCTION(variance(x[0], 1, keepdims)));
  t.plant("dx = dy 2 x / n, the mean not subtracted", VJP(dy * op.x[0] / 2));
  t.of("cumsum", {{5, 3}}, FUNCTION(cumsum(x[0], 0)));
  t.plant("dx_t = dy_t+1 + dy_t+2 + ...", VJP(op.vjp(0, dy) - dy), M::shifted);
  t.plant("dx = the running sum of dy from the first", VJP(cumsum(dy, 0)), M::transposed);
  t.plant("dx along axis 1", as_of(FUNCTION(cumsum(x[0], 1))), M::wrong_axis);
  t.of("mean", {{3, 2}},
       FUNCTION(sum(x[0] * constant(x[0], {3, 2}, {1, 0, 0, 0, 1, 0}), 0) / constant(x[0], {2}, {2, 1})));
  t.plant("of the unmasked: dx = dy m / sum m, 0/0 where all is masked",
          VJP(op.vjp(0, dy) / constant(dy, {2}, {1, 0})), M::not_finite);

  t.of("transpose", {{2, 2, 2}}, FUNCTION(transpose(x[0], {1, 2, 0})));
  t.plant("dx with the axes permuted once more, not back", VJP(transpose(dy, {1, 2, 0})), M::transposed);
  t.of("flip", {{4, 3}}, FUNCTION(flip(x[0], 1)));
  t.plant("dx = dy, not flipped back", untouched());
  t.plant("dx flipped along axis 0", as_of(FUNCTION(flip(x[0], 0))), M::wrong_axis);
  t.plant("dx flipped along both axes", as_of(FUNCTION(flip(x[0]))), M::wrong_axis);
  t.of("pad", columns, FUNCTION(pad(x[0], {{0, 2}, {0, 0}})));
  t.plant("the padding after x taken for that before", as_of(FUNCTION(pad(x[0], {{2, 0}, {0, 0}}))));
  t.of("pad", square_matrix, FUNCTION(pad(x[0], {{1, 0}, {0, 1}})));
  t.plant("the padding of the rows taken for that of the columns", turned(), M::wrong_axis);
  t.of("slice", {{7, 2}}, FUNCTION(slice(x[0], {{.step = 2}})));
  t.plant("[::2]: dx[r] += dy[r], consecutive rows", as_of(FUNCTION(slice(x[0], 0, 4))));
  t.plant("[::2]: walked backwards", as_of(FUNCTION(slice(x[0], {{.step = -2}}))));
  t.of("concat", two, FUNCTION(concat(x)));
  t.plant("dx_1 = dy[0:2], the offset forgotten", VJP(slice(dy, 0, 2)), M::wrong_term, 1);
  t.of("concat", {{2, 1}, {2, 1}}, FUNCTION(concat(x, 1)));
  t.plant("along axis 1, dx_1 as if along axis 0", VJP(reshape(slice(dy, 1, 2), {2, 1})), M::wrong_axis, 1);
  t.of("split", columns, FUNCTION(concat({split(x[0], 2)[1], split(x[0], 2)[0]})));
  t.plant("the gradients of the halves swapped", untouched());

  t.of("reset_rows", square_matrix, FUNCTION(reset_rows(x[0], {0, 1, 0})));
  t.plant("dx = dy, nothing is cut", untouched());
  t.plant("dx = 0 where not marked", inverted());
  t.plant("dx = 0 in the marked columns", turned(), M::wrong_axis);
  t.of("take", columns, FUNCTION(take(x[0], {0, 3, 1})));
  t.plant("each row averaged over its reads, 0/0 where it has none",
          VJP(op.vjp(0, dy) / constant(dy, {4, 1}, {1, 1, 0, 1})), M::not_finite);
  t.of("take", {{6, 2}}, FUNCTION(take(x[0], Ids({2, 2}, {0, 4, 1, 3}))));
  t.plant("the ids of a (N, T) window for those of a (T, N) window",
          as_of(FUNCTION(take(x[0], Ids({2, 2}, {0, 1, 4, 3})))), M::transposed);
  t.of("gather", {{2, 5}}, FUNCTION(gather(x[0], Ids({2, 3}, {1, 3, 4, 0, 2, 3}))));
  t.plant("the ids of row 0 for all rows", as_of(FUNCTION(gather(x[0], Ids({2, 3}, {1, 3, 4, 1, 3, 4})))));
  const Ids ids({3, 3}, {1, 0, 2, 0, 2, 1, 2, 2, 1}), twice({2, 4}, {1, 3, 1, 0, 2, 3, 0, 0});
  t.of("gather", square_matrix, FUNCTION(gather(x[0], ids, 1)));
  t.plant("dx[ids_nm, m] for dx[n, ids_nm]", as_of(FUNCTION(gather(x[0], ids, 0))), M::wrong_axis);
  t.of("scatter_add", {{2, 4}, {2, 4}}, FUNCTION(scatter_add(x[0], twice, x[1])));
  t.plant("dy = dout, not gathered", untouched(), M::wrong_term, 1);
  t.plant("dx = 0 where something was added", VJP(dy * constant(dy, {2, 4}, {0, 0, 1, 0, 0, 1, 0, 0})));
}

void networks(Table& t) {
  t.of("softmax", {{2, 4}}, FUNCTION(softmax(x[0])));
  t.plant("dx = y dy for y (dy - <dy, y>)", VJP(op.y * dy));
  t.plant("dx = y (dy + <dy, y>) for y (dy - <dy, y>)", VJP(op.y * (dy + row_sum(op.y * dy))));
  t.plant("<dy, y> along axis 0", VJP(op.y * (dy - sum(op.y * dy, 0, keepdims))), M::wrong_axis);
  t.of("softmax", row, FUNCTION(softmax(x[0])), around_800);
  t.plant("the vjp computes e^x / sum e^x anew, at x = 800",
          VJP(exp(op.x[0]) / row_sum(exp(op.x[0])) * (dy - row_sum(op.y * dy))), M::not_finite);
  t.of("log_softmax", row, FUNCTION(log_softmax(x[0])));
  t.plant("dx = dy - y sum dy for dy - e^y sum dy", VJP(dy - op.y * row_sum(dy)));
  t.plant("dx = dy - e^y for dy - e^y sum dy", VJP(dy - exp(op.y)));

  // n = (x - m) r, r = 1 / sqrt(v + epsilon)          dx = (g - mean g - n mean(g n)) r with g = gain dy
  t.of("layer_norm", {{3, 3}, {3}, {3}}, FUNCTION(layer_norm(x[0], x[1], x[2])));
  const auto mean_of = [](const auto& x, int axis = 1) { return mean(x, axis, keepdims); };
  const auto r = [](const auto& op) { return rsqrt(variance(op.x[0], 1, keepdims) + 1e-5); };
  const auto n = [=](const auto& op) { return (op.x[0] - mean_of(op.x[0])) * r(op); };
  const auto g = [](const auto& op, const auto& dy) { return dy * op.x[1]; };
  t.plant("dx without the mean of g", VJP((g(op, dy) - n(op) * mean_of(g(op, dy) * n(op))) * r(op)));
  t.plant("dx without the slope of the variance", VJP((g(op, dy) - mean_of(g(op, dy))) * r(op)));
  t.plant("dy for g = gain dy", VJP(op.vjp(0, dy / op.x[1])), M::factor);
  t.plant("dx not divided by the deviation", VJP(op.vjp(0, dy) / r(op)), M::factor);
  t.plant("the means over the batch",
          VJP((g(op, dy) - mean_of(g(op, dy), 0) - n(op) * mean_of(g(op, dy) * n(op), 0)) * r(op)),
          M::wrong_axis);
  t.plant("dx divided by the deviation with 1/(H - 1)",
          VJP(op.vjp(0, dy) / r(op) * rsqrt(1.5 * variance(op.x[0], 1, keepdims) + 1e-5)), M::factor);
  t.plant("dgain = sum dy x for sum dy n", VJP(sum(dy * op.x[0], 0)), M::wrong_term, 1);
  t.plant("dgain summed over the columns", VJP(sum(dy * n(op), 1)), M::wrong_axis, 1);
  t.of("dropout", {{3, 4}}, FUNCTION(dropout(x[0], 0.4, RandomKey(1))));
  t.plant("a mask drawn anew for dx", as_of(FUNCTION(dropout(x[0], 0.4, RandomKey(2)))));
  t.plant("dx = dy / (1 - rate), no mask", VJP(dy / 0.6));
}

void losses(Table& t) {
  const std::vector<Shape> logits{{4, 4}}, both{{4, 2}, {4, 2}};
  const auto cross_entropy_of = [](const Ids& ids, const std::vector<double>& w,
                                   double smoothing) -> Function {
    const CrossEntropyOptions options{.ignore = -1, .weights = w, .label_smoothing = smoothing};
    return FUNCTION(cross_entropy(x[0], ids, options).sum);
  };
  const Ids targets{1, 3, -1, 0};
  const std::vector<double> w{0.5, 2, 1.5, 0.8}, present{1, 1, 0, 1}, ignored{0, 0, 1, 0};
  static const Function plain = cross_entropy_of(targets, {}, 0);
  const auto p = [](const auto& op, const std::vector<double>& rows) {
    return softmax(op.x[0]) * constant(op.x[0], {4, 1}, rows);
  };
  t.of("cross_entropy", logits, plain);
  t.plant("dx = p where the target is ignored", VJP(op.vjp(0, dy) + dy * p(op, ignored)));
  t.plant("dx = p, the target dropped", VJP(dy * p(op, present)));
  t.plant("the targets one step later", as_of(cross_entropy_of({3, -1, 0, 2}, {}, 0)), M::shifted);
  t.plant("the targets counted from 1", as_of(cross_entropy_of({2, 0, -1, 1}, {}, 0)));
  t.of("cross_entropy", logits, cross_entropy_of(targets, w, 0));
  t.plant("with class weights: dx without w_t", as_of(plain), M::factor);
  t.plant("with class weights: w of the row for w of the target",
          VJP(op.with(plain).vjp(0, dy) * constant(dy, {4, 1}, w)), M::factor);
  t.plant("with class weights: w_v for w_t, each class its own",
          VJP(op.with(plain).vjp(0, dy) * constant(dy, {1, 4}, w)));
  t.of("cross_entropy", logits, cross_entropy_of(targets, {}, 0.1));
  t.plant("with label smoothing: dx as if without", as_of(plain));
  t.plant("with label smoothing: the term s/V dropped",
          VJP(0.9 * op.with(plain).vjp(0, dy) + 0.1 * dy * p(op, present)));

  t.of(
      "binary_cross_entropy_with_logits", vector,
      FUNCTION(binary_cross_entropy_with_logits(x[0], constant(x[0], {4}, {0.1, 1, 1, 0.3}), Reduction::sum)),
      at_800);
  t.plant("dx = p dL, the target dropped", VJP(dy * sigmoid(op.x[0])));
  const auto slope = [](const auto& op) { return sigmoid(op.x[0]) * (1 - sigmoid(op.x[0])); };
  t.plant("dx = (p - t) / (p (1 - p)) times p (1 - p), at x = 800",
          VJP(op.vjp(0, dy) / slope(op) * slope(op)), M::not_finite);
  t.of("squared_error", both, FUNCTION(squared_error(x[0], x[1], Reduction::sum)));
  t.plant("dy = 2 (y - t), dL forgotten", VJP(2 * (op.x[0] - op.x[1])));
  t.plant("the targets one step later",
          VJP(2 * dy * (op.x[0] - concat({slice(op.x[1], 1, 4), slice(op.x[1], 0, 1)}))), M::shifted);
  t.of("absolute_error", both, FUNCTION(absolute_error(x[0], x[1], Reduction::sum)));
  t.plant("dy = dL, the sign forgotten", VJP(dy + 0 * op.x[0]), M::sign);
  t.of("huber", both, FUNCTION(huber(x[0], x[1], 1, Reduction::sum)), both_signs);
  t.plant("dy = 2 delta sign e for delta sign e outside",
          VJP(op.vjp(0, dy) * (1 + positive(abs(op.x[0] - op.x[1]) - 1))), M::factor);
  t.plant("dy = e outside too", VJP(dy * (op.x[0] - op.x[1])));
}

// The rows of xs, one for each time step.
template <class T>
Inputs<T> steps(const Variable<T>& xs) {
  Inputs<T> result;
  for (std::size_t t = 0; t < xs.shape()[0]; ++t)
    result.push_back(select(xs, static_cast<std::ptrdiff_t>(t)));
  return result;
}
// h_t-1 for h_t of (4, H), and 0 for the first.
template <class T>
Variable<T> before(const Variable<T>& hs) {
  return pad(slice(hs, 0, 3), {{1, 0}, {0, 0}});
}

void recurrences(Table& t) {
  // h_t = x_t + u h_t-1               dx_t = g_t = dh_t + u g_t+1         du = sum_t g_t h_t-1
  const auto decayed = []<class T>(const Inputs<T>& x) {
    Inputs<T> hs = steps(x[0]);
    for (std::size_t i = 1; i < hs.size(); ++i) hs[i] += x[1] * hs[i - 1];
    return stack(hs);
  };
  t.of("recurrence", {{4, 4}, {4}}, decayed, {uniform(-1, 1), uniform(-1, 1)});
  std::set<std::string> known;
  for (const std::size_t i : {0, 1})
    add_corruptions("recurrence", i, {{4, 4}, {4}}, {4, 4}, known, t.subjects.back().faults);
  t.plant("du = sum g_t h_t for sum g_t h_t-1", VJP(sum(op.vjp(0, dy) * op.y, 0)), M::shifted, 1);
  t.plant("du of the last step alone, the sum over time forgotten",
          VJP(select(op.vjp(0, dy) * before(op.y), -1)), M::broadcast_sum, 1);
  t.plant("g_t = dh_t + g_t+1, the decay u dropped", VJP(op.at({op.x[0], 0 * op.x[1] + 1}).vjp(0, dy)));
  t.plant("g is carried along the units, not along time", turned(), M::wrong_axis);

  // h_t = tanh(x_t + h_t-1)           dx_t = (1 - h_t^2) (dh_t + dx_t+1)
  const auto elman = []<class T>(const Inputs<T>& x) {
    Inputs<T> hs = steps(x[0]);
    for (std::size_t i = 0; i < hs.size(); ++i) hs[i] = tanh(i == 0 ? hs[i] : hs[i] + hs[i - 1]);
    return stack(hs);
  };
  t.of("elman", {{4, 3}}, elman, {uniform(-1, 1)});
  t.plant("dx_t = (1 - h_t^2) dh_t, nothing carried back", VJP(dy * (1 - square(op.y))));
  const auto one_off = []<class T>(const RealOp<T>& op, const Variable<T>& dy) {
    const Inputs<T> slopes = steps(1 - square(before(op.y)));
    Inputs<T> dx = steps(dy);
    for (std::size_t i = dx.size(); i-- > 0;)
      dx[i] = slopes[i] * (i + 1 < dx.size() ? dx[i] + dx[i + 1] : dx[i]);
    return stack(dx);
  };
  t.plant("(1 - h_t-1^2) for (1 - h_t^2)", one_off, M::shifted);
}

}  // namespace

std::vector<Subject> wrong_formulas() {
  Table table;
  elementwise(table);
  along_axes(table);
  networks(table);
  losses(table);
  recurrences(table);
  return std::move(table.subjects);
}

}  // namespace xgrad::faults
