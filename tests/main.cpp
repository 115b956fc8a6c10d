// The test program's main(). In it record() refuses an op that has no row in the registry; the ops that tests make up
// themselves are called my_something.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <algorithm>
#include <string_view>

#include <xgrad/autograd/tape.hpp>

#include "registry/registry.hpp"

namespace {

void refuse_unknown(const char* op) {
  if (std::string_view(op).starts_with("my_")) return;
  const auto& rows = registry::ops();
  if (std::none_of(rows.begin(), rows.end(), [&](const auto& row) { return row.name == op; }))
    throw xgrad::Error(op, "the library records an op that the registry does not know: add its row");
}

}  // namespace

int main(int argc, char** argv) {
  xgrad::detail::on_record = refuse_unknown;
  return doctest::Context(argc, argv).run();
}
