// Not a test case but a program that must die: it writes one number past the block of an Array. Built under
// AddressSanitizer only, where every block comes from the system with its exact size, so that this is seen.
#include <xgrad/autograd/array.hpp>

int main() {
  auto a = xgrad::Array<float>::zeros({3, 5});
  a.mutable_data()[a.size()] = 1;
  return a.data()[0] == 0 ? 0 : 1;
}
