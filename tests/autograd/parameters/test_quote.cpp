// Names in messages: what a terminal would obey is escaped, what is not UTF-8, too, and long names are cut.
#include <xgrad/autograd/parameters/quote.hpp>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <string>

using namespace xgrad;
using namespace std::string_literals;

TEST_CASE("quote: names as they are, control characters escaped") {
  CHECK(quote("") == "''");
  CHECK(quote("rnn/Wh") == "'rnn/Wh'");
  CHECK(quote("r\xc3\xa9sum\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8e\x89") ==
        "'r\xc3\xa9sum\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8e\x89'");
  CHECK(quote("a\x1b[2J\n\t\r\x7f") == "'a\\u001b[2J\\n\\t\\r\\u007f'");
  CHECK(quote("a\0b"s) == "'a\\u0000b'");
  CHECK(quote("it's a \\ \"") == "'it\\'s a \\\\ \"'");
  CHECK(quote("\xc2\x9b") == "'\\u009b'");      // an ESC and a bracket in one
  CHECK(quote("\xe2\x80\xae") == "'\\u202e'");  // turns the text that follows
  CHECK(quote("\xe2\x80\x8f\xe2\x80\x8e\xd8\x9c") == "'\\u200f\\u200e\\u061c'");
  CHECK(quote("\xe2\x80\xa8") == "'\\u2028'");  // begins a line
}

TEST_CASE("quote: whatever the bytes, the text is UTF-8 without control characters") {
  CHECK(quote("\xff") == "'\\xff'");
  CHECK(quote("\xc3") == "'\\xc3'");  // a character cut short
  CHECK(quote("\xc3x") == "'\\xc3x'");
  CHECK(quote("\xc0\xaf") == "'\\xc0\\xaf'");                    // an overlong form
  CHECK(quote("\xe0\x80\xaf") == "'\\xe0\\x80\\xaf'");           // another
  CHECK(quote("\xed\xa0\x80") == "'\\xed\\xa0\\x80'");           // a surrogate
  CHECK(quote("\xf4\x90\x80\x80") == "'\\xf4\\x90\\x80\\x80'");  // beyond the last character
  std::size_t wrong = 0;
  for (int a = 0; a < 256; ++a)
    for (int b = 0; b < 256; ++b) {
      const std::string text = quote(std::string{'<', static_cast<char>(a), static_cast<char>(b), '>'});
      REQUIRE_NOTHROW((void)nlohmann::json(text).dump());  // which throws where it is not UTF-8
      for (const char c : text) wrong += (c >= 0 && c < ' ') || c == 0x7f ? 1 : 0;
    }
  CHECK(wrong == 0);
}

TEST_CASE("quote: a text for a terminal keeps its quotes and backslashes") {
  CHECK(escaped("it's a \\ caf\xc3\xa9") == "it's a \\ caf\xc3\xa9");
  CHECK(escaped("a\x1b[31m\n\xff") == "a\\u001b[31m\\n\\xff");
  CHECK(escaped(std::string(1000, 'x')) == std::string(1000, 'x'));
  CHECK(escaped("").empty());
}

TEST_CASE("quote: the bytes of a character") {
  CHECK(character_size("ab") == 1);
  CHECK(character_size(std::string_view("\0", 1)) == 1);
  CHECK(character_size("\xc3\xa9x") == 2);
  CHECK(character_size("\xe2\x82\xac") == 3);
  CHECK(character_size("\xf0\x9f\x98\x80!") == 4);
  for (const char* text : {"\xe9", "\xe2\x82", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80"})
    CHECK(character_size(text) == 0);
}

TEST_CASE("quote: long names keep their beginning and end, whole characters of them") {
  const std::string name = std::string(500, 'a') + std::string(500, 'b');
  CHECK(quote(name) == "'" + std::string(32, 'a') + "..." + std::string(29, 'b') + "'");
  CHECK(quote(std::string(64, 'x')) == "'" + std::string(64, 'x') + "'");
  CHECK(quote(std::string(65, 'x')) == "'" + std::string(32, 'x') + "..." + std::string(29, 'x') + "'");
  CHECK(quote(name, 10) == "'aaaaa...bb'");
  for (std::size_t first = 0; first < 4; ++first)  // the cuts fall into every place of a character
    for (std::size_t n = 20; n < 60; ++n) {
      std::string signs(first, 'x');
      for (std::size_t i = 0; i < n; ++i) signs += "\xe2\x82\xac";
      const std::string text = quote(signs);
      CHECK(text.size() <= 66);
      CHECK(text.find("\\x") == std::string::npos);
    }
  for (std::size_t n = 0; n < 300; ++n) CHECK(quote(std::string(n, '\0')).size() <= 66);
  CHECK(quote(std::string(100'000'000, '\xff')).size() <= 66);
}

TEST_CASE("quote: a file's name is shown longer") {
  CHECK(quote_file("models/m\x1b.safetensors") == "'models/m\\u001b.safetensors'");
  CHECK(quote_file("/" + std::string(4000, 'd') + "/model").ends_with("ddd/model'"));
  CHECK(quote_file("/" + std::string(4000, 'd') + "/model").size() == 82);
}
