// recompute: a part of a model that saves its inputs alone, and is computed again in the sweep. It trades
// time for memory (Chen et al. 2016, arXiv:1604.06174): of a part that is recorded as it is, the tape keeps
// what every op saves. Start with the last function here.
#pragma once

#include <concepts>
#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

#include <xgrad/autograd/tape.hpp>

namespace xgrad {

namespace detail {

/// Several variables of several others.
template <class T>
using ManyOfMany = std::function<std::vector<Variable<T>>(const std::vector<Variable<T>>&)>;

/// What recompute() is, for any number of results.
template <class T>
std::vector<Variable<T>> recompute(const ManyOfMany<T>& f, const std::vector<Variable<T>>& inputs);

}  // namespace detail

/// f(inputs), of which the tape saves the inputs alone; the gradient runs f again. f takes a vector of
/// variables and returns one variable or a vector of them. What it does must follow from its inputs, as
/// dropout by a key does: it is called twice. Parameters and other variables of the tape that it uses have
/// their gradients as ever, row-sparse ones too; those variables are saved like inputs. Its values are those
/// of a plain call to the bit, and so are its gradients, but for sums over several uses: those of its own
/// uses of a variable are added up first. Where nothing records, or a watcher looks at elements, as
/// in gradcheck and audit, f is simply called.
template <class T, class F>
auto recompute(const F& f, const std::vector<Variable<T>>& inputs) {
  using Result = std::remove_cvref_t<std::invoke_result_t<const F&, const std::vector<Variable<T>>&>>;
  if constexpr (std::same_as<Result, Variable<T>>) {
    const detail::ManyOfMany<T> one = [f](const std::vector<Variable<T>>& xs) { return std::vector{f(xs)}; };
    return std::move(detail::recompute<T>(one, inputs)[0]);
  } else {
    static_assert(std::same_as<Result, std::vector<Variable<T>>>,
                  "what is computed again returns a Variable or a vector of them");
    return detail::recompute<T>(f, inputs);
  }
}

/// The same of one input or more, which f takes one by one:
///
///     const auto y = recompute([&](const auto& x) { return layer2(tanh(layer1(x))); }, x);
template <class T, class F, class... Rest>
requires(std::same_as<Rest, Variable<T>>&&...) auto recompute(const F& f, const Variable<T>& x,
                                                              const Rest&... rest) {
  return recompute<T>(
      [f](const std::vector<Variable<T>>& xs) {
        return [&]<std::size_t... I>(std::index_sequence<I...>) { return f(xs[I]...); }
        (std::index_sequence_for<Variable<T>, Rest...>());
      },
      std::vector<Variable<T>>{x, rest...});
}

}  // namespace xgrad
