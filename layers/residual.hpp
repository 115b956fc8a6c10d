// Connections around a cell and behind it: Residual adds its input to its output, Projected multiplies its
// output with a matrix. Both take any cell and are one.
#pragma once

#include <string>
#include <utility>

#include <xgrad/layers/cell_wrapper.hpp>
#include <xgrad/layers/initial_values.hpp>
#include <xgrad/layers/unroll.hpp>

namespace xgrad {

/// y + x for the output y of a cell (He et al. 2016, arXiv:1512.03385). The cell is Cell(p, D, H, args...).
template <class Cell>
struct Residual : CellWrapper<Residual<Cell>, Cell> {
  using T = ScalarOf<Cell>;  ///< the scalar of the cell

  /// Throws Error unless the output is as wide as the input.
  template <class... Args>
  Residual(const Parameters<T>& p, std::size_t D, std::size_t hidden, const Args&... args)
      : CellWrapper<Residual, Cell>(p, D, hidden, args...) {
    if (this->width() != D)
      throw Error("Residual", "adds an input of width " + std::to_string(D) + " to an output of width " +
                                  std::to_string(this->width()) + "; they must be equally wide");
  }

  /// One step of the cell.     x: (N, D)   y: (N, D)
  template <class S>
  Step<Variable<T>, S> operator()(const Variable<T>& x, const S& state) const {
    auto next = step(this->cell, x, state);
    next.y = x + next.y;
    return next;
  }
  /// All steps.     xs: (T, N, D)   ys: (T, N, D), 0 at padding
  template <class S>
  Unrolled<T, S> unroll(const Variable<T>& xs, S state, const Sequences& sequences = {}) const {
    auto result = xgrad::unroll(this->cell, xs, std::move(state), sequences);
    result.ys = detail::mask_steps(xs + result.ys, sequences);
    return result;
  }
};

/// Options of Projected.
struct ProjectedOptions {
  std::size_t width = 0;  ///< P, of the projected output, at least 1
  Initializer Wp{};       ///< how Wp is drawn, if not by the default
};

/// y Wp for the output y of a cell, so that what reads it is smaller than the cell (Sak et al. 2014,
/// arXiv:1402.1128, without their feedback of it into the cell).     y: (N, H)   Wp: (H, P)   result: (N, P)
/// The cell is Cell(p / "cell", D, H, args...); parameter "Wp", uniform in +-1/sqrt(H) unless an
/// option says otherwise.
template <class Cell>
struct Projected : CellWrapper<Projected<Cell>, Cell> {
  using T = ScalarOf<Cell>;  ///< the scalar of the cell

  Variable<T> Wp;  ///< (W, P) for a cell whose output has the width W

  /// Throws Error if options.width is 0.
  template <class... Args>
  Projected(const Parameters<T>& p, std::size_t D, std::size_t hidden, const ProjectedOptions& options,
            const Args&... args)
      : CellWrapper<Projected, Cell>(cell_scope(p, options), D, hidden, args...),
        Wp(detail::weight(p, "Wp", {output_width(this->cell, hidden), options.width}, options.Wp)) {}

  /// P, the width of the projected output.
  std::size_t width() const { return Wp.shape()[1]; }

  /// One step of the cell and the projection.     x: (N, D)   y: (N, P)
  template <class S>
  Step<Variable<T>, S> operator()(const Variable<T>& x, const S& state) const {
    auto next = step(this->cell, x, state);
    next.y = matmul(next.y, Wp);
    return next;
  }
  /// All steps, with one product for all projections.     xs: (T, N, D)   ys: (T, N, P), 0 at padding
  template <class S>
  Unrolled<T, S> unroll(const Variable<T>& xs, S state, const Sequences& sequences = {}) const {
    auto result = xgrad::unroll(this->cell, xs, std::move(state), sequences);
    result.ys = detail::mask_steps(matmul(result.ys, Wp), sequences);  // all steps at once
    return result;
  }

 private:
  // Checks the options before anything is declared.
  static Parameters<T> cell_scope(const Parameters<T>& p, const ProjectedOptions& options) {
    if (options.width == 0) throw Error("Projected", "needs the width of the projected output, at least 1");
    return p / "cell";
  }
};

}  // namespace xgrad
