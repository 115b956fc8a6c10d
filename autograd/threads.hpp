// Threads: how many the library's kernels share their work among. Only large pieces of work are shared (a
// matrix product of some milliseconds, the loss over a large vocabulary, the update of a large parameter),
// and every element is computed as on one thread: results are the same to the bit for any number of threads.
#pragma once

#include <cstddef>

namespace xgrad {

/// From here on kernels use up to n threads, the caller's included, and so does OpenBLAS where it is called.
/// It is for the whole process: change it while nothing else computes. Throws Error for 0.
/// Until it is called, n is what the environment variable XGRAD_NUM_THREADS says, or else OMP_NUM_THREADS, or
/// else the number of processors. Threads are started when there is work for them; where the system refuses
/// one, those that there are do the work.
void set_threads(std::size_t n);
/// The number of threads that kernels may use now. Throws Error, as does the first work that could be shared,
/// if XGRAD_NUM_THREADS is not a whole number above 0.
std::size_t threads();

}  // namespace xgrad
