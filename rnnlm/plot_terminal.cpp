// The picture as text: curves of Braille dots, two by four in a character, or of letters where there is only
// ASCII. See plot.hpp.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iterator>

#include <fmt/format.h>

#include "curves.hpp"
#include "plot.hpp"

namespace xgrad {

namespace {

// Of the 256 colours that terminals have, those that are most like the SVG's.
constexpr int colours[] = {32, 166, 36, 175, 178, 74, 244};

constexpr std::size_t most_dotted = 6;

char letter(std::size_t run) {
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  return letters[run % letters.size()];
}

struct Style {
  bool colour, utf8;

  std::string painted(std::string_view text, std::size_t run) const {
    if (!colour) return std::string(text);
    return fmt::format("\033[38;5;{}m{}\033[0m", colours[run % std::size(colours)], text);
  }
};

// A rectangle of characters, on which dots are set.
class Canvas {
 public:
  Canvas(std::size_t columns, std::size_t rows, Style style)
      : columns_(columns), rows_(rows), style_(style), cells_(columns * rows) {}

  // Dots in a row and in a column.
  std::size_t width() const { return columns_ * (style_.utf8 ? 2 : 1); }
  std::size_t height() const { return rows_ * (style_.utf8 ? 4 : 1); }
  std::size_t x(const Axis& axis, double value) const { return at(axis.fraction(value), width()); }
  std::size_t y(const Axis& axis, double value) const { return at(1 - axis.fraction(value), height()); }
  std::size_t column(const Axis& axis, double value) const { return x(axis, value) * columns_ / width(); }
  std::size_t row(const Axis& axis, double value) const { return y(axis, value) * rows_ / height(); }

  // Draws a curve, with dots alone if it is `dotted`; returns the cells that it goes through.
  std::vector<std::size_t> draw(const std::vector<Point>& points, const Axis& along, const Axis& values,
                                std::size_t run, bool dotted) {
    std::vector<std::size_t> way;
    const Point* last = nullptr;
    const auto shown = visible(points, along, values, width());
    for (const Point& point : shown) {
      const bool is_gap = std::isnan(point.y);
      if (!is_gap) {
        const Point& from = last != nullptr ? *last : point;
        line(x(along, from.x), y(values, from.y), x(along, point.x), y(values, point.y), run, dotted, way);
      }
      last = is_gap ? nullptr : &point;
    }
    return way;
  }

  // The letter of a run at the end of its curve, or where no other letter is yet.
  void name(std::size_t run, const std::vector<std::size_t>& way) {
    const auto place =
        std::find_if(way.rbegin(), way.rend(), [&](std::size_t i) { return cells_[i].letter == 0; });
    if (place == way.rend()) return;
    cells_[*place].letter = letter(run);
    cells_[*place].run = run;
  }

  std::string line(std::size_t row) const {
    std::string result;
    for (auto cell = cells_.begin() + static_cast<std::ptrdiff_t>(row * columns_),
              end = cell + static_cast<std::ptrdiff_t>(columns_);
         cell != end;) {
      const auto first = cell;
      std::string text;
      for (; cell != end && cell->run == first->run && cell->empty() == first->empty(); ++cell)
        text += character(*cell);
      result += first->empty() ? text : style_.painted(text, first->run);
    }
    return result;
  }

 private:
  struct Cell {
    unsigned dots = 0;
    char letter = 0;
    std::size_t run = 0;

    bool empty() const { return dots == 0 && letter == 0; }
  };

  static std::size_t at(double fraction, std::size_t dots) {
    return static_cast<std::size_t>(
        std::lround(std::clamp(fraction, 0.0, 1.0) * static_cast<double>(dots - 1)));
  }

  void set(std::size_t x, std::size_t y, std::size_t run, bool dotted, std::vector<std::size_t>& way) {
    const std::size_t place = y * rows_ / height() * columns_ + x * columns_ / width();
    Cell& cell = cells_[place];
    cell.run = run;
    if (way.empty() || way.back() != place) way.push_back(place);
    if (!style_.utf8) {
      cell.letter = dotted ? '.' : letter(run);
      return;
    }
    // Dots are numbered down the left column, then down the right one, but the lowest two come last.
    constexpr unsigned bits[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    cell.dots |= bits[y % 4][x % 2];
  }

  // Bresenham's line; if it is dotted, one dot in every second column.
  void line(std::size_t x0, std::size_t y0, std::size_t x1, std::size_t y1, std::size_t run, bool dotted,
            std::vector<std::size_t>& way) {
    const auto number = [](std::size_t n) { return static_cast<std::ptrdiff_t>(n); };
    const std::ptrdiff_t dx = std::abs(number(x1) - number(x0)), dy = std::abs(number(y1) - number(y0));
    std::ptrdiff_t error = dx - dy;
    bool new_column = true;
    for (std::size_t x = x0, y = y0;;) {
      const bool end = x == x1 && y == y1;
      if (!dotted || (new_column && x % 2 == 0) || (x0 == x1 && y0 == y1)) set(x, y, run, dotted, way);
      if (end) return;
      new_column = false;
      const std::ptrdiff_t twice = 2 * error;
      if (twice > -dy) {
        error -= dy;
        x = x0 < x1 ? x + 1 : x - 1;
        new_column = true;
      }
      if (twice < dx) {
        error += dx;
        y = y0 < y1 ? y + 1 : y - 1;
      }
    }
  }

  std::string character(const Cell& cell) const {
    if (cell.letter != 0) return {cell.letter};
    if (cell.dots == 0) return " ";
    const unsigned code = 0x2800 + cell.dots;  // in UTF-8
    return {static_cast<char>(0xe0 | code >> 12), static_cast<char>(0x80 | (code >> 6 & 0x3f)),
            static_cast<char>(0x80 | (code & 0x3f))};
  }

  std::size_t columns_, rows_;
  Style style_;
  std::vector<Cell> cells_;
};

// The rows of a panel, with marks on its left that take `margin` columns.
std::string panel(const Canvas& canvas, std::size_t rows, const Axis& values, std::size_t margin,
                  Style style) {
  std::vector<std::string> labels(rows);
  for (const Tick& tick : values.ticks) labels[canvas.row(values, tick.at)] = tick.label;
  std::string result;
  for (std::size_t row = 0; row < rows; ++row) {
    const char* const edge = labels[row].empty() ? (style.utf8 ? "│" : "|") : (style.utf8 ? "┤" : "+");
    std::string line = fmt::format("{:>{}} {}{}", labels[row], margin - 2, edge, canvas.line(row));
    line.erase(line.find_last_not_of(' ') + 1);
    result += line + '\n';
  }
  return result;
}

// The axis of epochs or minutes and its labels.
std::string lower_axis(const Canvas& canvas, std::size_t columns, Over over, const Axis& along,
                       std::size_t margin, Style style) {
  std::vector<bool> marks(columns, false);
  std::string labels = over == Over::minutes ? "minute" : "epoch";
  labels.resize(margin + columns, ' ');
  std::size_t free = margin - 1;
  for (const Tick& tick : along.ticks) {
    const std::size_t column = canvas.column(along, tick.at), size = tick.label.size();
    marks[column] = true;
    const std::size_t begin = std::min(margin + column - std::min(margin + column, size / 2),
                                       labels.size() - std::min(labels.size(), size));
    if (begin < free || size > columns) continue;
    labels.replace(begin, size, tick.label);
    free = begin + size + 1;
  }
  labels.erase(labels.find_last_not_of(' ') + 1);
  std::string axis(margin - 1, ' ');
  axis += style.utf8 ? "└" : "+";
  for (const bool mark : marks) axis += mark ? (style.utf8 ? "┬" : "+") : (style.utf8 ? "─" : "-");
  return axis + '\n' + labels + '\n';
}

std::string results(const Curves& run, Over over) {
  std::string text;
  if (run.best)
    text =
        fmt::format("best {} at {} {:.{}g}", perplexity_text(run.best->y),
                    over == Over::minutes ? "minute" : "epoch", run.best->x, over == Over::minutes ? 3 : 6);
  if (run.test) text += fmt::format("{}test {}", text.empty() ? "" : ", ", perplexity_text(*run.test));
  return text.empty() ? "no held-out loss" : text;
}

std::string legend(const Picture& picture, std::size_t width, Style style) {
  std::size_t names = 0, numbers = 0;
  for (const Curves& run : picture.runs) {
    names = std::max(names, columns_of(fit_name(run.name, width, !style.utf8)));
    numbers = std::max(numbers, results(run, picture.over).size());
  }
  names = std::min(names, std::max(width - std::min(width, 4 + numbers), width / 4));
  std::string text;
  for (std::size_t i = 0; i < picture.runs.size(); ++i) {
    const Curves& run = picture.runs[i];
    std::string name = fit_name(run.name, names, !style.utf8);
    name.resize(name.size() + names - columns_of(name), ' ');
    text += fmt::format("{} {}  {:.{}}\n", style.painted(std::string(1, letter(i)), i), name,
                        results(run, picture.over), width - 4 - names);
  }
  return text;
}

}  // namespace

bool utf8_locale() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* const value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    std::string locale = value;
    std::transform(locale.begin(), locale.end(), locale.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return locale.find("utf-8") != std::string::npos || locale.find("utf8") != std::string::npos;
  }
  return false;
}

std::string terminal_plot(const std::vector<Run>& runs, std::size_t width, std::size_t height, bool colour,
                          bool utf8, Over over) {
  const Style style{colour, utf8};
  width = std::max<std::size_t>(width, 40);
  height = std::max<std::size_t>(height, 10);
  const Picture picture = make_picture(runs, {width / 10, height / 3, 2}, over);
  if (picture.empty) return "no loss has been logged yet\n";

  std::size_t margin = 7;
  for (const Axis* axis : {&picture.perplexity, picture.rate ? &*picture.rate : nullptr})
    if (axis != nullptr)
      for (const Tick& tick : axis->ticks) margin = std::max(margin, tick.label.size() + 2);
  const std::size_t columns = width - margin, rate_rows = picture.rate && height >= 18 ? height / 6 : 0;
  const std::size_t rows = height - 3 - (rate_rows > 0 ? rate_rows + 1 : 0);

  // The dots of many runs would fill the picture.
  const auto dotted = [&](const Curves& run) { return runs.size() <= most_dotted || !run.best; };
  Canvas main(columns, rows, style);
  for (std::size_t run = 0; run < runs.size(); ++run)
    if (const Curves& curves = picture.runs[run]; dotted(curves))
      main.draw(averages(curves.training, picture.along, columns), picture.along, picture.perplexity, run,
                true);
  std::vector<std::vector<std::size_t>> ways;
  for (std::size_t run = 0; run < runs.size(); ++run)
    ways.push_back(main.draw(picture.runs[run].heldout, picture.along, picture.perplexity, run, false));
  if (utf8)
    for (std::size_t run = 0; run < runs.size(); ++run) main.name(run, ways[run]);

  std::string key = utf8 ? "⠤⠤ held-out" : "aaa held-out";
  if (std::any_of(picture.runs.begin(), picture.runs.end(), dotted))
    key += utf8 ? "  ⠐⠐ training" : "  ... training";
  std::string text = "perplexity";
  text.resize(width - columns_of(key), ' ');
  text += key + '\n' + panel(main, rows, picture.perplexity, margin, style);
  if (rate_rows > 0) {
    Canvas small(columns, rate_rows, style);
    for (std::size_t run = 0; run < runs.size(); ++run)
      small.draw(picture.runs[run].rate, picture.along, *picture.rate, run, false);
    text += "rate\n" + panel(small, rate_rows, *picture.rate, margin, style);
  }
  return text + lower_axis(main, columns, over, picture.along, margin, style) + legend(picture, width, style);
}

}  // namespace xgrad
