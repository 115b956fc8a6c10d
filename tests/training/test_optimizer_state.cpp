// Optimizers over a part of a list, with factors by parameter, and their states: an optimizer that is
// restored goes on with the bits of one that was never broken off, rows that are behind included.
#include <xgrad/layers/embedding.hpp>
#include <xgrad/training/checkpoint.hpp>
#include <xgrad/training/clipping.hpp>
#include <xgrad/training/optimizer.hpp>

#include "autograd/ops/checks.hpp"
#include "training/optimizers.hpp"

using namespace xgrad;
using checks::all_optimizers;
using checks::check_error;
using checks::error_of;
using checks::identical;
using checks::NamedOptimizer;

namespace {

// A table of which few rows are read in a step, and a dense parameter.
template <class T>
struct Model {
  Parameters<T> p{1};
  Variable<T> W = (p / "embed").weight("W", {12, 3}), w = (p / "head").weight("w", {3});

  Gradients<T> gradients(std::uint32_t step) const {
    Random random(step);
    const auto row = static_cast<Ids::value_type>(random.uniform() * 12);
    Tape<T> tape;
    return tape.gradient(sum(square(take(W, Ids{row, 3}) * w - 1)) + sum(square(w)));
  }
};

template <class T>
bool same(const Model<T>& a, const Model<T>& b) {
  const auto x = a.p.list(), y = b.p.list();
  for (std::size_t k = 0; k < x.size(); ++k)
    if (!identical(x[k].value(), y[k].value())) return false;
  return true;
}

// The elements as they stand, without the updates that are still to be made.
template <class T>
Array<T> as_it_stands(const Variable<T>& w) {
  return w.parameter()->value.copy();
}

}  // namespace

TEST_CASE_TEMPLATE("optimizer state: a restored optimizer goes on with the same bits", T, float, double) {
  for (const NamedOptimizer<T>& named : all_optimizers<T>())
    for (const Sparse sparse : {Sparse::exact, Sparse::lazy}) {
      CAPTURE(named.name);
      const Model<T> whole, broken;
      const auto one = named.make(whole.p, 0.05, sparse);
      auto other = named.make(broken.p, 0.05, sparse);
      for (std::uint32_t step = 0; step < 40; ++step) {
        one->step(whole.gradients(step));
        other->step(broken.gradients(step));
        if (step % 13 != 7) continue;
        const Array<T> W = as_it_stands(broken.W), w = as_it_stands(broken.w);
        const StateDict state = other->state();
        CHECK(identical(as_it_stands(broken.W), W));  // nothing was updated for it
        std::vector<Array<T>> now;                    // a file has what they are to be
        for (const auto& x : broken.p.list()) {
          now.push_back(as_it_stands(x));
          const auto* const updates = x.parameter()->deferred();
          if (updates == nullptr) continue;
          now.back() = Array<T>::zeros(x.shape());
          updates->update_copy(now.back().mutable_data());
        }
        CHECK(identical(as_it_stands(broken.W), W));
        other = named.make(broken.p, 0.05, sparse);  // the one before makes its updates
        for (const auto& x : broken.p.list()) CHECK(identical(x.value(), now[x.size() == w.size() ? 1 : 0]));
        broken.p.assign("embed/W", checks::numbers<T>(broken.W.shape(), 0, 1, 5));
        broken.p.assign("head/w", now[1]);
        if (!state.contains("elements/embed/W")) broken.p.assign("embed/W", now[0]);
        other->restore(state);
        CHECK(identical(as_it_stands(broken.W), W));
        CHECK(other->steps() == step + 1);
      }
      CHECK(same(whole, broken));
    }
}

// Each may have rows behind of which the other knows nothing.
TEST_CASE("optimizer state: two optimizers of one table are restored in either order") {
  const auto all = all_optimizers<float>();
  std::size_t both_behind = 0;
  for (const auto& first : all)
    for (const auto& second : all) {
      CAPTURE(first.name);
      CAPTURE(second.name);
      const Model<float> whole;
      auto broken = std::make_unique<Model<float>>();
      const auto make = [](const NamedOptimizer<float>& named, const Model<float>& model) {
        return named.make(model.p, 0.05, Sparse::exact);
      };
      const auto a = make(first, whole), b = make(second, whole);
      auto x = make(first, *broken), y = make(second, *broken);
      const auto step = [](std::uint32_t k, const Model<float>& model, auto& one, auto& other) {
        if (k % 3 == 0) one->step(model.gradients(k));
        other->step(model.gradients(k));
      };
      for (std::uint32_t k = 0; k < 9; ++k) {
        step(k, whole, a, b);
        step(k, *broken, x, y);
        if (k < 4) continue;
        const StateDict p = detail::state_of(broken->p), of_x = x->state(), of_y = y->state();
        if (of_x.contains("updated/embed/W") && of_y.contains("updated/embed/W")) ++both_behind;
        x.reset(), y.reset();
        broken = std::make_unique<Model<float>>();
        x = make(first, *broken), y = make(second, *broken);
        detail::restore(broken->p, p);
        if (k % 2 == 0) x->restore(of_x);
        y->restore(of_y);
        if (k % 2 != 0) x->restore(of_x);
      }
      CHECK(same(whole, *broken));
    }
  CHECK(both_behind > 0);
}

TEST_CASE("optimizer state: to restore an optimizer alone loses no update of the parameters") {
  for (const NamedOptimizer<double>& named : all_optimizers<double>()) {
    CAPTURE(named.name);
    const Model<double> restored, plain;
    const auto a = named.make(restored.p, 0.05, Sparse::exact), b = named.make(plain.p, 0.05, Sparse::exact);
    const StateDict fresh = a->state();
    for (std::uint32_t step = 0; step < 5; ++step) {
      a->step(restored.gradients(step));
      b->step(plain.gradients(step));
    }
    a->restore(fresh);
    CHECK(a->steps() == 0);
    CHECK(same(restored, plain));
  }
}

TEST_CASE("optimizer state: one that does not fit is refused, and nothing is changed") {
  const Model<double> model;
  Adam adam(model.p, 0.1);
  for (std::uint32_t step = 0; step < 3; ++step) adam.step(model.gradients(step));
  const StateDict state = adam.state();
  Sgd sgd(model.p, 0.1, {.momentum = 0.5});
  check_error([&] { sgd.restore(state); }, {"[sgd] the state is that of 'adam', expected that of 'sgd'"});
  check_error([&] { Adam(model.p / "head", 0.1).restore(state); },
              {"[adam] the state does not fit, nothing is changed:",
               "missing: 'mean/w', expected double (3,)", "unexpected: 'mean/embed/W', double (12, 3)"});
  const Parameters<float> q;
  (void)(q / "embed").weight("W", {12, 3}), (void)(q / "head").weight("w", {3});
  check_error([&] { Adam(q, 0.1).restore(state); },
              {"'mean/embed/W' is double (12, 3), expected float (12, 3)"});

  const auto damaged = [&](const std::string& name, const StateDict::Entry& entry) {
    StateDict result;
    for (const auto& [key, value] : state.entries())
      if (key != name) result.put(key, value);
    result.put(name, entry);
    return error_of([&] { adam.restore(result); });
  };
  REQUIRE(state.contains("updated/embed/W"));
  CHECK(damaged("rate", Array<double>(-1.0)) ==
        "[adam] needs a rate that is a positive number, got -1.000000");
  CHECK(damaged("updated/embed/W", StateDict::Integers(11, 3)) ==
        "[adam] 'updated/embed/W' of the state is damaged: expected a step for each row, of those that were "
        "missed");
  CHECK(damaged("updated/embed/W", StateDict::Integers(12, 4)).find("damaged") != std::string::npos);
  CHECK(damaged("missed rates/embed/W", Array<double>::full({4}, 0.1)).find("one rate for each step") !=
        std::string::npos);
  CHECK(damaged("missed rates/embed/W", Array<double>::full({3}, -0.1)).find("numbers >= 0") !=
        std::string::npos);
  CHECK(damaged("elements/embed/W", Array<double>::zeros({3, 12})).find("the parameter's shape") !=
        std::string::npos);
  CHECK(damaged("steps", StateDict::Integers{1, 2}).find("'steps' is 2 integers, expected one") !=
        std::string::npos);
  CHECK(adam.state().entries().size() == state.entries().size());
  CHECK(adam.steps() == 3);
}

TEST_CASE("optimizers: each trains what is below its scope, and several share a list") {
  const Model<double> model, alone;
  Sgd embed(model.p / "embed", 1, {.momentum = 0.9});
  Adam head(model.p / "head", 1e-2);
  const auto w_before = model.w.value().copy();
  embed.step(model.gradients(0));
  CHECK(identical(model.w.value(), w_before));
  const auto W_before = model.W.value().copy();
  head.step(model.gradients(1));
  CHECK(identical(model.W.value(), W_before));
  CHECK(!identical(model.w.value(), w_before));

  Tape<double> tape;  // a gradient that has none for the other part
  const auto gradients = tape.gradient(sum(model.w));
  CHECK_NOTHROW(head.step(gradients));
  check_error([&] { embed.step(gradients); }, {"'embed/W'"});
}

TEST_CASE("optimizers: a scope without parameters is refused, not passed over") {
  const Model<double> model;
  auto gradients = model.gradients(0);
  check_error([&] { Sgd(model.p / "haed", 1).step(gradients); },
              {"[sgd] there is no parameter below 'haed/'"});
  check_error([&] { clip_global_norm(gradients, model.p / "haed", 1); },
              {"there is no parameter below 'haed/'"});
  check_error([&] { (model.p / "haed").save("never.safetensors"); },
              {"there is nothing to save below 'haed'"});
  const Parameters<double> none;
  CHECK_NOTHROW(Sgd(none, 1).step(gradients));
}

TEST_CASE("optimizers: rate and decay have factors by parameter") {
  std::vector<std::string> asked;
  const auto factors = [&](std::string_view path, const Shape& shape) {
    asked.emplace_back(path);
    return ParameterFactors{.rate = path == "embed/W" ? 0.5 : 1.0,
                            .weight_decay = shape.rank() > 1 ? 1.0 : 0.0};
  };
  for (const bool decoupled : {false, true}) {
    const Model<double> both, apart;
    asked.clear();
    std::unique_ptr<Optimizer<double>> one, table, vector;
    if (decoupled) {
      one = std::make_unique<AdamW<double>>(both.p, 0.1,
                                            AdamWOptions{.weight_decay = 0.3, .by_parameter = factors});
      table = std::make_unique<AdamW<double>>(apart.p / "embed", 0.05, AdamWOptions{.weight_decay = 0.3});
      vector = std::make_unique<AdamW<double>>(apart.p / "head", 0.1, AdamWOptions{.weight_decay = 0});
    } else {
      one = std::make_unique<Sgd<double>>(both.p, 0.1,
                                          SgdOptions{.weight_decay = 0.3, .by_parameter = factors});
      table = std::make_unique<Sgd<double>>(apart.p / "embed", 0.05, SgdOptions{.weight_decay = 0.3});
      vector = std::make_unique<Sgd<double>>(apart.p / "head", 0.1, SgdOptions{});
    }
    for (std::uint32_t step = 0; step < 5; ++step) {
      one->step(both.gradients(step));
      const auto gradients = apart.gradients(step);
      table->step(gradients);
      vector->step(gradients);
    }
    CHECK(same(both, apart));
    CHECK(asked == std::vector<std::string>{"embed/W", "head/w"});
  }
  CHECK(decay_matrices_alone("W", {2, 3}).weight_decay == 1);
  CHECK(decay_matrices_alone("b", {3}).weight_decay == 0);
  CHECK(decay_matrices_alone("b", {3}).rate == 1);

  const Model<double> model;
  Sgd below(model.p / "head", 0.1, {.by_parameter = [&](std::string_view path, const Shape&) {
              asked = {std::string(path)};
              return ParameterFactors{.rate = -1};
            }});
  check_error([&] { below.step(model.gradients(0)); },
              {"[sgd] needs factors >= 0 for 'w', got a rate of -1"});
  CHECK(asked == std::vector<std::string>{"w"});
}

TEST_CASE("optimizers: a parameter that joins later, or thaws, begins to count then") {
  const auto first_move = [](bool late) {
    const Parameters<double> p;
    const auto w = p.weight("w", {1}, constant(0));
    const auto late_one = late ? p.weight("v", {1}, constant(0)) : w;
    if (late) freeze(p);
    if (late) unfreeze(p);
    Adam adam(p, 0.1);
    for (int step = 0; step < (late ? 10 : 0); ++step) {
      Tape<double> tape;
      adam.step(tape.gradient(w + 0 * late_one));
      if (step == 0) p.assign("v", Array<double>::zeros({1}));
    }
    if (late) {
      const auto u = p.weight("u", {1}, constant(0));
      Tape<double> tape;
      adam.step(tape.gradient(w + late_one + u));
      return u.item();
    }
    Tape<double> tape;
    adam.step(tape.gradient(w));
    return w.item();
  };
  CHECK(first_move(true) == first_move(false));

  const Parameters<double> p;
  const auto w = p.weight("w", {1}, constant(0)), frozen = (p / "s").weight("v", {1}, constant(0));
  freeze(p / "s");
  Adam adam(p, 0.1);
  for (int step = 0; step < 10; ++step) {
    Tape<double> tape;
    adam.step(tape.gradient(w + frozen));
  }
  CHECK(frozen.item() == 0);
  unfreeze(p);
  Tape<double> tape;
  adam.step(tape.gradient(w + frozen));
  CHECK(frozen.item() == first_move(false));
}

TEST_CASE("optimizers: rows that are behind stand still while their table is frozen") {
  for (const NamedOptimizer<double>& named : all_optimizers<double>()) {
    CAPTURE(named.name);
    const Model<double> frozen, pause;
    const auto a = named.make(frozen.p, 0.05, Sparse::exact), b = named.make(pause.p, 0.05, Sparse::exact);
    const auto b_head = named.make(pause.p / "head", 0.05, Sparse::exact);
    for (std::uint32_t step = 0; step < 5; ++step)
      a->step(frozen.gradients(step)), b->step(pause.gradients(step));
    freeze(frozen.p / "embed");
    const auto before = frozen.W.value().copy();
    for (std::uint32_t step = 5; step < 20; ++step) a->step(frozen.gradients(step));
    CHECK(identical(frozen.W.value(), before));
    unfreeze(frozen.p);
    frozen.p.assign("head/w", pause.w.value());
    (void)pause.W.value();
    // The table's next step is what it would have been without the pause.
    const auto gradients = frozen.gradients(20);
    a->step(gradients);
    b->step(pause.gradients(20));
    CHECK(checks::distance(frozen.W.value(), pause.W.value()) < 1e-12);
  }
}
