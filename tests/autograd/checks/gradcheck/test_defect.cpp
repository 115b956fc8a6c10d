// What diagnose says of Jacobians written down by hand. How well it tells the mistakes that people make is
// tested in tests/faults.
#include <doctest/doctest.h>

#include <xgrad/autograd/checks/gradcheck/report.hpp>

using namespace xgrad;

namespace {

// Of an elementwise op.
Jacobian diagonal(const std::vector<double>& slopes) {
  const Shape shape{slopes.size()};
  Jacobian J{shape, shape, std::vector<double>(slopes.size() * slopes.size(), 0)};
  for (std::size_t i = 0; i < slopes.size(); ++i) J.entries[i * slopes.size() + i] = slopes[i];
  return J;
}

std::string text_of(const Diagnosis& diagnosis) {
  GradcheckFailure failure;
  failure.op = "my_op";
  failure.shape = failure.output_shape = {1};
  failure.diagnosis = diagnosis;
  GradcheckReport report;
  report.failures.push_back(failure);
  return to_string(report);
}

bool says(const Diagnosis& diagnosis, const std::string& text) {
  return text_of(diagnosis).find(": " + text + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("defect: a factor of all, of some, or of each place along an axis") {
  const auto all = diagnose(diagonal({2, -4, 6}), diagonal({1, -2, 3}));
  CHECK(all.defect == Defect::factor);
  CHECK(all.factor == doctest::Approx(2));
  CHECK(all.extent == Extent::all);
  CHECK(says(all, "wrong factor, 2"));

  const auto some = diagnose(diagonal({0.5, 1.5, 7, 2}), diagonal({0.5, 3, 7, 4}));
  CHECK(some.defect == Defect::factor);
  CHECK(some.factor == doctest::Approx(0.5));
  CHECK(some.extent == Extent::some);
  CHECK(says(some, "wrong factor, 0.5, in some of the derivatives"));

  const auto sign = diagnose(diagonal({1, 1, 1, 1}), diagonal({1, -1, 1, -1}));
  CHECK(sign.defect == Defect::sign);
  CHECK(sign.extent == Extent::some);
  CHECK(says(sign, "wrong sign, in some of the derivatives"));

  const auto rows =
      diagnose(Jacobian{{2}, {3}, {2, 4, 6, 20, 25, 35}}, Jacobian{{2}, {3}, {1, 2, 3, 4, 5, 7}});
  CHECK(rows.defect == Defect::factor);
  CHECK(rows.factor == doctest::Approx(5));
  CHECK(rows.extent == Extent::along_axis);
  CHECK(says(rows, "wrong factor, 5 and others along an axis"));
  const auto columns =
      diagnose(Jacobian{{2}, {3}, {2, 2, 9, 8, 5, 21}}, Jacobian{{2}, {3}, {1, 2, 3, 4, 5, 7}});
  CHECK(columns.defect == Defect::factor);
  CHECK(columns.factor == doctest::Approx(3));
}

TEST_CASE("defect: a single number, or numbers off by different factors, tell no factor") {
  CHECK(diagnose(diagonal({1, 3, 3}), diagonal({1, 2, 3})).defect == Defect::missing_term);
  CHECK(diagnose(diagonal({1, 3, 4}), diagonal({1, 2, 3})).defect == Defect::missing_term);
  CHECK(diagnose(diagonal({1, 0, 0}), diagonal({1, 2, 3})).defect == Defect::missing_term);
  CHECK(diagnose(Jacobian{{2}, {3}, {2, 4, 6, 0, 0, 0}}, Jacobian{{2}, {3}, {1, 2, 3, 4, 5, 7}}).defect ==
        Defect::missing_term);
}

TEST_CASE("defect: what the vjp saved is one step off, unless it may be a mask") {
  CHECK(diagnose(diagonal({9, 1, 2, 3}), diagonal({1, 2, 3, 4})).defect == Defect::time_shift);
  CHECK(diagnose(diagonal({1, 0, 1, 0}), diagonal({0, 1, 0, 1})).defect != Defect::time_shift);
  CHECK(diagnose(diagonal({1, 0.1, 1, 0.1}), diagonal({0.1, 1, 0.1, 1})).defect != Defect::time_shift);
  const Jacobian last{{1}, {3}, {0, 0, 1}};  // moved on, it comes round to the first; nothing comes from it
  CHECK(diagnose(Jacobian{{1}, {3}, {1, 0, 0}}, last).defect == Defect::time_shift);
  CHECK(diagnose(Jacobian{{1}, {3}, {0, 0, 0}}, last).defect == Defect::missing_term);
}

TEST_CASE("defect: x or y is read in the order of its transpose") {
  const Jacobian exact{{2, 3}, {1}, {1, 2, 3, 4, 5, 6}}, of_x{{1}, {2, 3}, {1, 2, 3, 4, 5, 6}};
  for (const auto& reread : {std::vector<double>{1, 4, 2, 5, 3, 6}, {1, 3, 5, 2, 4, 6}}) {
    CHECK(diagnose(Jacobian{exact.y, exact.x, reread}, exact).defect == Defect::transpose);
    CHECK(diagnose(Jacobian{of_x.y, of_x.x, reread}, of_x).defect == Defect::transpose);
  }
}

TEST_CASE("defect: of two uses of one number the last alone counts") {
  const Jacobian exact{{3}, {4}, {1, 0, 0, 0, 0, 2, 0, 0, 3, 0, 0, 0}};  // y_0 and y_2 use x_0
  Jacobian tape = exact;
  tape.entries[0] = 0;
  CHECK(diagnose(tape, exact).defect == Defect::overwritten);
  tape = exact;
  tape.entries[8] = 0;
  CHECK(diagnose(tape, exact).defect == Defect::missing_term);
}

TEST_CASE("defect: the gradient of an argument that is stretched") {
  const Shape y{2, 2, 1}, b{1, 2, 1};  // two copies of b, times numbers that differ
  const Jacobian exact{y, b, {1, 2, 3, 4, 5, 6, 7, 8}};
  CHECK(diagnose(Jacobian{y, b, {0, 0, 0, 0, 5, 6, 7, 8}}, exact).defect == Defect::broadcast_sum);
  // Not a copy, but an element of b, or one of y.
  CHECK(diagnose(Jacobian{y, b, {0, 2, 0, 4, 0, 6, 0, 8}}, exact).defect == Defect::missing_term);
  CHECK(diagnose(Jacobian{y, b, {0, 0, 3, 4, 5, 6, 7, 8}}, exact).defect == Defect::missing_term);

  const Jacobian of_columns{{2, 2}, {2}, {1, 0, 0, 2, 3, 0, 0, 4}},
      of_rows{{2, 2}, {2}, {1, 0, 2, 0, 0, 3, 0, 4}};
  CHECK(diagnose(of_rows, of_columns).defect == Defect::wrong_axis);
}

TEST_CASE("defect: an offset is not another axis") {
  const Jacobian first{{4}, {2}, {1, 0, 0, 1, 0, 0, 0, 0}}, last{{4}, {2}, {0, 0, 0, 0, 1, 0, 0, 1}};
  CHECK(diagnose(last, first).defect == Defect::missing_term);
}
