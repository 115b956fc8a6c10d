// What a picture of training runs shows, before it is drawn: curves, axes with round marks, and names that
// fit. plot_svg.cpp and plot_terminal.cpp draw it. Start with make_picture.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "log.hpp"

namespace xgrad {

/// What curves are drawn over.
enum class Over { epochs, minutes };

/// A point of a curve, in the coordinates of its axes.
struct Point {
  double x;  ///< epochs or minutes since the run began
  double y;  ///< NaN where the curve has a gap
};

/// The curves of one run, each from left to right.
struct Curves {
  std::string name;             ///< of the run
  std::vector<Point> training;  ///< losses: of intervals, or of epochs where these are more
  std::vector<Point> heldout;   ///< losses at the ends of the epochs
  std::vector<Point> rate;      ///< learning rates, or their logarithms
  std::optional<Point> best;    ///< the lowest held-out loss
  std::optional<double> test;   ///< the test loss
};

/// A mark on an axis.
struct Tick {
  double at;          ///< in the coordinates of the axis
  std::string label;  ///< the number there, for people
};

/// A scale with round marks, in the order of their values.
struct Axis {
  double low = 0, high = 1;  ///< its ends
  std::vector<Tick> ticks;   ///< its marks

  /// Where `value` is, from 0 at `low` to 1 at `high`.
  double fraction(double value) const { return (value - low) / (high - low); }
};

/// How many marks an axis has at most.
struct Marks {
  std::size_t along, perplexity, rate;  ///< of each of the three
};

/// All that is drawn.
struct Picture {
  std::vector<Curves> runs;  ///< in the order that was given
  Over over;                 ///< what `along` measures
  Axis along;                ///< from 0
  Axis perplexity;           ///< of losses, marked by perplexities
  std::optional<Axis> rate;  ///< if the rate changes in a run; by logarithms if it changes much
  bool empty = true;         ///< no run has a point
};

/// Curves and axes of the runs. Losses that are no perplexity a double can hold are gaps. Where there are
/// held-out losses, training losses that are much higher, as at the beginning, are out of range, since the
/// interest is in the others.
Picture make_picture(const std::vector<Run>& runs, const Marks& most, Over over = Over::epochs);

/// What is seen of a curve where `along` is drawn `columns` wide: the lowest and the highest point of each
/// column, and where the curve leaves the range of `values` its last point in it, then a gap.
std::vector<Point> visible(const std::vector<Point>& points, const Axis& along, const Axis& values,
                           std::size_t columns);

/// The mean of each column of a curve, where `along` is drawn `columns` wide.
std::vector<Point> averages(const std::vector<Point>& points, const Axis& along, std::size_t columns);

/// The perplexity of a loss as a number for people.
std::string perplexity_text(double loss);

/// Columns that a text of UTF-8 takes on a terminal: two for a wide character, none for one that joins the
/// last.
std::size_t columns_of(std::string_view text);

/// A name that somebody chose, in at most `columns` columns, its middle left out if need be. What is not
/// UTF-8, controls, and what XML forbids become U+FFFD; with `ascii` all that is not ASCII becomes '?'.
std::string fit_name(std::string_view name, std::size_t columns, bool ascii = false);

}  // namespace xgrad
