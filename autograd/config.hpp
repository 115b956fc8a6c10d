// What a report of a bug or a figure of speed should name: the library's version, its BLAS and its kernels.
#pragma once

#include <string>

namespace xgrad {

/// The versions and kernels that a program runs with.
struct Config {
  std::string version;  ///< of xgrad, "0.1.0"
  std::string blas;     ///< the BLAS in use in its own words, with the processor that it takes this one for
  int blas_threads;     ///< how many BLAS uses now; 0 where it does not say
  std::string kernels;  ///< the instruction set of the library's own kernels: baseline, avx2 or avx512
};

/// The configuration of this program on this machine.
Config config();

/// In a line: "xgrad 0.1.0; BLAS: OpenBLAS 0.3.21 ... Haswell; kernels: avx2".
std::string to_string(const Config& config);

}  // namespace xgrad
