// Property tests in doctest: rapidcheck draws the arguments of a property, and shrinks those for which it
// fails until nothing can be left out. The message of a failure shows the shrunk arguments, what is wrong
// with them, and what to put into the environment to run just these again.
//
// The seed is fixed, so that a build tests the same cases everywhere. New cases, and more of them:
//
//   RC_PARAMS="seed=$RANDOM max_success=10000" build/release/tests/xgrad_tests -tc='graphs*'
#pragma once

#include <doctest/doctest.h>
#include <rapidcheck.h>
#include <rapidcheck/detail/TestListenerAdapter.h>

#include <cstdlib>
#include <sstream>
#include <string>

namespace properties {

/// Checks `property` for `runs` arguments; it returns what is wrong with them, "" if nothing is.
template <class Property>
void holds(const std::string& name, int runs, Property property) {
  rc::detail::Configuration defaults;
  defaults.testParams.seed = 20;
  defaults.testParams.maxSuccess = runs;
  const char* const asked = std::getenv("RC_PARAMS");
  auto configuration = rc::detail::configFromString(asked == nullptr ? "" : asked, defaults);

  rc::detail::TestListenerAdapter silent;
  const auto result = rc::detail::checkProperty(rc::detail::toProperty(property), {name, name},
                                                configuration.testParams, silent, configuration.reproduce);
  std::ostringstream text;
  rc::detail::printResultMessage(result, text);
  if (result.template is<rc::detail::FailureResult>()) {
    configuration.reproduce = {{name, result.template get<rc::detail::FailureResult>().reproduce}};
    text << "\nRC_PARAMS=\"" << rc::detail::configToMinimalString(configuration) << '"';
  }
  CHECK_MESSAGE(result.template is<rc::detail::SuccessResult>(), name << ": " << text.str());
}

}  // namespace properties
