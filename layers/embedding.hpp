// Embedding: a trainable vector for each token.
#pragma once

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/parameters.hpp>

namespace xgrad {

/// y_i = W[ids_i]     ids: any shape S, in [0, V)   W: (V, D)   y: S + (D,)
/// Parameter "W", uniform in +-0.1 (Zaremba et al. 2014, arXiv:1409.2329). Its gradient is row-sparse.
template <class T>
struct Embedding {
  Variable<T> W;

  Embedding(const Parameters<T>& p, std::size_t V, std::size_t D)
      : W(p.weight("W", {V, D}, uniform(-0.1, 0.1))) {}

  Variable<T> operator()(const Ids& ids) const { return take(W, ids); }
};

template <class T>
Embedding(Parameters<T>, std::size_t, std::size_t) -> Embedding<T>;

}  // namespace xgrad
