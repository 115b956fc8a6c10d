// Explicit instantiation for all scalars in one line, at the end of the .cpp file that defines a template:
//
//   XGRAD_INSTANTIATE_CLASS(Tape);
//
//   #define XGRAD_INSTANTIATE(T) template Array<T> sum_to(const Array<T>&, const Shape&);
//   XGRAD_FOR_SCALARS(XGRAD_INSTANTIATE)
//
// A REAL class is one of training, which has no use for Complex.
#pragma once

#include <xgrad/autograd/scalar.hpp>

#define XGRAD_FOR_SCALARS(INSTANTIATE) INSTANTIATE(float) INSTANTIATE(double) INSTANTIATE(Complex)

#define XGRAD_INSTANTIATE_REAL_CLASS(Name) \
  template class Name<float>;              \
  template class Name<double>
#define XGRAD_INSTANTIATE_CLASS(Name) \
  XGRAD_INSTANTIATE_REAL_CLASS(Name); \
  template class Name<Complex>
