// Parameters<T>: the only place where a named trainable array is born, so that none can be forgotten by an
// optimizer, a check or a file. It is a handle to a shared, ordered list and a scope: `p / "rnn"` declares
// under "rnn/...", and speaks of what is there: `Sgd(p / "rnn", 1)` trains, `(p / "rnn").save(file)` writes,
// `freeze(p / "rnn")` freezes that part alone. A model is a function of a Parameters, which gradcheck calls
// with values of its choosing.
#pragma once

#include <concepts>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <xgrad/autograd/random.hpp>
#include <xgrad/autograd/variable.hpp>

namespace xgrad {

/// Which parameters are meant; see freeze().
enum class Which { all, trained, frozen };

/// Which parameters `load` fills, and from which tensors of the file.
struct LoadOptions {
  /// The paths of the parameters to fill. `*` stands for any characters but '/', and `**` for any, '/' too;
  /// a `**/` at the beginning or behind a '/' also stands for nothing: "rnn/**" is all that is below rnn,
  /// "**/W" every W, "*" all that is in no scope below the handle's.
  std::string only = "**";
  /// The name in the file of the parameter of this path; empty: the path itself. Two parameters may have the
  /// same: they are tied, or begin as copies of each other.
  std::function<std::string(const std::string& path)> rename{};
};

/// What `load` has done.
struct Loaded {
  std::vector<std::string> taken;    ///< paths of the parameters that were filled
  std::vector<std::string> missing;  ///< paths of those left as they were: not chosen, or not in the file
  std::vector<std::string> left;     ///< names in the file that no parameter was filled from
};

/// The named parameters of a model, in the order of declaration, and the scope to declare more in. Copies are
/// handles to the same list. A handle with a scope speaks of the parameters below that scope alone, and of
/// their paths below it.
///
/// Several threads may compute with the parameters at once, each on tapes of its own or on none, while no
/// thread changes them: by a step, assign, load, freeze, unfreeze, use() of an average, or a new parameter.
template <class T>
class Parameters {
 public:
  /// An empty list whose initial values are drawn, in the order of declaration, from Random(seed).
  explicit Parameters(std::uint32_t seed = 0);
  /// An empty list whose initial values are looked up by path, cast to T; a path that is not there is drawn
  /// as above.
  template <class U>
  explicit Parameters(const std::map<std::string, Array<U>>& values, std::uint32_t seed = 0)
      : Parameters(seed) {
    for (const auto& [path, value] : values) store_->values.emplace(path, value.template cast<T>());
  }

  /// The same list, declaring under `scope/...`.
  Parameters operator/(std::string_view scope) const;
  /// The scope: empty, or scopes that end in '/' each, "encoder/rnn/".
  const std::string& scope() const { return scope_; }

  /// A handle to this list that declares nothing: where a model asks it for a parameter, it is given
  /// `replacement(w)` for the parameter w of that path, which must be there. So a model can be built again on
  /// what is computed from its parameters: with dropout on its weights, or with one of them frozen.
  /// Throws Error if `replacement` is empty.
  Parameters derived(std::function<Variable<T>(const Variable<T>& w)> replacement) const;

  /// A new parameter. Without an initializer: uniform in +-1/sqrt(K) with K the size of the first axis, which
  /// for matmul(x, W) with W: (K, M) is the number of inputs that each output sums (LeCun et al. 1998).
  /// Throws Error if the path is taken, or the name is empty or has a '/'.
  Variable<T> weight(std::string_view name, const Shape& shape) const;
  /// The same, drawn by `initializer`. Throws Error for an empty one, too, and for a shape that it cannot
  /// fill.
  Variable<T> weight(std::string_view name, const Shape& shape, const Initializer& initializer) const;
  /// A new parameter of zeros.
  Variable<T> bias(std::string_view name, const Shape& shape) const;
  /// A checked input of a function under test: to gradcheck, one more parameter.
  Variable<T> input(std::string_view name, const Shape& shape,
                    const Initializer& initializer = uniform(-1, 1)) const {
    return weight(name, shape, initializer);
  }
  /// Data that is not checked, in this function's scalar.
  Variable<T> constant(const Array<double>& data) const { return Variable<T>(data.template cast<T>()); }

  /// The parameters below the scope, in the order of declaration.
  std::vector<Variable<T>> list(Which which = Which::all) const;
  /// The path of a parameter that is below the scope, from there: "Wh" of "rnn/Wh" in the scope "rnn".
  std::string path_of(const Variable<T>& parameter) const;
  /// A copy of all elements, by path; of complex ones the real parts.
  std::map<std::string, Array<double>> values() const;
  /// Number of elements of the parameters below the scope.
  std::size_t count(Which which = Which::all) const;
  /// Whether there is a parameter of this path below the scope.
  bool contains(std::string_view path) const { return find(path) != nullptr; }
  /// The parameter of this path below the scope. Throws Error listing the paths there are.
  const Variable<T>& operator[](std::string_view path) const;
  /// Replaces a parameter's elements in place. Throws Error for an unknown path or another shape.
  void assign(std::string_view path, const Array<T>& values) const;

  /// Writes all parameters below the scope to a safetensors file, each under its path below it. An old file
  /// is replaced as a whole: a failure, even of the power, leaves it as it was. Throws Error with the
  /// system's reason, for a scope that has no parameters, and for `metadata` that is not UTF-8: texts that
  /// are kept in the file.
  void save(const std::string& file,
            const std::map<std::string, std::string>& metadata = {}) const requires std::floating_point<T>;
  /// Replaces all elements of the parameters below the scope, in place, by those of a safetensors file, which
  /// has them by their paths below the scope; every handle sees them. F64, F32, F16 and BF16 are read as T:
  /// the same numbers, or, F64 as float, rounded to nearest. Throws Error if the file is damaged, is not of
  /// just these paths and shapes, has another dtype, or has a finite element beyond the range of T; it then
  /// lists what is missing, different or unexpected. On any error no parameter is changed. A scope that has
  /// no parameters is an error, too.
  void load(const std::string& file) const requires std::floating_point<T>;
  /// The same with those parameters alone that are chosen and in the file, which may have others, too.
  /// Throws Error as above if one of them has another shape or dtype there, and if there is none.
  Loaded load(const std::string& file, const LoadOptions& options) const requires std::floating_point<T>;

 private:
  struct Store {
    explicit Store(std::uint32_t seed) : random(seed) {}
    std::vector<Variable<T>> list;
    Random random;
    std::map<std::string, Array<T>> values;  // to start from
  };

  const Variable<T>* find(std::string_view path) const;
  bool below_scope(const Variable<T>& parameter) const;

  std::shared_ptr<Store> store_;
  std::string scope_;
  std::function<Variable<T>(const Variable<T>&)> replacement_;  // of derived()
};

/// Takes the parameters below the scope out of training, until unfreeze(): they are constants to every tape,
/// have no gradient, and no optimizer, norm or clipping asks for one or changes them. They are saved and
/// loaded like all others. Throws Error if there are none: build the model first.
///
///     freeze(p / "embed");
///
/// A tape that has used one of them before refuses its gradient.
template <class T>
void freeze(const Parameters<T>& parameters);
/// Undoes freeze(). Throws Error if there are no parameters below the scope.
template <class T>
void unfreeze(const Parameters<T>& parameters);

}  // namespace xgrad
