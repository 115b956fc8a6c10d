// Updates of whole parameters and of rows; see parameter_update.hpp.
#include <xgrad/training/update/parameter_update.hpp>

namespace xgrad::detail {

namespace {

constexpr std::size_t most_missed = 1024;  // steps; then all rows are updated

// Entries about rows that are behind, before "/" and the parameter's path.
constexpr const char *updated_entry = "updated", *missed_entry = "missed rates", *elements_entry = "elements";

}  // namespace

template <class T>
ParameterUpdate<T>::ParameterUpdate(const Variable<T>& parameter, const Rule<T>& rule, double factor,
                                    Sparse sparse)
    : parameter_(parameter),
      value_(parameter.parameter()->value),
      rule_(rule),
      factor_(factor),
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

// The steps that a row lacks, while some are behind.
template <class T>
std::span<const Instant> ParameterUpdate<T>::missed(std::size_t row) const {
  return std::span(missed_).last(static_cast<std::size_t>(steps_ - updated_[row]));
}

template <class T>
void ParameterUpdate<T>::catch_up(std::size_t row) {
  if (updated_[row] == steps_) return;
  rule_.skip(numbers(row, 1), missed(row));
  updated_[row] = steps_;
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
  stop_deferring();
}

template <class T>
void ParameterUpdate<T>::update_copy(void* elements) const {
  const std::lock_guard lock(mutex_);  // before the first element is read, which another thread may update
  std::copy_n(value_.data(), value_.size(), static_cast<T*>(elements));
  std::vector<std::vector<T>> slots(slots_.size(), std::vector<T>(width_));
  for (std::size_t row = 0; row < updated_.size(); ++row) {
    if (updated_[row] == steps_) continue;
    const std::size_t offset = row * width_;
    Numbers<T> copy{static_cast<T*>(elements) + offset, {}, width_};
    for (std::size_t k = 0; k < slots.size(); ++k) {
      copy.slots[k] = slots[k].data();
      std::copy_n(slots_[k].data() + offset, width_, copy.slots[k]);
    }
    rule_.skip(copy, missed(row));
  }
}

// No row is behind any more.
template <class T>
void ParameterUpdate<T>::stop_deferring() {
  updated_.clear();
  missed_.clear();
  if (parameter_.parameter()->deferred() == this) parameter_.parameter()->defer(nullptr);
}

template <class T>
void ParameterUpdate<T>::prepare(const Gradient<T>* gradient) {
  PendingUpdates* const deferred = parameter_.parameter()->deferred();
  if (deferred != nullptr && deferred != this) deferred->update_all();  // another optimizer's
  if (missed_.size() >= most_missed) update_all();
  if (gradient == nullptr) return;
  if (const auto* sparse = std::get_if<RowSparse<T>>(gradient))
    update_rows(sparse->rows);
  else
    update_all();
}

template <class T>
void ParameterUpdate<T>::apply(const Gradient<T>* gradient, double rate) {
  const Instant now{++steps_, rate * factor_};
  const auto* sparse = gradient != nullptr ? std::get_if<RowSparse<T>>(gradient) : nullptr;
  const bool dense = gradient != nullptr && sparse == nullptr,
             leaves = !dense && sparse_ == Sparse::exact && rule_.idle() != Idle::nothing;
  if (leaves) leave_rows_behind();
  if (!updated_.empty()) missed_.push_back(now);
  if (dense) apply_dense(std::get<Array<T>>(*gradient).data(), now);
  if (sparse != nullptr) apply_rows(*sparse, now);
  if (gradient != nullptr || leaves)
    (void)value_.shared_data();  // a new version: what a tape has recorded of the parameter is no longer true
}

// By the step that begins.
template <class T>
void ParameterUpdate<T>::leave_rows_behind() {
  if (updated_.empty()) updated_.assign(rows_, steps_ - 1);
  if (rule_.idle() == Idle::weights) parameter_.parameter()->defer(this);
}

template <class T>
void ParameterUpdate<T>::apply_dense(const T* g, const Instant& now) {
  rule_.update(numbers(0, rows_), g, now);
}

template <class T>
void ParameterUpdate<T>::apply_rows(const RowSparse<T>& gradient, const Instant& now) {
  for (std::size_t r = 0; r < gradient.rows.size(); ++r) {
    const auto row = static_cast<std::size_t>(gradient.rows[r]);
    rule_.update(numbers(row, 1), gradient.values.data() + r * width_, now);
    if (!updated_.empty()) updated_[row] = steps_;
  }
}

template <class T>
bool ParameterUpdate<T>::about_rows(std::string_view entry) {
  const std::string_view kind = entry.substr(0, entry.find('/'));
  return kind == updated_entry || kind == missed_entry || kind == elements_entry;
}

template <class T>
void ParameterUpdate<T>::save(const std::string& path, StateDict& state) const {
  const std::lock_guard lock(mutex_);
  state.put("steps/" + path, steps_);
  for (std::size_t k = 0; k < slots_.size(); ++k)
    state.put(std::string(rule_.slots()[k].name) + "/" + path, slots_[k]);
  if (updated_.empty()) return;
  std::vector<double> rates;
  for (const Instant& at : missed_) rates.push_back(at.rate);
  state.put(std::string(updated_entry) + "/" + path, updated_);
  state.put(std::string(missed_entry) + "/" + path, Array<double>({rates.size()}, rates));
  // Only where they lack updates: the elements may be those of another optimizer's rows that are behind.
  if (rule_.idle() == Idle::weights) state.put(std::string(elements_entry) + "/" + path, value_);
}

template <class T>
void ParameterUpdate<T>::check(const char* op, const std::string& path, const StateDict& state) const {
  const auto name = [&](const char* entry) { return std::string(entry) + "/" + path; };
  const auto require = [&](bool right, const char* entry, const char* expected) {
    if (!right) throw Error(op, "'" + name(entry) + "' of the state is damaged: expected " + expected);
  };
  if (!state.contains(name(updated_entry))) {
    require(!state.contains(name(missed_entry)), missed_entry, "none without 'updated'");
    require(!state.contains(name(elements_entry)), elements_entry, "none without 'updated'");
    return;
  }
  const std::uint64_t steps = state.integer(name("steps"));
  const Array<double>& rates = state.array<double>(name(missed_entry));
  const auto& updated = state.integers(name(updated_entry));
  require(rule_.idle() != Idle::nothing, updated_entry, "none for this optimizer");
  if (rule_.idle() == Idle::weights)
    require(state.array<T>(name(elements_entry)).shape() == value_.shape(), elements_entry,
            "the parameter's shape");
  else
    require(!state.contains(name(elements_entry)), elements_entry, "none for this optimizer");
  require(rates.rank() == 1 && rates.size() <= std::min<std::uint64_t>(steps, most_missed), missed_entry,
          "one rate for each step that was missed, at most 1024");
  require(std::all_of(rates.begin(), rates.end(), [](double x) { return x >= 0 && std::isfinite(x); }),
          missed_entry, "numbers >= 0");
  require(updated.size() == rows_ &&
              std::all_of(updated.begin(), updated.end(),
                          [&](std::uint64_t at) { return at <= steps && steps - at <= rates.size(); }),
          updated_entry, "a step for each row, of those that were missed");
}

template <class T>
void ParameterUpdate<T>::restore(const std::string& path, const StateDict& state) {
  update_all();  // what the parameter is at present has these updates, whatever becomes of them
  const std::lock_guard lock(mutex_);
  steps_ = state.integer("steps/" + path);
  for (std::size_t k = 0; k < slots_.size(); ++k)
    slots_[k] = state.array<T>(std::string(rule_.slots()[k].name) + "/" + path).copy();
  const std::string updated = std::string(updated_entry) + "/" + path;
  if (!state.contains(updated)) return;
  const Array<double>& rates = state.array<double>(std::string(missed_entry) + "/" + path);
  for (std::uint64_t step = steps_ - rates.size(); const double rate : rates)
    missed_.push_back({++step, rate});
  updated_ = state.integers(updated);
  if (rule_.idle() != Idle::weights) return;
  if (PendingUpdates* const deferred = parameter_.parameter()->deferred()) deferred->update_all();
  value_.overwrite(state.array<T>(std::string(elements_entry) + "/" + path));
  parameter_.parameter()->defer(this);
}

XGRAD_INSTANTIATE_REAL_CLASS(ParameterUpdate);

}  // namespace xgrad::detail
