// The walk over the parameters; see optimizer.hpp.
#include <xgrad/training/optimizer.hpp>

#include <deque>

#include <xgrad/training/update/parameter_update.hpp>

namespace xgrad {

template <class T>
class detail::Updates {
 public:
  Updates(Parameters<T> parameters, double rate, Sparse sparse, std::unique_ptr<Rule<T>> rule)
      : parameters_(std::move(parameters)), sparse_(sparse), rule_(std::move(rule)) {
    set_rate(rate);
  }

  double rate() const { return rate_; }
  void set_rate(double rate) {
    if (!(rate > 0) || std::isinf(rate))
      throw Error(rule_->name(), "needs a rate that is a positive number, got " + std::to_string(rate));
    rate_ = rate;
  }
  std::uint64_t steps() const { return history_.now(); }

  void step(const Gradients<T>& gradients) {
    for (const Variable<T>& parameter : parameters_.list())
      (void)gradients.stored(parameter);  // throws before any change
    meet_parameters();
    if (history_.is_long()) {
      for (auto& update : updates_) update.update_all();
      history_.forget(history_.now());
    }
    for (auto& update : updates_) update.prepare(gradients.stored(update.parameter()));
    history_.add(rate_);
    for (auto& update : updates_) update.apply(gradients.stored(update.parameter()));
  }

 private:
  // Those declared since the last step too.
  void meet_parameters() {
    const auto& list = parameters_.list();
    while (updates_.size() < list.size())
      updates_.emplace_back(list[updates_.size()], *rule_, history_, sparse_);
  }

  Parameters<T> parameters_;
  double rate_ = 0;
  Sparse sparse_;
  std::unique_ptr<Rule<T>> rule_;
  History history_;
  std::deque<ParameterUpdate<T>> updates_;  // one per parameter of the list, in its order
};

template <class T>
Optimizer<T>::Optimizer(Parameters<T> parameters, double rate, Sparse sparse,
                        std::unique_ptr<detail::Rule<T>> rule)
    : updates_(std::make_unique<detail::Updates<T>>(std::move(parameters), rate, sparse, std::move(rule))) {}

template <class T>
Optimizer<T>::Optimizer(Optimizer&&) noexcept = default;
template <class T>
Optimizer<T>& Optimizer<T>::operator=(Optimizer&&) noexcept = default;
template <class T>
Optimizer<T>::~Optimizer() = default;

template <class T>
void Optimizer<T>::step(const Gradients<T>& gradients) {
  updates_->step(gradients);
}

template <class T>
std::uint64_t Optimizer<T>::steps() const {
  return updates_->steps();
}

template <class T>
double Optimizer<T>::current_rate() const {
  return updates_->rate();
}

template <class T>
void Optimizer<T>::set_current_rate(double rate) {
  updates_->set_rate(rate);
}

XGRAD_INSTANTIATE_REAL_CLASS(Optimizer);

}  // namespace xgrad
