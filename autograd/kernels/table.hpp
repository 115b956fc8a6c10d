// Table: the kernels of one instruction set, as pointers. `table<T>()` is that of the set in use. Kernels
// know rows of numbers, no arrays: what calls them (map.hpp, product.hpp, the ops) has checked the shapes.
// Their code is in compiled/kernels.hpp. Internal.
#pragma once

#include <array>
#include <cstddef>
#include <type_traits>

#include <xgrad/autograd/kernels/formulas.hpp>
#include <xgrad/autograd/kernels/functions.hpp>
#include <xgrad/autograd/kernels/instruction_set.hpp>
#include <xgrad/autograd/kernels/updates.hpp>

namespace xgrad::kernels {

template <class... F>
struct FormulaList {
  static constexpr std::size_t size = sizeof...(F);
  /// Where G is in the list; `size` if it is not.
  template <class G>
  static constexpr std::size_t index_of() {
    constexpr bool same[] = {std::is_same_v<F, G>...};
    std::size_t i = 0;
    while (i < size && !same[i]) ++i;
    return i;
  }
  template <class... G>
  constexpr FormulaList<F..., G...> operator+(FormulaList<G...>) const {
    return {};
  }
};

/// y[i] = f(x[0][i steps[0]], x[1][i steps[1]], ...) for i < n and a formula f; y may be one of the x. A step
/// is 1, or 0 for an operand that is one element.
template <class T>
using RowLoop = void (*)(const void* f, T* y, const T* const* x, const std::size_t* steps, std::size_t n);

/// How many arguments, of type X, a formula takes.
template <class F, class X>
constexpr std::size_t arguments = std::is_invocable_v<const F&, X>         ? 1
                                  : std::is_invocable_v<const F&, X, X>    ? 2
                                  : std::is_invocable_v<const F&, X, X, X> ? 3
                                                                           : 4;

/// The loops of functions of one element, and of two.
template <class... F>
using LoopsOfOne = FormulaList<functions::Value<F>..., functions::Vjp<F>...>;
template <class... F>
using LoopsOfTwo = FormulaList<functions::Value<F>..., functions::VjpA<F>..., functions::VjpB<F>...>;

/// What has a loop over rows for each instruction set.
#define XGRAD_LOOPS(name, F) +LoopsOfOne<functions::F>()
template <class T>
using Formulas = decltype(FormulaList<formulas::Copy, formulas::Add, formulas::Subtract, formulas::Multiply,
                                      formulas::Divide, formulas::ScaleShift<T>, formulas::AddProduct,
                                      formulas::DividendVjp, formulas::DivisorVjp, formulas::Larger>() +
                          LoopsOfTwo<functions::Pow, functions::Maximum, functions::Minimum,
                                     functions::BinaryCrossEntropy>() +
                          LoopsOfOne<functions::PowOf<T>, functions::Clip<T>, functions::LeakyRelu<T>,
                                     functions::Elu<T>, functions::Huber<T>>() XGRAD_FUNCTIONS(XGRAD_LOOPS));
#undef XGRAD_LOOPS

/// The rules of optimizers, which have such loops too.
template <class T>
using Updates = FormulaList<updates::Sgd<T>, updates::Adagrad<T>, updates::Rmsprop<T>, updates::Adam<T>,
                            updates::Rprop<T>, updates::Linear<T>>;

/// Part of a matrix product, small enough for the registers:
///   c[i][j] = base[i][j] + sum over p of a[i][p] b[p][j]     i < rows, j < columns, p < depth
template <class T>
struct Tile {
  std::size_t rows, columns, depth;
  const T* a;
  std::size_t a_row, a_column;  ///< how far apart the entries of a are along i and p
  const T* b;                   ///< at least as wide as the registers that `columns` fill
  std::size_t b_row;            ///< the width of the widest tile if b is packed
  std::size_t b_panel;          ///< how far apart panels of b are; for `tiles` alone
  const T* base;                ///< null for zeros; may be c
  std::size_t base_row;         ///< 0 for one row that serves all i
  T* c;
  std::size_t c_row;
};

template <class T>
struct Table {
  /// One loop for each of Formulas<T>.
  std::array<RowLoop<T>, Formulas<T>::size> rows;

  /// One step of a rule for n elements of a parameter, their slots and gradients; a slot may be null, and
  /// so may the gradients, which are zeros then. One kernel for each of Updates<T>, called with the rule.
  using Update = void (*)(const void* rule, T* w, T* const* slots, const T* g, std::size_t n);
  std::array<Update, Updates<T>::size> updates;

  T (*max)(const T* x, std::size_t n);  ///< n > 0
  /// y = e^(x - shift), unless y is null; returns the sum of that.
  T (*exp_shifted)(const T* x, T* y, std::size_t n, T shift);
  T (*sum)(const T* x, std::size_t n);
  T (*dot)(const T* x, const T* y, std::size_t n);
  /// In double. Not finite if a number is not, or, for double, if a square is not.
  double (*sum_of_squares)(const T* x, std::size_t n);

  std::size_t tile_rows, tile_columns;  ///< of the widest tile
  /// How many columns a quarter of a register holds, a half and a whole one: of b a tile reads the last
  /// columns by the smallest that holds them.
  std::array<std::size_t, 3> register_columns;
  void (*tile)(const Tile<T>&);
  /// Several tiles side by side, as many as `panels` says, of whole panels: for one row and for two, where a
  /// tile alone has too few sums to keep the processor busy.
  std::array<std::size_t, 2> panels;  ///< by rows - 1
  void (*tiles)(const Tile<T>&);
  /// What `tile` computes, for up to four rows, tile_columns / 2 columns or more, and a b that is not packed.
  void (*few_rows)(const Tile<T>&);
  /// c[i][j] = base[i][j] + sum over p of a[i][p] b[j][p] for any number of rows and columns; a_column is 1.
  /// The sums are of another order than those of `tile`.
  void (*dots)(const Tile<T>&);
  /// Lays b: (depth, columns), or its transpose if `transposed`, out for `tile`: panels of tile_columns
  /// columns one after the other, each row by row, the last filled up with zeros.
  void (*pack)(bool transposed, std::size_t depth, std::size_t columns, const T* b, std::size_t b_row,
               T* packed);
  /// y[j][i] = x[i][j] for i < rows and j < columns; x_row and y_row are the leading dimensions.
  void (*transpose)(std::size_t rows, std::size_t columns, const T* x, std::size_t x_row, T* y,
                    std::size_t y_row);
};

/// The loops of complex numbers; for a formula that is not in the list there is a plain one, in row.hpp.
using ComplexFormulas =
    decltype(FormulaList<formulas::Add, formulas::Subtract, formulas::Multiply, formulas::Divide,
                         formulas::ScaleShift<Complex>, formulas::AddProduct, formulas::DividendVjp,
                         formulas::DivisorVjp>() +
             LoopsOfOne<functions::Exp, functions::Log, functions::Sqrt, functions::Square, functions::Tanh,
                        functions::Sigmoid>());

/// The list of either.
template <class T>
struct FormulasOf {
  using List = Formulas<T>;
};
template <>
struct FormulasOf<Complex> {
  using List = ComplexFormulas;
};

template <>
struct Table<Complex> {
  std::array<RowLoop<Complex>, ComplexFormulas::size> rows;
  double (*max)(const Complex* x, std::size_t n);  ///< the largest real part, n > 0
  /// As in that of real numbers.
  Complex (*exp_shifted)(const Complex* x, Complex* y, std::size_t n, double shift);
  /// The real and the imaginary parts of x: (rows, columns), apart. Returns the sum of the magnitudes of the
  /// imaginary ones.
  double (*split)(std::size_t rows, std::size_t columns, const Complex* x, std::size_t x_row, double* re,
                  double* im);
  /// The other way round.
  void (*join)(std::size_t rows, std::size_t columns, const double* re, const double* im, Complex* y,
               std::size_t y_row);
};

/// Those of one set, for each scalar.
struct Tables {
  Table<float> of_float;
  Table<double> of_double;
  Table<Complex> of_complex;
};
extern const Tables baseline_tables;
#if defined(__x86_64__)
extern const Tables avx2_tables, avx512_tables;
#endif

/// The kernels of a set that this processor has.
template <class T>
const Table<T>& table(InstructionSet set);

/// Those of the set in use.
template <class T>
const Table<T>& table() {
  static const Table<T>& chosen = table<T>(instruction_set());
  return chosen;
}

}  // namespace xgrad::kernels
