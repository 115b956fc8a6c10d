// Reading, with every id checked, and writing; see prepared.hpp.
#include "prepared.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <xgrad/autograd/config.hpp>
#include <xgrad/autograd/parameters/quote.hpp>

#include "files.hpp"

namespace xgrad {

namespace {

constexpr const char* format = "xgrad text 1";
constexpr std::array<const char*, 3> names{"train", "valid", "test"};

// The elements of a tensor of type U, aligned as the file's writer lays them out.
template <class U>
std::span<const U> elements(const safetensors::Tensor& tensor) {
  return {reinterpret_cast<const U*>(tensor.bytes.data()), tensor.bytes.size() / sizeof(U)};
}

bool is_aligned(const safetensors::Tensor& tensor, std::size_t width) {
  return reinterpret_cast<std::uintptr_t>(tensor.bytes.data()) % width == 0;
}

}  // namespace

bool is_prepared(const std::string& path) {
  // The size of a header below 2^32 has four NUL bytes, which no text has.
  std::array<char, 9> begin{};
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return false;
  std::ifstream file(path, std::ios::binary);
  if (!file.read(begin.data(), begin.size())) return false;
  return std::all_of(begin.begin() + 4, begin.begin() + 8, [](char c) { return c == '\0'; }) &&
         begin[8] == '{';
}

std::string prepared_metadata(const std::string& path, const std::string& key) {
  try {
    if (!is_prepared(path)) return "";
    const auto file = safetensors::File::map(path);
    const auto found = file.metadata().find(key);
    return found == file.metadata().end() ? "" : found->second;
  } catch (const Error&) {
    return "";
  }
}

bool says_prepared(const std::string& path) {
  return prepared_metadata(path, "format").starts_with("xgrad text");
}

PreparedFile::PreparedFile(const std::string& path)
    : path_(path), file_([&] {
        check_input(path, "a text");
        try {
          return std::make_shared<const safetensors::File>(safetensors::File::map(path));
        } catch (const Error& error) {
          throw BadData("text", fmt::format("{} is no prepared text: {}", quote_file(path), sentence(error)));
        }
      }()) {
  const auto refuse = [&](const std::string& reason) {
    throw BadData("text", fmt::format("{} is no prepared text: {}", quote_file(path_), reason));
  };
  const auto metadata = [&](const char* key) {
    const auto found = file_->metadata().find(key);
    if (found == file_->metadata().end()) refuse(fmt::format("its metadata has no '{}'", key));
    return found->second;
  };
  if (metadata("format") == "xgrad rnnlm 1") refuse("it is a model of rnnlm");
  if (metadata("format") != format)
    refuse(fmt::format("its format is {}, expected '{}'", quote(metadata("format")), format));
  level = metadata("level");
  if (level != "word" && level != "char" && level != "byte")
    refuse(fmt::format("its level is {}, expected word, char or byte", quote(level)));
  try {
    vocabulary = vocabulary_from(metadata("vocabulary"), level);
    const auto numbers = nlohmann::json::parse(metadata("unknown"));
    if (!numbers.is_array() || numbers.size() != unknown.size())
      refuse("'unknown' is no list of three numbers");
    for (std::size_t i = 0; i < unknown.size(); ++i) unknown[i] = numbers[i].get<std::uint64_t>();
  } catch (const nlohmann::json::exception& error) {
    refuse(error.what());
  }
  for (const auto& [name, tensor] : file_->tensors())
    if (name != "counts" && std::find(names.begin(), names.end(), name) == names.end())
      refuse(fmt::format("it has a tensor {}, expected train, valid, test and counts", quote(name)));
  try {
    counts = file_->numbers<std::uint64_t>("counts");
  } catch (const Error& error) {
    refuse(sentence(error));
  }
  if (counts.size() != vocabulary.size())
    refuse(
        fmt::format("it has counts of {} tokens, but a vocabulary of {}", counts.size(), vocabulary.size()));
  for (const char* name : names) {
    const auto found = file_->tensors().find(name);
    if (found == file_->tensors().end()) continue;
    const safetensors::Tensor& tensor = found->second;
    const std::size_t width = tensor.dtype == "U16" ? 2 : 4;
    if ((tensor.dtype != "U16" && tensor.dtype != "U32") || tensor.shape.size() != 1 ||
        !is_aligned(tensor, width))
      refuse(fmt::format("its tensor '{}' is {}, expected a list of U16 or U32", name,
                         safetensors::to_string(tensor)));
    if (tensor.shape[0] < 2)
      refuse(fmt::format("its text '{}' has {} tokens, expected at least two", name, tensor.shape[0]));
    const TokenSequence ids = *tokens(name);
    for (std::size_t i = 0; i < ids.size(); ++i)
      if (static_cast<std::size_t>(ids[i]) >= vocabulary.size())
        refuse(
            fmt::format("token {} of '{}' is {}, expected less than {}", i, name, ids[i], vocabulary.size()));
  }
  if (!tokens("train")) refuse("it has no training text");
}

std::optional<TokenSequence> PreparedFile::tokens(const std::string& name) const {
  const auto found = file_->tensors().find(name);
  if (found == file_->tensors().end()) return std::nullopt;
  if (found->second.dtype == "U16") return TokenSequence(elements<std::uint16_t>(found->second), file_);
  return TokenSequence(elements<std::uint32_t>(found->second), file_);
}

Text PreparedFile::text(const TrainSettings& settings) const {
  Text text;
  text.vocabulary = vocabulary;
  text.train = tokens("train")->first(settings.tokens);
  if (text.train.size() == tokens("train")->size()) text.unknown = unknown[0];  // of fewer it is not known
  if (settings.reference) return text;
  const auto held_out = [&](std::size_t i) -> std::optional<HeldOut> {
    const auto ids = tokens(names[i]);
    if (!ids) return std::nullopt;
    return HeldOut{names[i], *ids, unknown[i], {}};
  };
  text.valid = held_out(1);
  text.test = held_out(2);
  add_baselines(text, text.train.size() == tokens("train")->size() ? counts : counts_of(text), level);
  return text;
}

std::size_t id_width(std::size_t vocabulary) { return vocabulary <= (std::size_t{1} << 16) ? 2 : 4; }

void write_prepared(const std::string& path, const std::string& level, const Vocabulary& vocabulary,
                    const std::vector<std::uint64_t>& counts, const std::array<std::uint64_t, 3>& unknown,
                    const std::vector<IdBytes>& texts) {
  safetensors::Tensors tensors{{"counts", safetensors::tensor(counts, {counts.size()})}};
  const std::size_t width = id_width(vocabulary.size());
  for (const IdBytes& text : texts)
    tensors[text.name] = {width == 2 ? "U16" : "U32", {text.bytes.size() / width}, text.bytes};
  safetensors::write(path, tensors,
                     {{"format", format},
                      {"version", config().version},
                      {"level", level},
                      {"vocabulary", vocabulary_text(vocabulary, level)},
                      {"unknown", nlohmann::json(unknown).dump()}});
}

}  // namespace xgrad
