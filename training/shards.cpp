// See shards.hpp.
#include <xgrad/training/shards.hpp>

#include <algorithm>
#include <string>
#include <unordered_map>

#include <xgrad/autograd/numbers/instantiate.hpp>
#include <xgrad/autograd/tape.hpp>

namespace xgrad {

namespace {

template <class T>
using Sum = typename ShardExchange<T>::Sum;

template <class T>
void add(Sum<T>& a, Sum<T> b) {
  if (a && b)
    detail::add_to(*a, *b);
  else if (b)
    a = std::move(b);
}

void find_nodes(ShardRange node, ShardRange range, std::vector<ShardRange>& found) {
  if (node.last <= range.first || node.first >= range.last) return;
  if (node.within(range)) return found.push_back(node);
  find_nodes({node.first, node.middle()}, range, found);
  find_nodes({node.middle(), node.last}, range, found);
}

// Hands on the gradients of one sweep as they are complete.
template <class T>
class Finishing : public Watcher<T> {
 public:
  Finishing(std::function<void(const Parameter<T>*, const Gradient<T>&)> finished, ShardExchange<T>& exchange)
      : finished_(std::move(finished)), exchange_(exchange) {}

  void watch(const Tape<T>& tape) {
    for (const auto& use : tape.graph().uses) parameter_of_[use.node] = use.parameter.get();
  }
  bool looks_at_elements() const override { return false; }
  Gradient<T> gradient(std::uint32_t node, Gradient<T> dy, bool leaf) override {
    const auto found = leaf ? parameter_of_.find(node) : parameter_of_.end();
    if (found != parameter_of_.end()) finished_(found->second, dy);
    return dy;
  }
  void done(std::uint32_t node, bool) override {
    if (node % 64 == 0) exchange_.poll();
  }

 private:
  std::function<void(const Parameter<T>*, const Gradient<T>&)> finished_;
  ShardExchange<T>& exchange_;
  std::unordered_map<std::uint32_t, const Parameter<T>*> parameter_of_;
};

// One step of Shards::gradient.
template <class T>
class Step {
 public:
  using Loss = std::function<std::optional<Variable<T>>(std::size_t)>;

  Step(std::vector<Variable<T>> parameters, const Loss& loss) : list_(std::move(parameters)), loss_(loss) {
    for (std::size_t i = 0; i < list_.size(); ++i) place_.emplace(list_[i].parameter(), i);
  }

  // The sums over the nodes, all complete; the losses of their shards go to `losses`.
  std::vector<std::vector<Sum<T>>> sums(const std::vector<ShardRange>& nodes, std::vector<double>& losses) {
    std::vector<std::vector<Sum<T>>> result(list_.size());
    for (const ShardRange node : nodes) {
      std::vector<Sum<T>> of_node = sum(node, losses);
      for (std::size_t i = 0; i < list_.size(); ++i) result[i].push_back(std::move(of_node[i]));
    }
    return result;
  }

  // The same, given to the exchange as they are complete: those that the last shard reaches in its sweep.
  void give(const std::vector<ShardRange>& nodes, ShardExchange<T>& exchange, std::vector<double>& losses) {
    auto before = sums({nodes.begin(), nodes.end() - 1}, losses);
    // The left halves on the way to the last shard.
    std::vector<std::vector<Sum<T>>> lefts;
    ShardRange node = nodes.back();
    for (; node.size() > 1; node.first = node.middle())
      lefts.push_back(sum({node.first, node.middle()}, losses));
    std::vector<bool> given(list_.size());
    const auto finish = [&](std::size_t i, Sum<T> last) {
      for (std::size_t k = lefts.size(); k-- > 0;) {
        Sum<T> left = std::move(lefts[k][i]);
        add<T>(left, std::move(last));
        last = std::move(left);
      }
      before[i].push_back(std::move(last));
      exchange.give(i, std::move(before[i]));
      given[i] = true;
    };
    const auto finished = [&](const Parameter<T>* parameter, const Gradient<T>& gradient) {
      const auto place = place_.find(parameter);
      if (place != place_.end()) finish(place->second, gradient);
    };
    Finishing<T> watcher(finished, exchange);
    {
      Tape<T> tape(watcher);
      const auto loss = loss_(node.first);
      losses[node.first] = item(loss);
      watcher.watch(tape);
      if (loss) tape.gradient(*loss);
    }
    for (std::size_t i = 0; i < list_.size(); ++i)
      if (!given[i]) finish(i, std::nullopt);
  }

 private:
  static double item(const std::optional<Variable<T>>& loss) {
    return loss ? static_cast<double>(loss->item()) : 0;
  }

  std::vector<Sum<T>> sum(ShardRange node, std::vector<double>& losses) {
    if (node.size() > 1) {
      std::vector<Sum<T>> left = sum({node.first, node.middle()}, losses),
                          right = sum({node.middle(), node.last}, losses);
      for (std::size_t i = 0; i < list_.size(); ++i) add<T>(left[i], std::move(right[i]));
      return left;
    }
    Tape<T> tape;
    const auto loss = loss_(node.first);
    losses[node.first] = item(loss);
    std::vector<Sum<T>> result(list_.size());
    if (!loss) return result;
    const Gradients<T> gradients = tape.gradient(*loss);
    for (std::size_t i = 0; i < list_.size(); ++i)
      if (gradients.reached(list_[i])) result[i] = *gradients.stored(list_[i]);
    return result;
  }

  std::vector<Variable<T>> list_;
  const Loss& loss_;
  std::unordered_map<const Parameter<T>*, std::size_t> place_;
};

}  // namespace

Window columns(const Window& window, Columns which) {
  const std::size_t T = window.inputs.shape()[0], N = window.inputs.shape()[1];
  const std::size_t first = std::min(which.first, N), last = std::min(which.last, N);
  const auto part = [&](const Ids& ids) {
    std::vector<Ids::value_type> values;
    values.reserve(T * (last - first));
    for (std::size_t t = 0; t < T; ++t)
      values.insert(values.end(), ids.begin() + t * N + first, ids.begin() + t * N + last);
    return Ids({T, last - first}, std::move(values));
  };
  return {part(window.inputs), part(window.targets)};
}

std::vector<ShardRange> nodes_within(ShardRange range, std::size_t count) {
  std::vector<ShardRange> found;
  find_nodes({0, count}, range, found);
  return found;
}

template <class T>
Shards<T>::Shards(const Parameters<T>& parameters, std::size_t count,
                  std::shared_ptr<ShardExchange<T>> exchange)
    : parameters_(parameters), count_(count), exchange_(std::move(exchange)), here_{0, count} {
  if (count == 0) throw Error("Shards", "needs at least one shard");
  if (exchange_) here_ = exchange_->here(count);
}

template <class T>
typename Shards<T>::Result Shards<T>::gradient(
    const std::function<std::optional<Variable<T>>(std::size_t shard)>& loss) const {
  const auto list = parameters_.list(Which::trained);
  std::vector<double> losses(count_);
  Step<T> step(list, loss);
  std::vector<Sum<T>> sums;
  if (exchange_) {
    exchange_->begin(list, count_);
    step.give(nodes_within(here_, count_), *exchange_, losses);
    sums = exchange_->finish(losses);
  } else {
    for (auto& of_parameter : step.sums({here_}, losses)) sums.push_back(std::move(of_parameter[0]));
  }
  std::vector<std::pair<Variable<T>, Gradient<T>>> reached;
  for (std::size_t i = 0; i < list.size(); ++i)
    if (sums[i]) reached.emplace_back(list[i], std::move(*sums[i]));
  double total = 0;
  for (const double part : losses) total += part;
  return {Gradients<T>(reached), total};
}

XGRAD_INSTANTIATE_REAL_CLASS(Shards);

}  // namespace xgrad
