// Pictures of runs: that axes are round, curves keep what matters, files are well-formed whatever a run is
// called, lines of text are as wide as they may be, and that nothing a log can hold breaks them.

#include "plot.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "curves.hpp"

namespace {

using namespace xgrad;

constexpr double no_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

// A run of intervals and epochs whose perplexity falls from 1000 to about `last`.
Run falling(const std::string& name, double last, std::uint64_t epochs, std::uint64_t intervals,
            double decay = 1) {
  Run run;
  run.name = name;
  const auto loss = [&](double x) {
    return std::log(last) + (std::log(1000) - std::log(last)) * std::exp(-2 * x);
  };
  double rate = 20;
  for (std::uint64_t epoch = 1; epoch <= epochs; ++epoch, rate *= decay) {
    for (std::uint64_t i = 1; i <= intervals; ++i) {
      const double x =
          static_cast<double>(epoch - 1) + static_cast<double>(i) / static_cast<double>(intervals);
      run.intervals.push_back({epoch, ((epoch - 1) * intervals + i) * 10, 0, loss(x), 0.2, rate, x});
    }
    const auto x = static_cast<double>(epoch);
    run.epochs.push_back({epoch, epoch * intervals * 10, 0, loss(x - 0.5), loss(x) + 0.1, rate, x});
  }
  return run;
}

// A run of which the old form of logs knows the held-out perplexities.
Run heldout(const std::vector<double>& perplexities) {
  Run run;
  run.name = "run";
  for (const double perplexity : perplexities)
    run.epochs.push_back(
        {run.epochs.size() + 1, 0, 0, no_number, std::log(perplexity), no_number, no_number});
  return run;
}

std::string labels(const Axis& axis) {
  std::string result;
  for (const Tick& tick : axis.ticks) result += (result.empty() ? "" : " ") + tick.label;
  return result;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t n = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string_view::npos; at += part.size()) ++n;
  return n;
}

bool is_name(std::string_view text) {
  return !text.empty() &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") ==
             std::string_view::npos;
}

// Text without markup: its ampersands begin one of the entities of XML.
bool is_text(std::string_view text) {
  for (std::size_t at = 0; (at = text.find('&', at)) != std::string_view::npos; ++at) {
    const std::string_view rest = text.substr(at);
    if (!rest.starts_with("&lt;") && !rest.starts_with("&gt;") && !rest.starts_with("&amp;") &&
        !rest.starts_with("&quot;"))
      return false;
  }
  for (const char c : text)
    if (c == '<' || (static_cast<unsigned char>(c) < 0x20 && c != '\n')) return false;
  return true;
}

// What makes this no well-formed XML of elements, attributes and text, as far as such an SVG needs it.
std::string fault_of_xml(std::string_view text) {
  std::vector<std::string_view> open;
  bool done = false;
  while (!text.empty()) {
    const std::size_t begin = text.find('<');
    if (!is_text(text.substr(0, begin))) return "text: " + std::string(text.substr(0, begin));
    if (begin == std::string_view::npos) break;
    const std::size_t end = text.find('>', begin);
    if (end == std::string_view::npos || done) return "a tag that does not end, or follows the root";
    std::string_view tag = text.substr(begin + 1, end - begin - 1);
    text.remove_prefix(end + 1);
    if (tag.starts_with("/")) {
      if (open.empty() || open.back() != tag.substr(1)) return "an end of " + std::string(tag);
      open.pop_back();
      done = open.empty();
      continue;
    }
    const bool empty = tag.ends_with("/");
    if (empty) tag.remove_suffix(1);
    const std::size_t name = tag.find(' ');
    if (!is_name(tag.substr(0, name))) return "the tag " + std::string(tag);
    if (!empty) open.push_back(tag.substr(0, name));
    tag.remove_prefix(std::min(name, tag.size()));
    while (tag.starts_with(" ")) {
      const std::size_t equals = tag.find("=\""), close = tag.find('"', equals + 2);
      if (equals == std::string_view::npos || close == std::string_view::npos ||
          !is_name(tag.substr(1, equals - 1)) || !is_text(tag.substr(equals + 2, close - equals - 2)))
        return "the attribute" + std::string(tag);
      tag.remove_prefix(close + 1);
    }
    if (!tag.empty()) return "in a tag: " + std::string(tag);
  }
  return open.empty() && done ? "" : "elements that do not end";
}

bool is_utf8(std::string_view text) {
  // What is not becomes U+FFFD.
  return count(fit_name(text, text.size()), "\xef\xbf\xbd") ==
         count(text, "\xef\xbf\xbd") + count(text, "\n");
}

// A line without the codes for colours.
std::string plain(std::string line) {
  for (std::size_t at; (at = line.find('\033')) != std::string::npos;)
    line.erase(at, line.find('m', at) + 1 - at);
  return line;
}

void check_terminal(const std::vector<Run>& runs, std::size_t width, std::size_t height) {
  for (const bool utf8 : {false, true})
    for (const bool colour : {false, true}) {
      const std::string text = terminal_plot(runs, width, height, colour, utf8);
      const auto lines = lines_of(text);
      CHECK(text.ends_with("\n"));
      CHECK(lines.size() == height + runs.size());
      for (const std::string& line : lines) {
        CHECK_MESSAGE(columns_of(plain(line)) <= width, line);
        CHECK(plain(line).find_first_of("\033\r\x7f") == std::string::npos);
      }
      if (!colour) CHECK(text.find('\033') == std::string::npos);
      if (!utf8)
        CHECK(std::none_of(text.begin(), text.end(),
                           [](char c) { return static_cast<unsigned char>(c) >= 0x80; }));
      CHECK(is_utf8(plain(text)));
    }
}

}  // namespace

TEST_CASE("plot: axes have round marks, of perplexities by their size") {
  const auto perplexity = [](const std::vector<double>& values, std::size_t most) {
    return labels(make_picture({heldout(values)}, {10, most, 3}).perplexity);
  };
  CHECK(perplexity({1000, 90}, 8) == "100 200 300 500 1000");
  CHECK(perplexity({10000, 60}, 8) == "50 100 200 500 1000 2000 5000 10000");
  CHECK(perplexity({10000, 60}, 3) == "100 1000 10000");
  CHECK(perplexity({150, 80}, 8) == "80 90 100 110 120 130 140 150");
  CHECK(perplexity({80.2, 80.1}, 8) == "80.0 80.1 80.2 80.3");
  CHECK(perplexity({80}, 8) == "79.85 79.90 79.95 80.00 80.05 80.10 80.15");
  CHECK(perplexity({1e200, 2}, 5) == "1 1e50 1e100 1e150 1e200");
  CHECK(perplexity({1e200, 2}, 1) == "1");

  const auto epochs = [](std::size_t n) {
    return labels(make_picture({heldout(std::vector<double>(n, 80))}, {7, 8, 3}).along);
  };
  CHECK(epochs(1) == "0.0 0.2 0.4 0.6 0.8 1.0");
  CHECK(epochs(3) == "0 1 2 3");
  CHECK(epochs(12) == "0 2 4 6 8 10 12");
  CHECK(epochs(1000) == "0 200 400 600 800 1000");
  for (std::size_t n = 1; n < 300; ++n) {
    const auto marks = epochs(n);
    CHECK(count(marks, " ") >= 2);
    CHECK(count(marks, " ") <= 6);
  }
  const Axis axis = make_picture({heldout({1000, 90})}, {7, 8, 3}).perplexity;
  CHECK(axis.ticks[0].at == doctest::Approx(std::log(100)));
  CHECK(axis.fraction(axis.low) == 0);
  CHECK(axis.fraction(axis.high) == 1);
}

TEST_CASE("plot: intervals stand where their steps are in the epochs") {
  Run run;
  run.epochs = {{1, 100, 0, 5, 5, 1, 0}, {2, 150, 0, 5, 5, 1, 0}};  // the second epoch is shorter
  for (const auto& [epoch, step] : std::vector<std::pair<std::uint64_t, std::uint64_t>>{
           {1, 50}, {1, 100}, {2, 125}, {2, 150}, {3, 200}, {3, 999}})
    run.intervals.push_back({epoch, step, 0, 4, 1, 1, 0});
  const auto xs = [](const Run& one) {
    std::vector<double> result;
    const Picture picture = make_picture({one}, {9, 9, 9});
    for (const Point& point : picture.runs[0].training) result.push_back(point.x);
    return result;
  };
  CHECK(xs(run) == std::vector<double>{0.5, 1, 1.5, 2, 2.5, 3});
  run.epochs.clear();
  run.intervals.resize(2);
  CHECK(xs(run) == std::vector<double>{0.5, 1});  // nobody knows how long an epoch is
  run.settings = {{"steps_per_epoch", 200}};
  CHECK(xs(run) == std::vector<double>{0.25, 0.5});
}

TEST_CASE("plot: over minutes") {
  Run run = falling("run", 80, 3, 2);  // whose log has a second for an epoch
  for (Interval& interval : run.intervals) interval.seconds *= 90;
  for (Epoch& epoch : run.epochs) epoch.seconds *= 90;
  const Picture picture = make_picture({run}, {9, 9, 9}, Over::minutes);
  CHECK(picture.along.high == 4.5);
  CHECK(picture.runs[0].training[0].x == 0.75);
  CHECK(picture.runs[0].heldout[1].x == 3);
  CHECK(svg({run}, {.over = Over::minutes}).find(">minutes<") != std::string::npos);
  CHECK(svg({run}).find(">epoch<") != std::string::npos);
  const std::string text = terminal_plot({run}, 60, 20, false, false, Over::minutes);
  CHECK(text.find("\nminute 0 ") != std::string::npos);
  CHECK(text.find("best 88.97 at minute 4.5\n") != std::string::npos);
  run.epochs.back().seconds = infinity;
  CHECK(make_picture({run}, {9, 9, 9}, Over::minutes).along.high == 4.5);
}

TEST_CASE("plot: thinned curves keep their extremes, gaps and edges") {
  std::vector<Point> points;
  for (int i = 0; i <= 100000; ++i) points.push_back({i / 10000.0, std::sin(i * 0.01)});
  points[12345].y = 3;
  points[54321].y = -3;
  const Axis epochs{0, 10, {}}, values{-4, 4, {}};
  const auto thinned = visible(points, epochs, values, 500);
  CHECK(thinned.size() <= 2 * 501);
  CHECK(thinned.size() >= 900);
  double low = 0, high = 0;
  for (std::size_t i = 0; i < thinned.size(); ++i) {
    low = std::min(low, thinned[i].y);
    high = std::max(high, thinned[i].y);
    if (i > 0) CHECK(thinned[i].x > thinned[i - 1].x);
  }
  CHECK(low == -3);
  CHECK(high == 3);

  const auto shown = [&](const std::vector<double>& ys) {
    std::vector<Point> curve;
    for (const double y : ys) curve.push_back({static_cast<double>(curve.size()), y});
    std::string text;
    for (const Point& point : visible(curve, epochs, values, 500))
      text += std::isnan(point.y) ? "- " : fmt::format("{},{} ", point.x, point.y);
    return text;
  };
  CHECK(shown({1, no_number, 2}) == "0,1 - 2,2 ");
  CHECK(shown({0, 8, 0}) == "0,0 0.5,4 - 1.5,4 2,0 ");
  CHECK(shown({8, 8, -8}) == "- - - ");
  CHECK(shown({4, -4}) == "0,4 1,-4 ");

  const auto means = averages({{0, 1}, {0.1, 3}, {5, no_number}, {5.1, 7}, {9, no_number}}, epochs, 10);
  REQUIRE(means.size() == 3);
  CHECK(means[0].x == 0.05);
  CHECK(means[0].y == 2);
  CHECK(means[1].y == 7);
  CHECK(std::isnan(means[2].y));
}

TEST_CASE("plot: the beginning of training does not take the room of what comes after") {
  const Run run = falling("run", 80, 10, 100);
  const double heldout_high = run.epochs[0].valid_loss;
  const Picture picture = make_picture({run}, {9, 9, 9});
  CHECK(picture.perplexity.high < heldout_high + 1.3);
  CHECK(picture.perplexity.low < std::log(80));
  Run training = run;
  for (Epoch& epoch : training.epochs) epoch.valid_loss = no_number;
  CHECK(make_picture({training}, {9, 9, 9}).perplexity.high >= run.intervals[0].loss);
}

TEST_CASE("plot: names are cut in the middle, by columns, and cannot do harm") {
  CHECK(fit_name("short", 5) == "short");
  CHECK(fit_name("a long name", 7) == "a l…ame");
  CHECK(fit_name("a long name", 7, true) == "a ...me");
  CHECK(fit_name("模型的名字", 7) == "模…字");
  CHECK(columns_of("模型") == 4);
  CHECK(columns_of("a\xcc\x88") == 1);  // an a and a combining diaeresis
  CHECK(fit_name("a\033[1m\xff\xc3\n", 20) == "a\xef\xbf\xbd[1m\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
  CHECK(fit_name("\xef\xbf\xbe\xe2\x80\xae", 20) ==
        "\xef\xbf\xbd\xef\xbf\xbd");  // a noncharacter, a change of direction
  CHECK(fit_name("ä\033", 20, true) == "??");
  for (std::size_t width = 0; width < 30; ++width)
    for (const bool ascii : {false, true})
      CHECK(columns_of(fit_name("名a字b型c的d模e模f型", width, ascii)) <= width);
}

TEST_CASE("plot: an SVG has curves, marks, axes, a ground of its own and names that are escaped") {
  const std::string one = svg({falling("one", 80, 8, 50)});
  CHECK(fault_of_xml(one) == "");
  CHECK(one.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"800\" height=\"500\""));
  CHECK(one.find("<rect width=\"800\" height=\"500\" fill=\"#FFFFFF\"/>") != std::string::npos);
  CHECK(one.find(">perplexity of one<") != std::string::npos);
  CHECK(one.find(">held-out, best 88.41<") != std::string::npos);
  CHECK(one.find(">training<") != std::string::npos);
  CHECK(one.find(">100<") != std::string::npos);
  CHECK(one.find(">epoch<") != std::string::npos);
  CHECK(count(one, "<path") == 2);
  CHECK(count(one, "<circle") == 8);  // epochs
  CHECK(one.find(">rate<") == std::string::npos);

  const std::string changing = svg({falling("one", 80, 8, 50, 0.5)});
  CHECK(changing.find(">rate<") != std::string::npos);
  CHECK(count(changing, "<path") == 3);

  const std::string two =
      svg({falling("<b> & \"c\" \033\xff", 80, 8, 50), falling("模型", 100, 4, 50)}, {1200, 700});
  CHECK(fault_of_xml(two) == "");
  CHECK(two.find(">&lt;b&gt; &amp; &quot;c&quot; \xef\xbf\xbd\xef\xbf\xbd<") != std::string::npos);
  CHECK(two.find(">模型<") != std::string::npos);
  CHECK(two.find(">88.41<") != std::string::npos);
  CHECK(two.find("width=\"1200\" height=\"700\"") != std::string::npos);
  CHECK(is_utf8(two));

  std::vector<Run> many;
  for (int i = 0; i < 20; ++i) many.push_back(falling(fmt::format("run {}", i), 80 + i, 6, 20));
  const std::string twenty = svg(many);
  CHECK(fault_of_xml(twenty) == "");
  CHECK(twenty.find(">run 19<") != std::string::npos);
  many.resize(60, many[0]);
  CHECK(svg(many).find(">run 20<") == std::string::npos);
  CHECK(svg(many).find(" more<") != std::string::npos);
}

TEST_CASE("plot: an SVG of one point, of none, and of a hundred thousand") {
  const std::string point = svg({falling("one", 80, 1, 1)});
  CHECK(fault_of_xml(point) == "");
  CHECK(count(point, "<circle") >= 2);  // one is of training
  Run gaps = falling("gaps", 80, 2, 5);
  gaps.intervals[1].loss = gaps.intervals[3].loss = no_number;
  CHECK(count(svg({gaps}), "<circle") >= 3);
  for (const std::vector<Run>& nothing : {std::vector<Run>{}, std::vector<Run>{Run()}}) {
    CHECK(fault_of_xml(svg(nothing)) == "");
    CHECK(svg(nothing).find("no loss has been logged yet") != std::string::npos);
    CHECK(terminal_plot(nothing, 80, 24, false, true) == "no loss has been logged yet\n");
  }
  CHECK(svg({falling("long", 80, 40, 2500)}).size() < 60000);
  CHECK(terminal_plot({falling("long", 80, 40, 2500)}, 80, 24, false, true).size() < 10000);
}

TEST_CASE("plot: the text form of a small run") {
  const std::vector<Run> runs{heldout({400, 200, 120, 100}), falling("other", 150, 3, 2)};
  CHECK("\n" + terminal_plot(runs, 40, 12, false, false) == R"(
perplexity    aaa held-out  ... training
      |        aa
      |          aa
  300 +    .       aa
      |      .       aa
  200 +        bbbbb   aa
      |            .bbbbbbbbbbbb
      |                     aa .
      |                       aaaaaa
  100 +                             aaaa
      ++---------------+---------------+
epoch  0               2               4
a run    best 100.00 at epoch 4
b other  best 166.56 at epoch 3
)");
  CHECK("\n" + terminal_plot(runs, 40, 12, false, true) == R"(
perplexity      ⠤⠤ held-out  ⠐⠐ training
      │        ⠢⡀
      │         ⠈⠢⡀
  300 ┤    ⠁⠄     ⠈⠢⡀
      │      ⠂⡀     ⠈⠢⡀
  200 ┤        ⠍⡒⠒⠤⢄⣀ ⠈⠢⣀
      │          ⠁⠂⠄⠄⠍⡉⡒⡒⡓⠲⣒⠤⠤⠤b
      │                   ⠁⠁⠑⠥⡁⠁
      │                       ⠈⠑⠢⠤⣀⣀
  100 ┤                             ⠉⠑⠒a
      └┬───────────────┬───────────────┬
epoch  0               2               4
a run    best 100.00 at epoch 4
b other  best 166.56 at epoch 3
)");
}

TEST_CASE("plot: the text form is never wider than it may be, and has codes only where they are asked for") {
  std::vector<Run> runs{
      falling("a name \033[31m that is \xff very 模型 long " + std::string(300, 'x'), 80, 12, 30, 0.5),
      falling("b", 100, 9, 30)};
  runs[0].test_loss = 4.4;
  for (std::size_t width = 40; width <= 200; width += 20)
    for (const std::size_t height : {10U, 17U, 24U, 50U}) check_terminal(runs, width, height);
  for (int i = 0; i < 60; ++i) runs.push_back(falling(std::to_string(i), 90 + i, 5, 5));
  check_terminal(runs, 80, 24);
  CHECK(terminal_plot(runs, 0, 0, false, true) == terminal_plot(runs, 40, 10, false, true));
  CHECK(terminal_plot(runs, 80, 24, true, true).find("\033[38;5;166m") != std::string::npos);
}

TEST_CASE("plot: whatever numbers a log can hold, both forms are made") {
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  const std::vector<double> values{0,      -0.0,  1,      -1,       700,       -700,
                                   1e-300, 1e300, -1e300, infinity, -infinity, no_number};
  const std::vector<std::uint64_t> counts{0, 1, 2, 7, most - 1, most};
  std::uint32_t seed = 1;
  const auto next = [&](std::size_t n) { return (seed = seed * 1664525 + 1013904223) / 65536 % n; };
  for (int round = 0; round < 200; ++round) {
    std::vector<Run> runs(1 + next(3));
    for (Run& run : runs) {
      run.name = "run";
      if (next(3) == 0) run.settings = {{"steps_per_epoch", values[next(values.size())]}};
      if (next(9) == 0) run.settings = "text";
      if (next(3) == 0) run.test_loss = values[next(values.size())];
      const auto value = [&] { return next(2) == 0 ? 1.5 : values[next(values.size())]; };
      const auto whole = [&] { return counts[next(counts.size())]; };
      for (std::size_t n = next(6); n > 0; --n)
        run.intervals.push_back({whole(), whole(), whole(), value(), value(), value(), value()});
      for (std::size_t n = next(6); n > 0; --n)
        run.epochs.push_back({whole(), whole(), whole(), value(), value(), value(), value()});
    }
    const std::string picture = svg(runs);
    CHECK(fault_of_xml(picture) == "");
    CHECK(picture.find("nan") == std::string::npos);
    CHECK(picture.find("inf") == std::string::npos);
    if (picture.find("no loss has") == std::string::npos) check_terminal(runs, 40, 20);
  }
}

TEST_CASE("plot: the environment says whether texts are UTF-8") {
  const std::vector<const char*> names{"LC_ALL", "LC_CTYPE", "LANG"};
  std::vector<std::optional<std::string>> before;
  for (const char* name : names) {
    const char* const value = std::getenv(name);
    before.push_back(value == nullptr ? std::nullopt : std::optional<std::string>(value));
    unsetenv(name);
  }
  CHECK_FALSE(utf8_locale());
  setenv("LANG", "de_DE.UTF-8", 1);
  CHECK(utf8_locale());
  setenv("LC_CTYPE", "de_DE.ISO-8859-1", 1);
  CHECK_FALSE(utf8_locale());
  setenv("LC_ALL", "C.utf8", 1);
  CHECK(utf8_locale());
  setenv("LC_ALL", "", 1);
  CHECK_FALSE(utf8_locale());
  for (std::size_t i = 0; i < names.size(); ++i)
    before[i] ? setenv(names[i], before[i]->c_str(), 1) : unsetenv(names[i]);
}
