// See curves.hpp.
#include "curves.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <map>
#include <numbers>

#include <fmt/format.h>

namespace xgrad {

namespace {

constexpr double gap = std::numeric_limits<double>::quiet_NaN();
constexpr double largest_loss = 700;  // whose perplexity is a double

double loss_or_gap(double loss) { return std::abs(loss) <= largest_loss ? loss : gap; }
double rate_or_gap(double rate) { return std::abs(rate) <= 1e100 ? rate : gap; }

// Where steps are, in epochs: the lines of epochs say where these end.
class Positions {
 public:
  explicit Positions(const Run& run) {
    for (const Epoch& epoch : run.epochs)
      ends_[static_cast<double>(epoch.epoch)] = static_cast<double>(epoch.step);
    if (run.settings.is_object() && run.settings.contains("steps_per_epoch") &&
        run.settings["steps_per_epoch"].is_number())
      steps_ = run.settings["steps_per_epoch"].get<double>();
    else if (!ends_.empty())
      steps_ = ends_.begin()->second / ends_.begin()->first;
    else if (!run.intervals.empty())  // all that is known: the first epoch has at least so many
      steps_ = static_cast<double>(run.intervals.back().step);
    if (!(steps_ > 0 && steps_ < largest)) steps_ = 1;
  }

  double operator()(const Interval& interval) const {
    const auto epoch = static_cast<double>(interval.epoch), step = static_cast<double>(interval.step);
    const auto before = ends_.find(epoch - 1), end = ends_.find(epoch);
    const double first = before != ends_.end() ? before->second : (epoch - 1) * steps_;
    const double last = end != ends_.end() ? end->second : first + steps_;
    const double done = last > first ? (step - first) / (last - first) : 1;
    return std::max(0.0, epoch - 1 + std::clamp(done, 0.0, 1.0));
  }

 private:
  static constexpr double largest = 1e18;
  std::map<double, double> ends_;
  double steps_ = 1;
};

void sort(std::vector<Point>& points) {
  std::stable_sort(points.begin(), points.end(), [](const Point& a, const Point& b) { return a.x < b.x; });
}

template <class Lines, class Position, class Value>
std::vector<Point> points_of(const Lines& lines, const Position& position, const Value& value) {
  std::vector<Point> points;
  for (const auto& line : lines) points.push_back({position(line), value(line)});
  sort(points);
  return points;
}

std::size_t count(const std::vector<Point>& points) {
  return static_cast<std::size_t>(
      std::count_if(points.begin(), points.end(), [](const Point& point) { return !std::isnan(point.y); }));
}

double minutes(double seconds) { return std::isfinite(seconds) ? std::clamp(seconds / 60, 0.0, 1e12) : 0; }

Curves curves_of(const Run& run, Over over) {
  const Positions positions(run);
  const auto in_epoch = [&](const Interval& interval) {
    return over == Over::minutes ? minutes(interval.seconds) : positions(interval);
  };
  const auto at_end = [&](const Epoch& epoch) {
    return over == Over::minutes ? minutes(epoch.seconds) : static_cast<double>(epoch.epoch);
  };
  const auto loss = [](const auto& line) { return loss_or_gap(line.loss); };
  const auto rate = [](const auto& line) { return rate_or_gap(line.rate); };
  Curves curves{
      run.name,
      points_of(run.intervals, in_epoch, loss),
      points_of(run.epochs, at_end, [](const Epoch& epoch) { return loss_or_gap(epoch.valid_loss); }),
      points_of(run.intervals, in_epoch, rate),
      std::nullopt,
      std::nullopt};
  const auto epochs = points_of(run.epochs, at_end, loss);
  if (count(epochs) > count(curves.training)) {
    curves.training = epochs;
    curves.rate = points_of(run.epochs, at_end, rate);
  }
  for (const Point& point : curves.heldout)
    if (!std::isnan(point.y) && (!curves.best || point.y < curves.best->y)) curves.best = point;
  if (run.test_loss && std::abs(*run.test_loss) <= largest_loss) curves.test = run.test_loss;
  return curves;
}

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  void add(const std::vector<Point>& points) {
    for (const Point& point : points) {
      low = std::fmin(low, point.y);  // which leaves NaN out
      high = std::fmax(high, point.y);
    }
  }
};

// A number that is a multiple of `step`.
std::string linear_label(double value, double step) {
  if (std::abs(value) >= 1e6 || step < 1e-6) return fmt::format("{:.6g}", value);
  return fmt::format("{:.{}f}", value, std::max(0, -static_cast<int>(std::floor(std::log10(step) + 1e-9))));
}

// Multiples of 1, 2 or 5 times a power of ten, at most `most`.
std::vector<Tick> linear_ticks(double low, double high, std::size_t most, double least_step = 0) {
  const double rough = (high - low) / static_cast<double>(std::max<std::size_t>(most, 1));
  const double power = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1, 2, 5, 10, 20, 50, 100}) {
    const double step = power * factor;
    if (step < least_step) continue;
    const double first = std::ceil(low / step), last = std::floor(high / step);
    if (last - first + 1 > static_cast<double>(most)) continue;
    std::vector<Tick> ticks;
    for (double k = first; k <= last; ++k)
      ticks.push_back({k * step, linear_label(k * step + 0.0, step)});  // not -0
    return ticks;
  }
  return {};
}

std::string power_label(double digit, int power) {
  if (power >= -3 && power < 6) return fmt::format("{:.6g}", digit * std::pow(10, power));
  return fmt::format("{:.6g}e{}", digit, power);
}

// The numbers between e^low and e^high that have one of `digits` before zeros only; of the powers of ten
// every n-th.
std::vector<Tick> decade_ticks(double low, double high, std::initializer_list<double> digits, int n = 1) {
  std::vector<Tick> ticks;
  for (int power = static_cast<int>(std::floor(low / std::numbers::ln10)); power * std::numbers::ln10 <= high;
       ++power) {
    if (power % n != 0) continue;
    for (const double digit : digits) {
      const double at = power * std::numbers::ln10 + std::log(digit);
      if (at >= low && at <= high) ticks.push_back({at, power_label(digit, power)});
    }
  }
  return ticks;
}

// Round numbers between e^low and e^high, at their logarithms.
std::vector<Tick> logarithmic_ticks(double low, double high, std::size_t most) {
  if (high - low < std::log(3)) {
    auto ticks = linear_ticks(std::exp(low), std::exp(high), most);
    for (Tick& tick : ticks) tick.at = std::log(tick.at);
    return ticks;
  }
  using Digits = std::initializer_list<double>;
  for (const Digits& digits :
       {Digits{1, 1.5, 2, 3, 4, 5, 6, 8}, Digits{1, 2, 3, 5}, Digits{1, 2, 5}, Digits{1, 3}}) {
    auto ticks = decade_ticks(low, high, digits);
    if (ticks.size() <= most) return ticks;
  }
  for (const int n : {1, 2, 5, 10, 20, 50, 100, 200, 500}) {
    auto ticks = decade_ticks(low, high, {1}, n);
    if (ticks.size() <= most) return ticks;
  }
  return {};
}

// A little more than the range, and never nothing.
Axis around(const Range& range, double least) {
  const double margin = std::max(0.04 * (range.high - range.low), least);
  return {range.low - margin, range.high + margin, {}};
}

bool changes(const std::vector<Point>& points) {
  Range range;
  range.add(points);
  return range.low < range.high;
}

std::optional<Axis> rate_axis(std::vector<Curves>& runs, std::size_t most) {
  if (std::none_of(runs.begin(), runs.end(), [](const Curves& run) { return changes(run.rate); }))
    return std::nullopt;
  Range range;
  for (const Curves& run : runs) range.add(run.rate);
  if (range.low > 0 && range.high > 10 * range.low) {
    for (Curves& run : runs)
      for (Point& point : run.rate) point.y = std::log(point.y);
    Axis axis = around({std::log(range.low), std::log(range.high)}, 0);
    axis.ticks = logarithmic_ticks(axis.low, axis.high, most);
    return axis;
  }
  Axis axis = around({std::min(range.low, 0.0), std::max(range.high, 0.0)}, 0);
  axis.ticks = linear_ticks(axis.low, axis.high, most);
  return axis;
}

// Calls `add` with the first point of each column and the one after its last.
template <class Add>
void for_each_column(const std::vector<Point>& points, const Axis& along, std::size_t columns,
                     const Add& add) {
  const auto column = [&](const Point& point) {
    return std::floor(along.fraction(point.x) * static_cast<double>(columns));
  };
  for (auto begin = points.begin(); begin != points.end();) {
    const double here = column(*begin);
    const auto end =
        std::find_if(begin, points.end(), [&](const Point& point) { return column(point) != here; });
    add(begin, end);
    begin = end;
  }
}

std::vector<Point> clip(const std::vector<Point>& points, const Axis& values) {
  std::vector<Point> result;
  const auto inside = [&](const Point& point) { return point.y >= values.low && point.y <= values.high; };
  for (std::size_t i = 0; i < points.size(); ++i) {
    const Point& point = points[i];
    const bool connected = i > 0 && !std::isnan(points[i - 1].y) && !std::isnan(point.y);
    if (connected && inside(points[i - 1]) != inside(point)) {
      const Point &in = inside(point) ? point : points[i - 1], &out = inside(point) ? points[i - 1] : point;
      const double edge = out.y > values.high ? values.high : values.low;
      result.push_back({in.x + (edge - in.y) / (out.y - in.y) * (out.x - in.x), edge});
    }
    result.push_back(inside(point) ? point : Point{point.x, gap});
  }
  return result;
}

// A character of a text, or U+FFFD for a byte that begins none.
struct Character {
  std::uint32_t code;
  std::size_t bytes;
};

constexpr std::uint32_t replacement = 0xfffd;

Character first_of(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::uint32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t bytes = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  if (bytes == 0 || text.size() < bytes) return {replacement, 1};
  std::uint32_t code = lead & (0x7fU >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0U) != 0x80) return {replacement, 1};
    code = code << 6 | (byte(i) & 0x3fU);
  }
  const bool overlong = (bytes == 3 && code < 0x800) || (bytes == 4 && code < 0x10000);
  if (overlong || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return {replacement, 1};
  return {code, bytes};
}

struct CodeRange {
  std::uint32_t first, last;
};

template <std::size_t n>
bool among(std::uint32_t code, const CodeRange (&ranges)[n]) {
  return std::any_of(ranges, ranges + n,
                     [&](const CodeRange& range) { return code >= range.first && code <= range.last; });
}

// Controls, marks that turn the direction of text, and what XML 1.0 does not allow.
bool forbidden(std::uint32_t code) {
  static constexpr CodeRange ranges[] = {{0, 0x1f},        {0x7f, 0x9f},     {0x61c, 0x61c},
                                         {0x200e, 0x200f}, {0x2028, 0x202e}, {0x2066, 0x2069},
                                         {0xfeff, 0xfeff}, {0xfffe, 0xffff}};
  return among(code, ranges);
}

// About what Unicode's East Asian Width says; names of runs are seldom in other scripts.
std::size_t columns_of(std::uint32_t code) {
  static constexpr CodeRange joined[] = {
      {0x300, 0x36f}, {0x200b, 0x200d}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}};
  static constexpr CodeRange wide[] = {{0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},
                                       {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},
                                       {0xff00, 0xff60},   {0xffe0, 0xffe6},   {0x1f300, 0x1f64f},
                                       {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};
  return among(code, joined) ? 0 : among(code, wide) ? 2 : 1;
}

}  // namespace

Picture make_picture(const std::vector<Run>& runs, const Marks& most, Over over) {
  Picture picture;
  picture.over = over;
  for (const Run& run : runs) picture.runs.push_back(curves_of(run, over));
  Range losses, heldout;
  double last = 0;
  for (const Curves& run : picture.runs) {
    heldout.add(run.heldout);
    for (const auto* points : {&run.training, &run.heldout}) {
      losses.add(*points);
      if (!points->empty()) last = std::max(last, points->back().x);
    }
  }
  picture.empty = !(losses.low <= losses.high);
  if (picture.empty) return picture;
  picture.along.high = last > 0 ? last : 1;
  picture.along.ticks = linear_ticks(0, picture.along.high, most.along, picture.along.high >= 3 ? 1 : 0);
  if (heldout.low <= heldout.high) losses.high = std::min(losses.high, heldout.high + std::log(3));
  picture.perplexity = around(losses, 0.002);
  picture.perplexity.ticks =
      logarithmic_ticks(picture.perplexity.low, picture.perplexity.high, most.perplexity);
  picture.rate = rate_axis(picture.runs, most.rate);
  return picture;
}

std::vector<Point> visible(const std::vector<Point>& points, const Axis& along, const Axis& values,
                           std::size_t columns) {
  std::vector<Point> extremes;
  for_each_column(points, along, columns, [&](auto begin, auto end) {
    auto low = begin, high = begin;
    for (auto point = begin; point != end; ++point) {
      if (std::isnan(point->y)) continue;
      if (!(low->y <= point->y)) low = point;
      if (!(high->y >= point->y)) high = point;
    }
    extremes.push_back(*std::min(low, high));
    if (low != high) extremes.push_back(*std::max(low, high));
  });
  return clip(extremes, values);
}

std::vector<Point> averages(const std::vector<Point>& points, const Axis& along, std::size_t columns) {
  std::vector<Point> result;
  for_each_column(points, along, columns, [&](auto begin, auto end) {
    Point sum{0, 0};
    double n = 0;
    for (auto point = begin; point != end; ++point)
      if (!std::isnan(point->y)) sum = {sum.x + point->x, sum.y + point->y}, ++n;
    result.push_back(n > 0 ? Point{sum.x / n, sum.y / n} : Point{begin->x, gap});
  });
  return result;
}

std::string perplexity_text(double loss) {
  const double perplexity = std::exp(loss);
  return perplexity >= 0.1 && perplexity < 1e5 ? fmt::format("{:.2f}", perplexity)
                                               : fmt::format("{:.2e}", perplexity);
}

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const Character c = first_of(text);
    columns += columns_of(c.code);
    text.remove_prefix(c.bytes);
  }
  return columns;
}

std::string fit_name(std::string_view name, std::size_t columns, bool ascii) {
  const std::string_view dots = ascii ? "..." : "…";
  std::vector<std::string> shown;
  while (!name.empty()) {
    const Character c = first_of(name);
    if (ascii && (c.code >= 0x80 || forbidden(c.code)))
      shown.emplace_back("?");
    else if (c.code == replacement || forbidden(c.code))
      shown.emplace_back("\xef\xbf\xbd");
    else
      shown.emplace_back(name.substr(0, c.bytes));
    name.remove_prefix(c.bytes);
  }
  std::string result;
  std::size_t size = 0;
  for (const std::string& character : shown) size += columns_of(character);
  if (size <= columns) {
    for (const std::string& character : shown) result += character;
    return result;
  }
  if (columns < columns_of(dots)) return std::string(columns, '.');
  const std::size_t rest = columns - columns_of(dots);
  std::size_t head = 0, tail = shown.size();
  for (std::size_t used = 0; (used += columns_of(shown[head])) <= rest / 2; ++head) result += shown[head];
  result += dots;
  for (std::size_t used = 0; (used += columns_of(shown[tail - 1])) <= rest - rest / 2;) --tail;
  while (tail < shown.size()) result += shown[tail++];
  return result;
}

}  // namespace xgrad
