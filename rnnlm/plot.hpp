// Pictures of training runs: training and held-out perplexity over epochs or time, on a logarithmic scale,
// and below them the learning rate where it changes. Start with svg, or with terminal_plot where there is
// only text.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "curves.hpp"
#include "log.hpp"

namespace xgrad {

/// The size of a picture in pixels; what is smaller than 480 by 300 counts as that.
struct SvgOptions {
  std::size_t width = 800, height = 500;  ///< of the whole picture
  Over over = Over::epochs;               ///< what the curves are drawn over
};

/// The runs as an SVG 1.1 file on a white ground: training loss thin, held-out loss bold with marks at the
/// ends of epochs. The colours are those of Okabe and Ito, https://jfly.uni-koeln.de/color/, that stand out
/// from white; the shapes of the marks tell runs of the same colour apart. The legend has each run's lowest
/// held-out perplexity.
std::string svg(const std::vector<Run>& runs, const SvgOptions& options = {});

/// Whether the environment (LC_ALL, LC_CTYPE, LANG, in that order) says that texts are UTF-8.
bool utf8_locale();

/// The same as text, each line at most `width` columns wide and ended by a newline: `height` lines of picture
/// and one of legend for each run. The held-out loss is a line, of a letter for each run where there is no
/// Braille; the training loss, averaged over columns, is dots, left out where more than six runs would fill
/// the picture with them. Less than 40 columns and 10 lines counts as that.
std::string terminal_plot(const std::vector<Run>& runs, std::size_t width, std::size_t height, bool colour,
                          bool utf8 = utf8_locale(), Over over = Over::epochs);

}  // namespace xgrad
