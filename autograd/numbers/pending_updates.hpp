// PendingUpdates: updates of a parameter that are made when its numbers are next read. An optimizer whose
// rows move without a gradient (momentum, weight decay) would have to rewrite a whole table for the few
// rows that a step read; it leaves such an object with the parameter instead (`Parameter::defer`), and
// Variable::value and `value_of_rows` call it. When a row is read changes nothing but rounding: several
// updates at once are rounded otherwise than one by one.
#pragma once

namespace xgrad {

class Ids;

class PendingUpdates {
 public:
  /// Makes the updates of these rows. May be called from several threads that read the parameter.
  virtual void update_rows(const Ids& rows) = 0;
  /// Makes all updates, and is not called again until it is deferred to anew.
  virtual void update_all() = 0;
  /// Writes to `elements`, which has room for all of the parameter's, what they are with all updates.
  /// Changes nothing else. May be called while other threads read the parameter.
  virtual void update_copy(void* elements) const = 0;

 protected:
  ~PendingUpdates() = default;
};

}  // namespace xgrad
