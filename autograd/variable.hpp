// Variable<T>: what users compute with. A value handle to an Array and, while its tape lives, the variable's
// place on that tape. It remembers the tape by a serial number, so that one whose tape has ended is simply a
// constant: this is how the state of a recurrent network crosses from one window to the next. The ops are
// declared in ops/; recording is explained in tape.hpp.
#pragma once

#include <atomic>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string>
#include <utility>

#include <xgrad/autograd/array.hpp>
#include <xgrad/autograd/numbers/pending_updates.hpp>

namespace xgrad {

template <class T>
class Tape;
template <class T>
class Gradients;
template <class T>
class Parameters;

/// A named trainable array. Only Parameters creates one.
template <class T>
struct Parameter {
  /// For Parameters alone, which marks the block of `value_` as a parameter's.
  Parameter(std::string path_, Array<T> value_) : path(std::move(path_)), value(std::move(value_)) {}

  std::string path;  ///< its scopes and name: "rnn/Wh"
  Array<T> value;    ///< shared with every variable that stands for the parameter; see `deferred`

  /// Updates that `value` still lacks, or null; Variable::value has them made first. For optimizers.
  PendingUpdates* deferred() const { return deferred_.load(std::memory_order_acquire); }
  /// Leaves updates to be made when the value is next read; null for none. For optimizers.
  void defer(PendingUpdates* updates) const { deferred_.store(updates, std::memory_order_release); }

  /// True if it is a constant to every tape; see freeze().
  bool frozen() const { return frozen_.load(std::memory_order_relaxed); }
  /// For freeze() and unfreeze() alone.
  void set_frozen(bool frozen) const { frozen_.store(frozen, std::memory_order_relaxed); }

 private:
  // Mutable, as the elements that it stands for are the same before and after.
  mutable std::atomic<PendingUpdates*> deferred_ = nullptr;
  mutable std::atomic<bool> frozen_ = false;
};

/// What ops take and return: an array and, while a tape records, its place on that tape.
template <class T>
class Variable {
 public:
  using value_type = T;  ///< type of an element

  /// A constant without elements, shape (0,).
  Variable() = default;
  /// A constant: recording an op on it costs nothing in the sweep. Shares the elements, unless somebody may
  /// still write to them: see Array::mutable_data.
  Variable(Array<T> value)
      : value_(value.exposed() ? value.copy() : std::move(value)) {
  }  // NOLINT(google-explicit-constructor): meant to convert
  /// The rank-0 constant.
  template <class S>
  requires(Number<S> || std::same_as<S, T>) Variable(S number)  // NOLINT(google-explicit-constructor)
      : value_(Array<T>(number)) {}
  /// The evaluated elements of an xtensor expression, as a constant.
  template <XtensorExpression E>
  Variable(const E& expression) : value_(expression) {}  // NOLINT(google-explicit-constructor)

  /// The elements. Those of a parameter change in place when it is updated: ask again after that, as an array
  /// from before may lack updates that an optimizer has deferred.
  const Array<T>& value() const& {
    if (PendingUpdates* updates = deferred()) [[unlikely]]
      updates->update_all();
    return value_;
  }
  /// The same of a temporary, which gives its array away.
  Array<T> value() && {
    (void)std::as_const(*this).value();
    return std::move(value_);
  }
  /// The same for a caller that reads only these rows: deferred updates of the others are not made.
  const Array<T>& value_of_rows(const Ids& rows) const {
    if (PendingUpdates* updates = deferred()) [[unlikely]]
      updates->update_rows(rows);
    return value_;
  }
  const Shape& shape() const { return value_.shape(); }  ///< sizes of the axes, outermost first
  std::size_t rank() const { return value_.rank(); }     ///< number of axes
  std::size_t size() const { return value_.size(); }     ///< number of elements
  /// The one element of a variable of size 1. Throws Error for any other size.
  T item() const { return value().item(); }
  /// The value as a read-only xtensor expression, without a copy; valid while the variable is.
  auto xt() const { return value().xt(); }

  /// The parameter that this variable is, or null.
  const Parameter<T>* parameter() const { return kind_ == Kind::parameter ? parameter_.get() : nullptr; }

  /// True if both are the same parameter, the same value of one tape, or constants that share their elements
  /// and are gradients of one tape, or of none.
  bool same_as(const Variable& other) const {
    if (kind_ != other.kind_ || shape() != other.shape()) return false;
    if (kind_ == Kind::parameter) return parameter_ == other.parameter_;
    if (kind_ == Kind::taped && (tape_ != other.tape_ || node_ != other.node_)) return false;
    return value_.data() == other.value_.data() && value_.gradient_of() == other.value_.gradient_of();
  }

  /// @{ Elementwise, under NumPy's broadcasting. Throws Error if the shapes do not broadcast.
  friend Variable operator+(const Variable& a, const Variable& b) { return add(a, b); }
  friend Variable operator-(const Variable& a, const Variable& b) { return subtract(a, b); }
  friend Variable operator*(const Variable& a, const Variable& b) { return multiply(a, b); }
  friend Variable operator/(const Variable& a, const Variable& b) { return divide(a, b); }
  /// @}
  /// -a, elementwise.
  friend Variable operator-(const Variable& a) { return negate(a); }

  /// @{ x += y is x = x + y: x becomes another variable, nothing is changed in place.
  Variable& operator+=(const Variable& y) { return *this = *this + y; }
  Variable& operator-=(const Variable& y) { return *this = *this - y; }
  Variable& operator*=(const Variable& y) { return *this = *this * y; }
  Variable& operator/=(const Variable& y) { return *this = *this / y; }
  /// @}

  /// @{ Elementwise, with a number that is cast to T and is a constant on the tape.
  friend Variable operator+(const Variable& a, Number auto s) {
    return scale_shift(a, 1, static_cast<double>(s));
  }
  friend Variable operator+(Number auto s, const Variable& a) { return a + s; }
  friend Variable operator-(const Variable& a, Number auto s) { return a + -static_cast<double>(s); }
  friend Variable operator-(Number auto s, const Variable& a) {
    return scale_shift(a, -1, static_cast<double>(s));
  }
  friend Variable operator*(const Variable& a, Number auto s) {
    return scale_shift(a, static_cast<double>(s), -0.0);
  }
  friend Variable operator*(Number auto s, const Variable& a) { return a * s; }
  friend Variable operator/(const Variable& a, Number auto s) { return divide(a, Variable(s)); }
  friend Variable operator/(Number auto s, const Variable& a) { return divide(Variable(s), a); }
  /// @}

  /// Prints the elements, nested as by NumPy.
  friend std::ostream& operator<<(std::ostream& out, const Variable& x) { return out << x.value(); }

 private:
  friend class Tape<T>;
  friend class Gradients<T>;
  friend class Parameters<T>;

  PendingUpdates* deferred() const { return parameter() != nullptr ? parameter_->deferred() : nullptr; }

  enum class Kind : std::uint8_t {
    constant,
    taped,      // node_ of the tape with serial tape_; a constant once that has ended
    parameter,  // parameter_
    untaped,    // computed from one (parameter_, where known) while nothing recorded: no tape may take it
  };

  Array<T> value_;
  std::shared_ptr<const Parameter<T>> parameter_;
  std::uint64_t tape_ = 0;
  std::uint32_t node_ = 0;
  Kind kind_ = Kind::constant;
};

namespace detail {
template <class X>
inline constexpr bool is_variable = false;
template <class T>
inline constexpr bool is_variable<Variable<T>> = true;
}  // namespace detail

/// x as a constant: its gradient is cut, and with it a derivative carried in an imaginary part. The value is
/// shared, or copied where x lies in a parameter's block, so that training does not change it later. A
/// gradient of a tape may be a constant on that tape then; see Gradients.
template <class T>
Variable<T> detach(const Variable<T>& x) {
  if constexpr (std::same_as<T, Complex>) {
    return Variable<T>(x.value().template cast<double>().template cast<Complex>());
  } else {
    Array<T> value = x.value().in_parameter() ? x.value().copy() : x.value();
    value.mark_gradient(0);
    return Variable<T>(std::move(value));
  }
}

/// "(3, 4)" or, for a parameter, "(3, 4) (parameter 'rnn/Wh')"; for error messages.
template <class T>
std::string describe(const Variable<T>& x) {
  return to_string(x.shape()) + (x.parameter() ? " (parameter '" + x.parameter()->path + "')" : "");
}

}  // namespace xgrad

// xt::tanh(variable) would compute outside the tape and lose the gradient; these make it say so.
namespace xt::detail {

template <class T>
struct is_crtp_base_of_impl<xt::xexpression, xgrad::Variable<T>> : std::false_type {
  static_assert(sizeof(T) == 0,
                "xt:: functions do not record on the tape: call xgrad's own (tanh(x), not xt::tanh(x)), wrap "
                "an xtensor operand (x * Variable<T>(m), not x * m), or compute on the numbers with x.xt()");
};

}  // namespace xt::detail
