// Gradients<T>: what Tape::gradient returns, a plain value: there is nothing to zero between steps, and those
// of several windows are added up as numbers are. Each gradient is dense, or row-sparse where only some rows
// of a table were read (an embedding). How contributions are added up within a sweep stands in
// tape/gradient_sum.hpp.
#pragma once

#include <concepts>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
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

namespace detail {

/// a += b, in a block that nothing else shares; row-sparse if both are.
template <class T>
void add_to(Gradient<T>& a, const Gradient<T>& b);

}  // namespace detail

/// What `gradients[x]` does if the differentiated value does not depend on x: throw Error, or return zeros.
enum class Unreached { error, zeros };
/// For options: {.unreached = zeros}.
inline constexpr Unreached zeros = Unreached::zeros;

/// The gradients of one sweep, looked up by variable, `gradients[W]`, or a sum of those of several. They
/// outlive the tape. They are a value with arithmetic, for windows and batches that make up one step:
///
///     Gradients<float> total;
///     for (...) { Tape<float> tape; total += tape.gradient(loss(...)); }
///     sgd.step(total / windows);
///
/// A sum is a + b elementwise in T, in the order of the calls, and its bits depend on nothing else: several
/// threads may compute the gradients, each on tapes of its own, and what is then added in a fixed order is
/// the same whatever their number. Row-sparse gradients stay so where they are scaled or added to such ones.
///
/// An array from here is a constant to every tape. On the tape it came from its second derivative would be
/// missing silently, so that tape refuses the gradient of a value that depends on it, and says what to call.
/// This holds for the array itself, views of it, and what ops make of it as a Variable; what is computed from
/// its numbers, by arithmetic on arrays or `.xt()`, is a plain constant, and so is `detach(g)`.
template <class T>
class Gradients {
  using OfParameter = std::pair<std::shared_ptr<const Parameter<T>>, Gradient<T>>;

 public:
  // Out of line: the maps below are more than a program's own code to compile.
  /// No gradients; what is added to them is the sum.
  Gradients();
  /// Gradients by path, relative to the scope of `parameters`; the parameters that have none are `unreached`,
  /// and those that are frozen are left out.
  /// Throws Error for an unknown path, and for an array that has not the shape of its parameter.
  Gradients(const Parameters<T>& parameters, const std::map<std::string, Array<T>>& by_path,
            Unreached unreached = Unreached::error);
  /// The same, cast to T.
  template <class U>
  requires(!std::same_as<U, T>)
      Gradients(const Parameters<T>& parameters, const std::map<std::string, Array<U>>& by_path,
                Unreached unreached = Unreached::error)
      : Gradients(parameters, cast(by_path), unreached) {}
  /// Gradients of parameters as they are stored, dense or row-sparse; of those that are not among them the
  /// value does not depend. Throws Error for a variable that is no parameter or stands there twice, and for a
  /// gradient that has not its shape.
  explicit Gradients(const std::vector<std::pair<Variable<T>, Gradient<T>>>& of_parameters);
  /// @{ Copies no elements: copies share them, until one of them is changed. What is moved from has none.
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
  /// zeros` says so. Valid until the gradients are changed.
  const Gradient<T>* stored(const Variable<T>& x) const;
  /// Multiplies the gradient of x by `factor`; for clipping. Throws Error where operator[] does.
  void scale(const Variable<T>& x, double factor);
  /// True if `operator[]` finds a gradient of x, and gives neither zeros nor an error.
  bool reached(const Variable<T>& x) const { return find(x) != nullptr; }

  /// @{ The sum and the difference, parameter by parameter, whatever their paths; nothing else that shares
  /// the elements changes. What only one of the two has a gradient of keeps that. Unreached are zeros if they
  /// are in both. Gradients of leaves and intermediates are added if all are of one tape, and given up in a
  /// sum over several, or with ones by path; there operator[] throws Error for them.
  Gradients& operator+=(const Gradients& b);
  Gradients& operator-=(const Gradients& b) { return *this += -b; }
  friend Gradients operator+(Gradients a, const Gradients& b) {
    a += b;
    return a;
  }
  friend Gradients operator-(Gradients a, const Gradients& b) {
    a -= b;
    return a;
  }
  /// @}
  /// @{ All of them multiplied or divided by a number, a double, even if T does not hold it.
  Gradients& operator*=(Number auto s) { return multiply(static_cast<double>(s)); }
  Gradients& operator/=(Number auto s) { return divide(static_cast<double>(s)); }
  friend Gradients operator*(Gradients a, Number auto s) {
    a *= s;
    return a;
  }
  friend Gradients operator*(Number auto s, Gradients a) {
    a *= s;
    return a;
  }
  friend Gradients operator/(Gradients a, Number auto s) {
    a /= s;
    return a;
  }
  friend Gradients operator-(Gradients a) {
    a *= -1;
    return a;
  }
  /// @}

  /// The Euclidean norm of the gradients of all parameters together. Not finite if and only if a gradient is
  /// not (or, but for float, if the norm itself is beyond the largest double).
  double norm() const;
  /// Copies of the gradients of parameters, dense and in double, by path; of complex ones the real parts.
  /// Such values are what hvp takes and returns, and what the constructor above takes. Throws Error if two
  /// parameters have one path.
  std::map<std::string, Array<double>> values() const;

  /// A place among the gradients of parameters; see begin().
  class Iterator {
   public:
    /// The path of the parameter, and its gradient as it is stored.
    std::pair<const std::string&, const Gradient<T>&> operator*() const {
      const OfParameter& here = *list_[place_];
      return {here.first->path, here.second};
    }
    /// Goes on to the next one.
    Iterator& operator++() {
      ++place_;
      return *this;
    }
    /// True at the end.
    bool operator==(std::default_sentinel_t) const { return place_ == list_.size(); }

   private:
    friend class Gradients;
    std::vector<const OfParameter*> list_;
    std::size_t place_ = 0;
  };
  /// @{ The gradients of parameters, in the order of their paths, while they are not changed:
  ///
  ///     for (const auto& [path, gradient] : gradients) ...  // a Gradient<T>, dense or row-sparse
  Iterator begin() const;
  std::default_sentinel_t end() const { return {}; }
  /// @}

 private:
  friend class Tape<T>;
  friend class Sweep<T>;
  template <class U>
  static std::map<std::string, Array<T>> cast(const std::map<std::string, Array<U>>& by_path) {
    std::map<std::string, Array<T>> result;
    for (const auto& [path, values] : by_path) result.emplace(path, values.template cast<T>());
    return result;
  }
  void swap(Gradients& other) noexcept;
  bool empty() const;
  const Gradient<T>* find(const Variable<T>& x) const;
  std::string why_missing(const Variable<T>& x) const;
  void add(const std::shared_ptr<const Parameter<T>>& parameter, Gradient<T> gradient);
  void add_of_tape(const Gradients& b);
  bool knows(std::uint32_t node) const;
  Gradients& multiply(double factor);
  Gradients& divide(double divisor);
  template <class F>
  void for_each(F f);
  void mark(std::uint32_t tape);

  std::uint64_t tape_ = 0;  // all of them are of this one; 0 if they are of none, or of several
  bool mixed_ = false;      // summed over several tapes, or of a tape and by path
  Unreached unreached_ = Unreached::error;
  // In the order in which they were first used. The parameters are kept alive, so that their addresses stay
  // their identities; the map says where they stand.
  std::vector<OfParameter> parameters_;
  std::unordered_map<const Parameter<T>*, std::size_t> place_;
  std::size_t nodes_ = 0;                     // of the tape when it was swept: later ones had no part in it
  std::unordered_set<std::uint32_t> wanted_;  // leaves and what .of named: if not in by_node_, unreached
  std::unordered_map<std::uint32_t, Gradient<T>> by_node_;
};

}  // namespace xgrad
