// TokenSequence: a long text as ids, in memory or in a file that is mapped into it and read as it is needed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include <xgrad/training/vocabulary.hpp>

namespace xgrad {

/// A sequence of ids that is not changed. Copies share the ids.
class TokenSequence {
 public:
  using Id = Vocabulary::Id;  ///< of a token

  /// No tokens.
  TokenSequence() : TokenSequence(std::vector<Id>()) {}
  /// Tokens in memory.
  TokenSequence(std::vector<Id> ids);  // NOLINT(google-explicit-constructor): meant to convert
  /// The same of a list.
  TokenSequence(std::initializer_list<Id> ids) : TokenSequence(std::vector<Id>(ids)) {}
  /// @{ Ids that lie elsewhere, which `owner` keeps there.
  TokenSequence(std::span<const std::uint16_t> ids, std::shared_ptr<const void> owner)
      : ids_(ids), owner_(std::move(owner)) {}
  TokenSequence(std::span<const std::uint32_t> ids, std::shared_ptr<const void> owner)
      : ids_(ids), owner_(std::move(owner)) {}
  /// @}

  /// Number of tokens.
  std::size_t size() const { return stored() + (before_ ? 1 : 0); }
  /// True if there are none.
  bool empty() const { return size() == 0; }
  /// The id of token i, which must be less than size().
  Id operator[](std::size_t i) const {
    if (before_ && i-- == 0) return *before_;
    const Id id = std::visit([i](const auto& ids) { return static_cast<Id>(ids[i]); }, ids_);
    return other_ == nullptr ? id : (*other_)[static_cast<std::size_t>(id)];
  }
  /// All of them, copied.
  std::vector<Id> copy() const;

  /// The first `n` of them, or all if there are fewer.
  TokenSequence first(std::size_t n) const;
  /// The same after one more. There must not be one already.
  TokenSequence after(Id id) const;
  /// The same with other ids: `others` has the new id of each old one, all of which must be in it.
  TokenSequence renumbered(std::vector<Id> others) const;

 private:
  std::size_t stored() const {
    return std::visit([](const auto& ids) { return ids.size(); }, ids_);
  }

  std::variant<std::span<const Id>, std::span<const std::uint16_t>, std::span<const std::uint32_t>> ids_;
  std::shared_ptr<const void> owner_;
  std::shared_ptr<const std::vector<Id>> other_;
  std::optional<Id> before_;
};

}  // namespace xgrad
