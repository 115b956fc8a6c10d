// The walk over the parameters; see optimizer.hpp.
#include <xgrad/training/optimizer.hpp>

#include <deque>
#include <map>

#include <xgrad/autograd/parameters/quote.hpp>
#include <xgrad/training/update/parameter_update.hpp>

namespace xgrad {

template <class T>
class detail::Updates {
 public:
  Updates(Parameters<T> parameters, double rate, Sparse sparse, MakeRule<T> make_rule,
          ByParameter by_parameter)
      : parameters_(std::move(parameters)),
        sparse_(sparse),
        make_rule_(std::move(make_rule)),
        by_parameter_(std::move(by_parameter)) {
    (void)rule(1);  // its options are checked now
    set_rate(rate);
  }

  double rate() const { return rate_; }
  void set_rate(double rate) {
    check_rate(rate);
    rate_ = rate;
  }
  std::uint64_t steps() const { return steps_; }

  void step(const Gradients<T>& gradients) {
    meet_parameters();
    if (updates_.empty() && !parameters_.scope().empty())
      throw Error(name(), "there is no parameter below " + quote(parameters_.scope()) + " to update");
    for (auto& update : updates_)
      if (!update.frozen()) (void)gradients.stored(update.parameter());  // throws before any change
    for (auto& update : updates_)
      update.frozen() ? update.update_all() : update.prepare(gradients.stored(update.parameter()));
    ++steps_;
    for (auto& update : updates_)
      if (!update.frozen()) update.apply(gradients.stored(update.parameter()), rate_);
  }

  StateDict state() {
    meet_parameters();
    StateDict result = own_state();
    for (const auto& update : updates_) update.save(path_of(update), result);
    return result;
  }

  void restore(const StateDict& state) {
    meet_parameters();
    const char* const op = name();
    if (state.contains("rule") && state.text("rule") != op)
      throw Error(op, "the state is that of '" + state.text("rule") + "', expected that of '" + op + "'");
    StateDict like = own_state();
    for (const auto& update : updates_) update.save(path_of(update), like);
    const auto always = [](const StateDict& all) {
      StateDict result;
      for (const auto& [entry, value] : all.entries())
        if (!ParameterUpdate<T>::about_rows(entry)) result.put(entry, value);
      return result;
    };
    always(state).check_like(op, always(like));
    check_rate(state.number("rate"));
    for (const auto& update : updates_) update.check(op, path_of(update), state);

    rate_ = state.number("rate");
    steps_ = state.integer("steps");
    for (auto& update : updates_) update.restore(path_of(update), state);
  }

 private:
  const char* name() { return rule(1).name(); }
  std::string path_of(const ParameterUpdate<T>& update) const {
    return parameters_.path_of(update.parameter());
  }

  void check_rate(double rate) {
    if (!(rate > 0) || std::isinf(rate))
      throw Error(name(), "needs a rate that is a positive number, got " + std::to_string(rate));
  }

  StateDict own_state() {
    StateDict result;
    result.put("rule", std::string(name()));
    result.put("rate", rate_);
    result.put("steps", steps_);
    return result;
  }

  // With this part of the weight decay.
  const Rule<T>& rule(double decay) {
    auto& rule = rules_[decay];
    if (rule == nullptr) rule = make_rule_(decay);
    return *rule;
  }

  ParameterFactors factors(const std::string& path, const Shape& shape) {
    if (!by_parameter_) return {};
    const ParameterFactors result = by_parameter_(path, shape);
    for (const double factor : {result.rate, result.weight_decay})
      if (!(factor >= 0) || std::isinf(factor))
        throw Error(name(), "needs factors >= 0 for '" + path + "', got a rate of " +
                                std::to_string(result.rate) + " and a weight decay of " +
                                std::to_string(result.weight_decay));
    return result;
  }

  // Those declared since the last step too.
  void meet_parameters() {
    const auto list = parameters_.list();
    for (std::size_t k = updates_.size(); k < list.size(); ++k) {
      const auto part = factors(parameters_.path_of(list[k]), list[k].shape());
      updates_.emplace_back(list[k], rule(part.weight_decay), part.rate, sparse_);
    }
  }

  Parameters<T> parameters_;
  double rate_ = 0;
  Sparse sparse_;
  MakeRule<T> make_rule_;
  ByParameter by_parameter_;
  std::map<double, std::unique_ptr<Rule<T>>> rules_;  // by their part of the weight decay
  std::uint64_t steps_ = 0;
  std::deque<ParameterUpdate<T>> updates_;  // one per parameter below the scope, in the order of declaration
};

template <class T>
Optimizer<T>::Optimizer(Parameters<T> parameters, double rate, Sparse sparse, detail::MakeRule<T> rule,
                        ByParameter by_parameter)
    : updates_(std::make_unique<detail::Updates<T>>(std::move(parameters), rate, sparse, std::move(rule),
                                                    std::move(by_parameter))) {}

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
StateDict Optimizer<T>::state() const {
  return updates_->state();
}

template <class T>
void Optimizer<T>::restore(const StateDict& state) {
  updates_->restore(state);
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
