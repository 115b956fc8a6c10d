// Products of the time steps of a sequence, computed all at once. A cell multiplies x_t W at every step,
// where x_t is row t of a variable xs that is there whole before the first step. At the first step the
// product of many rows, xs W, is recorded as it would be for any variable, and each step takes its row of it.
// So the products of both directions are few and large, and the cell knows nothing of it. Start with
// `row_of_product`. Internal.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <xgrad/autograd/tape.hpp>

namespace xgrad::detail {

/// Which variables of a tape are rows of another, as select made them, and the products of many rows at once
/// that were recorded of them. Kept on the tape; nothing here keeps a sequence's elements alive.
template <class T>
struct Rows {
  /// That the variable at `node` is row `index` of the one at `of`.
  struct Row {
    std::uint32_t node, of;
    std::size_t index;
  };
  /// A product of rows [first, last) of the variable at `of`, with W, and with b unless that is null.
  struct RowsProduct {
    std::uint32_t of;
    Variable<T> W;
    std::optional<Variable<T>> b;
    std::size_t first, last;
    Variable<T> y;          ///< (last - first, ...)
    std::uint64_t version;  ///< of the elements of W and b together, when it was made
  };

  std::vector<Row> rows;  ///< in the order of their nodes
  std::vector<RowsProduct> products;

  /// Those of a tape.
  static Rows& of(Tape<T>& tape) {
    if (tape.memo() == nullptr) tape.memo() = std::make_shared<Rows>();
    return *static_cast<Rows*>(tape.memo().get());
  }

  /// What the variable at `node` is a row of, or null.
  const Row* find(std::uint32_t node) const {
    const auto found = std::lower_bound(rows.begin(), rows.end(), node,
                                        [](const Row& row, std::uint32_t n) { return row.node < n; });
    return found != rows.end() && found->node == node ? &*found : nullptr;
  }
};

/// Notes that y, which was recorded last, is row `index` of x and shares its elements.
template <class T>
void note_row(const Variable<T>& y, const Variable<T>& x, std::size_t index) {
  Tape<T>* const tape = Tape<T>::current();
  if (tape == nullptr || tape->node(y) == no_node || tape->node(x) == no_node) return;
  Rows<T>::of(*tape).rows.push_back({tape->node(y), tape->node(x), index});
}

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
