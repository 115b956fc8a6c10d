// The sums and the text of the report; see truncation.hpp.
#include <xgrad/models/truncation.hpp>

#include <algorithm>
#include <cmath>
#include <ostream>

#include <fmt/format.h>

namespace xgrad {

namespace detail {

template <class T>
TruncationSums<T>::TruncationSums(const Parameters<T>& parameters, std::size_t longest)
    : parameters_(parameters),
      squares_(longest, 0),
      counts_(longest, 0),
      gradients_(longest, std::vector<double>(parameters.count(Which::trained), 0)) {}

template <class T>
void TruncationSums<T>::add_signal(std::size_t k, const Array<T>& gradient) {
  for (const long double x : gradient) squares_[k - 1] += x * x;
}

template <class T>
void TruncationSums<T>::add_gradient(std::size_t lag, const Gradients<T>& gradients) {
  double* sum = gradients_[lag].data();
  for (const Variable<T>& parameter : parameters_.list(Which::trained)) {
    const Gradient<T>* const stored = gradients.stored(parameter);
    if (stored != nullptr) {
      if (const auto* dense = std::get_if<Array<T>>(stored)) {
        for (std::size_t i = 0; i < dense->size(); ++i) sum[i] += static_cast<double>(dense->data()[i]);
      } else {
        const auto& sparse = std::get<RowSparse<T>>(*stored);
        const std::size_t width = sparse.rows.size() == 0 ? 0 : sparse.values.size() / sparse.rows.size();
        for (std::size_t i = 0; i < sparse.values.size(); ++i)
          sum[static_cast<std::size_t>(sparse.rows[i / width]) * width + i % width] +=
              static_cast<double>(sparse.values.data()[i]);
      }
    }
    sum += parameter.size();
  }
}

template <class T>
TruncationReport TruncationSums<T>::report(double keep) const {
  TruncationReport result;
  for (std::size_t k = 0; k < squares_.size(); ++k)
    result.signal.push_back(counts_[k] > 0 ? static_cast<double>(std::sqrt(squares_[k] / counts_[k])) : 0);

  const std::size_t n = gradients_[0].size();
  std::vector<double> full(n, 0), cut(n, 0);
  for (const auto& gradient : gradients_)
    for (std::size_t i = 0; i < n; ++i) full[i] += gradient[i];
  long double full_square = 0;
  for (const long double x : full) full_square += x * x;
  if (!std::isfinite(full_square))
    throw Error("truncation", "the model's gradient is not finite: has its training diverged?");
  const long double norm = std::sqrt(full_square);
  const auto ratio = [](long double a, long double b) { return b > 0 ? static_cast<double>(a / b) : 0; };
  for (std::size_t T_steps = 1; T_steps <= gradients_.size(); ++T_steps) {
    long double square = 0, product = 0, distance = 0;
    for (std::size_t i = 0; i < n; ++i) {
      cut[i] += gradients_[T_steps - 1][i];
      const long double x = cut[i], y = full[i];
      square += x * x;
      product += x * y;
      distance += (x - y) * (x - y);
    }
    result.cuts.push_back({T_steps, ratio(product, std::sqrt(square) * norm), ratio(std::sqrt(square), norm),
                           ratio(std::sqrt(distance), norm)});
  }
  const auto enough = [keep](const TruncationReport::Cut& c) { return c.error <= 1 - keep; };
  result.needed =
      std::find_if(result.cuts.begin(), result.cuts.end(), enough)->T;  // the last one has no error
  return result;
}

void check(const TruncationOptions& options) {
  if (!(options.keep > 0 && options.keep < 1))
    throw Error("truncation", fmt::format("needs a part to keep between 0 and 1, got {}", options.keep));
  if (options.windows == 0)
    throw Error("truncation", "needs at least one window of the text, got windows = 0");
}

void check_longest(std::size_t K, std::size_t steps) {
  if (K == 0 || K > steps)
    throw Error("truncation",
                fmt::format("follows the gradient back through {} steps and needs windows of as "
                            "many, at least one; the first window has {}",
                            K, steps));
}

template class TruncationSums<float>;
template class TruncationSums<double>;

}  // namespace detail

std::ostream& operator<<(std::ostream& out, const TruncationReport& report) {
  const std::size_t K = report.cuts.size();
  out << " steps   |dL_t/dh_(t-k)|   cosine    ratio    error\n";
  for (std::size_t T = 1; T <= K; T = T < K ? std::min(K, T < 10 ? T + 1 : T + T / 4) : K + 1) {
    const auto& cut = report.cuts[T - 1];
    out << fmt::format("{:6}   {:15.3g}   {:6.4f}   {:6.4f}   {:6.4f}\n", T, report.signal[T - 1], cut.cosine,
                       cut.ratio, cut.error);
  }
  return out << fmt::format("{} of {} steps are needed\n", report.needed, K);
}

}  // namespace xgrad
