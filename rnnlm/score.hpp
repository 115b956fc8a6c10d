// What `rnnlm score` reads, apart from the model: lines, n-best lists, and the column of another model. Start
// with `score`.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "model.hpp"

namespace xgrad {

/// Calls f(line, number) for each line, counted from 1, without its end: LF, CR, or CR and LF. A last line
/// needs none.
template <class F>
void for_each_line(std::string_view text, F f) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t size = std::min(text.find_first_of("\r\n"), text.size());
    f(text.substr(0, size), number);
    text.remove_prefix(size);
    text.remove_prefix(text.starts_with("\r\n") ? 2 : text.empty() ? 0 : 1);
  }
}

/// A line of an n-best list, as Moses writes them.
struct NBestLine {
  std::string_view id;    ///< of the sentence
  std::string_view text;  ///< a candidate for it
};

/// Reads 'id ||| text', or 'id ||| text ||| ...'. Throws BadData, naming the file and the line.
NBestLine read_nbest(std::string_view line, const std::string& name, std::size_t number);

/// Reads log10 probabilities, one a line. Throws BadData, naming the file and the line.
std::vector<double> read_column(std::string_view text, const std::string& name);

/// Prints the scores of a text, or its candidates ranked, as the settings say; errors call the text `name`.
/// Throws NoInput and BadData for the text and for the column.
void score(const ModelFile& file, const Model<double>& model, const std::string& text,
           const std::string& name, const Settings& settings);

}  // namespace xgrad
