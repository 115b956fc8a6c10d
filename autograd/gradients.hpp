// Gradients<T>: what Tape::gradient returns, a plain value: there is nothing to zero between steps. Each
// gradient is dense, or row-sparse where only some rows of a table were read (an embedding). How
// contributions are added up stands in tape/gradient_sum.hpp.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include <xgrad/autograd/variable.hpp>

namespace xgrad {

template <class T>
class Sweep;

/// The gradient of a table of which only some rows were read; all other rows are zero.
template <class T>
struct RowSparse {
  Shape shape;      ///< of the whole table
  Ids rows;         ///< (R,), ascending and unique in what Gradients returns
  Array<T> values;  ///< (R, the table's other axes...)

  /// The whole table, with zeros in all other rows.
  Array<T> dense() const;
  /// Adds the rows to those of a dense table of that shape.
  void add_to(Array<T>& table) const;
};

/// The contribution x^T dy of a product y = x W to the gradient of W: (K, M), not multiplied yet. A weight
/// that is used at every time step has many; multiplied all at once they take a fraction of the time.
template <class T>
struct OuterProduct {
  Array<T> x;   ///< (..., K)
  Array<T> dy;  ///< (..., M), with the leading axes of x
};

/// A gradient as it is stored: dense, or the rows of a table.
template <class T>
using Gradient = std::variant<Array<T>, RowSparse<T>>;

/// What `gradients[x]` does if the differentiated value does not depend on x: throw Error, or return zeros.
enum class Unreached { error, zeros };
/// For options: {.unreached = zeros}.
inline constexpr Unreached zeros = Unreached::zeros;

/// The gradients of one sweep, looked up by variable: `gradients[W]`. They outlive the tape.
template <class T>
class Gradients {
 public:
  // Out of line: the maps below are more than a program's own code to compile.
  /// No gradients.
  Gradients();
  /// @{ Copies no elements: copies share them.
  Gradients(const Gradients&);
  Gradients(Gradients&&) noexcept;
  Gradients& operator=(const Gradients&);
  Gradients& operator=(Gradients&&) noexcept;
  /// @}
  ~Gradients();

  /// The gradient of a parameter, a leaf, or a variable named in `.of`, in the shape of its value.
  /// Throws Error naming x if the differentiated value does not depend on it or no gradient was kept for it.
  Array<T> operator[](const Variable<T>& x) const;
  /// The same as it is stored, dense or row-sparse, for optimizers; null for zeros, where `.unreached =
  /// zeros` says so.
  const Gradient<T>* stored(const Variable<T>& x) const;
  /// Multiplies the gradient of x by `factor`; for clipping. Throws Error where operator[] does.
  void scale(const Variable<T>& x, double factor);
  /// True if `operator[]` finds a gradient of x, and gives neither zeros nor an error.
  bool reached(const Variable<T>& x) const { return find(x) != nullptr; }

 private:
  friend class Tape<T>;
  friend class Sweep<T>;
  std::optional<std::uint32_t> node(const Variable<T>& x) const;
  const Gradient<T>* find(const Variable<T>& x) const;
  std::string why_missing(const Variable<T>& x) const;

  std::uint64_t tape_ = 0;
  Unreached unreached_ = Unreached::error;
  // The nodes of the parameters, which are kept alive, so that their addresses stay their identities.
  std::unordered_map<std::shared_ptr<const Parameter<T>>, std::uint32_t> parameters_;
  std::unordered_set<std::uint32_t> wanted_;  // leaves and what .of named: if not in by_node_, unreached
  std::unordered_map<std::uint32_t, Gradient<T>> by_node_;
};

}  // namespace xgrad
