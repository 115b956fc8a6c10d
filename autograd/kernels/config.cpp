// See config.hpp.
#include <xgrad/autograd/config.hpp>

#include <fmt/format.h>

#include <xgrad/autograd/kernels/instruction_set.hpp>
#include <xgrad/autograd/version.hpp>

extern "C" {  // each is there in one BLAS alone
char* openblas_get_config() __attribute__((weak));
int openblas_get_num_threads() __attribute__((weak));
const char* bli_info_get_version_str() __attribute__((weak));
void mkl_get_version_string(char* text, int size) __attribute__((weak));
}

namespace xgrad {

namespace {

std::string blas() {
  if (openblas_get_config != nullptr) return openblas_get_config();
  if (bli_info_get_version_str != nullptr) return std::string("BLIS ") + bli_info_get_version_str();
  if (mkl_get_version_string != nullptr) {
    char text[200] = "";
    mkl_get_version_string(text, sizeof text);
    std::string version = text;
    return version.substr(0, version.find_last_not_of(' ') + 1);
  }
  return "not OpenBLAS, BLIS or MKL";
}

}  // namespace

Config config() {
  return {fmt::format("{}.{}.{}", XGRAD_VERSION_MAJOR, XGRAD_VERSION_MINOR, XGRAD_VERSION_PATCH), blas(),
          openblas_get_num_threads != nullptr ? openblas_get_num_threads() : 0,
          kernels::name(kernels::instruction_set())};
}

std::string to_string(const Config& config) {
  return fmt::format("xgrad {}; BLAS: {}; kernels: {}", config.version, config.blas, config.kernels);
}

}  // namespace xgrad
