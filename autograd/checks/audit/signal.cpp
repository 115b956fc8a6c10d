// Least squares on what the gradients of one affine sum have in common; see signal.hpp. With X the matrix
// whose rows are all [x_t, h_{t-1}, 1], the gradients [dWx; dWh; db] are X^T D for some D, the signals as
// rows, if and only if they lie in the span of X's rows. That says something if X has fewer rows than
// columns.
#include <xgrad/autograd/checks/audit/signal.hpp>

#include <algorithm>
#include <cmath>
#include <map>

#include <xgrad/autograd/checks/audit/candidates.hpp>
#include <xgrad/autograd/ops/identities.hpp>

namespace xgrad::auditing {

namespace {

using Column = std::vector<double>;

// A parameter in the sum: as the matrix of a product, whose other operand has `width` numbers in a row, or as
// the bias.
struct Part {
  std::size_t parameter, input;
  std::vector<std::size_t> ops;
  std::size_t other;  // which input is multiplied with it, or none
  bool first;         // it is the first operand: W x with columns x
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

std::map<std::size_t, std::vector<Part>> sums_of(const Recording& recording) {
  std::map<std::size_t, std::vector<Part>> sums;
  for (const Role& role : recording.roles()) {
    const std::size_t last = role.ops.back();
    const RecordedOp& op = recording.ops()[last];
    const auto offer = [&](std::size_t input, std::size_t other, bool first) {
      if (op.inputs[input].parameter != none)
        sums[recording.ops()[root_of(recording, last)].role].push_back(
            {op.inputs[input].parameter, input, role.ops, other, first});
    };
    for (const ProductPlace& place : products_of(op)) {
      offer(place.W, place.x, false);
      offer(place.x, place.W, true);
    }
    if (op.op == ops::affine) offer(op.inputs.size() - 1, none, false);
    if (op.op == ops::add)
      for (const std::size_t j : {0U, 1U}) offer(j, none, false);
  }
  return sums;
}

// Removes from v what it has along the orthonormal q; twice, for the rounding.
void orthogonalise(Column& v, const std::vector<Column>& q) {
  for (int pass = 0; pass < 2; ++pass)
    for (const Column& u : q) {
      double dot = 0;
      for (std::size_t i = 0; i < v.size(); ++i) dot += u[i] * v[i];
      for (std::size_t i = 0; i < v.size(); ++i) v[i] -= dot * u[i];
    }
}
double length(const Column& v) {
  double square = 0;
  for (const double x : v) square += x * x;
  return std::sqrt(square);
}

// Appends the numbers of one sample, or of one unit's gradient; false if the shapes are not those of plain
// matrices.
class System {
 public:
  System(const Recording& recording, const std::vector<const Written*>& written,
         const std::vector<Part>& parts)
      : recording_(recording), written_(written), parts_(parts) {}

  bool build() {
    const RecordedOp& op = recording_.ops()[parts_[0].ops.back()];
    units_ = parts_[0].first ? op.inputs[parts_[0].input].value.shape()[0] : op.y.shape().back();
    samples_ = op.y.size() / units_;
    for (const std::size_t step_op : parts_[0].ops) rows_.resize(rows_.size() + samples_), (void)step_op;
    gradients_.resize(units_);
    return std::all_of(parts_.begin(), parts_.end(), [&](const Part& part) { return append(part); });
  }

  // One signal for all: the gradients lie in the span of the rows, and that is less than everything.
  bool solvable() const {
    std::vector<Column> q;
    double largest = 0;
    for (const Column& row : rows_) largest = std::max(largest, length(row));
    for (Column row : rows_) {
      orthogonalise(row, q);
      const double size = length(row);
      if (size <= 1e-9 * largest) continue;
      for (double& x : row) x /= size;
      q.push_back(std::move(row));
    }
    if (q.size() >= gradients_[0].size()) return false;
    for (Column g : gradients_) {
      const double size = length(g);
      orthogonalise(g, q);
      if (length(g) > 1e-7 * size) return false;
    }
    return true;
  }

 private:
  bool append(const Part& part) {
    const Written& w = *written_[&part - parts_.data()];
    const bool bias = part.other == none;
    for (std::size_t s = 0; s < part.ops.size() && part.ops.size() * samples_ == rows_.size(); ++s) {
      const RecordedOp& op = recording_.ops()[part.ops[s]];
      const std::size_t width = bias ? 1 : op.inputs[part.other].value.size() / samples_;
      if (!bias && (width * samples_ != op.inputs[part.other].value.size() ||
                    width * units_ != w.hand.size() || w.hand.rank() != 2 || (part.first && samples_ != 1)))
        return false;
      for (std::size_t n = 0; n < samples_; ++n)
        for (std::size_t k = 0; k < width; ++k)
          rows_[s * samples_ + n].push_back(bias ? 1
                                                 : op.inputs[part.other].value.data()[n * width + k].real());
    }
    if (bias && w.hand.size() != units_) return false;
    const std::size_t width = w.hand.size() / units_;
    for (std::size_t m = 0; m < units_; ++m)
      for (std::size_t k = 0; k < width; ++k)
        gradients_[m].push_back(w.hand.data()[part.first || bias ? m * width + k : k * units_ + m]);
    return rows_[0].size() == gradients_[0].size();
  }

  const Recording& recording_;
  const std::vector<const Written*>& written_;
  const std::vector<Part>& parts_;
  std::size_t units_ = 0, samples_ = 0;
  std::vector<Column> rows_, gradients_;
};

}  // namespace

std::vector<CommonSignal> common_signals(const Recording& recording, const std::vector<Written>& written) {
  std::vector<CommonSignal> result;
  for (auto& [root, all] : sums_of(recording)) {
    std::vector<Part> parts;
    std::vector<const Written*> hands;
    CommonSignal signal;
    for (const Part& part : all)
      for (const Written& w : written)
        if (w.parameter == part.parameter) {
          parts.push_back(part);
          hands.push_back(&w);
          signal.parameters.push_back(part.parameter);
        }
    if (parts.empty() || recording.ops()[parts[0].ops.back()].y.size() == 0) continue;
    System system(recording, hands, parts);
    signal.found = system.build() && system.solvable();
    result.push_back(std::move(signal));
  }
  return result;
}

}  // namespace xgrad::auditing
