// Reading and numbering text; see corpus.hpp.
#include <xgrad/training/corpus.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include <xgrad/autograd/parameters/quote.hpp>

namespace xgrad {

namespace {

using Tokens = std::vector<Vocabulary::Id>;

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

using Words = std::vector<std::string_view>;

Words at_least_two(std::string_view name, Words words) {
  if (words.empty()) throw BadData("corpus", "the " + std::string(name) + " text is empty");
  if (words.size() < 2)
    throw BadData("corpus", "the " + std::string(name) + " text has one token, expected at least two");
  return words;
}

}  // namespace

std::string read_file(const std::filesystem::path& path) {
  const std::string quoted = quote_file(path);
  const auto refuse = [&](const std::string& reason) {
    throw NoInput("corpus", "cannot read " + quoted + ": " + reason);
  };
  std::error_code status;
  const auto type = std::filesystem::status(path, status).type();
  using enum std::filesystem::file_type;
  if (status) refuse(status.message());
  // Opening a FIFO waits for somebody to write, and a device may have no end.
  const char* const kind = type == directory ? "a folder"
                           : type == fifo    ? "a FIFO"
                           : type == regular ? nullptr
                                             : "no regular file";
  if (kind != nullptr) throw NoInput("corpus", quoted + " is " + kind + ", expected a file");
  errno = 0;
  std::string text;
  bool good = false;
  try {
    std::ifstream in(path, std::ios::binary);
    text.assign(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
    good = static_cast<bool>(in);
  } catch (const std::ios_base::failure&) {  // thrown by the buffer where reading itself fails
  }
  if (!good) refuse(std::strerror(errno));
  return text;
}

std::vector<std::string_view> split_words(std::string_view text, std::size_t limit) {
  std::vector<std::string_view> words;
  std::size_t line = 1;
  for (std::size_t i = text.starts_with(byte_order_mark) ? byte_order_mark.size() : 0;
       i < text.size() && words.size() < limit;) {
    if (text[i] == '\n' || text[i] == '\r') {
      words.push_back(end_of_sentence);
      ++line;
      i += text.substr(i).starts_with("\r\n") ? 2 : 1;
    } else if (is_space(text[i])) {
      ++i;
    } else {
      const std::size_t begin = i;
      while (i < text.size() && !is_space(text[i])) {
        if (text[i] == '\0')
          throw BadData("corpus", "line " + std::to_string(line) + " has a NUL byte: this is not a text");
        ++i;
      }
      words.push_back(text.substr(begin, i - begin));
    }
  }
  return words;
}

Corpus make_corpus(std::string_view train, std::size_t limit) {
  Corpus corpus;
  for (const std::string_view word : at_least_two("training", split_words(train, limit)))
    corpus.train.push_back(corpus.vocabulary.add(word));
  return corpus;
}

Tokens number_words(std::string_view name, std::string_view text, Corpus& corpus) {
  Tokens ids;
  for (const std::string_view word : at_least_two(name, split_words(text))) {
    const auto id = corpus.vocabulary.find(word);
    corpus.unknown += id ? 0 : 1;
    ids.push_back(id ? *id : corpus.vocabulary.add(unknown_word));
  }
  return ids;
}

Corpus make_corpus(std::string_view train, std::string_view valid, std::string_view test, std::size_t limit) {
  Corpus corpus = make_corpus(train, limit);
  corpus.valid = number_words("validation", valid, corpus);
  corpus.test = number_words("test", test, corpus);
  return corpus;
}

std::filesystem::path split_file(const std::filesystem::path& directory, const std::string& split) {
  const std::string quoted = quote_file(directory);
  std::error_code status;
  const bool is_folder = std::filesystem::is_directory(directory, status);
  if (status) throw NoInput("corpus", "cannot read the folder " + quoted + ": " + status.message());
  if (!is_folder) throw NoInput("corpus", quoted + " is no folder");
  const auto is_there = [&](const std::string& name) {
    // A link that leads nowhere is there, so that reading it says so.
    const bool there = std::filesystem::exists(std::filesystem::symlink_status(directory / name, status));
    if (status && status != std::errc::no_such_file_or_directory)
      throw NoInput("corpus", "cannot look into the folder " + quoted + ": " + status.message());
    return there;
  };
  const std::string prefix = is_there("train.txt") ? "" : "ptb.";
  if (!is_there(prefix + "train.txt"))
    throw NoInput("corpus", quoted + " has neither train.txt nor ptb.train.txt");
  return directory / (prefix + split + ".txt");
}

Corpus read_corpus(const std::filesystem::path& directory, Splits splits, std::size_t limit) {
  const auto text = [&](const char* split) { return read_file(split_file(directory, split)); };
  const std::string train = text("train");
  if (splits == Splits::train_only) return make_corpus(train, limit);
  const std::string valid = text("valid"), test = text("test");
  return make_corpus(train, valid, test, limit);
}

}  // namespace xgrad
