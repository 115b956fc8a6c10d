// Reading text: words, ends of lines as <eos>, ids by first appearance, unknown words, both names of the
// files, and everything that a file or a folder can have wrong with it. The files stand in a temporary folder
// that the test removes.
#include <sys/stat.h>

#include <xgrad/training/corpus.hpp>

#include <atomic>
#include <fstream>
#include <random>

#include "autograd/ops/checks.hpp"

using namespace xgrad;
using Tokens = std::vector<Vocabulary::Id>;
using Words = std::vector<std::string_view>;
namespace fs = std::filesystem;

namespace {

// A folder of its own, with the given files, that goes with the scope.
class Folder {
 public:
  Folder() {
    static std::atomic<unsigned> count{0};
    std::random_device random;
    do {
      path_ = fs::temp_directory_path() /
              ("xgrad_corpus_" + std::to_string(random()) + "_" + std::to_string(count++));
    } while (!fs::create_directory(path_));
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const fs::path& path() const { return path_; }
  void write(const std::string& name, std::string_view text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
  }

 private:
  fs::path path_;
};

template <class E, class Call>
void check_error(Call call, std::initializer_list<const char*> parts) {
  CHECK_THROWS_AS(call(), E);
  checks::check_error(call, parts);
}

}  // namespace

TEST_CASE("corpus: words are split at white space and each end of a line is a word") {
  CHECK(split_words("a bc\nd") == Words{"a", "bc", "<eos>", "d"});
  CHECK(split_words(" the  cat \n\n sat\t.\v\f\n") ==
        Words{"the", "cat", "<eos>", "<eos>", "sat", ".", "<eos>"});
  for (const char* text :
       {"one\ntwo\n", "one\rtwo\r", "one\r\ntwo\r\n", "one\rtwo\r\n", " one \r two\t\r\n "})
    CHECK(split_words(text) == Words{"one", "<eos>", "two", "<eos>"});
  CHECK(split_words("\n\r\r\r\n\n") == Words(5, "<eos>"));
  CHECK(split_words("\xEF\xBB\xBFone two") == Words{"one", "two"});  // a byte order mark
  CHECK(split_words("\xEF\xBB\xBF\r\n").size() == 1);
  CHECK(split_words("one\xEF\xBB\xBF") == Words{"one\xEF\xBB\xBF"});  // not at the beginning
  CHECK(split_words("caf\xc3\xa9 \xe2\x80\x94") == Words{"caf\xc3\xa9", "\xe2\x80\x94"});
  CHECK(split_words("").empty());
  CHECK(split_words("  \t ").empty());
  CHECK(split_words("a b c\nd", 3) == Words{"a", "b", "c"});
  CHECK(split_words("a b\nd", 3) == Words{"a", "b", "<eos>"});
  CHECK(split_words("a b", 0).empty());
}

TEST_CASE("corpus: a NUL byte is refused with its line") {
  using namespace std::string_view_literals;
  check_error<BadData>([] { split_words("a\0b"sv); }, {"[corpus] line 1", "NUL"});
  check_error<BadData>([] { split_words("one\n\ntwo \0\n"sv); }, {"[corpus] line 3", "NUL"});
  CHECK(split_words("one two \0"sv, 2).size() == 2);  // beyond what is read
}

TEST_CASE("corpus: ids by first appearance in the training text") {
  const auto corpus = make_corpus("the cat sat\nthe dog\n", "the dog sat\n", "cat\ncat\n");
  CHECK(corpus.train == Tokens{0, 1, 2, 3, 0, 4, 3});
  CHECK(corpus.valid == Tokens{0, 4, 2, 3});
  CHECK(corpus.test == Tokens{1, 3, 1, 3});
  CHECK(corpus.vocabulary.size() == 5);
  CHECK(corpus.vocabulary.word(3) == end_of_sentence);
  CHECK(corpus.unknown == 0);
}

TEST_CASE("corpus: words the training text lacks become unknown and are counted") {
  const auto known = make_corpus("a <unk> b\n", "a z b\n", "y y\n");
  CHECK(known.valid == Tokens{0, 1, 2, 3});
  CHECK(known.test == Tokens{1, 1, 3});
  CHECK(known.unknown == 3);
  CHECK(known.vocabulary.size() == 4);
  const auto added = make_corpus("a b\n", "a z\n", "b y\n");  // a training text without <unk>
  CHECK(added.valid == Tokens{0, 3, 2});
  CHECK(added.test == Tokens{1, 3, 2});
  CHECK(added.vocabulary.word(3) == unknown_word);
  CHECK(added.unknown == 2);
}

TEST_CASE("corpus: the limit cuts the training text alone") {
  const auto corpus = make_corpus("a b c d\n", "a c d\n", "d d d\n", 2);
  CHECK(corpus.train == Tokens{0, 1});
  CHECK(corpus.valid == Tokens{0, 2, 2, 2});
  CHECK(corpus.unknown == 7);  // c, d and the newlines too
  CHECK(make_corpus("a b\n", "a a", "b b", 100).train == Tokens{0, 1, 2});
}

TEST_CASE("corpus: texts that are too short are named") {
  check_error<BadData>([] { make_corpus("", "a b", "a b"); }, {"[corpus]", "training text is empty"});
  check_error<BadData>([] { make_corpus("a", "a b", "a b"); }, {"[corpus]", "training text has one token"});
  check_error<BadData>([] { make_corpus("a b", " ", "a b"); }, {"[corpus]", "validation text is empty"});
  check_error<BadData>([] { make_corpus("a b", "a b", "\n"); }, {"[corpus]", "test text has one token"});
  check_error<BadData>([] { make_corpus("a b", "a b", "a b", 1); }, {"training text has one token"});
  Corpus corpus = make_corpus("a b");
  check_error<BadData>([&] { number_words("other", "c", corpus); }, {"other text has one token"});
  CHECK(corpus.unknown == 0);  // a text that is refused changes nothing
  CHECK(!corpus.vocabulary.find(unknown_word));
}

TEST_CASE("corpus: a file is read whole and as it is") {
  const Folder folder;
  for (const std::string_view text :
       {std::string_view("a\r\nb\0c", 6), std::string_view(), std::string_view("no newline")}) {
    folder.write("text", text);
    CHECK(read_file(folder.path() / "text") == text);
  }
  const std::string large(300000, 'x');
  folder.write("text", large);
  CHECK(read_file(folder.path() / "text") == large);
  const auto missing = folder.path() / "missing";
  check_error<NoInput>([&] { read_file(missing); },
                       {"[corpus] cannot read", missing.c_str(), "No such file"});
  check_error<NoInput>([&] { read_file(folder.path()); }, {"[corpus]", folder.path().c_str(), "is a folder"});
}

TEST_CASE("corpus: what is no file is refused, and not waited for") {
  const Folder folder;
  const auto path = [&](const char* name) { return folder.path() / name; };
  REQUIRE(mkfifo(path("pipe").c_str(), 0600) == 0);
  fs::create_symlink("loop", path("loop"));
  fs::create_symlink("nowhere", path("dangling"));
  fs::create_symlink("pipe", path("train.txt"));
  check_error<NoInput>([&] { read_file(path("pipe")); }, {"pipe' is a FIFO, expected a file"});
  check_error<NoInput>([&] { read_file("/dev/zero"); }, {"'/dev/zero' is no regular file, expected a file"});
  check_error<NoInput>([&] { read_file(path("loop")); }, {"loop': Too many levels of symbolic links"});
  check_error<NoInput>([&] { read_file(path("dangling")); }, {"dangling': No such file"});
  check_error<NoInput>([&] { read_corpus(folder.path()); }, {"train.txt' is a FIFO, expected a file"});
  check_error<NoInput>([&] { read_corpus(path("loop")); },
                       {"cannot read the folder", "loop': Too many levels of symbolic links"});
}

TEST_CASE("corpus: the file of a split") {
  const Folder folder;
  folder.write("ptb.train.txt", "a b");
  CHECK(split_file(folder.path(), "valid") == folder.path() / "ptb.valid.txt");
  folder.write("train.txt", "a b");
  CHECK(split_file(folder.path(), "test") == folder.path() / "test.txt");  // which is not there
}

TEST_CASE("corpus: three files under either name") {
  for (const std::string prefix : {"", "ptb."}) {
    const Folder folder;
    folder.write(prefix + "train.txt", "a b\nc\n");
    folder.write(prefix + "valid.txt", "c\r\na");
    folder.write(prefix + "test.txt", "b z\n");
    const auto corpus = read_corpus(folder.path());
    CHECK(corpus.train == Tokens{0, 1, 2, 3, 2});
    CHECK(corpus.valid == Tokens{3, 2, 0});
    CHECK(corpus.test == Tokens{1, 4, 2});
    CHECK(corpus.unknown == 1);
    CHECK(read_corpus(folder.path(), Splits::all, 4).train == Tokens{0, 1, 2, 3});
  }
}

TEST_CASE("corpus: the plain name comes first and training needs no other file") {
  const Folder folder;
  folder.write("ptb.train.txt", "x y z");
  CHECK(read_corpus(folder.path(), Splits::train_only).train == Tokens{0, 1, 2});
  folder.write("train.txt", "a b a b");
  const auto corpus = read_corpus(folder.path(), Splits::train_only, 3);
  CHECK(corpus.train == Tokens{0, 1, 0});
  CHECK(corpus.valid.empty());
  CHECK(corpus.test.empty());
  check_error<NoInput>([&] { read_corpus(folder.path()); }, {"cannot read", "valid.txt", "No such file"});
}

TEST_CASE("corpus: folders and files that are missing or no text") {
  const Folder folder;
  const auto read = [&] { read_corpus(folder.path(), Splits::train_only); };
  check_error<NoInput>([&] { read_corpus(folder.path() / "nowhere"); },
                       {"[corpus] cannot read the folder", "nowhere", "No such file"});
  check_error<NoInput>(read, {"[corpus]", folder.path().c_str(), "neither train.txt nor ptb.train.txt"});
  folder.write("train.txt", "");
  check_error<BadData>(read, {"training text is empty"});
  folder.write("train.txt", "one");
  check_error<BadData>(read, {"training text has one token"});
  folder.write("train.txt", std::string_view("fine\nnot \0fine\n", 15));
  check_error<BadData>(read, {"line 2", "NUL"});
  check_error<NoInput>([&] { read_corpus(folder.path() / "train.txt"); }, {"train.txt' is no folder"});
  fs::remove(folder.path() / "train.txt");
  fs::create_directory(folder.path() / "train.txt");
  check_error<NoInput>(read, {"train.txt' is a folder"});
}
