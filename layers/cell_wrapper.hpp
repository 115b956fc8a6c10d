// CellWrapper: what every wrapper of one cell would repeat. It holds the cell, has its width and its initial
// state, and hands for_training() on. A wrapper derives from it and writes what it does, its operator():
//
//   template <class Cell>
//   struct Leaky : CellWrapper<Leaky<Cell>, Cell> {
//     using CellWrapper<Leaky, Cell>::CellWrapper;
//     auto operator()(const auto& x, const auto& h) const { return 0.5 * (h + step(this->cell, x, h).y); }
//   };
#pragma once

#include <xgrad/autograd/parameters.hpp>
#include <xgrad/layers/cell.hpp>

namespace xgrad {

/// The base of `Wrapper`, a cell that is built around another. What the wrapper has itself, such as another
/// width(), takes the place of what is here.
template <class Wrapper, class Cell>
struct CellWrapper {
  using value_type = ScalarOf<Cell>;  ///< the scalar of the cell
  using T = value_type;               ///< the same

  std::size_t H;  ///< the width that the cell was built with
  Cell cell;      ///< the cell that is wrapped

  /// The cell is Cell(p, D, H, args...).
  template <class... Args>
  CellWrapper(const Parameters<T>& p, std::size_t D, std::size_t hidden, const Args&... args)
      : H(hidden), cell(p, D, hidden, args...) {}

  /// The width of the output, which is the cell's.
  std::size_t width() const { return output_width(cell, H); }
  /// The cell's initial state for a batch of N.
  auto zero(std::size_t N) const { return zero_state<T>(cell, N, H); }

  /// The wrapper of the cell with its dropout at work, for one window; see cell.hpp. One that draws numbers
  /// itself has a member `std::optional<RandomKey> key`, which is set here.
  Wrapper for_training(RandomKey with) const {
    Wrapper result = static_cast<const Wrapper&>(*this);
    if constexpr (requires { result.key = with; }) {
      result.cell = xgrad::for_training(cell, with.fold(0));
      result.key = with.fold(1);
    } else {
      result.cell = xgrad::for_training(cell, with);
    }
    return result;
  }
};

}  // namespace xgrad
