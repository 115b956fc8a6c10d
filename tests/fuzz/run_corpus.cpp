// Runs every target on every file of its folder in corpus/, of which some once were crashes: run_corpus
// CORPUS. What ends the program is about the file that was named last.
#include <algorithm>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "fuzz.hpp"

namespace {

// In the order of their names. As exactly as many bytes on the heap: the address sanitizer sees what is read
// after them.
void run(const fuzz::Target& target, const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  fuzz::require(!files.empty(), "each target has a corpus");
  for (const auto& file : files) {
    std::fprintf(stderr, "%s\n", file.c_str());
    std::ifstream in(file, std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    target.run({bytes.data(), bytes.size()});
  }
}

}  // namespace

int main(int argc, char** argv) {
  fuzz::require(argc == 2, "the only argument is the folder of the corpora");
  for (const auto& target : fuzz::Target::all()) run(target, std::filesystem::path(argv[1]) / target.name);
}
