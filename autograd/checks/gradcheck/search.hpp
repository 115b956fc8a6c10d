// Search: which element of which argument of a wrong op is wrong, and how? It runs the function again with a
// direction at one argument alone: by halving it finds the worst element, and then computes the op's
// Jacobian, by its vjps and exactly, to compare and to diagnose. Internal to gradcheck. Start with `look`.
#pragma once

#include <xgrad/autograd/checks/gradcheck/probe_run.hpp>

namespace xgrad::proof {

class Search {
 public:
  /// In op number `instance` of a run of f at `values`.
  Search(const ParameterFunction<Complex>& f, const Values& values, std::size_t instance, std::uint32_t seed)
      : f_(f), values_(values), instance_(instance), random_(seed) {}

  /// The failure of one source among the op's inputs, or nothing if the op treats it right.
  std::optional<GradcheckFailure> look(const Source& source);

 private:
  void at(const Source& source, const Direction& v, const OpAction& action) const;
  std::size_t worst_input(const Source& source, const Direction& v, const Direction& u) const;
  std::size_t worst_output(const Source& source, std::size_t m, const Direction& u) const;
  GradcheckFailure compare(const Source& source, const std::vector<std::size_t>& columns,
                           const std::vector<std::size_t>& rows) const;

  const ParameterFunction<Complex>& f_;
  const Values& values_;
  std::size_t instance_;
  Random random_;
};

}  // namespace xgrad::proof
