// ParameterUpdate: one parameter under a rule, with what the rule remembers of it. Internal.
//
// A row-sparse gradient changes its rows alone. What the steps would do to the others, had their gradient
// been given as zeros, is made up for when a row is next needed: each row knows up to which step it is
// updated, and the steps since are kept. Reading the parameter may thus write to it, under a lock, and only
// to rows that nobody has read yet.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include <xgrad/training/optimizer.hpp>
#include <xgrad/training/update/rule.hpp>

namespace xgrad::detail {

template <class T>
class ParameterUpdate final : public PendingUpdates {
 public:
  /// `factor`: of the optimizer's rate.
  ParameterUpdate(const Variable<T>& parameter, const Rule<T>& rule, double factor, Sparse sparse);
  ~ParameterUpdate();
  ParameterUpdate(const ParameterUpdate&) = delete;
  ParameterUpdate& operator=(const ParameterUpdate&) = delete;

  const Variable<T>& parameter() const { return parameter_; }
  bool frozen() const { return parameter_.parameter()->frozen(); }
  /// Before a step: updates what its gradient is going to change up to the present. Null is a gradient of
  /// zeros.
  void prepare(const Gradient<T>* gradient);
  /// Makes the next step at the optimizer's rate, for which it has been prepared.
  void apply(const Gradient<T>* gradient, double rate);

  void update_rows(const Ids& rows) override;
  void update_all() override;
  void update_copy(void* elements) const override;

  /// True of the entries of save() that are there only while rows are behind.
  static bool about_rows(std::string_view entry);
  /// Adds what is remembered to `state`, under names that end in `path`.
  void save(const std::string& path, StateDict& state) const;
  /// Throws Error from `op` unless the entries about rows that are behind fit; the others are not looked at.
  void check(const char* op, const std::string& path, const StateDict& state) const;
  /// Takes over what save() wrote, and check() has found right.
  void restore(const std::string& path, const StateDict& state);

 private:
  Numbers<T> numbers(std::size_t first_row, std::size_t rows);
  std::span<const Instant> missed(std::size_t row) const;
  void catch_up(std::size_t row);
  void apply_dense(const T* g, const Instant& now);
  void apply_rows(const RowSparse<T>& gradient, const Instant& now);
  void leave_rows_behind();
  void stop_deferring();

  Variable<T> parameter_;
  Array<T> value_;  // of the parameter
  std::vector<Array<T>> slots_;
  const Rule<T>& rule_;
  double factor_;
  Sparse sparse_;
  std::size_t rows_ = 1, width_;
  std::uint64_t steps_ = 0;
  std::vector<std::uint64_t> updated_;  // up to which step, by row; empty while all rows are
  std::vector<Instant> missed_;         // the latest steps, all that some row may lack; as empty as updated_
  mutable std::mutex mutex_;            // guards all numbers while rows are behind
};

}  // namespace xgrad::detail
