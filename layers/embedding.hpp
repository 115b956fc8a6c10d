// Embedding: a trainable vector for each token.
#pragma once

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/parameters.hpp>
#include <xgrad/layers/initial_values.hpp>

namespace xgrad {

/// Options of Embedding.
struct EmbeddingOptions {
  Initializer W{};  ///< how W is drawn, if not by the default
};

/// y_i = W[ids_i]     ids: any shape S, in [0, V)   W: (V, D)   y: S + (D,)
/// Parameter "W", uniform in +-0.1 (Zaremba et al. 2014, arXiv:1409.2329) unless an option says otherwise;
/// docs/training.md has what that is worth beside larger ones. Its gradient is row-sparse.
template <class T>
struct Embedding {
  Variable<T> W;  ///< (V, D), a row for each token

  /// Declares the parameter in the scope of `p`, for V tokens.
  Embedding(const Parameters<T>& p, std::size_t V, std::size_t D, const EmbeddingOptions& options = {})
      : W(detail::weight(p, "W", {V, D}, options.W, uniform(-0.1, 0.1))) {}

  /// The vectors of the tokens. Throws Error naming the first id outside [0, V).
  Variable<T> operator()(const Ids& ids) const { return take(W, ids); }
};

/// T is that of the parameters.
template <class T>
Embedding(Parameters<T>, std::size_t, std::size_t) -> Embedding<T>;
/// T is that of the parameters.
template <class T>
Embedding(Parameters<T>, std::size_t, std::size_t, EmbeddingOptions) -> Embedding<T>;

}  // namespace xgrad
