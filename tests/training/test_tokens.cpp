// TokenSequence: the same ids whatever they are kept in, and their views.
#include <xgrad/training/tokens.hpp>

#include <doctest/doctest.h>

#include <xgrad/training/windows.hpp>

using xgrad::TokenSequence;

namespace {

template <class U>
TokenSequence stored_as(const std::vector<TokenSequence::Id>& ids) {
  const auto owner = std::make_shared<std::vector<U>>(ids.begin(), ids.end());
  return TokenSequence(std::span<const U>(*owner), owner);
}

}  // namespace

TEST_CASE("tokens: in every width, first, after and renumbered") {
  const std::vector<TokenSequence::Id> ids{3, 1, 2, 0, 3};
  for (const TokenSequence& tokens :
       {TokenSequence(ids), stored_as<std::uint16_t>(ids), stored_as<std::uint32_t>(ids)}) {
    CHECK(tokens.copy() == ids);
    CHECK(tokens.first(2).copy() == std::vector<TokenSequence::Id>{3, 1});
    CHECK(tokens.first(9).size() == 5);
    CHECK(tokens.after(7).copy() == std::vector<TokenSequence::Id>{7, 3, 1, 2, 0, 3});
    CHECK(tokens.after(7).first(3).copy() == std::vector<TokenSequence::Id>{7, 3, 1});
    CHECK(tokens.after(7).first(0).empty());
    const auto turned = tokens.renumbered({3, 2, 1, 0});
    CHECK(turned.copy() == std::vector<TokenSequence::Id>{0, 2, 1, 3, 0});
    CHECK(turned.renumbered({3, 2, 1, 0}).copy() == ids);
    CHECK(tokens.after(1).renumbered({3, 2, 1, 0})[0] == 2);
    CHECK(turned.after(9)[0] == 9);
    CHECK(tokens.copy() == ids);  // which nothing has changed
  }
  CHECK(TokenSequence().empty());
  CHECK(stored_as<std::uint32_t>({70000})[0] == 70000);
}

TEST_CASE("tokens: windows read what is stored elsewhere") {
  std::vector<TokenSequence::Id> ids(100);
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<TokenSequence::Id>(i * i % 37);
  const xgrad::StreamWindows of_vector(ids, 3, 7), of_stored(stored_as<std::uint16_t>(ids), 3, 7);
  REQUIRE(of_vector.size() == of_stored.size());
  for (std::size_t i = 0; i < of_vector.size(); ++i)
    for (std::size_t k = 0; k < of_vector[i].inputs.size(); ++k) {
      CHECK(of_vector[i].inputs[k] == of_stored[i].inputs[k]);
      CHECK(of_vector[i].targets[k] == of_stored[i].targets[k]);
    }
}
