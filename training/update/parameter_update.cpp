// Updates of whole parameters and of rows; see parameter_update.hpp.
#include <xgrad/training/update/parameter_update.hpp>

namespace xgrad::detail {

template <class T>
ParameterUpdate<T>::ParameterUpdate(const Variable<T>& parameter, const Rule<T>& rule, const History& history,
                                    Sparse sparse)
    : parameter_(parameter),
      value_(parameter.parameter()->value),
      rule_(rule),
      history_(history),
      sparse_(sparse) {
  const Shape& shape = parameter.shape();
  if (shape.rank() > 0) rows_ = shape[0];
  width_ = rows_ == 0 ? 0 : shape.size() / rows_;
  for (const Slot& slot : rule.slots()) slots_.push_back(Array<T>::full(shape, static_cast<T>(slot.start)));
}

template <class T>
ParameterUpdate<T>::~ParameterUpdate() {
  update_all();
}

template <class T>
Numbers<T> ParameterUpdate<T>::numbers(std::size_t first_row, std::size_t rows) {
  const std::size_t offset = first_row * width_;
  // Not `shared_data`: a row that catches up has the numbers that it was to have all along, so no tape that
  // used the parameter may take it for changed. A step says so in `apply`.
  Numbers<T> result{const_cast<T*>(value_.data()) + offset, {}, rows * width_};
  for (std::size_t k = 0; k < slots_.size(); ++k) result.slots[k] = slots_[k].mutable_data() + offset;
  return result;
}

template <class T>
void ParameterUpdate<T>::catch_up(std::size_t row) {
  const std::uint64_t now = history_.now();
  if (updated_[row] == now) return;
  rule_.skip(numbers(row, 1), history_.between(updated_[row], now));
  updated_[row] = now;
}

template <class T>
void ParameterUpdate<T>::update_rows(const Ids& rows) {
  const std::lock_guard lock(mutex_);
  if (updated_.empty()) return;
  for (const auto row : rows) catch_up(static_cast<std::size_t>(row));
}

template <class T>
void ParameterUpdate<T>::update_all() {
  const std::lock_guard lock(mutex_);
  if (!updated_.empty())
    for (std::size_t row = 0; row < rows_; ++row) catch_up(row);
  updated_.clear();
  if (parameter_.parameter()->deferred() == this) parameter_.parameter()->defer(nullptr);
}

template <class T>
void ParameterUpdate<T>::prepare(const Gradient<T>* gradient) {
  PendingUpdates* const deferred = parameter_.parameter()->deferred();
  if (deferred != nullptr && deferred != this) deferred->update_all();  // another optimizer's
  if (gradient == nullptr) return;
  if (const auto* sparse = std::get_if<RowSparse<T>>(gradient))
    update_rows(sparse->rows);
  else
    update_all();
}

template <class T>
void ParameterUpdate<T>::apply(const Gradient<T>* gradient) {
  const auto* sparse = gradient != nullptr ? std::get_if<RowSparse<T>>(gradient) : nullptr;
  if (gradient == nullptr) {
    if (sparse_ == Sparse::lazy || rule_.idle() == Idle::nothing) return;
    leave_rows_behind();
  } else if (sparse == nullptr) {
    apply_dense(std::get<Array<T>>(*gradient).data());
  } else {
    if (sparse_ == Sparse::exact && rule_.idle() != Idle::nothing) leave_rows_behind();
    apply_rows(*sparse);
  }
  (void)value_.shared_data();  // a new version: what a tape has recorded of the parameter is no longer true
}

// Of the latest step.
template <class T>
void ParameterUpdate<T>::leave_rows_behind() {
  if (updated_.empty()) updated_.assign(rows_, history_.now() - 1);
  if (rule_.idle() == Idle::weights) parameter_.parameter()->defer(this);
}

template <class T>
void ParameterUpdate<T>::apply_dense(const T* g) {
  rule_.update(numbers(0, rows_), g, history_.latest());
}

template <class T>
void ParameterUpdate<T>::apply_rows(const RowSparse<T>& gradient) {
  for (std::size_t r = 0; r < gradient.rows.size(); ++r) {
    const auto row = static_cast<std::size_t>(gradient.rows[r]);
    rule_.update(numbers(row, 1), gradient.values.data() + r * width_, history_.latest());
    if (!updated_.empty()) updated_[row] = history_.now();
  }
}

XGRAD_INSTANTIATE_REAL_CLASS(ParameterUpdate);

}  // namespace xgrad::detail
