// Reading and writing by integer index.
#pragma once

#include <cstddef>

#include <xgrad/autograd/variable.hpp>

namespace xgrad {

/// Rows of a table.     table: (V, ...)   ids: any shape S   result: S + (...)
/// The table's gradient is row-sparse: only rows that were read have one.
/// Throws Error naming the first id outside [0, V) and its position, and for a table of rank 0.
template <class T>
Variable<T> take(const Variable<T>& table, const Ids& ids);

/// x with the rows marked in `rows` set to zero, which also cuts their gradient: starts a sequence of the
/// batch afresh.
///     x: (N, ...)   rows: (N,), nonzero = reset
/// Throws Error if `rows` has not one entry per row.
template <class T>
Variable<T> reset_rows(const Variable<T>& x, const Ids& rows);

/// Entries of x along `axis`, each at an index of its own: NumPy's take_along_axis, PyTorch's gather.
///     x: (N, K)   ids: (N, M)   result, axis 1: (N, M), x[n, ids[n, m]]
/// Throws Error if ids differs from x in another axis, or naming the first id outside the axis and its
/// position.
template <class T>
Variable<T> gather(const Variable<T>& x, const Ids& ids, std::ptrdiff_t axis = -1);

/// x with the entries of y added along `axis`, each at an index of its own: PyTorch's scatter_add.
///     x: (N, K)   ids, y: (N, M)   result, axis 1: (N, K)
/// Throws Error like gather, and if ids and y have different shapes.
template <class T>
Variable<T> scatter_add(const Variable<T>& x, const Ids& ids, const Variable<T>& y, std::ptrdiff_t axis = -1);

/// 1 at place ids_i of a new last axis, else 0; a constant: one_hot<float>(ids, V).
///     ids: S   result: S + (count,)
/// Throws Error naming the first id outside [0, count) and its position.
template <class T>
Variable<T> one_hot(const Ids& ids, std::size_t count);

}  // namespace xgrad
