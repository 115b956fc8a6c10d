// Op: what a recorded op is. Its name is for people; its identity and its kind are for programs that look at
// a tape, such as the audit and the search for non-finite elements. A user's op needs no more than a name,
// `record("my_op", ...)`, and may say its kind: `inline constexpr Op my_op{"my_op", OpKind::elementwise};`.
#pragma once

#include <cstdint>

namespace xgrad {

/// What sort of function an op is, for programs that look at a tape.
enum class OpKind : std::uint8_t {
  other,        ///< none of these, or not said
  elementwise,  ///< each element from the elements that broadcasting puts beside it
  activation,   ///< of one input, elementwise or, as softmax, along an axis: what stands behind a layer
  addition,     ///< elementwise, and a weighted sum: a + b, a - b, -a, 2 a + 1
  scaling,      ///< elementwise, and linear in one input where the others are constants: a b, a / b
  product,      ///< a matrix product, or a sum of some: inputs (x, W) in pairs, then what is added
  reduction,    ///< along axes: sum, max
  slicing,      ///< a part of one input
  joining,      ///< its inputs side by side
  reshaping,    ///< the same elements in another shape or order
  lookup,       ///< rows of a table
  loss,         ///< of predictions and targets
};

/// What a recorded op is: its name and, if it is declared with a kind, its identity.
class Op {
 public:
  /// Of a string literal. An op made of a name alone is of kind other, and equal to none of the library's.
  constexpr Op(const char* name)  // NOLINT(google-explicit-constructor): record("my_op", ...)
      : name_(name) {}
  /// Of a string literal. Equal to every op that is declared with this name and a kind.
  constexpr Op(const char* name, OpKind kind) : name_(name), id_(hash(name)), kind_(kind) {}

  constexpr const char* name() const { return name_; }  ///< for people: "matmul"
  constexpr OpKind kind() const { return kind_; }       ///< OpKind::other unless it was declared with one

  /// True if both are the same op, declared with a kind.
  friend constexpr bool operator==(const Op& a, const Op& b) { return a.id_ != 0 && a.id_ == b.id_; }

 private:
  // FNV-1a, so that the same op has the same identity in every file. That the library's differ is tested.
  static constexpr std::uint32_t hash(const char* name) {
    std::uint32_t h = 2166136261U;
    for (; *name != '\0'; ++name) h = (h ^ static_cast<unsigned char>(*name)) * 16777619U;
    return h;
  }

  const char* name_;
  std::uint32_t id_ = 0;
  OpKind kind_ = OpKind::other;
};

}  // namespace xgrad
