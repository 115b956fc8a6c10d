// A prepared text: a text as the ids of its tokens, in a file that is mapped into memory, so that it may be
// longer than memory. It is a safetensors file: tensors "train", "valid" and "test" (n,) of U16 or U32, the
// last two where there are such texts, "counts" (V,) of U64, how often the training text has each token, and
// as metadata "format", "level", "vocabulary" (vocabulary_text in text.hpp) and "unknown", how many tokens of
// the three texts are <unk> for want of another. `rnnlm prepare` writes it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <xgrad/autograd/safetensors.hpp>

#include "text.hpp"

namespace xgrad {

/// Whether a file begins as a safetensors file does, and as no text can: it is meant to be a prepared text.
bool is_prepared(const std::string& path);
/// What its metadata say under `key`; nothing if it cannot be read. Its ids are not looked at.
std::string prepared_metadata(const std::string& path, const std::string& key);
/// Whether it also says that it is one, rather than a model.
bool says_prepared(const std::string& path);

/// One that is open.
class PreparedFile {
 public:
  std::string level;
  Vocabulary vocabulary;
  std::vector<std::uint64_t> counts;       ///< by id, of the training text
  std::array<std::uint64_t, 3> unknown{};  ///< tokens that are <unk>, of training, validation and test text

  /// Checks all of it. Throws NoInput if it cannot be read, BadData if it is no prepared text.
  explicit PreparedFile(const std::string& path);

  /// What is to be trained on, with the baselines.
  Text text(const TrainSettings& settings) const;
  /// One of the texts, "train", "valid" or "test"; none if there is no such text.
  std::optional<TokenSequence> tokens(const std::string& name) const;

 private:
  std::string path_;
  std::shared_ptr<const safetensors::File> file_;
};

/// The ids of a text, in the width that the vocabulary needs.
struct IdBytes {
  std::string name;  ///< "train", "valid" or "test"
  std::span<const std::byte> bytes;
};

/// How many bytes an id takes.
std::size_t id_width(std::size_t vocabulary);

/// Writes one. Throws Error with the system's reason.
void write_prepared(const std::string& path, const std::string& level, const Vocabulary& vocabulary,
                    const std::vector<std::uint64_t>& counts, const std::array<std::uint64_t, 3>& unknown,
                    const std::vector<IdBytes>& texts);

}  // namespace xgrad
