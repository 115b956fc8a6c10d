// WeightDrop: dropout on the recurrent weights of any cell.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <xgrad/layers/dropout.hpp>

namespace xgrad {

/// Options of WeightDrop.
struct WeightDropOptions {
  double rate = 0;                       ///< of dropout, in [0, 1)
  std::vector<std::string> names{"Wh"};  ///< of the cell's recurrent weights, in its scope
};

/// Weight-dropped recurrence, Merity et al. 2018 (arXiv:1708.02182): in training, elements of the recurrent
/// weights are 0, the same ones at all steps and for all sequences of a window. The cell is
/// Cell(p, D, H, args...); each window's cell is built once more, on the dropped weights, so any cell will
/// do. Call for_training() in the tape's scope: it computes them.
template <class Cell>
struct WeightDrop : CellWrapper<WeightDrop<Cell>, Cell> {
  using T = ScalarOf<Cell>;  ///< the scalar of the cell

  WeightDropOptions options;  ///< as given

  /// Throws Error for a rate outside [0, 1), and for a name that the cell does not declare.
  template <class... Args>
  WeightDrop(const Parameters<T>& p, std::size_t D, std::size_t hidden, WeightDropOptions drop_options,
             const Args&... args)
      : CellWrapper<WeightDrop, Cell>(detail::with_rates(p, "WeightDrop", {drop_options.rate}), D, hidden,
                                      args...),
        options(std::move(drop_options)),
        build_([=](const Parameters<T>& derived) { return Cell(derived, D, hidden, args...); }),
        parameters_(p) {
    for (const std::string& name : options.names) (void)p[name];
  }

  /// One step of the cell; returns what the cell returns.     x: (N, D)
  template <class S>
  auto operator()(const Variable<T>& x, const S& state) const {
    return this->cell(x, state);
  }

  /// The cell on dropped weights, for one window. Call it in the scope of the tape; see cell.hpp.
  WeightDrop for_training(RandomKey key) const {
    WeightDrop result = *this;
    const auto dropped = parameters_.derived([&](const Variable<T>& w) {
      for (std::size_t i = 0; i < options.names.size(); ++i)
        if (w.parameter() == parameters_[options.names[i]].parameter())
          return dropout(w, options.rate, key.fold(1).fold(i));
      return w;
    });
    if (options.rate > 0) result.cell = build_(dropped);
    result.cell = xgrad::for_training(result.cell, key.fold(0));
    return result;
  }

 private:
  std::function<Cell(const Parameters<T>&)> build_;
  Parameters<T> parameters_;
};

}  // namespace xgrad
