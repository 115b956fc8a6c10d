// The state of a cell: every form it may have is visited part by part in order, and detach, reset_rows and
// first_rows do to all parts what they do to one.
#include <xgrad/layers/state.hpp>

#include <string>

#include "autograd/ops/checks.hpp"

using namespace xgrad;
using checks::identical;
using checks::numbers;

namespace {

template <class T>
using V = Variable<T>;

template <class T>
struct One {
  V<T> a;
};
template <class T>
struct Two {
  V<T> a, b;
};
template <class T>
struct Three {
  V<T> a, b, c;
};
template <class T>
struct Four {
  V<T> a, b, c, d;
};
template <class T>
struct Five {
  V<T> a, b, c, d, e;
};
template <class T>
struct Six {
  V<T> a, b, c, d, e, f;
};
template <class T>
struct Seven {
  V<T> a, b, c, d, e, f, g;
};
template <class T>
struct Eight {
  V<T> a, b, c, d, e, f, g, h;
};
template <class T>
struct Nested {
  Two<T> pair;
  V<T> single;
  std::vector<Two<T>> list;
  std::array<V<T>, 2> fixed;
  std::tuple<V<T>, One<T>> mixed;
};

template <class S>
std::string visit(S& state) {
  std::string text;
  for_each_part(state,
                [&](const auto& part) { text += std::to_string(static_cast<int>(part.item())) + " "; });
  return text;
}

// Fills every part with its number, counted from 1, and reads them back through a const state.
template <class S>
std::string numbered(S state) {
  int count = 0;
  for_each_part(state, [&](auto& part) { part = std::decay_t<decltype(part)>(++count); });
  const S& unchanging = state;
  return visit(unchanging);
}

template <class T>
Nested<T> nested(const std::function<V<T>()>& make) {
  return {
      {make(), make()}, make(), {{make(), make()}, {make(), make()}}, {make(), make()}, {make(), {make()}}};
}

template <class S>
std::vector<Array<double>> values(const S& state) {
  std::vector<Array<double>> result;
  for_each_part(state, [&](const auto& part) { result.push_back(part.value().template cast<double>()); });
  return result;
}

}  // namespace

TEST_CASE_TEMPLATE("state: parts of every form are visited in order", T, float, double) {
  CHECK(numbered(V<T>()) == "1 ");
  CHECK(numbered(One<T>()) == "1 ");
  CHECK(numbered(Two<T>()) == "1 2 ");
  CHECK(numbered(Three<T>()) == "1 2 3 ");
  CHECK(numbered(Four<T>()) == "1 2 3 4 ");
  CHECK(numbered(Five<T>()) == "1 2 3 4 5 ");
  CHECK(numbered(Six<T>()) == "1 2 3 4 5 6 ");
  CHECK(numbered(Seven<T>()) == "1 2 3 4 5 6 7 ");
  CHECK(numbered(Eight<T>()) == "1 2 3 4 5 6 7 8 ");
  CHECK(numbered(std::tuple<V<T>, V<T>, V<T>>()) == "1 2 3 ");
  CHECK(numbered(std::pair<V<T>, Two<T>>()) == "1 2 3 ");
  CHECK(numbered(std::array<V<T>, 3>()) == "1 2 3 ");
  CHECK(numbered(std::vector<V<T>>(4)) == "1 2 3 4 ");
  CHECK(numbered(std::vector<V<T>>()) == "");
  CHECK(numbered(std::vector<std::array<Two<T>, 2>>(2)) == "1 2 3 4 5 6 7 8 ");
}

TEST_CASE_TEMPLATE("state: a struct of structs tuples arrays and vectors", T, float, double) {
  int made = 0;
  auto state = nested<T>([&] { return V<T>(++made); });
  CHECK(visit(state) == "1 2 3 4 5 6 7 8 9 10 11 ");
  CHECK(numbered(state) == "1 2 3 4 5 6 7 8 9 10 11 ");
  CHECK(state.list[1].a.item() == 6);
  CHECK(std::get<1>(state.mixed).a.item() == 11);
}

TEST_CASE_TEMPLATE("state: detach keeps the values and cuts every gradient", T, float, double) {
  Tape<T> tape;
  const auto x = tape.leaf(numbers<T>({2, 3}));
  const auto cut = [&](const auto& state) {
    const auto before = values(state);
    const auto after = detach(state);
    const auto now = values(after);
    REQUIRE(now.size() == before.size());
    for (std::size_t i = 0; i < now.size(); ++i) CHECK(identical(now[i], before[i]));
    const std::size_t recorded = tape.size();
    for_each_part(after, [](const auto& part) { square(part); });
    CHECK(tape.size() == recorded);  // an op on constants records nothing
  };
  cut(2 * x);
  cut(Two<T>{x, tanh(x)});
  cut(std::vector<V<T>>{x, x});
  cut(nested<T>([&] { return x * 3; }));
}

TEST_CASE("state: reset_rows zeroes the rows of every part and cuts their gradient") {
  const Ids mask = {0, 1, 0};
  const Two<double> state{numbers<double>({3, 2}, 1, 2), numbers<double>({3, 1, 2}, 1, 2)};
  for (const auto& part : values(reset_rows(state, mask)))
    for (std::size_t i = 0; i < 6; ++i) CHECK((part.data()[i] == 0) == (i / 2 == 1));
  CHECK(checks::prove_function([&](auto p) {
    const auto h = p.input("h", {3, 2}), c = p.input("c", {3, 4});
    const auto reset = reset_rows(std::tuple(h, std::vector{c, c * c}), mask);
    return sum(exp(std::get<0>(reset))) + sum(exp(std::get<1>(reset)[0] + std::get<1>(reset)[1]));
  }));
  checks::check_error([&] { reset_rows(state, {1, 0}); }, {"[reset_rows]", "(2,)", "(3, 2)"});
}

TEST_CASE("state: first_rows keeps the first tracks of every part") {
  const auto h = numbers<double>({4, 2}), c = numbers<double>({4, 3, 2});
  const auto fewer = first_rows(Two<double>{h, c}, 3);
  CHECK(identical(fewer.a.value(), h.rows(0, 3)));
  CHECK(identical(fewer.b.value(), c.rows(0, 3)));
  CHECK(identical(first_rows(V<double>(h), 4).value(), h));
  CHECK(identical(first_rows(std::array<V<double>, 1>{h}, 1)[0].value(), h.rows(0, 1)));
  checks::check_error([&] { first_rows(V<double>(h), 5); }, {"[slice]", "5", "(4, 2)"});
  CHECK(checks::prove_function([](auto p) {
    const auto cut = first_rows(std::pair(p.input("h", {3, 2}), p.input("c", {3, 2})), 2);
    return cut.first * cut.second;
  }));
}

TEST_CASE("state: combine goes part by part, through states of as many parts alone") {
  const V<double> one(1), two(2), three(3);
  const auto difference = [](const auto& a, const auto& b) { return a - b; };
  CHECK(values(combine<double>(Two<double>{three, two}, {one, two}, difference))[0].data()[0] == 2);
  CHECK(part_count(nested<double>([] { return V<double>(0); })) == 11);
  using List = std::vector<V<double>>;
  CHECK(combine<double>(List{}, List{}, difference).empty());
  checks::check_error(
      [&] {
        combine<double>(List{one, two}, List{one}, difference);
      },
      {"[combine]", "2 parts", "one of 1"});
  checks::check_error(
      [&] {
        combine<double>(List{one}, List{one, two}, difference);
      },
      {"[combine]", "1 parts", "one of 2"});
}
