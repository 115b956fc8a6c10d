// Sweeps over random graphs of ops: the gradient is linear in its seed, the same program gives the same bits,
// a sweep changes nothing but the gradients, and the order of independent terms shows in rounding alone.
#include "properties/holds.hpp"
#include "properties/recording.hpp"

using namespace xgrad;
using namespace properties;

namespace {

// Fills memory that is about to be reused with garbage.
template <class T>
void soil_memory() {
  std::vector<Array<T>> garbage;
  for (std::size_t n = 1; n < 100; ++n)
    garbage.push_back(Array<T>::full({n}, std::numeric_limits<T>::quiet_NaN()));
}

template <class T>
std::string same_bits_twice(const Program& program) {
  Recording<T> first(program);
  const auto gradients = first.gradients(first.seed());
  soil_memory<T>();
  Recording<T> second(program);
  return first_of({bits_differ<T>("the value, computed twice", {first.y.value()}, {second.y.value()}),
                   bits_differ("the gradients, computed twice", gradients, second.gradients(second.seed()))});
}

template <class T>
std::string linear_in_the_seed(const Program& program) {
  const double a = 0.75, b = -1.25;
  Recording<T> recording(program);
  const Array<T> u = recording.seed(7), w = recording.seed(8);
  const auto of_u = recording.gradients(u), of_w = recording.gradients(w);
  std::vector<Array<T>> combined, doubled;
  for (std::size_t k = 0; k < of_u.size(); ++k) {
    combined.push_back(a * of_u[k] + b * of_w[k]);
    doubled.push_back(1024 * of_u[k]);
  }
  // Each step on the way rounds once more.
  const double magnitude =
      std::abs(a) * largest(recording.all_gradients(u)) + std::abs(b) * largest(recording.all_gradients(w));
  const double allowed = 4 * checks::epsilon<T> * magnitude * static_cast<double>(program.steps.size());
  return first_of(
      {disagreement("gradient(a u + b w) and a gradient(u) + b gradient(w)",
                    recording.gradients(a * u + b * w), combined, [&](std::size_t) { return allowed; }),
       bits_differ("gradient(1024 u) and 1024 gradient(u)", recording.gradients(1024 * u), doubled)});
}

template <class T>
std::string changes_nothing(const Program& program) {
  Recording<T> recording(program);
  std::vector<Array<T>> before, after;
  for (const auto& x : recording.execution.variables()) before.push_back(x.value().copy());
  const Array<T> u = recording.seed(), u_before = u.copy();
  const auto gradients = recording.gradients(u);
  std::vector<Array<T>> gradients_before;
  for (const auto& gradient : gradients) gradients_before.push_back(gradient.copy());
  auto all = recording.all_gradients(u);
  all.resize(gradients.size());  // the inputs come first
  const auto again = recording.gradients(u);
  for (const auto& x : recording.execution.variables()) after.push_back(x.value());
  return first_of({bits_differ("values before and after the sweeps", before, after),
                   bits_differ<T>("the seed before and after the sweeps", {u_before}, {u}),
                   bits_differ("gradients before and after the next sweep", gradients_before, gradients),
                   bits_differ("gradients without and with those of intermediates", gradients_before, all),
                   bits_differ("gradients of the first and the last sweep", gradients_before, again)});
}

// Four programs of the same inputs, whose sum is taken.
struct Terms {
  std::vector<std::size_t> inputs;
  std::vector<std::vector<Step>> steps;
  std::size_t permutation;  // of the other order: by its place among all, in lexicographic order

  Program term(std::size_t t) const { return {inputs, steps[t]}; }
};

std::ostream& operator<<(std::ostream& out, const Terms& terms) {
  for (std::size_t t = 0; t < terms.steps.size(); ++t) out << "\nterm " << t << terms.term(t);
  return out << "\nin the order of permutation " << terms.permutation;
}

rc::Gen<Terms> sums() {
  const auto permutation = rc::gen::resize(rc::kNominalSize, rc::gen::inRange<std::size_t>(1, 24));
  return rc::gen::map(rc::gen::pair(rc::gen::container<std::vector<Program>>(4, programs(12)), permutation),
                      [](const auto& drawn) {
                        Terms terms{drawn.first[0].inputs, {}, drawn.second};
                        for (const Program& program : drawn.first) terms.steps.push_back(program.steps);
                        return terms;
                      });
}

// The gradients of the sum of the terms, recorded in the order `recorded` and added up in the order `added`.
template <class T>
std::vector<Array<T>> gradients_of_sum(const Terms& terms, const std::vector<std::size_t>& recorded,
                                       const std::vector<std::size_t>& added) {
  Tape<T> tape;
  const auto inputs = leaves(tape, terms.inputs);
  std::vector<Variable<T>> values(terms.steps.size());
  for (const std::size_t t : recorded) values[t] = sum(Execution<T>(terms.term(t), inputs).result());
  Variable<T> total = values[added.front()];
  for (std::size_t k = 1; k < added.size(); ++k) total += values[added[k]];
  return of_all(tape.gradient(total, {.unreached = zeros}), inputs);
}

template <class T>
std::string orders_agree(const Terms& terms) {
  const std::vector<std::size_t> order = {0, 1, 2, 3};
  auto other = order;
  for (std::size_t k = 0; k < terms.permutation; ++k) std::next_permutation(other.begin(), other.end());
  double magnitude = 0;  // of all that the terms add to any gradient
  for (const std::size_t t : order) {
    Recording<T> alone(terms.term(t));
    magnitude += largest(alone.all_gradients(Array<T>::full(alone.y.shape(), T(1))));
  }
  const auto allowed = [&](std::size_t) { return 4 * checks::epsilon<T> * magnitude; };
  const auto gradients = gradients_of_sum<T>(terms, order, order);
  return first_of({disagreement("terms recorded in two orders", gradients,
                                gradients_of_sum<T>(terms, other, order), allowed),
                   disagreement("terms added in two orders", gradients,
                                gradients_of_sum<T>(terms, order, other), allowed)});
}

}  // namespace

TEST_CASE("sweeps: the gradient is linear in its seed") {
  holds("linear in float", runs, [] { return linear_in_the_seed<float>(*programs()); });
  holds("linear in double", runs, [] { return linear_in_the_seed<double>(*programs()); });
}

TEST_CASE("sweeps: the same program gives the same bits") {
  holds("repeatable in float", runs, [] { return same_bits_twice<float>(*programs()); });
  holds("repeatable in double", runs, [] { return same_bits_twice<double>(*programs()); });
}

TEST_CASE("sweeps: a sweep changes nothing") {
  holds("unchanged in float", runs, [] { return changes_nothing<float>(*programs()); });
  holds("unchanged in double", runs, [] { return changes_nothing<double>(*programs()); });
}

TEST_CASE("sweeps: the order of independent terms shows in rounding alone") {
  holds("order in float", runs, [] { return orders_agree<float>(*sums()); });
  holds("order in double", runs, [] { return orders_agree<double>(*sums()); });
}
