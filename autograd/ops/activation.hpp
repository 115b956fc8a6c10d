// Activation functions, applied to each element.
#pragma once

#include <xgrad/autograd/variable.hpp>

namespace xgrad {

/// Hyperbolic tangent.
template <class T>
Variable<T> tanh(const Variable<T>& x);
/// 1 / (1 + e^-x), accurate in relative terms wherever it does not underflow (x > -88 in float).
template <class T>
Variable<T> sigmoid(const Variable<T>& x);
/// log(1 + e^x), accurate in relative terms wherever it does not underflow.
template <class T>
Variable<T> softplus(const Variable<T>& x);
/// log sigmoid(x) = -log(1 + e^-x), accurate in relative terms wherever it does not underflow.
template <class T>
Variable<T> log_sigmoid(const Variable<T>& x);
/// max(x, 0); its slope at the kink 0 is taken to be 0, as in PyTorch and JAX.
template <class T>
Variable<T> relu(const Variable<T>& x);
/// x where x > 0, else slope x (Maas et al. 2013); the slope at 0 is `slope`.
template <class T>
Variable<T> leaky_relu(const Variable<T>& x, double slope = 0.01);
/// x where x > 0, else alpha (e^x - 1) (Clevert et al. 2015, arXiv:1511.07289); the slope at 0 is `alpha`.
template <class T>
Variable<T> elu(const Variable<T>& x, double alpha = 1);
/// x times the normal distribution function of x (Hendrycks & Gimpel 2016, arXiv:1606.08415), by erf and not
/// by its approximation with tanh; accurate in relative terms.
template <class T>
Variable<T> gelu(const Variable<T>& x);

}  // namespace xgrad
