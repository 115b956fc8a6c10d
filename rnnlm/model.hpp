// The language model of the program, put together at run time from the settings, and its file: one
// safetensors file that holds all that is needed to use the model. Start with `Model`.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <xgrad/layers/any_cell.hpp>
#include <xgrad/layers/stack.hpp>
#include <xgrad/layers/weight_drop.hpp>
#include <xgrad/models/rnnlm.hpp>
#include <xgrad/training/vocabulary.hpp>

#include "settings.hpp"

namespace xgrad {

/// A cell of the library by name, with dropout on its recurrent weights if that is asked for.
template <class T>
struct NamedCell : AnyCell<T> {
  /// As Stack builds it.     D: width of the input   H: units
  NamedCell(const Parameters<T>& p, std::size_t D, std::size_t H, const TrainSettings& settings)
      : AnyCell<T>(build(p, D, H, settings)) {}
  /// What AnyCell's for_training() returns.
  NamedCell(AnyCell<T> cell) : AnyCell<T>(std::move(cell)) {}

 private:
  static AnyCell<T> build(const Parameters<T>& p, std::size_t D, std::size_t H,
                          const TrainSettings& settings);
};

/// The network that the settings describe.
template <class T>
using Network = Rnnlm<T, Stack<NamedCell<T>>>;

/// That network, over a vocabulary of V.
template <class T>
Network<T> build_network(const Parameters<T>& parameters, std::size_t V, const TrainSettings& settings);

/// All of a model file but its weights.
struct ModelFile {
  std::string path;
  TrainSettings settings;  ///< with which it was trained
  Vocabulary vocabulary;
  bool is_double = false;                     ///< the scalar of its weights
  std::map<std::string, std::string> result;  ///< what training reached, in words
  std::size_t parameters = 0;                 ///< number of elements

  /// Reads and checks it. Throws NoInput if it cannot be read, BadData if it is no model.
  explicit ModelFile(const std::string& path);
};

/// Writes a model file; an old one is replaced as a whole. `result` says what it reached, "held-out
/// perplexity" and so on. Throws Error with the system's reason.
template <class T>
void save_model(const std::string& path, const Parameters<T>& parameters, const Vocabulary& vocabulary,
                const TrainSettings& settings, const std::map<std::string, std::string>& result);

/// A model that has been read, ready to be used.
template <class T>
struct Model {
  Parameters<T> parameters;
  Network<T> network;

  /// Throws BadData if the weights do not fit the settings, or are not finite.
  explicit Model(const ModelFile& file);
};

}  // namespace xgrad
