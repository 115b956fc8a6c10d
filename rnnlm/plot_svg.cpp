// The picture as SVG; see plot.hpp.
#include <algorithm>
#include <cmath>
#include <iterator>

#include <fmt/format.h>

#include "curves.hpp"
#include "plot.hpp"

namespace xgrad {

namespace {

constexpr const char* colours[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                   "#E69F00", "#56B4E9", "#000000"};
constexpr const char* ink = "#333333";
constexpr const char* faint = "#E2E2E2";

const char* colour(std::size_t run) { return colours[run % std::size(colours)]; }

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) switch (c) {
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '&':
        result += "&amp;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        result += c;
    }
  return result;
}

// A rectangle with two axes.
struct Panel {
  double left, top, width, height;

  double x(const Axis& axis, double value) const { return left + width * axis.fraction(value); }
  double y(const Axis& axis, double value) const { return top + height * (1 - axis.fraction(value)); }
  double right() const { return left + width; }
  double bottom() const { return top + height; }
};

class Drawing {
 public:
  Drawing(std::size_t width, std::size_t height) {
    text_ = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
        "font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\" font-size=\"12\" fill=\"{2}\">\n"
        "<rect width=\"{0}\" height=\"{1}\" fill=\"#FFFFFF\"/>\n",
        width, height, ink);
  }

  void line(double x1, double y1, double x2, double y2, const char* stroke, double width = 1) {
    text_ += fmt::format(
        "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\" stroke-width=\"{}\"/>\n",
        x1, y1, x2, y2, stroke, width);
  }
  void write(double x, double y, const char* anchor, std::string_view text) {
    text_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n", x, y, anchor,
                         escaped(text));
  }

  // A line through the points, broken at gaps; what stands alone is a dot.
  void curve(const Panel& panel, const Axis& along, const Axis& values, const std::vector<Point>& points,
             const char* stroke, double width, double opacity = 1) {
    std::string path;
    const auto shown = visible(points, along, values, static_cast<std::size_t>(panel.width));
    const auto is_gap = [&](std::size_t i) { return i >= shown.size() || std::isnan(shown[i].y); };
    for (std::size_t i = 0; i < shown.size(); ++i) {
      if (is_gap(i)) continue;
      const double x = panel.x(along, shown[i].x), y = panel.y(values, shown[i].y);
      const bool first = i == 0 || is_gap(i - 1);
      if (first && is_gap(i + 1))
        dot(x, y, width + 0.5, stroke);
      else
        path += fmt::format("{}{:.1f} {:.1f}", first ? 'M' : 'L', x, y);
    }
    if (path.empty()) return;
    text_ += fmt::format(
        "<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" stroke-opacity=\"{}\" "
        "stroke-linejoin=\"round\"/>\n",
        path, stroke, width, opacity);
  }

  // Circle, square, triangle or rhomb.
  void mark(double x, double y, std::size_t run) {
    const char* const fill = colour(run);
    switch (run / std::size(colours) % 4) {
      case 0:
        dot(x, y, 3.5, fill);
        break;
      case 1:
        shape("M{:.1f} {:.1f}m-3.5 -3.5h7v7h-7z", x, y, fill);
        break;
      case 2:
        shape("M{:.1f} {:.1f}m0 -5l5 8.5h-10z", x, y, fill);
        break;
      default:
        shape("M{:.1f} {:.1f}m0 -5.5l4 5.5l-4 5.5l-4 -5.5z", x, y, fill);
    }
  }

  std::string finish() && { return std::move(text_) + "</svg>\n"; }

 private:
  void dot(double x, double y, double radius, const char* fill) {
    text_ += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\" fill=\"{}\"/>\n", x, y, radius, fill);
  }
  void shape(const char* path, double x, double y, const char* fill) {
    text_ += fmt::format("<path d=\"{}\" fill=\"{}\"/>\n", fmt::format(fmt::runtime(path), x, y), fill);
  }

  std::string text_;
};

void draw_grid(Drawing& drawing, const Panel& panel, const Axis& along, const Axis& values, bool labels) {
  for (const Tick& tick : values.ticks) {
    const double y = panel.y(values, tick.at);
    drawing.line(panel.left, y, panel.right(), y, faint);
    drawing.write(panel.left - 6, y + 4, "end", tick.label);
  }
  for (const Tick& tick : along.ticks) {
    const double x = panel.x(along, tick.at);
    drawing.line(x, panel.top, x, panel.bottom(), faint);
    drawing.line(x, panel.bottom(), x, panel.bottom() + 4, ink);
    if (labels) drawing.write(x, panel.bottom() + 17, "middle", tick.label);
  }
  drawing.line(panel.left, panel.top, panel.left, panel.bottom(), ink);
  drawing.line(panel.left, panel.bottom(), panel.right(), panel.bottom(), ink);
}

// The marks of a curve, not more than stand apart from each other, and the last one.
void draw_marks(Drawing& drawing, const Panel& panel, const Picture& picture, std::size_t run) {
  double next = -1;
  for (auto point = picture.runs[run].heldout.rbegin(); point != picture.runs[run].heldout.rend(); ++point) {
    const double x = panel.x(picture.along, point->x);
    if (std::isnan(point->y) || (next >= 0 && x > next)) continue;
    drawing.mark(x, panel.y(picture.perplexity, point->y), run);
    next = x - 14;
  }
}

void draw_key(Drawing& drawing, double right, double y, const char* stroke, const std::string& heldout) {
  const double text = 7 * static_cast<double>(heldout.size());
  drawing.write(right, y, "end", heldout);
  drawing.line(right - text - 32, y - 4, right - text - 6, y - 4, stroke, 2.5);
  drawing.write(right - text - 46, y, "end", "training");
  drawing.line(right - text - 126, y - 4, right - text - 100, y - 4, stroke, 1);
}

// Names, with the lowest held-out perplexities, from `left` on; as many as there is room for.
void draw_legend(Drawing& drawing, const Picture& picture, double left, double top, double right,
                 double bottom, std::size_t columns) {
  constexpr double row = 18;
  drawing.write(right, top, "end", "best held-out");
  const auto rows = static_cast<std::size_t>((bottom - top) / row);
  const std::size_t runs = picture.runs.size(), shown = runs <= rows ? runs : rows - 1;
  double y = top + row;
  for (std::size_t run = 0; run < shown; ++run, y += row) {
    const Curves& curves = picture.runs[run];
    drawing.line(left, y - 4, left + 20, y - 4, colour(run), 2.5);
    drawing.mark(left + 10, y - 4, run);
    drawing.write(left + 27, y, "start", fit_name(curves.name, columns));
    drawing.write(right, y, "end", curves.best ? perplexity_text(curves.best->y) : "-");
  }
  if (shown < runs) drawing.write(left + 27, y, "start", fmt::format("and {} more", runs - shown));
}

}  // namespace

std::string svg(const std::vector<Run>& runs, const SvgOptions& options) {
  const std::size_t width = std::max<std::size_t>(options.width, 480);
  const std::size_t height = std::max<std::size_t>(options.height, 300);
  const auto right = static_cast<double>(width) - 16, bottom = static_cast<double>(height) - 44;
  constexpr double left = 66, top = 44, rate_height = 66, between = 22;
  const bool legend = runs.size() > 1;
  std::size_t columns = 8;
  for (const Run& run : runs) columns = std::max(columns, columns_of(fit_name(run.name, width / 33)));
  const double legend_left = right - 89 - 6.6 * static_cast<double>(columns);
  const double panels_right = legend ? legend_left - 14 : right, panels_width = panels_right - left;

  Drawing drawing(width, height);
  const Picture picture =
      make_picture(runs, {static_cast<std::size_t>(panels_width / 50), height / 50, 3}, options.over);
  if (picture.empty) {
    drawing.write(right / 2, bottom / 2, "middle", "no loss has been logged yet");
    return std::move(drawing).finish();
  }
  const Panel main{left, top, panels_width, bottom - top - (picture.rate ? rate_height + between : 0)};
  const bool many = runs.size() > 8;

  drawing.write(left - 56, top - 16, "start",
                legend ? "perplexity" : "perplexity of " + fit_name(runs[0].name, (width - 360) / 8));
  draw_key(drawing, panels_right, top - 16, legend ? ink : colour(0),
           legend || !picture.runs[0].best ? "held-out"
                                           : "held-out, best " + perplexity_text(picture.runs[0].best->y));
  draw_grid(drawing, main, picture.along, picture.perplexity, !picture.rate);
  for (std::size_t run = 0; run < picture.runs.size(); ++run)
    drawing.curve(main, picture.along, picture.perplexity, picture.runs[run].training, colour(run), 1,
                  many ? 0.3 : 0.6);
  for (std::size_t run = 0; run < picture.runs.size(); ++run) {
    drawing.curve(main, picture.along, picture.perplexity, picture.runs[run].heldout, colour(run),
                  many ? 1.5 : 2.5);
    draw_marks(drawing, main, picture, run);
  }
  if (picture.rate) {
    const Panel small{left, bottom - rate_height, panels_width, rate_height};
    drawing.write(left - 56, small.top - 8, "start", "rate");
    draw_grid(drawing, small, picture.along, *picture.rate, true);
    for (std::size_t run = 0; run < picture.runs.size(); ++run)
      drawing.curve(small, picture.along, *picture.rate, picture.runs[run].rate, colour(run), 1.5);
  }
  drawing.write(panels_right, bottom + 34, "end", picture.over == Over::minutes ? "minutes" : "epoch");
  if (legend) draw_legend(drawing, picture, legend_left, top - 16, right, bottom, columns);
  return std::move(drawing).finish();
}

}  // namespace xgrad
