// Rnnlm: the recurrent language model over any cell. Start reading at `operator()`: embed all tokens of the
// window at once, unroll the cell, and one affine layer over all rows.
#pragma once

#include <optional>
#include <utility>
#include <variant>

#include <xgrad/layers/adaptive_softmax.hpp>
#include <xgrad/layers/affine.hpp>
#include <xgrad/layers/dropout.hpp>
#include <xgrad/layers/embedding.hpp>
#include <xgrad/layers/rnn.hpp>
#include <xgrad/layers/sampled_softmax.hpp>
#include <xgrad/layers/unroll.hpp>

namespace xgrad {

/// Options of Rnnlm.
struct RnnlmOptions {
  /// The output layer has the embedding's matrix, transposed, for its own (Press & Wolf 2017,
  /// arXiv:1608.05859; Inan et al. 2017, arXiv:1611.01462). The cell's output must be as wide as the
  /// embedding.
  bool tied = false;
  /// Rate of dropout, in [0, 1), on the embedded tokens and on the outputs of the cell; it works in
  /// for_training().
  double dropout = 0;
  /// Whether that drops the same elements at all steps of a window, which differ from sequence to sequence
  /// (Gal & Ghahramani 2016, arXiv:1512.05287; "locked" dropout in Merity et al. 2018, arXiv:1708.02182).
  bool variational = false;
  /// Rows of logits that `loss` makes at a time, see affine_cross_entropy: 256 take a fraction of the memory.
  /// 0 is all, and so is a loss for each target (Reduction::none).
  std::size_t loss_rows = 0;
  EmbeddingOptions embed{};  ///< of the embedding
  AffineOptions affine{};    ///< of the output layer; where that is tied, its W may not be given
  /// @{ Another output layer in its place, for large vocabularies; at most one. Tokens are numbered by
  /// falling frequency then, unless the sampler has counts. An adaptive softmax cannot be tied.
  std::optional<AdaptiveSoftmaxOptions> adaptive{};
  std::optional<SampledSoftmaxOptions> sampled{};
  /// @}
};

/// A language model: the distribution of the next token given all before (Mikolov et al. 2010, "Recurrent
/// neural network based language model").
///     V: vocabulary   D: embedding   H: hidden
/// `Cell` is built as Cell(p / "cell", D, H, args...). Parameters "embed/W", "cell/...", "affine/W" unless it
/// is tied, "affine/b", in this order; in the place of "affine" "adaptive/..." or "sampled/...".
template <class T, class Cell = Rnn<T>>
struct Rnnlm {
  using value_type = T;  ///< the scalar

  std::size_t H;         ///< the width that the cell was built with
  RnnlmOptions options;  ///< as given
  Embedding<T> embed;    ///< of V tokens in D dimensions
  Cell cell;             ///< reads the embedded tokens
  /// The output layer, from the cell's output to the logits, or logarithms of probabilities, of V tokens.
  std::variant<Affine<T>, AdaptiveSoftmax<T>, SampledSoftmax<T>> output;
  std::optional<RandomKey> key{};  ///< set in for_training()

  /// Throws Error if it is to be tied and the widths do not fit or options.affine has a W, and for a rate of
  /// dropout outside [0, 1).
  template <class... Args>
  Rnnlm(const Parameters<T>& p, std::size_t V, std::size_t D, std::size_t hidden,
        const RnnlmOptions& model_options = {}, const Args&... args)
      : H(hidden),
        options(model_options),
        embed(checked(p, options) / "embed", V, D, options.embed),
        cell(p / "cell", D, hidden, args...),
        output(output_layer(p, V, D)) {}

  /// Logits of the token after each of `ids`, and the state after the last.
  ///     ids: (T, N), any at padding   logits: (T, N, V)
  template <class S>
  auto operator()(const Ids& ids, const S& state, const Sequences& sequences = {}) const {
    auto read = outputs(ids, state, sequences);
    return Step{std::visit([&](const auto& layer) { return layer(read.y); }, output), std::move(read.state)};
  }

  /// The output layer of a full softmax. Throws std::bad_variant_access if it is another one.
  const Affine<T>& affine() const { return std::get<Affine<T>>(output); }

  /// Cross entropy of `targets` in nats, and the state after the last step.     ids, targets: (T, N)
  /// What stands at padding counts nowhere, and may be any number: the mean is over the other targets, and of
  /// losses that are not reduced, those at padding are 0.
  template <class S>
  auto loss(const Ids& ids, const Ids& targets, const S& state, Reduction reduction = Reduction::mean,
            const Sequences& sequences = {}) const {
    auto [ys, next] = outputs(ids, state, sequences);
    auto value = detail::has_zero(sequences.mask) ? present_loss(ys, targets, reduction, *sequences.mask)
                                                  : cross_entropy_of(ys, targets, reduction);
    return Step{std::move(value), std::move(next)};
  }

  /// The initial state for a batch of N.
  auto zero(std::size_t N) const { return zero_state<T>(cell, N, H); }

  /// The model with its dropout at work, for one window; see cell.hpp.
  Rnnlm for_training(RandomKey with) const {
    Rnnlm result = *this;
    result.cell = xgrad::for_training(cell, with.fold(0));
    result.key = with.fold(1);
    return result;
  }

 private:
  // `p`, for what is declared after this check of the options.
  static const Parameters<T>& checked(const Parameters<T>& p, const RnnlmOptions& options) {
    if (options.tied && options.affine.W)
      throw Error("Rnnlm",
                  "ties the output layer to the embedding, whose initial values are options.embed.W; "
                  "it cannot have those of options.affine.W");
    if (options.adaptive && options.sampled)
      throw Error("Rnnlm", "has one output layer: options.adaptive or options.sampled");
    if (options.adaptive && options.tied)
      throw Error("Rnnlm", "cannot tie an adaptive softmax, whose vectors have several widths");
    return detail::with_rates(p, "Rnnlm", {options.dropout});
  }

  auto output_layer(const Parameters<T>& p, std::size_t V, std::size_t D) const -> decltype(output) {
    const std::size_t width = output_width(cell, H);
    if (options.adaptive) return AdaptiveSoftmax<T>(p / "adaptive", width, V, *options.adaptive);
    if (options.tied && width != D)
      throw Error("Rnnlm", "ties an output layer that reads width " + std::to_string(width) +
                               " to an embedding of width " + std::to_string(D) + "; they must be equal");
    if (options.sampled)
      return options.tied ? SampledSoftmax<T>::tied(p / "sampled", embed.W, *options.sampled)
                          : SampledSoftmax<T>(p / "sampled", width, V, *options.sampled);
    return options.tied ? Affine<T>::tied(p / "affine", embed.W, options.affine)
                        : Affine<T>(p / "affine", width, V, options.affine);
  }

  // What the output layer reads.     (T, N, width)
  template <class S>
  auto outputs(const Ids& ids, const S& state, const Sequences& sequences) const {
    const bool padded = detail::has_zero(sequences.mask);
    const Ids tokens = padded ? detail::fill_padding("Rnnlm", "ids", ids, *sequences.mask) : ids;
    auto unrolled = unroll(cell, drop(embed(tokens), 0), state, sequences);
    return Step{drop(unrolled.ys, 1), std::move(unrolled.state)};
  }

  // ys: (..., width)   targets: (...)
  Variable<T> cross_entropy_of(const Variable<T>& ys, const Ids& targets, Reduction reduction) const {
    if (const auto* adaptive = std::get_if<AdaptiveSoftmax<T>>(&output))
      return adaptive->loss(ys, targets, reduction);
    if (const auto* sampled = std::get_if<SampledSoftmax<T>>(&output))
      return sampled->loss(ys, targets, reduction, key ? std::optional(key->fold(2)) : std::nullopt);
    const Affine<T>& affine = std::get<Affine<T>>(output);
    if (options.loss_rows == 0 || reduction == Reduction::none)
      return softmax_cross_entropy(affine(ys), targets, reduction);
    return affine_cross_entropy({ys, affine.W}, affine.b, targets,
                                {.reduction = reduction,
                                 .transpose = affine.transposed ? Transpose::second : Transpose::none,
                                 .rows = options.loss_rows});
  }

  // The same of what is not padding; no logits are made for the rest.     ys: (T, N, width)
  Variable<T> present_loss(const Variable<T>& ys, const Ids& targets, Reduction reduction,
                           const Ids& mask) const {
    const Ids filled = detail::fill_padding("Rnnlm", "targets", targets, mask);
    filled.check_range("Rnnlm", "target", embed.W.shape()[0]);  // here, where their positions are known
    const auto [positions, present] = detail::present_ids(filled, mask);
    const Variable<T> rows = take(reshape(ys, {mask.size(), ys.shape().back()}), positions),
                      loss = cross_entropy_of(rows, present, reduction);
    if (reduction != Reduction::none) return loss;
    const Variable<T> at_padding = Array<T>::zeros({mask.size()});
    return reshape(scatter_add(at_padding, positions, loss, 0), mask.shape());
  }

  // xs: (T, N, ...)
  Variable<T> drop(const Variable<T>& xs, std::uint64_t use) const {
    return key && options.dropout > 0
               ? detail::drop_steps(xs, options.dropout, options.variational, key->fold(use))
               : xs;
  }
};

}  // namespace xgrad
