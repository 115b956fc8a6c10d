// Corruptions: what comes of the library's vjp if dy, or an input that it has saved, or the dx that it
// returns is moved, scaled or cut. They are the same for every op, so they are planted in every row of the
// registry. Start with add_corruptions.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "fault.hpp"
#include "registry/checked_call.hpp"

namespace xgrad::faults {

namespace {

// Each element of an array from another place, times a factor.
class Move {
 public:
  using Index = std::vector<std::size_t>;

  // `from` makes the place of an index, and returns the factor.
  template <class From>
  Move(const Shape& shape, From from) {
    for (std::size_t k = 0; k < shape.size(); ++k) {
      Index index(shape.rank());
      for (std::size_t axis = shape.rank(), rest = k; axis-- > 0; rest /= shape[axis])
        index[axis] = rest % shape[axis];
      factors_.push_back(from(index));
      std::size_t place = 0;
      for (std::size_t axis = 0; axis < shape.rank(); ++axis) place = place * shape[axis] + index[axis];
      from_.push_back(place);
    }
  }

  template <class T>
  Array<T> operator()(const Array<T>& a) const {
    auto moved = Array<T>::uninitialized(a.shape());
    T* const out = moved.mutable_data();
    for (std::size_t k = 0; k < a.size(); ++k) out[k] = factors_[k] * a.data()[from_[k]];
    return moved;
  }

 private:
  std::vector<std::size_t> from_;
  std::vector<double> factors_;
};

// What is moved: dy, dx, or a saved input.
struct Site {
  enum class Place { dy, dx, saved } place;
  std::string name;
  Shape shape;
  std::size_t input = 0;
};

// Moves the dy that the sweep of a recording begins with, or the dx that it ends with at one of the leaves.
template <class T>
class Planter : public Watcher<T> {
 public:
  Planter(const Move& move, bool of_dy, std::size_t leaf) : move_(move), of_dy_(of_dy), leaf_(leaf) {}

  void sweep_begins() override { begins_ = true; }
  Gradient<T> gradient(std::uint32_t node, Gradient<T> dy, bool) override {
    const bool begins = std::exchange(begins_, false);
    if (of_dy_ ? !begins : node != leaf_) return dy;
    const auto* const sparse = std::get_if<RowSparse<T>>(&dy);
    return move_(sparse != nullptr ? sparse->dense() : std::get<Array<T>>(dy));
  }

 private:
  const Move& move_;
  bool of_dy_, begins_ = false;
  std::size_t leaf_;
};

WrittenVjp corrupted(const Site& site, const Move& move, std::size_t argument) {
  return [=]<class T>(const RealOp<T>& op, const Variable<T>& dy) {
    if (site.place == Site::Place::saved) {
      Inputs<T> saved = op.x;
      saved[site.input] = move(saved[site.input].value());
      return op.at(saved).vjp(argument, dy);
    }
    Planter<T> planter(move, site.place == Site::Place::dy, argument);
    return op.vjp(argument, dy, planter);
  };
}

// Of the elements of y that one of x goes into, the last alone sends its gradient back: each has replaced
// what those before had put there.
WrittenVjp keeping_the_last(std::size_t argument) {
  return [=]<class T>(const RealOp<T>& op, const Variable<T>& dy) {
    Array<T> dx = Array<T>::zeros(op.x[argument].shape());
    for (std::size_t i = 0; i < dy.size(); ++i) {
      Array<T> one = Array<T>::zeros(dy.shape());
      one.mutable_data()[i] = T(1);
      const Array<T> slopes = op.vjp(argument, one);
      for (std::size_t m = 0; m < dx.size(); ++m)
        if (slopes.data()[m] != T(0)) dx.mutable_data()[m] = dy.value().data()[i] * slopes.data()[m];
    }
    return dx;
  };
}

}  // namespace

void add_corruptions(const std::string& op, std::size_t argument, const std::vector<Shape>& xs,
                     const Shape& y, std::set<std::string>& known, std::vector<Fault>& faults) {
  using M = Mistake;
  using D = Defect;
  using Index = Move::Index;
  const Shape& x = xs[argument];
  const Site dx{Site::Place::dx, "dx", x}, dy{Site::Place::dy, "dy", y};

  const auto add = [&](std::string what, M mistake, const WrittenVjp& vjp, std::vector<D> defects = {}) {
    if (defects.empty()) defects = {defect_of(mistake)};
    faults.push_back({std::move(what), mistake, defects, op, argument, fmt::format("x{}", argument), vjp});
  };
  const auto text = [&](const std::string& what) {
    return fmt::format("{}, argument {}: {}", op, argument, what);
  };
  const auto move = [&](const Site& site, const std::string& what, M mistake, auto from,
                        const std::vector<D>& defects = {}) {
    const std::string whole = text(fmt::format(fmt::runtime(what), site.name));
    if (known.insert(whole).second)
      add(whole, mistake, corrupted(site, Move(site.shape, from), argument), defects);
  };
  const auto scale = [&](const std::string& what, M mistake, double by) {
    move(dx, what, mistake, [=](const Index&) { return by; });
  };
  const auto move_along_axes = [&](const Site& site, const std::vector<D>& exchanged,
                                   const std::vector<D>& shifted) {
    const Shape& shape = site.shape;
    for (std::size_t a = 0; a < shape.rank(); ++a) {
      const auto step = [=, n = shape[a]](Index& index) {
        index[a] = (index[a] + 1) % n;
        return 1;
      };
      if (shape[a] > 2) move(site, "{} one step off", M::shifted, step, shifted);
      for (std::size_t b = a + 1; b < shape.rank(); ++b) {
        const auto exchange = [=](Index& index) {
          std::swap(index[a], index[b]);
          return 1;
        };
        if (shape[a] == shape[b] && shape[a] > 1)
          move(site, "{} with two axes exchanged", M::transposed, exchange, exchanged);
      }
    }
  };

  scale("-{}", M::sign, -1);
  scale("2 {}", M::factor, 2);
  scale("(1 + 1e-6) {}", M::slight_factor, 1 + 1e-6);
  const auto is_first = [](const Index& index) {
    return std::all_of(index.begin(), index.end(), [](std::size_t i) { return i == 0; });
  };
  move(dx, "{}[0] / 0", M::not_finite, [=](const Index& index) { return is_first(index) ? INFINITY : 1; });
  move(dx, "0 for {}[0]", M::wrong_term, [=](const Index& index) { return is_first(index) ? 0 : 1; });
  if (x.size() > 2)
    move(dx, "-{} but for the first", M::sign, [=](const Index& index) { return is_first(index) ? 1 : -1; });
  for (std::size_t a = 0; a < x.rank(); ++a)
    if (x[a] > 1)
      move(dx, "{} without the last place of an axis", M::wrong_term,
           [=, n = x[a]](const Index& index) { return index[a] + 1 < n ? 1 : 0; });

  const bool broadcasts = broadcast(x, y) == y, stretches = broadcasts && x != y;
  for (std::size_t a = 0; a < y.rank(); ++a) {
    const std::size_t missing = y.rank() - x.rank(), n = y[a];  // axes that a broadcast x lacks
    if (n < 2 || !broadcasts || (a >= missing && x[a - missing] > 1)) continue;
    move(dy, "{} without the last copy", M::broadcast_sum,
         [=](const Index& index) { return index[a] + 1 < n ? 1 : 0; });
    move(dy, "{} of the first copy alone", M::broadcast_sum,
         [=](const Index& index) { return index[a] == 0 ? 1 : 0; });
    move(dy, "the mean of {} over the copies", M::factor,
         [=](const Index&) { return 1.0 / static_cast<double>(n); });
  }

  // For a reduction or a broadcast, to exchange axes is to take another one.
  move_along_axes(dx, {y.size() < x.size() ? D::wrong_axis : D::transpose}, {});
  move_along_axes(dy, {stretches ? D::wrong_axis : D::transpose}, {});
  for (const Site* site : {&dx, &dy}) {
    const Shape& s = site->shape;
    if (s.rank() == 2 && s[0] > 1 && s[1] > 1 && s[0] != s[1])
      move(*site, "{} read transposed", M::transposed, [=](Index& index) {
        const std::size_t k = index[0] * s[1] + index[1];
        index = {k % s[0], k / s[0]};
        return 1;
      });
  }
  // Beside other numbers that are saved and not moved, it is a wrong term.
  for (std::size_t j = 0; j < xs.size(); ++j)
    move_along_axes({Site::Place::saved, fmt::format("saved x{}", j), xs[j], j},
                    {D::transpose, D::missing_term}, {D::time_shift, D::missing_term});

  if (const auto what = text("dx = for dx +="); known.insert(what).second) {
    add(what, M::overwritten, [=](const auto& real, const auto& u) { return real.vjp(argument, u); });
    faults.back().overwrites = true;
  }
  if (const auto what = text("dx of the last element of y that x goes into"); known.insert(what).second)
    add(what, M::overwritten, keeping_the_last(argument),
        {D::overwritten, stretches ? D::broadcast_sum : D::overwritten});
}

const std::vector<Family>& families() {
  static const std::vector<Family> all{
      {"arith", registry::arithmetic()},      {"element", registry::elementwise()},
      {"activ", registry::activation()},      {"choice", registry::choice()},
      {"reduce", registry::reduce()},         {"shape", registry::shape()},
      {"slicing", registry::slicing()},       {"linear", registry::linear()},
      {"index", registry::indexing()},        {"softmax", registry::softmax()},
      {"network", registry::network()},       {"losses", registry::losses()},
      {"formula", registry::pointwise_rows()}};
  return all;
}

// Of the calls of a row, those with few elements; each corruption of an argument at the first that has room
// for it and in which the argument has a gradient.
std::vector<Subject> corrupted_rows() {
  constexpr std::size_t calls = 40, most = 6;
  const auto fits = [](const Shape& s) { return s.size() > 0 && s.size() <= most; };
  const auto several = [](const Shape& s) { return s.size() > 1; };
  std::vector<Subject> subjects;
  for (const Family& family : families())
    for (const auto& row : family.rows) {
      registry::Draw draw(7);
      std::set<std::string> known;
      for (std::size_t k = 0; k < calls; ++k) {
        const registry::CheckedCall call{row, row.valid(draw)};
        const auto& [xs, f, text] = call.call;
        if (!std::all_of(xs.begin(), xs.end(), fits) || std::none_of(xs.begin(), xs.end(), several)) continue;
        RealOp<double> op{&f, {}, call(Parameters<double>(1))};
        if (!fits(op.y.shape())) continue;
        std::vector<Initializer> numbers;
        for (const auto& x : call.inputs(Parameters<double>(1))) {
          op.x.emplace_back(x.value().copy());
          numbers.push_back(row.domain(numbers.size()).numbers());
        }
        for (std::size_t i = 0; i < xs.size(); ++i) {
          std::set<std::string> planted = known;
          std::vector<Fault> faults;
          add_corruptions(row.name, i, xs, op.y.shape(), planted, faults);
          if (faults.empty()) continue;
          subjects.push_back(
              {family.name, call.text(), beside_another_use(row.name, f, xs, numbers, i), faults});
          Random random(1);
          const Array<double> slopes = op.vjp(i, random_direction(op.y.shape(), random));
          if (std::any_of(slopes.begin(), slopes.end(), [](double d) { return d != 0; })) known = planted;
        }
      }
    }
  return subjects;
}

}  // namespace xgrad::faults
