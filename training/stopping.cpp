// See stopping.hpp.
#include <xgrad/training/stopping.hpp>

#include <algorithm>

#include <xgrad/autograd/numbers/instantiate.hpp>
#include <xgrad/training/update/options.hpp>

namespace xgrad {

template <class T>
bool Best<T>::operator()(double loss) {
  if (!(loss < loss_)) return false;
  std::vector<Array<T>> copies;
  for (const Variable<T>& w : parameters_.list()) copies.push_back(w.value().copy());
  kept_ = std::move(copies);
  loss_ = loss;
  return true;
}

template <class T>
void Best<T>::restore_parameters() const {
  const auto list = parameters_.list();
  if (kept_.empty()) throw Error("best", "there are no parameters to restore: no loss was finite so far");
  for (std::size_t k = 0; k < kept_.size(); ++k) {
    Array<T> value = list[k].value();
    value.overwrite(kept_[k]);
  }
}

template <class T>
StateDict Best<T>::state() const {
  StateDict result;
  result.put("loss", loss_);
  const auto list = parameters_.list();
  for (std::size_t k = 0; k < kept_.size(); ++k) result.put("kept/" + parameters_.path_of(list[k]), kept_[k]);
  return result;
}

template <class T>
void Best<T>::restore(const StateDict& state) {
  StateDict like;
  like.put("loss", 0.0);
  // Of those that were declared when the loss was given, which are the first.
  const std::size_t count = state.below("kept").entries().size();
  auto list = parameters_.list();
  list.resize(std::min(list.size(), count));
  for (const Variable<T>& w : list) like.put("kept/" + parameters_.path_of(w), Array<T>::zeros(w.shape()));
  state.check_like("best", like);
  loss_ = state.number("loss");
  kept_.clear();
  for (const Variable<T>& w : list) kept_.push_back(state.array<T>("kept/" + parameters_.path_of(w)).copy());
}

EarlyStopping::EarlyStopping(const Options& options) : options_(options) {
  detail::OptionCheck{"early stopping"}.fraction("threshold", options.threshold);
}

bool EarlyStopping::operator()(double loss) {
  const double part =
      best_ < 0 ? -options_.threshold : options_.threshold;  // of a negative best, too, below it
  if (loss < best_ * (1 - part)) {
    best_ = loss;
    bad_ = 0;
  } else {
    ++bad_;
  }
  return bad_ > options_.patience;
}

StateDict EarlyStopping::state() const {
  StateDict result;
  result.put("best", best_);
  result.put("bad", bad_);
  return result;
}

void EarlyStopping::restore(const StateDict& state) {
  state.check_like("early stopping", this->state());
  const std::uint64_t bad = state.integer("bad");
  best_ = state.number("best");
  bad_ = bad;
}

XGRAD_INSTANTIATE_REAL_CLASS(Best);

}  // namespace xgrad
