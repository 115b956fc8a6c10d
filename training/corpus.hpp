// Text as token ids. Words are separated by white space and every end of a line is the word `<eos>`, as the
// Penn Treebank is prepared for language models (Mikolov et al. 2010). Ids are given by first appearance in
// the training text.
#pragma once

#include <filesystem>
#include <limits>
#include <string_view>
#include <vector>

#include <xgrad/autograd/error.hpp>
#include <xgrad/training/vocabulary.hpp>

namespace xgrad {

/// A file that is missing or cannot be read.
struct NoInput : Error {
  using Error::Error;
};
/// Text that cannot be used: empty, too short, not text.
struct BadData : Error {
  using Error::Error;
};

inline constexpr std::string_view end_of_sentence = "<eos>";  ///< the word that an end of a line is
inline constexpr std::string_view unknown_word = "<unk>";     ///< stands for words that a vocabulary lacks

/// The whole file as it is. Throws NoInput, with the system's reason, also for what is no regular file.
std::string read_file(const std::filesystem::path& path);

/// The words of `text`, at most `limit`, as views into it, and `<eos>` for each end of a line: LF, CR, or CR
/// and LF. A byte order mark before the first word is left out.
/// Throws BadData for a NUL byte, naming its line.
std::vector<std::string_view> split_words(std::string_view text,
                                          std::size_t limit = std::numeric_limits<std::size_t>::max());

/// Up to three texts as token ids, and the vocabulary that they share.
struct Corpus {
  Vocabulary vocabulary;              ///< words of the training text, and `<unk>` once another text needs it
  std::vector<Vocabulary::Id> train,  ///< the training text
      valid,                          ///< the validation text, empty if there is none
      test;                           ///< the test text, empty if there is none
  std::size_t unknown = 0;            ///< tokens of valid and test that the training text does not have
};

/// The texts that read_corpus() reads.
enum class Splits {
  train_only,  ///< the training text
  all          ///< the training, validation and test texts
};

/// The corpus of a training text, of which only the first `limit` tokens are used.
/// Throws BadData if there are fewer than two.
Corpus make_corpus(std::string_view train, std::size_t limit = std::numeric_limits<std::size_t>::max());

/// The ids of another text. A word that the vocabulary lacks becomes `<unk>`, which is added if it is new,
/// and is counted in `corpus.unknown`. Throws BadData, calling the text by its name, if it has fewer than two
/// tokens; the corpus is then as it was.
std::vector<Vocabulary::Id> number_words(std::string_view name, std::string_view text, Corpus& corpus);

/// The corpus of three texts, the last two numbered as "validation" and "test"; `limit` is for the first
/// alone. Throws BadData if one has fewer than two tokens.
Corpus make_corpus(std::string_view train, std::string_view valid, std::string_view test,
                   std::size_t limit = std::numeric_limits<std::size_t>::max());

/// The file of a split, "train", "valid" or "test", in a folder with train.txt, valid.txt and test.txt, or
/// ptb.train.txt and so on. It need not exist. Throws NoInput if there is no such folder, or no train.txt of
/// either name in it.
std::filesystem::path split_file(const std::filesystem::path& directory, const std::string& split);

/// Reads train.txt, valid.txt and test.txt, or ptb.train.txt and so on, from `directory`; with
/// Splits::train_only the first alone. Throws NoInput if there is no such folder or file, BadData as
/// make_corpus does.
Corpus read_corpus(const std::filesystem::path& directory, Splits splits = Splits::all,
                   std::size_t limit = std::numeric_limits<std::size_t>::max());

}  // namespace xgrad
