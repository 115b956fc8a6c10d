// The global norm of the gradients, and clipping by it, against the explosions that recurrent networks are
// prone to.
#pragma once

#include <xgrad/autograd/gradients.hpp>
#include <xgrad/autograd/parameters.hpp>

namespace xgrad {

/// The Euclidean norm of the gradients of the parameters below the scope of `parameters` together, without
/// those that are frozen. Not finite if and only if a gradient is not (or, in double, if the norm itself is
/// beyond the largest double). Throws Error if a parameter that is not frozen has no gradient, or if there is
/// none below the scope.
template <class T>
double global_norm(const Gradients<T>& gradients, const Parameters<T>& parameters);

/// Scales the gradients of these parameters by one factor so that their global norm is at most `max_norm`
/// (Pascanu et al. 2013, arXiv:1211.5063). Returns the norm before; if that is not finite nothing is scaled.
/// Throws Error if a parameter that is not frozen has no gradient or max_norm is not positive.
template <class T>
double clip_global_norm(Gradients<T>& gradients, const Parameters<T>& parameters, double max_norm);

}  // namespace xgrad
