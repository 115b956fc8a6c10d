// One run in complex numbers per forward derivative, one tape per gradient; see derivatives.hpp.
#include <xgrad/autograd/derivatives.hpp>

#include <xgrad/autograd/tape.hpp>

namespace xgrad {

namespace {

void check_direction(const char* op, const std::string& what, const Shape& direction, const Shape& value) {
  if (direction != value)
    throw Error(op, "the direction of " + what + " has shape " + to_string(direction) +
                        ", expected that of its value, " + to_string(value));
}

// Argument j, carrying its direction.
Array<Complex> argument(const char* op, std::size_t j, std::span<const Array<double>> xs,
                        std::span<const Array<double>> vs) {
  check_direction(op, "argument " + std::to_string(j), vs[j].shape(), xs[j].shape());
  return with_direction(xs[j], vs[j]);
}

void check_directions(const char* op, const Values& values, const Values& directions) {
  for (const auto& [path, v] : directions) {
    const auto value = values.find(path);
    if (value == values.end()) throw Error(op, "there is a direction of '" + path + "', which has no value");
    check_direction(op, "'" + path + "'", v.shape(), value->second.shape());
  }
}

JvpResult parts(const Array<Complex>& y) { return {y.cast<double>(), carried_derivative(y)}; }

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
  const Inference pause;
  std::vector<Variable<Complex>> arguments;
  for (std::size_t j = 0; j < xs.size(); ++j) arguments.emplace_back(argument("jvp", j, xs, vs));
  return parts(f(arguments).value());
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
  Tape<Complex> tape;
  std::vector<Variable<Complex>> arguments;
  for (std::size_t j = 0; j < xs.size(); ++j) arguments.push_back(tape.leaf(argument("hvp", j, xs, vs)));
  const auto gradients = tape.gradient(f(arguments), {.unreached = zeros});
  std::vector<Array<double>> result;
  for (const auto& x : arguments) result.push_back(carried_derivative(gradients[x]));
  return result;
}

std::vector<Array<double>> detail::jacobian(const VariableFunction<Complex>& f,
                                            std::span<const Array<double>> xs) {
  const Inference pause;
  std::vector<Variable<Complex>> arguments;
  for (const auto& x : xs) arguments.emplace_back(x.cast<Complex>());
  const Shape y = f(arguments).shape();

  std::vector<Array<double>> result;
  for (std::size_t j = 0; j < xs.size(); ++j) {
    auto J = Array<double>::zeros(joined(y, xs[j].shape()));
    double* const out = J.mutable_data();
    const std::size_t columns = xs[j].size();
    for (std::size_t m = 0; m < columns; ++m) {
      auto moved = arguments;
      moved[j] = with_direction(xs[j], unit_direction(xs[j].shape(), m));
      const Array<double> column = carried_derivative(f(moved).value());
      for (std::size_t i = 0; i < column.size(); ++i) out[i * columns + m] = column.data()[i];
    }
    result.push_back(std::move(J));
  }
  return result;
}

JvpResult detail::jvp(const ParameterFunction<Complex>& f, const Values& values, const Values& directions) {
  check_directions("jvp", values, directions);
  const Inference pause;
  return parts(f(Parameters<Complex>(with_directions(values, directions))).value());
}

Values detail::hvp(const ParameterFunction<Complex>& f, const Values& values, const Values& directions) {
  check_directions("hvp", values, directions);
  Tape<Complex> tape;
  const Parameters<Complex> p(with_directions(values, directions));
  const auto gradients = tape.gradient(f(p), {.unreached = zeros});
  Values result;
  for (const auto& parameter : p.list())
    result.emplace(parameter.parameter()->path, carried_derivative(gradients[parameter]));
  return result;
}

}  // namespace xgrad
