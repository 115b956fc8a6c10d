// rnnlm eval; see use.hpp.
#include <cmath>
#include <filesystem>
#include <numeric>

#include <fmt/format.h>

#include <xgrad/autograd/parameters/quote.hpp>
#include <xgrad/models/evaluate.hpp>

#include "memory.hpp"
#include "model.hpp"
#include "text.hpp"
#include "use.hpp"

namespace xgrad {

void eval(const Settings& settings) {
  const ModelFile file(settings.files[0]);
  const std::string& level = file.settings.level;
  std::error_code ignored;
  std::string path = *settings.train.data;
  if (std::filesystem::is_directory(path, ignored)) path = split_file(path, "test").string();
  const std::string text = read_text(path, level);
  const auto tokens = split_file_text(path, text, level);
  if (tokens.empty()) throw BadData("text", quote_file(path) + " is empty");
  std::size_t unknown = 0;
  std::vector<Vocabulary::Id> ids = numbered(tokens, file.vocabulary, unknown);
  ids.insert(ids.begin(), sentence_end(file.vocabulary, level).value_or(ids.front()));

  const Model<double> model(file);
  const auto losses = with_memory_for("a window", "lower --window",
                                      [&] { return token_losses(model.network, ids, settings.eval_window); });
  const double total = std::accumulate(losses.begin(), losses.end(), 0.0), bits = total / std::log(2);
  const auto count = static_cast<double>(losses.size());
  fmt::print("{}: {} tokens, {} of them unknown\n", quote_file(path), losses.size(), unknown);
  fmt::print("loss {:.10f} nats, {:.6f} bits a token\n", total / count, bits / count);
  std::size_t characters = 0;
  for (const char c : text) characters += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
  // An unknown word is only said to be unknown, so that its letters cost nothing.
  if (level == "word" && unknown == 0)
    fmt::print("{:.6f} bits a character\n", bits / static_cast<double>(characters));
  fmt::print("perplexity {:.10g}\n", std::exp(total / count));
}

}  // namespace xgrad
