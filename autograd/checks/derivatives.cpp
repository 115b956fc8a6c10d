// Forward derivatives by forward.hpp, one tape per gradient; see derivatives.hpp.
#include <xgrad/autograd/derivatives.hpp>

#include <cmath>

#include <xgrad/autograd/checks/forward.hpp>
#include <xgrad/autograd/numbers/sum.hpp>
#include <xgrad/autograd/tape.hpp>

namespace xgrad {

using proof::ComplexValues, proof::forward_derivative;

namespace {

void check_direction(const char* op, const std::string& what, const Array<double>& v, const Shape& value) {
  if (v.shape() != value)
    throw Error(op, "the direction of " + what + " has shape " + to_string(v.shape()) +
                        ", expected that of its value, " + to_string(value));
  if (std::isfinite(kernels::sum_of_squares(v))) return;
  for (std::size_t i = 0; i < v.size(); ++i)  // or only the squares are not
    if (!std::isfinite(v.data()[i]))
      throw Error(op, "the direction of " + what + " is " + std::to_string(v.data()[i]) + " at " +
                          index_of(i, value) + ", expected finite elements");
}

void check_directions(const char* op, std::span<const Array<double>> xs, std::span<const Array<double>> vs) {
  for (std::size_t j = 0; j < xs.size(); ++j)
    check_direction(op, "argument " + std::to_string(j), vs[j], xs[j].shape());
}

void check_directions(const char* op, const Values& values, const Values& directions) {
  for (const auto& [path, v] : directions) {
    const auto value = values.find(path);
    if (value == values.end()) throw Error(op, "there is a direction of '" + path + "', which has no value");
    check_direction(op, "'" + path + "'", v, value->second.shape());
  }
}

proof::ComplexRun run_of(const VariableFunction<Complex>& f) {
  return [&f](const std::vector<Array<Complex>>& xs) {
    return std::vector{f(std::vector<Variable<Complex>>(xs.begin(), xs.end())).value()};
  };
}

Shape joined(const Shape& y, const Shape& x) {
  if (y.rank() + x.rank() > Shape::max_rank)
    throw Error("jacobian", "of a value of shape " + to_string(y) + " with respect to an argument of shape " +
                                to_string(x) + " would have more than 6 axes; reshape one of them first");
  Shape shape = y;
  for (const auto dim : x) shape.push_back(dim);
  return shape;
}

}  // namespace

JvpResult detail::jvp(const VariableFunction<Complex>& f, std::span<const Array<double>> xs,
                      std::span<const Array<double>> vs) {
  check_directions("jvp", xs, vs);
  const Inference pause;
  const proof::ComplexRun run = run_of(f);
  std::vector<Array<Complex>> at_rest;  // log(1 + ih) is not 0, but h^2/2
  for (const auto& x : xs) at_rest.push_back(x.cast<Complex>());
  return {run(at_rest)[0].cast<double>(), forward_derivative(run, xs, vs)[0]};
}

VjpResult detail::vjp(const VariableFunction<double>& f, std::span<const Array<double>> xs,
                      const std::optional<Array<double>>& u) {
  Tape<double> tape;
  std::vector<Variable<double>> arguments;
  for (const auto& x : xs) arguments.push_back(tape.leaf(x));
  const Variable<double> y = f(arguments);
  const auto gradients = tape.gradient(y, {.seed = u, .unreached = zeros});
  VjpResult result{y.value(), {}};
  for (const auto& x : arguments) result.gradients.push_back(gradients[x]);
  return result;
}

std::vector<Array<double>> detail::hvp(const VariableFunction<Complex>& f, std::span<const Array<double>> xs,
                                       std::span<const Array<double>> vs) {
  check_directions("hvp", xs, vs);
  const auto gradients = [&](const std::vector<Array<Complex>>& moved) {
    Tape<Complex> tape;
    std::vector<Variable<Complex>> arguments;
    for (const auto& x : moved) arguments.push_back(tape.leaf(x));
    const auto by_node = tape.gradient(f(arguments), {.unreached = zeros});
    std::vector<Array<Complex>> result;
    for (const auto& x : arguments) result.push_back(by_node[x]);
    return result;
  };
  return forward_derivative(gradients, xs, vs);
}

std::vector<Array<double>> detail::jacobian(const VariableFunction<Complex>& f,
                                            std::span<const Array<double>> xs) {
  const Inference pause;
  std::vector<Variable<Complex>> arguments;
  for (const auto& x : xs) arguments.emplace_back(x.cast<Complex>());
  const Shape y = f(arguments).shape();

  std::vector<Array<double>> result, v;
  for (const auto& x : xs) v.push_back(Array<double>::zeros(x.shape()));
  for (std::size_t j = 0; j < xs.size(); ++j) {
    auto J = Array<double>::zeros(joined(y, xs[j].shape()));
    double* const out = J.mutable_data();
    const std::size_t columns = xs[j].size();
    for (std::size_t m = 0; m < columns; ++m) {
      v[j].mutable_data()[m] = 1;
      const Array<double> column = forward_derivative(run_of(f), xs, v)[0];
      v[j].mutable_data()[m] = 0;
      for (std::size_t i = 0; i < column.size(); ++i) out[i * columns + m] = column.data()[i];
    }
    result.push_back(std::move(J));
  }
  return result;
}

JvpResult detail::jvp(const ParameterFunction<Complex>& f, const Values& values, const Values& directions) {
  check_directions("jvp", values, directions);
  const Inference pause;
  const auto run = [&](const ComplexValues& moved) {
    return std::vector{f(Parameters<Complex>(moved)).value()};
  };
  return {run(with_directions(values, {}))[0].cast<double>(), forward_derivative(run, values, directions)[0]};
}

Values detail::hvp(const ParameterFunction<Complex>& f, const Values& values, const Values& directions) {
  check_directions("hvp", values, directions);
  // The gradients that are reached; of a table of which rows were read, these rows.
  struct Place {
    std::string path;
    std::optional<std::pair<Shape, Ids>> rows;
  };
  std::vector<Place> places;
  Values result;
  const auto gradients = [&](const ComplexValues& moved) {
    Tape<Complex> tape;
    const Parameters<Complex> p(moved);
    const auto by_node = tape.gradient(f(p), {.unreached = zeros});
    std::vector<Array<Complex>> reached;
    places.clear();
    for (const auto& parameter : p.list()) {
      const std::string& path = parameter.parameter()->path;
      const Gradient<Complex>* const stored = by_node.stored(parameter);
      if (stored == nullptr) {
        result.insert_or_assign(path, Array<double>::zeros(parameter.shape()));
      } else if (const auto* const sparse = std::get_if<RowSparse<Complex>>(stored)) {
        places.push_back({path, std::pair(sparse->shape, sparse->rows)});
        reached.push_back(sparse->values);
      } else {
        places.push_back({path, std::nullopt});
        reached.push_back(std::get<Array<Complex>>(*stored));
      }
    }
    return reached;
  };
  const auto derivatives = forward_derivative(gradients, values, directions);
  for (std::size_t k = 0; k < places.size(); ++k) {
    const auto& [path, rows] = places[k];
    result.insert_or_assign(
        path, rows ? RowSparse<double>{rows->first, rows->second, derivatives[k]}.dense() : derivatives[k]);
  }
  return result;
}

Values detail::hvp_of_model(const ParameterFunction<Complex>& f, const Values& parameters,
                            const HvpInputs& at) {
  Values values = parameters;
  for (const auto& [path, value] : at.inputs)
    if (!values.emplace(path, value).second)
      throw Error("hvp", "'" + path + "' is an input and a parameter of the list, expected one of them");
  const auto checked = [&](const Parameters<Complex>& p) {
    const Variable<Complex> y = f(p);
    for (const auto& declared : p.list())
      if (const std::string& path = declared.parameter()->path; !values.contains(path))
        throw Error("hvp", "the function declares '" + path +
                               "', which is neither a parameter of the list nor an input");
    for (const auto& [path, value] : at.inputs)
      if (!p.contains(path)) throw Error("hvp", "the function does not declare the input '" + path + "'");
    return y;
  };
  Values result = hvp(checked, values, at.directions);
  for (const auto& [path, value] : at.inputs) result.erase(path);
  return result;
}

}  // namespace xgrad
