// Rnnlm: the recurrent language model over any cell. Start reading at `operator()`: embed all tokens of the
// window at once, unroll the cell, and one affine layer over all rows.
#pragma once

#include <utility>

#include <xgrad/layers/affine.hpp>
#include <xgrad/layers/embedding.hpp>
#include <xgrad/layers/rnn.hpp>
#include <xgrad/layers/unroll.hpp>

namespace xgrad {

/// A language model: the distribution of the next token given all before (Mikolov et al. 2010, "Recurrent neural
/// network based language model").
///     V: vocabulary   D: embedding   H: hidden
/// `Cell` is built as Cell(p / "cell", D, H). Parameters "embed/W", "cell/...", "affine/W", "affine/b", in this
/// order.
template <class T, class Cell = Rnn<T>>
struct Rnnlm {
  using value_type = T;

  std::size_t H;
  Embedding<T> embed;
  Cell cell;
  Affine<T> affine;

  Rnnlm(const Parameters<T>& p, std::size_t V, std::size_t D, std::size_t hidden)
      : H(hidden), embed(p / "embed", V, D), cell(p / "cell", D, hidden), affine(p / "affine", hidden, V) {}

  /// Logits of the token after each of `ids`, and the state after the last.
  ///     ids: (T, N)   logits: (T, N, V)
  template <class S>
  auto operator()(const Ids& ids, const S& state) const {
    auto unrolled = unroll(cell, embed(ids), state);
    return Step{affine(unrolled.ys), std::move(unrolled.state)};
  }

  /// Cross entropy of `targets` in nats, and the state after the last step.     ids, targets: (T, N)
  template <class S>
  auto loss(const Ids& ids, const Ids& targets, const S& state, Reduction reduction = Reduction::mean) const {
    auto [logits, next] = (*this)(ids, state);
    return Step{softmax_cross_entropy(logits, targets, reduction), std::move(next)};
  }

  /// The initial state for a batch of N.
  auto zero(std::size_t N) const { return zero_state<T>(cell, N, H); }
};

}  // namespace xgrad
