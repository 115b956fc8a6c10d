// Vocabulary: ids by first appearance, lookup both ways, and the error for an id that was not given out.
#include <xgrad/training/vocabulary.hpp>

#include "autograd/ops/checks.hpp"

using xgrad::Vocabulary;

TEST_CASE("vocabulary: words are numbered by first appearance") {
  Vocabulary words;
  CHECK(words.size() == 0);
  const std::vector<Vocabulary::Id> expected = {0, 1, 0, 2, 1, 3};
  std::vector<Vocabulary::Id> ids;
  for (const char* word : {"the", "cat", "the", "sat", "cat", ""}) ids.push_back(words.add(word));
  CHECK(ids == expected);
  CHECK(words.size() == 4);
  CHECK(words.word(2) == "sat");
  CHECK(words.word(3).empty());
  CHECK(words.find("cat") == 1);
  CHECK_FALSE(words.find("dog").has_value());
  CHECK_FALSE(words.find("Cat").has_value());
  CHECK(words.size() == 4);  // looking up adds nothing
}

TEST_CASE("vocabulary: words are kept when the text is gone and as it grows") {
  Vocabulary words;
  for (int i = 0; i < 1000; ++i) {
    std::string text = "word number " + std::to_string(i);
    words.add(text);
    text.assign(text.size(), '?');
  }
  for (int i = 0; i < 1000; ++i) {
    CHECK(words.word(i) == "word number " + std::to_string(i));
    CHECK(words.find("word number " + std::to_string(i)) == i);
  }
}

TEST_CASE("vocabulary: an id that was not given out is named") {
  Vocabulary words;
  checks::check_error([&] { words.word(0); }, {"[vocabulary]", "id 0", "[0, 0)"});
  words.add("a");
  checks::check_error([&] { words.word(1); }, {"[vocabulary]", "id 1", "[0, 1)"});
  checks::check_error([&] { words.word(-1); }, {"[vocabulary]", "id -1", "[0, 1)"});
}
