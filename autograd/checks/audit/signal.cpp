// Where no hypothesis gives the hand-written gradients of the parameters of one affine sum: are they at least
// the right products with some common dL/dz_t? Then it is that signal which is wrong, and not what is done
// with it. With X the matrix whose rows are all [x_t, h_{t-1}, 1], the gradients [dWx; dWh; db] are X^T D for
// some D, the signals as rows, if and only if they lie in the span of X's rows. That says something if X has
// fewer rows than columns. Start at the end.
#include <algorithm>
#include <map>

#include <xgrad/autograd/checks/audit/candidates.hpp>
#include <xgrad/autograd/checks/audit/explanation.hpp>
#include <xgrad/autograd/ops/identities.hpp>

namespace xgrad::auditing {

namespace {

using Column = std::vector<double>;

// A parameter in the sum, whose gradient was written: as the matrix of a product, or as the bias.
struct Part {
  const Written& written;
  const Role& ops;
  std::size_t input;
  std::size_t other;  // which input is multiplied with it, or none
};

// Adds follow products until the sum is complete.
std::size_t root_of(const Recording& recording, std::size_t op) {
  for (;;) {
    const auto readers = recording.readers(op);
    if (readers.size() != 1 || !(recording.ops()[readers[0]].op == ops::add) ||
        recording.ops()[readers[0]].y.shape() != recording.ops()[op].y.shape())
      return op;
    op = readers[0];
  }
}

std::map<std::size_t, std::vector<Part>> sums_of(const Recording& recording,
                                                 const std::vector<Written>& written) {
  std::map<std::size_t, std::vector<Part>> sums;
  for (const Role& role : recording.roles()) {
    const RecordedOp& op = recording.ops()[role.back()];
    const auto offer = [&](std::size_t input, std::size_t other) {
      for (const Written& w : written)
        if (w.parameter == op.inputs[input].parameter)
          sums[recording.ops()[root_of(recording, role.back())].role].push_back({w, role, input, other});
    };
    for (const auto& [other, input] : products_of(op)) offer(input, other);
    if (op.op == ops::affine) offer(op.inputs.size() - 1, none);
    if (op.op == ops::add)
      for (const std::size_t j : {0U, 1U}) offer(j, none);
  }
  return sums;
}

struct System {
  std::vector<Column> rows;       // of X, one for each sample
  std::vector<Column> gradients;  // one for each unit
};

// Nothing if the shapes are not those of plain matrices.
std::optional<System> system_of(const Recording& recording, const std::vector<Part>& parts) {
  const auto is_first = [](const Part& part) { return part.input < part.other && part.other != none; };
  const RecordedOp& last = recording.ops()[parts[0].ops.back()];
  if (last.y.size() == 0 || last.y.rank() == 0) return std::nullopt;
  const std::size_t units =
      is_first(parts[0]) ? last.inputs[parts[0].input].value.shape()[0] : last.y.shape().back();
  const std::size_t steps = parts[0].ops.size(), samples = last.y.size() / units;
  if (samples == 0) return std::nullopt;
  System system{std::vector<Column>(steps * samples), std::vector<Column>(units)};
  for (const Part& part : parts) {
    const Array<double>& hand = part.written.hand;
    const bool bias = part.other == none, first = is_first(part);  // W x with columns x
    if (part.ops.size() != steps || (bias && hand.size() != units)) return std::nullopt;
    for (std::size_t s = 0; s < steps; ++s) {
      const auto& inputs = recording.ops()[part.ops[s]].inputs;
      const Numbers x = bias ? Numbers::full({samples}, 1.0) : inputs[part.other].value;
      const std::size_t width = x.size() / samples;
      if (!bias && (width * samples != x.size() || width * units != hand.size() || hand.rank() != 2 ||
                    (first && samples != 1)))
        return std::nullopt;
      for (std::size_t n = 0; n < x.size(); ++n)
        system.rows[s * samples + n / width].push_back(x.data()[n].real());
    }
    const std::size_t width = hand.size() / units;
    for (std::size_t m = 0; m < units; ++m)
      for (std::size_t k = 0; k < width; ++k)
        system.gradients[m].push_back(hand.data()[first || bias ? m * width + k : k * units + m]);
  }
  return system;
}

// Removes from v what it has along the orthonormal q; twice, for the rounding.
void orthogonalise(Column& v, const std::vector<Column>& q) {
  for (int pass = 0; pass < 2; ++pass)
    for (const Column& u : q) {
      const auto along = static_cast<double>(inner(u, v));
      for (std::size_t i = 0; i < v.size(); ++i) v[i] -= along * u[i];
    }
}

// One signal for all: the gradients lie in the span of the rows, and that is less than everything.
bool is_solvable(const System& system) {
  std::vector<Column> q;
  double largest = 0;
  for (const Column& row : system.rows) largest = std::max(largest, norm(row));
  for (Column row : system.rows) {
    orthogonalise(row, q);
    const double size = norm(row);
    if (size <= 1e-9 * largest) continue;
    for (double& x : row) x /= size;
    q.push_back(std::move(row));
  }
  if (q.size() >= system.gradients[0].size()) return false;
  return std::all_of(system.gradients.begin(), system.gradients.end(), [&](Column g) {
    const double size = norm(g);
    orthogonalise(g, q);
    return norm(g) <= 1e-7 * size;
  });
}

}  // namespace

std::vector<std::vector<std::size_t>> common_signals(const Recording& recording,
                                                     const std::vector<Written>& written) {
  std::vector<std::vector<std::size_t>> result;
  for (const auto& [root, parts] : sums_of(recording, written)) {
    const auto system = system_of(recording, parts);
    if (!system || !is_solvable(*system)) continue;
    auto& parameters = result.emplace_back();
    for (const Part& part : parts) parameters.push_back(part.written.parameter);
  }
  return result;
}

}  // namespace xgrad::auditing
