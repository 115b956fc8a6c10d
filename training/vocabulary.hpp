// Vocabulary: words and their ids, numbered by first appearance.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace xgrad {

/// Words and their ids, which are 0, 1, 2, ... in the order in which the words were added.
class Vocabulary {
 public:
  /// What a word is to a model; an element of Ids.
  using Id = std::int64_t;

  /// The id of `word`, a new one if the word has none.
  Id add(std::string_view word);
  /// The id of `word`, if it has one.
  std::optional<Id> find(std::string_view word) const;
  /// The word with this id. Throws Error for an id that was not given out.
  const std::string& word(Id id) const;
  /// Number of words; every id is below it.
  std::size_t size() const { return words_.size(); }

 private:
  std::vector<std::string> words_;
  std::unordered_map<std::string, Id> ids_;
};

}  // namespace xgrad
