// rnnlm: trains, evaluates and uses recurrent language models. Start with program.hpp.
#include <cstdio>

#include "program.hpp"

int main(int argc, char** argv) {
  xgrad::Ranks alone;
  const auto [status, message] = xgrad::program(argc, argv, alone);
  // Not by fmt, which throws where that cannot be written.
  if (!message.empty()) std::fputs(("rnnlm: " + message + "\n").c_str(), stderr);
  return status;
}
