// The peak memory of a piece of work: by how much it raises the resident memory of a process that does
// nothing else. That is this program again, started with two arguments, "--peak-of" and a name.
#pragma once

#include <cstdio>
#include <fstream>
#include <string>

#include <fmt/format.h>

namespace xgrad {

inline constexpr const char* peak_argument = "--peak-of";

/// A line of /proc/self/status in MiB: "VmRSS:" now, "VmHWM:" at the peak; 0 where there is none.
inline double memory_mib(const std::string& name) {
  std::ifstream status("/proc/self/status");
  std::string word;
  double kib = 0;
  while (status >> word)
    if (word == name && status >> kib) return kib / 1024;
  return 0;
}

/// Does the work, and prints by how many MiB it raised the resident memory.
template <class Work>
void print_peak(Work work) {
  const double before = memory_mib("VmRSS:");
  work();
  fmt::print("{}\n", memory_mib("VmHWM:") - before);
}

/// What `print_peak` prints in a process that is started for `name`; -1 if that cannot be found out.
inline double peak_mib(const std::string& program, const std::string& name) {
  std::FILE* const child = popen(fmt::format("'{}' {} '{}'", program, peak_argument, name).c_str(), "r");
  double mib = -1;
  if (child == nullptr || std::fscanf(child, "%lf", &mib) != 1) mib = -1;
  if (child != nullptr) pclose(child);
  return mib;
}

}  // namespace xgrad
