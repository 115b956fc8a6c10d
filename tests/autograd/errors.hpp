// Helpers of the engine's tests: the text of an error, the numbers of an array, and whether a sanitizer
// watches.
#pragma once

#include <string>
#include <vector>

#include <xgrad/autograd/array.hpp>
#include <xgrad/autograd/error.hpp>

#if defined(__SANITIZE_ADDRESS__)
#define XGRAD_TEST_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define XGRAD_TEST_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define XGRAD_TEST_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define XGRAD_TEST_TSAN 1
#endif
#endif

namespace xgrad::testing {

#ifdef XGRAD_TEST_ASAN
inline constexpr bool address_sanitizer = true;
#else
inline constexpr bool address_sanitizer = false;
#endif
#ifdef XGRAD_TEST_TSAN
inline constexpr bool any_sanitizer = true;
#else
inline constexpr bool any_sanitizer = address_sanitizer;
#endif

/// The text of the xgrad::Error that `call` throws; other exceptions travel on.
template <class Call>
std::string message_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

template <class T>
std::vector<T> numbers(const Array<T>& a) {
  return {a.begin(), a.end()};
}

/// An array of `shape` with the numbers first, first + step, ...
template <class T>
Array<T> ramp(const Shape& shape, double first = 1, double step = 1) {
  auto a = Array<T>::uninitialized(shape);
  T* const out = a.mutable_data();
  for (std::size_t i = 0; i < a.size(); ++i) out[i] = static_cast<T>(first + step * static_cast<double>(i));
  return a;
}

}  // namespace xgrad::testing
