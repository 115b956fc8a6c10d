// See vocabulary.hpp.
#include <xgrad/training/vocabulary.hpp>

#include <xgrad/autograd/error.hpp>

namespace xgrad {

Vocabulary::Id Vocabulary::add(std::string_view word) {
  const auto [it, is_new] = ids_.try_emplace(std::string(word), static_cast<Id>(words_.size()));
  if (is_new) words_.emplace_back(word);
  return it->second;
}

std::optional<Vocabulary::Id> Vocabulary::find(std::string_view word) const {
  const auto it = ids_.find(std::string(word));
  if (it == ids_.end()) return std::nullopt;
  return it->second;
}

const std::string& Vocabulary::word(Id id) const {
  if (id < 0 || static_cast<std::size_t>(id) >= words_.size())
    throw Error("vocabulary", "no word has id " + std::to_string(id) + ", expected one in [0, " +
                                  std::to_string(words_.size()) + ")");
  return words_[static_cast<std::size_t>(id)];
}

}  // namespace xgrad
