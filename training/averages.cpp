// See averages.hpp.
#include <xgrad/training/averages.hpp>

#include <algorithm>
#include <cmath>

#include <xgrad/autograd/numbers/instantiate.hpp>
#include <xgrad/training/update/options.hpp>

namespace xgrad {

template <class T>
Exchanged<T>::Exchanged(const Parameters<T>& parameters, const std::vector<Array<double>>& elements)
    : list_(parameters.list()) {
  list_.resize(std::min(list_.size(), elements.size()));
  for (const Variable<T>& w : list_) own_.push_back(w.value().copy());
  for (std::size_t k = 0; k < list_.size(); ++k) {
    Array<T> value = list_[k].value();
    value.overwrite(elements[k].template cast<T>());
  }
}

template <class T>
Exchanged<T>::~Exchanged() {
  for (std::size_t k = 0; k < list_.size(); ++k) {
    Array<T> value = list_[k].value();
    value.overwrite(own_[k]);
  }
}

template <class T>
void WeightAverage<T>::move_towards_weights(double part) {
  ++updates_;
  const auto list = parameters_.list();
  for (std::size_t k = 0; k < list.size(); ++k) {
    const Array<T>& w = list[k].value();
    if (k == means_.size()) {
      means_.push_back(w.template cast<double>());
      continue;
    }
    double* const mean = means_[k].mutable_data();
    for (std::size_t i = 0; i < w.size(); ++i) mean[i] += part * (static_cast<double>(w.data()[i]) - mean[i]);
  }
}

template <class T>
void WeightAverage<T>::save(StateDict& state) const {
  const auto list = parameters_.list();
  state.put("updates", updates_);
  for (std::size_t k = 0; k < means_.size(); ++k)
    state.put("mean/" + parameters_.path_of(list[k]), means_[k]);
}

// Those that were declared at the last update, which are the first.
template <class T>
std::vector<Variable<T>> WeightAverage<T>::averaged(const StateDict& state) const {
  auto list = parameters_.list();
  list.resize(std::min(list.size(), state.below("mean").entries().size()));
  return list;
}

template <class T>
void WeightAverage<T>::check(const char* op, const StateDict& state, StateDict like) const {
  like.put("updates", updates_);
  for (const Variable<T>& w : averaged(state))
    like.put("mean/" + parameters_.path_of(w), Array<double>::zeros(w.shape()));
  state.check_like(op, like);
}

template <class T>
void WeightAverage<T>::load(const StateDict& state) {
  updates_ = state.integer("updates");
  means_.clear();
  for (const Variable<T>& w : averaged(state))
    means_.push_back(state.array<double>("mean/" + parameters_.path_of(w)).copy());
}

template <class T>
ExponentialAverage<T>::ExponentialAverage(Parameters<T> parameters, double decay)
    : WeightAverage<T>(std::move(parameters)), decay_(decay) {
  detail::OptionCheck{"exponential average"}.fraction("decay", decay);
}

template <class T>
void ExponentialAverage<T>::update() {
  this->move_towards_weights(1 - decay_);
}

template <class T>
StateDict ExponentialAverage<T>::state() const {
  StateDict result;
  this->save(result);
  return result;
}

template <class T>
void ExponentialAverage<T>::restore(const StateDict& state) {
  this->check("exponential average", state, {});
  this->load(state);
}

template <class T>
bool TriggeredAverage<T>::observe(double loss) {
  if (!triggered_ && losses_.size() > patience_) {
    const auto old = losses_.end() - static_cast<std::ptrdiff_t>(patience_);
    triggered_ = !(loss <= *std::min_element(losses_.begin(), old));
  }
  losses_.push_back(std::isnan(loss) ? INFINITY : loss);
  return triggered_;
}

template <class T>
void TriggeredAverage<T>::update() {
  if (triggered_) this->move_towards_weights(1 / static_cast<double>(this->updates_ + 1));
}

template <class T>
StateDict TriggeredAverage<T>::state() const {
  StateDict result;
  this->save(result);
  result.put("losses", Array<double>({losses_.size()}, losses_));
  result.put("triggered", triggered_);
  return result;
}

template <class T>
void TriggeredAverage<T>::restore(const StateDict& state) {
  StateDict like;
  like.put("triggered", triggered_);
  like.put("losses", state.array<double>("losses"));  // of any number
  this->check("triggered average", state, like);
  const Array<double>& losses = state.array<double>("losses");
  const std::uint64_t triggered = state.integer("triggered");
  this->load(state);
  losses_.assign(losses.begin(), losses.end());
  triggered_ = triggered != 0;
}

XGRAD_INSTANTIATE_REAL_CLASS(Exchanged);
XGRAD_INSTANTIATE_REAL_CLASS(WeightAverage);
XGRAD_INSTANTIATE_REAL_CLASS(ExponentialAverage);
XGRAD_INSTANTIATE_REAL_CLASS(TriggeredAverage);

}  // namespace xgrad
