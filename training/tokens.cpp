// See tokens.hpp.
#include <xgrad/training/tokens.hpp>

#include <algorithm>

namespace xgrad {

TokenSequence::TokenSequence(std::vector<Id> ids) {
  const auto owned = std::make_shared<const std::vector<Id>>(std::move(ids));
  ids_ = std::span<const Id>(*owned);
  owner_ = owned;
}

std::vector<TokenSequence::Id> TokenSequence::copy() const {
  std::vector<Id> result;
  result.reserve(size());
  for (std::size_t i = 0; i < size(); ++i) result.push_back((*this)[i]);
  return result;
}

TokenSequence TokenSequence::first(std::size_t n) const {
  TokenSequence result = *this;
  const std::size_t stored = before_ && n > 0 ? n - 1 : n;
  if (n == 0) result.before_.reset();
  std::visit([&](auto& ids) { ids = ids.first(std::min(stored, ids.size())); }, result.ids_);
  return result;
}

TokenSequence TokenSequence::after(Id id) const {
  TokenSequence result = *this;
  result.before_ = id;
  return result;
}

TokenSequence TokenSequence::renumbered(std::vector<Id> others) const {
  TokenSequence result = *this;
  if (before_) result.before_ = others[static_cast<std::size_t>(*before_)];
  if (other_ != nullptr) {  // old ids are those that are there now
    std::vector<Id> both = *other_;
    for (Id& id : both) id = others[static_cast<std::size_t>(id)];
    others = std::move(both);
  }
  result.other_ = std::make_shared<const std::vector<Id>>(std::move(others));
  return result;
}

}  // namespace xgrad
