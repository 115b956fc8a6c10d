// Wrong copies of cross_entropy with its options, for logits x: (N, V).
#include "fault.hpp"

namespace xgrad::faults {

namespace {

// The weights with which -log p counts in the cross entropy: q of shape (N, V), from targets (-1 is ignored),
// class weights and label smoothing, as cross_entropy documents it.
template <class T>
Array<T> target_weights(const Ids& targets, const std::vector<double>& w, double smoothing) {
  const std::size_t V = w.size();
  Array<T> q = Array<T>::zeros({targets.size(), V});
  T* const out = q.mutable_data();
  for (std::size_t r = 0; r < targets.size(); ++r) {
    if (targets[r] < 0) continue;
    for (std::size_t v = 0; v < V; ++v) out[r * V + v] = T(w[v] * smoothing / static_cast<double>(V));
    const auto t = static_cast<std::size_t>(targets[r]);
    out[r * V + t] += T(w[t] * (1 - smoothing));
  }
  return q;
}

// dx = p sum q - q in each row
template <class T>
Array<T> slope(const Array<T>& p, const Array<T>& q) {
  return p * sum_over(q, 1, keepdims) - q;
}

const Ids targets{1, 3, -1, 0}, next_targets{3, -1, 0, 2};
const std::vector<double> ones(4, 1), w{0.5, 2, 1.5, 0.8};

// L = factor sum of cross entropies         dx = factor dx_of(p, q) dL, with p = softmax x and q as above
template <class T, class Dx>
Variable<T> my_cross_entropy(const Parameters<T>& p, const std::vector<double>& weights, double smoothing,
                             Dx dx_of, double factor = 1) {
  const auto x = p.input("x", {4, 4});
  const CrossEntropyOptions options{.ignore = -1, .weights = weights, .label_smoothing = smoothing};
  const auto L =
      value_of([&] { return factor * cross_entropy(Variable<T>(x.value()), targets, options).sum; });
  const Array<T> probabilities = value_of([&] { return softmax(Variable<T>(x.value())); });
  const Array<T> dx = factor * dx_of(probabilities, target_weights<T>(targets, weights, smoothing));
  return record("my_cross_entropy", L, wrt(x, [dx](const Array<T>& dL) { return dx * dL; }));
}

}  // namespace

std::vector<Fault> cross_entropy_faults() {
  using M = Mistake;
  std::vector<Fault> faults;
  const auto plant = [&](auto... arguments) { faults.push_back(fault(arguments...)); };
  const std::vector<Argument> x_is_wrong{{0, "x"}};
  const char* const op = "my_cross_entropy";

  plant("cross entropy: dx = p where the target is ignored", M::wrong_term, op, x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return my_cross_entropy(p, ones, 0, [=](const Array<T>& y, const Array<T>& q) {
            return wrong ? Array<T>(y - q) : slope(y, q);
          });
        });
  plant("cross entropy, mean: dx divided by all targets, also those ignored", M::factor, op, x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return my_cross_entropy(
              p, ones, 0,
              [=](const Array<T>& y, const Array<T>& q) -> Array<T> {
                return slope(y, q) * (wrong ? 0.75 : 1);
              },
              1.0 / 3);
        });
  plant("cross entropy, sum: dx divided by the number of targets", M::factor, op, x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return my_cross_entropy(p, ones, 0, [=](const Array<T>& y, const Array<T>& q) -> Array<T> {
            return slope(y, q) / (wrong ? 3 : 1);
          });
        });
  plant("cross entropy: the onehots of the targets one step later", M::time_shift, op, x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return my_cross_entropy(p, ones, 0, [=](const Array<T>& y, const Array<T>& q) {
            return slope(y, wrong ? target_weights<T>(next_targets, ones, 0) : q);
          });
        });
  plant("cross entropy with class weights: dx without w_t", M::factor, op, x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return my_cross_entropy(p, w, 0, [=](const Array<T>& y, const Array<T>& q) {
            return slope(y, wrong ? target_weights<T>(targets, ones, 0) : q);
          });
        });
  plant("cross entropy with class weights: w of the row for w of the target", M::factor, op, x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return my_cross_entropy(p, w, 0, [=](const Array<T>& y, const Array<T>& q) -> Array<T> {
            const Array<T> of_rows({4, 1}, std::vector<T>(w.begin(), w.end()));
            return wrong ? slope(y, target_weights<T>(targets, ones, 0)) * of_rows : slope(y, q);
          });
        });
  plant("cross entropy with class weights: w_v for w_t, each class its own", M::wrong_term, op, x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return my_cross_entropy(p, w, 0, [=](const Array<T>& y, const Array<T>& q) -> Array<T> {
            const Array<T> of_columns({1, 4}, std::vector<T>(w.begin(), w.end()));
            return wrong ? slope(y, target_weights<T>(targets, ones, 0)) * of_columns : slope(y, q);
          });
        });
  plant("cross entropy with label smoothing: dx as if without", M::wrong_term, op, x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return my_cross_entropy(p, ones, 0.1, [=](const Array<T>& y, const Array<T>& q) {
            return slope(y, wrong ? target_weights<T>(targets, ones, 0) : q);
          });
        });
  plant("cross entropy with label smoothing: the term s/V dropped", M::wrong_term, op, x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return my_cross_entropy(p, ones, 0.1, [=](const Array<T>& y, const Array<T>& q) -> Array<T> {
            const Array<T> hot = target_weights<T>(targets, ones, 0);
            return wrong ? y * sum_over(hot, 1, keepdims) - 0.9 * hot : slope(y, q);
          });
        });
  return faults;
}

}  // namespace xgrad::faults
