// The door to xtensor-blas, the only file that includes it: cxxblas::gemm, its raw interface to BLAS. From
// 0.21 on xblas.hpp includes cxxblas before the configuration that defines HAVE_CBLAS, and without that macro
// cxxblas::gemm is a plain loop, 20 to 60 times as slow. The test `gemm_symbols` looks for the calls of BLAS
// in the object file.
#pragma once

#ifndef HAVE_CBLAS
#define HAVE_CBLAS 1
#endif

#include <xtensor-blas/xblas.hpp>
