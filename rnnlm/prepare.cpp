// rnnlm prepare; see use.hpp. Each text is mapped and read twice: once to choose the words, once to number
// them, by all threads. What is written is in prepared.hpp.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include <xgrad/autograd/parameters/quote.hpp>
#include <xgrad/autograd/threads.hpp>

#include "count_words.hpp"
#include "files.hpp"
#include "memory.hpp"
#include "prepared.hpp"
#include "text.hpp"
#include "use.hpp"

namespace xgrad {

namespace {

// All that a stream has, into a file; its size.
std::size_t spool(int stream, TemporaryFile& file) {
  std::vector<std::byte> buffer(std::size_t{1} << 20);
  std::size_t size = 0;
  for (;;) {
    const ssize_t n = read(stream, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw NoInput("text", fmt::format("cannot read the input: {}", std::strerror(errno)));
    if (n == 0) return size;
    file.write(std::span(buffer).first(static_cast<std::size_t>(n)), size);
    size += static_cast<std::size_t>(n);
  }
}

// A text to be numbered.
struct Part {
  std::string name, file;  // "train" and so on, and what errors call it
  std::string_view text;
  std::size_t tokens = 0;
  std::uint64_t unknown = 0;
};

std::string_view view(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

// The words of the training text that stay.
Vocabulary choose_words(const Part& part, const TrainSettings& settings) {
  // Beside it are the pieces that are being read, so that all stays below 300 MB.
  constexpr std::size_t memory = std::size_t{96} << 20;
  Vocabulary vocabulary;
  for (const CountedWord& word : count_words(part.text, settings.level, settings.vocabulary,
                                             settings.min_count, memory, temporary_folder()))
    vocabulary.add(word.word);
  vocabulary.add(unknown_word);
  return vocabulary;
}

// The ids of a part's tokens into a file, each piece where the pieces before it end, which is known once they
// have been numbered: so pieces are numbered in turn, as many at a time as there are threads.
template <class Id>
void number(Part& part, const TrainSettings& settings, const Vocabulary& vocabulary,
            std::vector<std::uint64_t>* counts, TemporaryFile& file) {
  const std::vector<std::size_t> ends = cut_points(part.text, settings.level);
  const std::size_t at_once = std::max<std::size_t>(1, threads());
  std::vector<std::vector<Id>> ids(at_once);
  std::vector<std::size_t> unknown(at_once);
  for (std::size_t first = 0; first < ends.size(); first += at_once) {
    const std::vector<std::size_t> some(
        ends.begin() + static_cast<std::ptrdiff_t>(first),
        ends.begin() + static_cast<std::ptrdiff_t>(std::min(ends.size(), first + at_once)));
    for_pieces(some, [&](std::size_t i, std::size_t) {
      const std::size_t begin = first + i == 0 ? 0 : ends[first + i - 1];
      const std::string_view piece = part.text.substr(begin, some[i] - begin);
      unknown[i] = 0;
      ids[i].clear();
      for (const auto id : numbered(split_text(piece, settings.level), vocabulary, unknown[i]))
        ids[i].push_back(static_cast<Id>(id));
    });
    for (std::size_t i = 0; i < some.size(); ++i) {
      file.write(std::as_bytes(std::span(ids[i])), part.tokens * sizeof(Id));
      part.tokens += ids[i].size();
      part.unknown += unknown[i];
      if (counts == nullptr) continue;
      for (const Id id : ids[i]) ++(*counts)[id];
    }
  }
  if (part.tokens < 2)
    throw BadData("text", fmt::format("{} has {} token{}, expected at least two", part.file, part.tokens,
                                      part.tokens == 1 ? "" : "s"));
}

// Calls f; a BadData of a piece of the text is said by the lines of the whole.
template <class F>
auto with_lines_of(const Part& part, const std::string& path, std::string_view whole,
                   const std::string& level, F f) {
  try {
    return f();
  } catch (const BadData&) {
    if (part.tokens == 0) (void)split_file_text(path, whole, level, 1);
    throw;
  }
}

}  // namespace

void prepare(const Settings& settings) {
  const TrainSettings& train = settings.train;
  check_output("--save", *settings.save, settings.force, input_files(settings));

  // Where the texts come from.
  const std::string& path = *train.data;
  std::vector<MappedFile> files;
  std::vector<std::string> names;  // of the files
  const auto open = [&](const std::string& name) {
    check_input(name, "a text file");
    try {
      files.emplace_back(name);
    } catch (const Error& error) {
      throw NoInput("text", sentence(error));
    }
    names.push_back(name);
    check_kind(name, view(files.back()), train.level);
  };
  std::error_code ignored;
  const auto type = std::filesystem::status(path, ignored).type();
  const bool is_folder = type == std::filesystem::file_type::directory;
  const bool is_pipe = path == "-" || type == std::filesystem::file_type::fifo;
  std::vector<Part> parts;
  if (is_folder) {
    for (const char* split : {"train", "valid", "test"}) {
      const std::string file = split_file(path, split).string();
      if (split == std::string_view("test") &&
          !std::filesystem::exists(std::filesystem::symlink_status(file, ignored)))
        break;
      open(file);
      parts.push_back({split, quote_file(file), view(files.back())});
    }
  } else {
    if (is_pipe) {
      const std::string folder = temporary_folder();
      TemporaryFile input(folder);
      const int stream = path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
      if (stream < 0)
        throw NoInput("text", fmt::format("cannot read {}: {}", quote_file(path), std::strerror(errno)));
      const std::size_t size = spool(stream, input);
      fmt::print("{} bytes of the input are in a temporary file in {}\n", size, quote_file(folder));
      if (stream != STDIN_FILENO) close(stream);
      files.push_back(input.map());
      names.push_back(path == "-" ? "standard input" : path);
      check_kind(names.back(), view(files.back()), train.level);
    } else {
      open(path);
    }
    const std::string_view whole = view(files[0]);
    const std::size_t at = split_at(whole, train.valid_split);
    const std::string quoted = path == "-" ? "standard input" : quote_file(path);
    parts.push_back({"train", "the training part of " + quoted, whole.substr(0, at)});
    parts.push_back({"valid", "the held-out part of " + quoted, whole.substr(at)});
  }

  const auto lines_of = [&](std::size_t i, auto f) {
    const std::size_t file = is_folder ? i : 0;
    return with_lines_of(parts[i], names[file], view(files[file]), train.level, f);
  };
  const Vocabulary vocabulary = lines_of(0, [&] { return choose_words(parts[0], train); });
  std::vector<std::uint64_t> counts(vocabulary.size(), 0);
  std::vector<MappedFile> numbered_texts;
  std::vector<IdBytes> texts;
  std::array<std::uint64_t, 3> unknown{};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    TemporaryFile ids(temporary_folder());
    auto* const of_train = i == 0 ? &counts : nullptr;
    lines_of(i, [&] {
      if (id_width(vocabulary.size()) == 2)
        number<std::uint16_t>(parts[i], train, vocabulary, of_train, ids);
      else
        number<std::uint32_t>(parts[i], train, vocabulary, of_train, ids);
    });
    unknown[i] = parts[i].unknown;
    numbered_texts.push_back(ids.map());
    texts.push_back({parts[i].name, numbered_texts.back().bytes()});
  }
  try {
    write_prepared(*settings.save, train.level, vocabulary, counts, unknown, texts);
  } catch (const Error& error) {
    throw OutputError{sentence(error)};
  }
  fmt::print("{}: a vocabulary of {}\n", quote_file(*settings.save), vocabulary.size());
  for (const Part& part : parts)
    fmt::print("{}: {} tokens, {} of them {}\n", part.name, part.tokens, part.unknown, unknown_word);
}

}  // namespace xgrad
