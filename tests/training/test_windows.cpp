// Windows: the stream layout covers every target of a text exactly once, in order within each track, for many
// sizes; the reference layout gives the published windows and wraps around; texts that are too short are
// refused.
#include <xgrad/training/windows.hpp>

#include <fstream>
#include <numeric>

#include <nlohmann/json.hpp>

#include <xgrad/training/corpus.hpp>

#include "autograd/ops/checks.hpp"

using namespace xgrad;
using Tokens = std::vector<std::int64_t>;

namespace {

Tokens count_to(std::size_t n) {
  Tokens tokens(n);
  std::iota(tokens.begin(), tokens.end(), 0);
  return tokens;
}

Tokens tokens_of(const Ids& ids) { return Tokens(ids.begin(), ids.end()); }

// Column n of (T, N) ids.
Tokens track(const Ids& ids, std::size_t n) {
  Tokens result;
  for (std::size_t t = 0; t < ids.shape()[0]; ++t) result.push_back(ids[t * ids.shape()[1] + n]);
  return result;
}

Tokens golden(const std::string& name) {
  std::ifstream in(std::string(XGRAD_TEST_DATA) + "/golden/word_model.json");
  return nlohmann::json::parse(in).at("arrays").at(name).at("data").get<Tokens>();
}

}  // namespace

TEST_CASE("windows: a stream covers every target exactly once") {
  for (std::size_t n = 2; n <= 40; ++n)
    for (std::size_t N = 1; N < n && N <= 9; ++N)
      for (const std::size_t T : {1U, 2U, 3U, 5U, 8U, 50U}) {
        CAPTURE(n);
        CAPTURE(N);
        CAPTURE(T);
        const StreamWindows windows(count_to(n), N, T);
        std::vector<Tokens> tracks(N);  // a token is its position, so that targets name themselves
        bool shifted = true, sized = true;
        std::size_t rows = N;
        for (std::size_t i = 0; i < windows.size(); ++i) {
          const auto [inputs, targets] = windows[i];
          sized = sized && inputs.shape() == targets.shape() && inputs.shape()[0] >= 1 &&
                  inputs.shape()[0] <= T && inputs.shape()[1] >= 1 && inputs.shape()[1] <= rows;
          rows = inputs.shape()[1];
          for (std::size_t k = 0; k < inputs.size(); ++k) shifted = shifted && targets[k] == inputs[k] + 1;
          for (std::size_t row = 0; row < rows; ++row)
            for (const auto target : track(targets, row)) tracks[row].push_back(target);
        }
        CHECK(sized);    // N does not grow
        CHECK(shifted);  // a target is the token after its input
        Tokens all;
        for (const Tokens& one : tracks) {
          CHECK(one.size() - (n - 1) / N <= 1);  // equally long but for one token
          all.insert(all.end(), one.begin(), one.end());
        }
        Tokens expected = count_to(n);
        expected.erase(expected.begin());
        CHECK(all == expected);  // one track after the other, each in order, nothing twice
      }
}

TEST_CASE("windows: a stream by hand") {
  const StreamWindows windows({10, 11, 12, 13, 14, 15, 16, 17, 18}, 3,
                              2);  // 8 targets in tracks of 3, 3 and 2
  REQUIRE(windows.size() == 2);
  CHECK(to_string(windows[0].inputs.shape()) == "(2, 3)");
  CHECK(tokens_of(windows[0].inputs) == Tokens{10, 13, 16, 11, 14, 17});
  CHECK(tokens_of(windows[0].targets) == Tokens{11, 14, 17, 12, 15, 18});
  CHECK(to_string(windows[1].inputs.shape()) == "(1, 2)");
  CHECK(tokens_of(windows[1].inputs) == Tokens{12, 15});
  CHECK(tokens_of(windows[1].targets) == Tokens{13, 16});
}

TEST_CASE("windows: the reference layout is the published one") {
  ReferenceWindows windows(golden("ids"), 10, 5);
  CHECK(windows.size() == 19);
  for (const std::string w : {"w0_", "w1_"}) {
    const auto window = windows.next();
    CHECK(to_string(window.inputs.shape()) == "(5, 10)");
    const Tokens x = golden(w + "x"), t = golden(w + "t");
    for (std::size_t n = 0; n < 10; ++n) {
      const auto row = static_cast<std::ptrdiff_t>(5 * n);
      CHECK(track(window.inputs, n) == Tokens(x.begin() + row, x.begin() + row + 5));
      CHECK(track(window.targets, n) == Tokens(t.begin() + row, t.begin() + row + 5));
    }
  }
}

TEST_CASE("windows: the reference layout has any window of a run") {
  const ReferenceWindows windows(count_to(11), 3, 2);
  ReferenceWindows in_order(count_to(11), 3, 2);
  for (std::size_t i = 0; i < 20; ++i) {
    const auto window = windows[i], next = in_order.next();
    CHECK(tokens_of(window.inputs) == tokens_of(next.inputs));
    CHECK(tokens_of(window.targets) == tokens_of(next.targets));
  }
  CHECK(tokens_of(windows[std::size_t{1} << 63U].inputs) == tokens_of(windows[8].inputs));  // 2^63 = 8 mod 10
}

TEST_CASE("windows: the reference layout wraps around and runs on") {
  for (const auto& [n, N, T] :
       {std::array<std::size_t, 3>{8, 2, 3}, {11, 3, 2}, {1000, 10, 5}, {7, 1, 6}, {30, 4, 7}}) {
    ReferenceWindows windows(count_to(n), N, T);
    CHECK(windows.size() == (n - 1) / (N * T));
    for (std::size_t i = 0; i < 3 * n / T + 2; ++i) {
      const auto [inputs, targets] = windows.next();
      bool right = true;
      for (std::size_t t = 0; t < T; ++t)
        for (std::size_t row = 0; row < N; ++row) {
          const auto position = static_cast<std::int64_t>((row * ((n - 1) / N) + i * T + t) % (n - 1));
          right = right && inputs[t * N + row] == position && targets[t * N + row] == position + 1;
        }
      CHECK(right);
    }
  }
}

TEST_CASE("windows: texts too short and sizes of zero are refused") {
  using checks::check_error;
  CHECK_THROWS_AS(StreamWindows(count_to(3), 3, 1), BadData);
  check_error([] { StreamWindows(count_to(3), 3, 5); }, {"[windows]", "3 tokens", "3 rows", "needs 4"});
  check_error([] { StreamWindows({}, 1, 5); }, {"[windows]", "0 tokens", "needs 2"});
  check_error([] { StreamWindows(count_to(9), 0, 5); }, {"[windows]", "at least 1"});
  check_error([] { StreamWindows(count_to(9), 2, 0); }, {"[windows]", "at least 1"});
  CHECK_THROWS_AS(ReferenceWindows(count_to(6), 2, 3), BadData);
  check_error([] { ReferenceWindows(count_to(6), 2, 3); },
              {"[windows]", "6 tokens", "2 rows", "3 steps", "needs 7"});
  check_error([] { ReferenceWindows(count_to(9), 0, 3); }, {"[windows]", "at least 1"});
  check_error([] { ReferenceWindows(count_to(9), 3, 0); }, {"[windows]", "at least 1"});
  CHECK(StreamWindows(count_to(4), 3, 5).size() == 1);
  CHECK(ReferenceWindows(count_to(7), 2, 3).size() == 1);
}

TEST_CASE("windows: sizes whose sum or product is more than a number can say") {
  using checks::check_error;
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max(), half = std::size_t{1} << 32;
  for (const std::size_t T : {most, most - 1, most / 2}) {
    const StreamWindows windows(count_to(5), 1, T);
    REQUIRE(windows.size() == 1);
    CHECK(tokens_of(windows[0].inputs) == Tokens{0, 1, 2, 3});
    CHECK(StreamWindows(count_to(6), 2, T).size() == 2);
  }
  for (const std::size_t N : {most, most - 1, half})
    check_error([=] { StreamWindows(count_to(9), N, 1); }, {"[windows]", "9 tokens is too short"});
  for (const auto& sizes : {std::pair(half, half),
                            {most, most},
                            {most, std::size_t{1}},
                            {std::size_t{1}, most},
                            {std::size_t{2}, most / 2 + 1}})
    check_error([=] { ReferenceWindows(count_to(9), sizes.first, sizes.second); },
                {"[windows]", "9 tokens is too short"});
}
