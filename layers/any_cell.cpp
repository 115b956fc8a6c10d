// The library's cells by name; see any_cell.hpp.
#include <xgrad/layers/any_cell.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <xgrad/autograd/numbers/instantiate.hpp>
#include <xgrad/layers/gru.hpp>
#include <xgrad/layers/layer_norm_cells.hpp>
#include <xgrad/layers/lstm.hpp>
#include <xgrad/layers/mgu.hpp>
#include <xgrad/layers/rnn.hpp>

namespace xgrad {

namespace {

template <class T>
using Builder = AnyCell<T> (*)(const Parameters<T>&, std::size_t, std::size_t, const CellOptions&);

template <class T, class Cell>
AnyCell<T> build(const Parameters<T>& p, std::size_t D, std::size_t H, const CellOptions& options) {
  return {Cell(p, D, H, {.Wx = options.Wx, .Wh = options.Wh, .b = options.b}), H};
}

template <class T>
AnyCell<T> build_relu(const Parameters<T>& p, std::size_t D, std::size_t H, const CellOptions& options) {
  const auto& [Wx, Wh, b] = options;
  return {Rnn<T>(p, D, H, {.nonlinearity = Nonlinearity::relu, .Wx = Wx, .Wh = Wh, .b = b}), H};
}

template <class T>
const std::vector<std::pair<std::string, Builder<T>>>& builders() {
  static const std::vector<std::pair<std::string, Builder<T>>> all{
      {"rnn", build<T, Rnn<T>>},
      {"rnn_relu", build_relu<T>},
      {"lstm", build<T, Lstm<T>>},
      {"peephole_lstm", build<T, PeepholeLstm<T>>},
      {"layer_norm_lstm", build<T, LayerNormLstm<T>>},
      {"gru", build<T, Gru<T>>},
      {"reset_before_gru", build<T, ResetBeforeGru<T>>},
      {"layer_norm_gru", build<T, LayerNormGru<T>>},
      {"mgu", build<T, Mgu<T>>},
  };
  return all;
}

template <class T>
AnyCell<T> build_named(const Parameters<T>& p, std::size_t D, std::size_t H, const std::string& name,
                       const CellOptions& options) {
  for (const auto& [known, builder] : builders<T>())
    if (known == name) return builder(p, D, H, options);
  throw Error("AnyCell",
              fmt::format("there is no cell '{}'; there are: {}", name, fmt::join(cell_names(), ", ")));
}

}  // namespace

const std::vector<std::string>& cell_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> result;
    for (const auto& entry : builders<double>()) result.push_back(entry.first);
    return result;
  }();
  return names;
}

template <class T>
AnyCell<T>::AnyCell(const Parameters<T>& p, std::size_t D, std::size_t H, const std::string& name,
                    const CellOptions& options)
    : AnyCell(build_named(p, D, H, name, options)) {}

template <class T>
void AnyCell<T>::refuse(std::size_t parts, std::size_t expected) {
  throw Error("AnyCell", fmt::format("got a state of {} parts, expected {}, those of the cell's own state: "
                                     "begin with zero(N), which makes them",
                                     parts, expected));
}

XGRAD_INSTANTIATE_CLASS(AnyCell);

}  // namespace xgrad
