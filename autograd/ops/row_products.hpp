// Products of the time steps of a sequence, computed all at once. A cell multiplies x_t W at every step,
// where x_t is row t of a variable xs that is there whole before the first step. At the first step the
// product of many rows, xs W, is recorded as it would be for any variable, and each step takes its row of it.
// So the products of both directions are few and large, and the cell knows nothing of it. Start with
// `row_of_product`. Internal.
#pragma once

#include <optional>

#include <xgrad/autograd/variable.hpp>

namespace xgrad::detail {

/// Records the product of x and W, plus b unless that is null.
template <class T>
using RecordProduct = Variable<T> (*)(const Variable<T>& x, const Variable<T>& W, const Variable<T>* b);

/// x W, or x W + b unless b is null, as a row of the product of many rows, which `record` records on this
/// thread's tape; nothing if x is not row 0 of a sequence, or the row after the last of such a product. The
/// first product is of up to 64 rows, the next of up to four times as many as were used before: who reads
/// only the beginning of a long sequence does not pay for all.
template <class T>
std::optional<Variable<T>> row_of_product(const Variable<T>& x, const Variable<T>& W, const Variable<T>* b,
                                          RecordProduct<T> record);

}  // namespace xgrad::detail
