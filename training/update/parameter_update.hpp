// ParameterUpdate: one parameter under a rule, with what the rule remembers of it. Internal.
//
// A row-sparse gradient changes its rows alone. What the steps would do to the others, had their gradient
// been given as zeros, is made up for when a row is next needed: each row knows up to which step it is
// updated, and the history knows the steps since. Reading the parameter may thus write to it, under a lock,
// and only to rows that nobody has read yet.
#pragma once

#include <mutex>
#include <vector>

#include <xgrad/training/optimizer.hpp>
#include <xgrad/training/update/rule.hpp>

namespace xgrad::detail {

/// The steps that some row may have missed.
class History {
 public:
  static constexpr std::size_t longest = 1024;

  std::uint64_t now() const { return forgotten_ + instants_.size(); }
  const Instant& latest() const { return instants_.back(); }
  /// Steps from + 1 ... to.
  std::span<const Instant> between(std::uint64_t from, std::uint64_t to) const {
    return {instants_.data() + (from - forgotten_), static_cast<std::size_t>(to - from)};
  }
  bool is_long() const { return instants_.size() >= longest; }
  void add(double rate) { instants_.push_back({now() + 1, rate}); }
  /// To be called when every row is updated.
  void forget(std::uint64_t now) {
    instants_.clear();
    forgotten_ = now;
  }

 private:
  std::vector<Instant> instants_;
  std::uint64_t forgotten_ = 0;
};

template <class T>
class ParameterUpdate final : public PendingUpdates {
 public:
  ParameterUpdate(const Variable<T>& parameter, const Rule<T>& rule, const History& history, Sparse sparse);
  ~ParameterUpdate();
  ParameterUpdate(const ParameterUpdate&) = delete;
  ParameterUpdate& operator=(const ParameterUpdate&) = delete;

  const Variable<T>& parameter() const { return parameter_; }
  /// Before a step: updates what its gradient is going to change up to the present. Null is a gradient of
  /// zeros.
  void prepare(const Gradient<T>* gradient);
  /// Makes the latest step of the history, for which it has been prepared.
  void apply(const Gradient<T>* gradient);

  void update_rows(const Ids& rows) override;
  void update_all() override;

 private:
  Numbers<T> numbers(std::size_t first_row, std::size_t rows);
  void catch_up(std::size_t row);
  void apply_dense(const T* g);
  void apply_rows(const RowSparse<T>& gradient);
  void leave_rows_behind();

  Variable<T> parameter_;
  Array<T> value_;  // of the parameter
  std::vector<Array<T>> slots_;
  const Rule<T>& rule_;
  const History& history_;
  Sparse sparse_;
  std::size_t rows_ = 1, width_;
  std::vector<std::uint64_t> updated_;  // up to which step, by row; empty while all rows are
  std::mutex mutex_;                    // guards all numbers while rows are behind
};

}  // namespace xgrad::detail
