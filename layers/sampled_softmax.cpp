// What is sampled, and how likely it was; see sampled_softmax.hpp.
#include <xgrad/layers/sampled_softmax.hpp>

#include <numeric>
#include <unordered_set>

#include <fmt/format.h>

namespace xgrad {

TokenSampler::TokenSampler(std::vector<double> weights) : cumulative_(std::move(weights)) {
  std::partial_sum(cumulative_.begin(), cumulative_.end(), cumulative_.begin());
  const double total = cumulative_.back();
  for (double& sum : cumulative_) sum /= total;
}

TokenSampler TokenSampler::log_uniform(std::size_t V) {
  if (V == 0) throw Error("TokenSampler", "needs at least one token, got 0");
  std::vector<double> weights(V);
  for (std::size_t k = 0; k < V; ++k) weights[k] = std::log1p(1 / (static_cast<double>(k) + 1));
  return TokenSampler(std::move(weights));
}

TokenSampler TokenSampler::unigram(const std::vector<double>& counts) {
  if (counts.empty()) throw Error("TokenSampler", "needs at least one token, got 0");
  for (std::size_t k = 0; k < counts.size(); ++k)
    if (!(counts[k] > 0 && counts[k] < std::numeric_limits<double>::infinity()))
      throw Error("TokenSampler", fmt::format("needs counts above 0, got {} of token {}", counts[k], k));
  return TokenSampler(counts);
}

TokenSampler::Sample TokenSampler::operator()(std::size_t count, RandomKey key) const {
  if (count == 0 || count > size())
    throw Error("TokenSampler",
                fmt::format("draws from 1 to {} different tokens, asked for {}", size(), count));
  Sample result{{}, 0};
  if (count == size()) {  // all, with certainty
    result.tokens.resize(count);
    std::iota(result.tokens.begin(), result.tokens.end(), Ids::value_type{0});
    result.tries = std::numeric_limits<double>::infinity();
    return result;
  }
  std::unordered_set<std::size_t> seen;
  for (std::uint64_t block = 0; seen.size() < count; ++block) {
    if (result.tries > 1000.0 * static_cast<double>(size()))
      throw Error(
          "TokenSampler",
          fmt::format("drew {} different tokens in {:.0f} draws, asked for {}: the others are too improbable",
                      seen.size(), result.tries, count));
    const auto words = key.bits(block);
    for (std::size_t i = 0; i < 4 && seen.size() < count; i += 2) {
      const std::uint64_t bits = std::uint64_t{words[i]} << 32 | words[i + 1];
      const double uniform = static_cast<double>(bits >> 11) / 9007199254740992.0;  // 2^53
      const auto token = static_cast<std::size_t>(
          std::upper_bound(cumulative_.begin(), cumulative_.end() - 1, uniform) - cumulative_.begin());
      ++result.tries;
      if (seen.insert(token).second) result.tokens.push_back(static_cast<Ids::value_type>(token));
    }
  }
  return result;
}

double TokenSampler::log_inclusion(Ids::value_type k, double tries) const {
  if (std::isinf(tries)) return 0;
  const auto at = static_cast<std::size_t>(k);
  const double p = cumulative_[at] - (at == 0 ? 0 : cumulative_[at - 1]);
  return std::log(-std::expm1(tries * std::log1p(-p)));
}

}  // namespace xgrad
