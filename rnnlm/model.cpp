// See model.hpp. The metadata of a model file are texts: "format", "version", "settings", an object of the
// options' names and values, "vocabulary" (vocabulary_text in text.hpp), and "result".
#include "model.hpp"

#include <cmath>
#include <complex>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <xgrad/autograd/config.hpp>
#include <xgrad/autograd/parameters/quote.hpp>
#include <xgrad/autograd/safetensors.hpp>
#include <xgrad/training/corpus.hpp>

#include "command_line.hpp"
#include "files.hpp"
#include "options.hpp"
#include "text.hpp"

namespace xgrad {

namespace {

constexpr const char* format = "xgrad rnnlm 1";

// The names of a cell's recurrent weights: the matrices with a row for each unit.
std::vector<std::string> recurrent_weights(const std::string& cell) {
  const Parameters<float> scratch;
  const AnyCell<float> built(scratch, 1, 2, cell);
  std::vector<std::string> names;
  for (const auto& w : scratch.list())
    if (w.shape().rank() == 2 && w.shape()[0] == 2) names.push_back(scratch.path_of(w));
  return names;
}

}  // namespace

template <class T>
AnyCell<T> NamedCell<T>::build(const Parameters<T>& p, std::size_t D, std::size_t H,
                               const TrainSettings& settings) {
  CellOptions options;
  if (settings.init > 0) options.Wx = options.Wh = options.b = uniform(-settings.init, settings.init);
  if (settings.weight_drop == 0) return AnyCell<T>(p, D, H, settings.cell, options);
  const WeightDrop<AnyCell<T>> dropped(p, D, H, {settings.weight_drop, recurrent_weights(settings.cell)},
                                       settings.cell, options);
  return AnyCell<T>(dropped, H);
}

template <class T>
Network<T> build_network(const Parameters<T>& parameters, std::size_t V, const TrainSettings& settings) {
  RnnlmOptions options{
      .tied = settings.tied, .dropout = settings.dropout, .variational = settings.variational};
  if (settings.init > 0) {
    options.embed.W = options.affine.b = uniform(-settings.init, settings.init);
    if (!settings.tied) options.affine.W = uniform(-settings.init, settings.init);
  }
  if (settings.output == "adaptive") options.adaptive = AdaptiveSoftmaxOptions{.W = options.affine.W};
  if (settings.output == "sampled")
    options.sampled =
        SampledSoftmaxOptions{.samples = settings.samples, .W = options.affine.W, .b = options.affine.b};
  return Network<T>(
      parameters, V, settings.embedding, settings.hidden, options,
      StackOptions{
          .layers = settings.layers, .dropout = settings.dropout, .variational = settings.variational},
      settings);
}

ModelFile::ModelFile(const std::string& file) : path(file) {
  check_input(file, "a model file");
  const auto refuse = [&](const std::string& reason) {
    throw BadData("model", fmt::format("{} is no model of rnnlm: {}", quote_file(file), reason));
  };
  try {
    const safetensors::File contents(file);
    const auto& metadata = contents.metadata();
    const auto text = [&](const char* key) {
      const auto at = metadata.find(key);
      if (at == metadata.end()) refuse(fmt::format("its metadata has no '{}'", key));
      return at->second;
    };
    if (text("format").starts_with("xgrad checkpoint"))
      refuse("it is a checkpoint of a run, whose model is in the file of --save");
    if (text("format") != format)
      refuse(fmt::format("its format is {}, expected '{}'", quote(text("format")), format));
    Settings known;
    const auto parsed = [&](const char* key) { return nlohmann::json::parse(text(key)); };
    const nlohmann::json options = parsed("settings"), reached = parsed("result");
    for (const auto& [name, value] : options.items()) {
      const Option* const option = find_option(name);
      if (option == nullptr || option->role != Role::number) refuse("there is no setting " + quote(name));
      try {
        option->set(known, value.get<std::string>());
      } catch (const Expected& expected) {
        refuse(fmt::format("the setting {} is {}, expected {}", name, quote(value.get<std::string>()),
                           expected.text));
      }
    }
    settings = known.train;
    vocabulary = vocabulary_from(text("vocabulary"), settings.level);
    if (vocabulary.size() == 0) refuse("its vocabulary is empty");
    for (const auto& [name, value] : reached.items()) result[name] = value.get<std::string>();
    // Before a model of that size is built.
    const auto table = contents.tensors().find("embed/W");
    const std::vector<std::uint64_t> expected{vocabulary.size(), settings.embedding};
    if (table == contents.tensors().end() || table->second.shape != expected)
      refuse(fmt::format("it has no tensor 'embed/W' of shape ({}, {}), the vocabulary by --emsize",
                         expected[0], expected[1]));
    for (const auto& [name, tensor] : contents.tensors()) {
      is_double = tensor.dtype == "F64";
      std::size_t size = 1;
      for (const auto axis : tensor.shape) size *= axis;
      parameters += size;
    }
    const std::size_t V = vocabulary.size(), D = settings.embedding, H = settings.hidden;
    if (settings.tied && D != H)
      refuse(fmt::format("it ties the output layer to word vectors of {}, but has {} units", D, H));
    const bool has_matrix = !settings.tied && settings.output != "adaptive";  // of V by H
    const std::size_t least = V * D + D * H + settings.layers * H * H + (has_matrix ? V * H : 0);
    if (parameters < least)
      refuse(fmt::format("{} weights are too few for --nlayers {}, --nhid {} and --emsize {}", parameters,
                         settings.layers, H, D));
  } catch (const nlohmann::json::exception& error) {
    refuse(error.what());
  } catch (const BadData&) {
    throw;
  } catch (const Error& error) {  // no safetensors file
    refuse(sentence(error));
  }
}

template <class T>
void save_model(const std::string& path, const Parameters<T>& parameters, const Vocabulary& vocabulary,
                const TrainSettings& settings, const std::map<std::string, std::string>& result) {
  Settings all;
  all.train = settings;
  nlohmann::ordered_json options = nlohmann::ordered_json::object(),
                         reached = nlohmann::ordered_json::object();
  for (const auto& [name, value] : in_force(all)) options[name] = value;
  for (const auto& [name, value] : result) reached[name] = value;
  // The name of the text may be anything.
  const auto replace = nlohmann::ordered_json::error_handler_t::replace;
  parameters.save(path, {{"format", format},
                         {"version", config().version},
                         {"settings", options.dump(-1, ' ', false, replace)},
                         {"vocabulary", vocabulary_text(vocabulary, settings.level)},
                         {"result", reached.dump()}});
}

template <class T>
Model<T>::Model(const ModelFile& file)
    : network(build_network(parameters, file.vocabulary.size(), file.settings)) {
  try {
    parameters.load(file.path);
  } catch (const Error& error) {
    throw BadData("model", error.what());
  }
  for (const auto& w : parameters.list())
    for (const T weight : w.value())
      if (!std::isfinite(weight))
        throw BadData("model", fmt::format("{} has a weight {} in {}, expected finite ones",
                                           quote_file(file.path), weight, quote(parameters.path_of(w))));
}

#define XGRAD_INSTANTIATE_NETWORK(T) \
  template struct NamedCell<T>;      \
  template Network<T> build_network(const Parameters<T>&, std::size_t, const TrainSettings&);
#define XGRAD_INSTANTIATE(T)                                                                 \
  XGRAD_INSTANTIATE_NETWORK(T)                                                               \
  template void save_model(const std::string&, const Parameters<T>&, const Vocabulary&,      \
                           const TrainSettings&, const std::map<std::string, std::string>&); \
  template struct Model<T>;
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
XGRAD_INSTANTIATE_NETWORK(std::complex<double>)  // to prove it
#undef XGRAD_INSTANTIATE
#undef XGRAD_INSTANTIATE_NETWORK

}  // namespace xgrad
