// Config: what a program says of its version, its BLAS and its kernels.
#include <doctest/doctest.h>

#include <xgrad/autograd/config.hpp>
#include <xgrad/autograd/kernels/instruction_set.hpp>
#include <xgrad/autograd/threads.hpp>

using namespace xgrad;

TEST_CASE("config: names version, BLAS and kernels in a line") {
  const Config it = config();
  CHECK(it.version == "0.1.0");
  CHECK(it.kernels == kernels::name(kernels::instruction_set()));
  CHECK(it.blas != "");
  CHECK(to_string(Config{"1.2.3", "OpenBLAS 9 Haswell", 2, "avx2"}) ==
        "xgrad 1.2.3; BLAS: OpenBLAS 9 Haswell; kernels: avx2");
}

TEST_CASE("config: the threads of BLAS are those in use now") {
  const Config before = config();
  if (before.blas_threads == 0) return;  // a BLAS that does not say
  const std::size_t threads_before = threads();
  set_threads(1);
  CHECK(config().blas_threads == 1);
  set_threads(threads_before);
}
