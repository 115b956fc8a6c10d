// Hoisting: products of the time steps of a sequence, computed all at once. A cell multiplies x_t W at every step, where x_t
// is row t of a variable xs that is there whole before the first step. The tape remembers which variables are such rows;
// at the first step matmul and affine record the product of many rows, xs W, as they would for any variable, and each
// step takes its row of it. So the products of both directions are few and large, and the cell knows nothing of it. Start
// with `row_of_product`.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include <xgrad/autograd/variable.hpp>

namespace xgrad {

/// What a tape knows of rows and of their products; only tapes make one. Nothing here keeps a sequence's numbers alive.
template <class T>
class Hoisting {
 public:
  /// A product of rows [first, last) of the variable at `of`, with W, and with b unless that is null.
  struct Product {
    std::uint32_t of;
    Variable<T> W;
    std::optional<Variable<T>> b;
    std::size_t first, last;
    Variable<T> y;          ///< (last - first, ...)
    std::uint64_t version;  ///< of the numbers of W and b together, when it was made
  };
  /// That the variable at `node` is row `index` of the one at `of`.
  struct Row {
    std::uint32_t node, of;
    std::size_t index;
  };
  /// That `node` stands for the product of the row at `row`.
  struct Use {
    std::uint32_t node, row, product;
  };

  /// Rows come in the order of their nodes.
  void add_row(const Row& row) { rows_.push_back(row); }
  /// What the variable at `node` is a row of, or null.
  const Row* row(std::uint32_t node) const { return find_node(rows_, node); }

  /// Counts the changes of W and b: what was multiplied before one is not what a product would be now.
  static std::uint64_t version(const Variable<T>& W, const Variable<T>* b) {
    return W.value().version() + (b == nullptr ? 0 : b->value().version());
  }
  /// The latest product of rows of the variable at `of` with W and b as they are now, or null.
  const Product* find(std::uint32_t of, const Variable<T>& W, const Variable<T>* b) const;
  void add_product(Product product) { products_.push_back(std::move(product)); }
  const Product& product(const Use& use) const { return products_[use.product]; }

  /// Remembers that the variable at `node` is the product of the row at `row`, a row of `product`.
  void add_use(std::uint32_t node, std::uint32_t row, const Product& product) {
    uses_.push_back({node, row, static_cast<std::uint32_t>(&product - products_.data())});
  }
  const Use* use(std::uint32_t node) const { return find_node(uses_, node); }

  /// What these lists take.
  std::size_t bytes() const {
    return rows_.size() * sizeof(Row) + uses_.size() * sizeof(Use) + products_.size() * sizeof(Product);
  }

 private:
  template <class Entry>
  static const Entry* find_node(const std::vector<Entry>& entries, std::uint32_t node) {
    const auto found = std::lower_bound(entries.begin(), entries.end(), node,
                                        [](const Entry& entry, std::uint32_t n) { return entry.node < n; });
    return found != entries.end() && found->node == node ? &*found : nullptr;
  }

  std::vector<Row> rows_;  // both in the order of their nodes
  std::vector<Use> uses_;
  std::vector<Product> products_;
};

/// x W, or x W + b unless b is null, as a row of the product of many rows, recorded on this thread's tape; nothing if x is
/// not row 0 of a sequence, or the row after the last of such a product. The first product is of up to 64 rows, the next of
/// up to four times as many as were used before: who reads only the beginning of a long sequence does not pay for all.
template <class T>
std::optional<Variable<T>> row_of_product(const Variable<T>& x, const Variable<T>& W, const Variable<T>* b);

}  // namespace xgrad
