// See count_words.hpp.
#include "count_words.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <exception>
#include <mutex>
#include <queue>
#include <span>
#include <thread>
#include <unordered_map>

#include <xgrad/autograd/threads.hpp>

#include "files.hpp"
#include "text.hpp"

namespace xgrad {

namespace {

struct Hash {
  using is_transparent = void;
  std::size_t operator()(std::string_view word) const { return std::hash<std::string_view>()(word); }
};

struct Seen {
  std::uint64_t count = 0, first = 0;
};

using WordTable = std::unordered_map<std::string, Seen, Hash, std::equal_to<>>;

// What a word takes in a table, with its node and its share of the buckets.
std::size_t bytes_of(const std::string& word) {
  return 96 + (word.capacity() > 15 ? word.capacity() + 16 : 0);
}

// Words in their order, in a temporary file.
class Run {
 public:
  Run(const WordTable& table, const std::string& folder) : file_(write(table, folder)) {}

  // The next word, or none at the end.
  bool next(CountedWord& word) {
    const std::span<const std::byte> rest = file_.bytes().subspan(at_);
    if (rest.empty()) return false;
    Head head;
    std::memcpy(&head, rest.data(), sizeof(head));
    word.word.assign(reinterpret_cast<const char*>(rest.data()) + sizeof(head), head.length);
    word.count = head.count;
    word.first = head.first;
    at_ += sizeof(head) + head.length;
    return true;
  }

 private:
  struct Head {
    std::uint64_t length, count, first;
  };

  static MappedFile write(const WordTable& table, const std::string& folder) {
    std::vector<const WordTable::value_type*> sorted;
    sorted.reserve(table.size());
    for (const auto& entry : table) sorted.push_back(&entry);
    std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) { return a->first < b->first; });
    TemporaryFile file(folder);
    std::string buffer;
    std::size_t written = 0;
    const auto flush = [&] {
      file.write(std::as_bytes(std::span(buffer)), written);
      written += buffer.size();
      buffer.clear();
    };
    for (const auto* entry : sorted) {
      const Head head{entry->first.size(), entry->second.count, entry->second.first};
      buffer.append(reinterpret_cast<const char*>(&head), sizeof(head)).append(entry->first);
      if (buffer.size() > std::size_t{1} << 16) flush();
    }
    flush();
    return file.map();
  }

  MappedFile file_;
  std::size_t at_ = 0;
};

// The words that stay, of those that are offered one by one.
class Chosen {
 public:
  Chosen(std::size_t most, std::size_t min_count) : most_(most), min_count_(min_count) {}

  void offer(CountedWord word) {
    if (word.count < min_count_) return;
    words_.push_back(std::move(word));
    if (most_ == 0) return;
    std::push_heap(words_.begin(), words_.end(), before);
    if (words_.size() <= most_) return;
    std::pop_heap(words_.begin(), words_.end(), before);
    words_.pop_back();
  }
  std::vector<CountedWord> take() {
    std::sort(words_.begin(), words_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    return std::move(words_);
  }

 private:
  static bool before(const CountedWord& a, const CountedWord& b) {
    return a.count != b.count ? a.count > b.count : a.first < b.first;
  }

  std::size_t most_, min_count_;
  std::vector<CountedWord> words_;  // with a limit, a heap whose front is the first to go
};

// All words of the runs, those of several runs added up.
void merge(std::vector<Run>& runs, Chosen& chosen) {
  struct Head {
    CountedWord word;
    std::size_t run;
  };
  const auto later = [](const Head& a, const Head& b) { return a.word.word > b.word.word; };
  std::priority_queue<Head, std::vector<Head>, decltype(later)> heads(later);
  const auto read = [&](std::size_t run) {
    CountedWord word;
    if (runs[run].next(word)) heads.push({std::move(word), run});
  };
  for (std::size_t run = 0; run < runs.size(); ++run) read(run);
  while (!heads.empty()) {
    CountedWord sum = heads.top().word;
    sum.count = 0;
    while (!heads.empty() && heads.top().word.word == sum.word) {
      const Head head = heads.top();
      heads.pop();
      sum.count += head.word.count;
      sum.first = std::min(sum.first, head.word.first);
      read(head.run);
    }
    chosen.offer(std::move(sum));
  }
}

// A table of one thread.
struct Counter {
  WordTable table;
  std::size_t bytes = 0;

  // Counts the tokens of a piece that begins at byte `at` of the text. A piece has no more tokens than bytes,
  // so that the number of a token, counted from there, is in the order of all tokens.
  void count(std::string_view text, std::size_t at, const std::string& level) {
    for (const std::string_view token : split_text(text, level)) {
      auto found = table.find(token);
      if (found == table.end()) {
        found = table.emplace(token, Seen{0, at}).first;
        bytes += bytes_of(found->first);
      }
      ++found->second.count;
      ++at;
    }
  }
};

}  // namespace

std::vector<std::size_t> cut_points(std::string_view text, const std::string& level, std::size_t piece) {
  const auto is_blank = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  std::vector<std::size_t> ends;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = text.size() - at > piece ? at + piece : text.size();
    if (level == "word")
      // Before a blank that is no part of CR and LF, so that no piece begins with a byte order mark either.
      while (end < text.size() && (!is_blank(text[end]) || (text[end] == '\n' && text[end - 1] == '\r')))
        ++end;
    if (level == "char")
      while (end < text.size() &&
             ((static_cast<unsigned char>(text[end]) & 0xC0) == 0x80 ||
              (text[end] == '\n' && text[end - 1] == '\r') || text.substr(end).starts_with("\xEF\xBB\xBF")))
        ++end;
    ends.push_back(at = end);
  }
  return ends;
}

void for_pieces(const std::vector<std::size_t>& ends,
                const std::function<void(std::size_t piece, std::size_t thread)>& f) {
  const std::size_t count = std::max<std::size_t>(1, std::min(threads(), ends.size()));
  std::atomic<std::size_t> next{0}, failed{ends.size()};
  std::exception_ptr error;
  std::mutex mutex;
  const auto work = [&](std::size_t thread) {
    for (std::size_t piece = next++; piece < ends.size() && piece < failed; piece = next++) try {
        f(piece, thread);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (piece >= failed) continue;
        failed = piece;
        error = std::current_exception();
      }
  };
  std::vector<std::thread> others;
  for (std::size_t thread = 1; thread < count; ++thread) others.emplace_back(work, thread);
  work(0);
  for (std::thread& other : others) other.join();
  if (error) std::rethrow_exception(error);
}

std::vector<CountedWord> count_words(std::string_view text, const std::string& level, std::size_t most,
                                     std::size_t min_count, std::size_t memory, const std::string& folder) {
  const std::vector<std::size_t> ends = cut_points(text, level);
  std::vector<Counter> counters(std::max<std::size_t>(1, threads()));
  const std::size_t share = memory / counters.size();
  std::vector<Run> runs;
  std::mutex mutex;
  const auto spill = [&](Counter& counter) {
    Run run(counter.table, folder);
    counter.table.clear();
    counter.bytes = 0;
    const std::lock_guard lock(mutex);
    runs.push_back(std::move(run));
  };
  for_pieces(ends, [&](std::size_t piece, std::size_t thread) {
    const std::size_t begin = piece == 0 ? 0 : ends[piece - 1];
    counters[thread].count(text.substr(begin, ends[piece] - begin), begin, level);
    if (counters[thread].bytes > share) spill(counters[thread]);
  });

  Chosen chosen(most, min_count);
  if (!runs.empty()) {
    for (Counter& counter : counters) spill(counter);
    merge(runs, chosen);
    return chosen.take();
  }
  WordTable& all = counters[0].table;
  for (std::size_t i = 1; i < counters.size(); ++i) {
    for (const auto& [word, seen] : counters[i].table) {
      const auto [found, fresh] = all.try_emplace(word, seen);
      if (fresh) continue;
      found->second.count += seen.count;
      found->second.first = std::min(found->second.first, seen.first);
    }
    counters[i].table.clear();
  }
  for (const auto& [word, seen] : all) chosen.offer({word, seen.count, seen.first});
  return chosen.take();
}

}  // namespace xgrad
