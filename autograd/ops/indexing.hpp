// Reading by integer index.
#pragma once

#include <xgrad/autograd/variable.hpp>

namespace xgrad {

/// Rows of a table.     table: (V, ...)   ids: any shape S   result: S + (...)
/// The table's gradient is row-sparse: only rows that were read have one.
/// Throws Error naming the first id outside [0, V) and its position.
template <class T>
Variable<T> take(const Variable<T>& table, const Ids& ids);

/// x with the rows marked in `rows` set to zero, which also cuts their gradient: starts a sequence of the
/// batch afresh.
///     x: (N, ...)   rows: (N,), nonzero = reset
/// Throws Error if `rows` has not one entry per row.
template <class T>
Variable<T> reset_rows(const Variable<T>& x, const Ids& rows);

}  // namespace xgrad
