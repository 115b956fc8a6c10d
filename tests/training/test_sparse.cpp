// Row-sparse gradients under every optimizer. Exact: the numbers are those of the dense update, whenever, and
// by whom, they are read. Lazy: rows that are not in a gradient keep their bits.
#include <set>
#include <thread>

#include <xgrad/layers/embedding.hpp>

#include "autograd/folder.hpp"
#include "autograd/ops/checks.hpp"
#include "training/optimizers.hpp"

using namespace xgrad;
using checks::all_optimizers;
using checks::distance;
using checks::identical;
using checks::NamedOptimizer;
using checks::numbers;

namespace {

constexpr std::size_t rows = 30;

/// How one step of a run is made; each is drawn from the step's number.
struct Plan {
  std::vector<Ids::value_type> ids;
  double rate;
  bool used, dense;

  explicit Plan(std::uint32_t step, bool mixed) {
    Random random(step + 17);
    std::vector<double> u(8);
    uniform(0, 1)(random, u);
    const auto count = static_cast<std::size_t>(u[0] * 6);
    for (std::size_t i = 0; i < count; ++i)  // rows 20 and later are hardly ever read
      ids.push_back(static_cast<Ids::value_type>(u[i + 1] * (step % 50 == 3 ? rows : 20)));
    rate = 0.02 * (1 + u[7]);
    used = !mixed || step % 7 != 2;
    dense = mixed && step % 23 == 5;
  }
};

template <class T>
struct Run {
  Parameters<T> p{1};
  Variable<T> W, w;
  std::unique_ptr<Optimizer<T>> optimizer;

  Run(const NamedOptimizer<T>& named, const Shape& row, Sparse sparse)
      : W(table(row)), w(p.weight("w", {3})) {
    optimizer = named.make(p, 0.02, sparse);
  }
  Variable<T> table(Shape row) const {
    Shape shape{rows};
    for (const auto dim : row) shape.push_back(dim);
    return p.weight("W", shape);
  }
  // One step; the gradients depend on the numbers, so an error stays no secret.
  void step(const Plan& plan, std::uint32_t number, bool densely) {
    if (auto* rated = dynamic_cast<RatedOptimizer<T>*>(optimizer.get())) rated->set_rate(plan.rate);
    Tape<T> tape;
    auto loss = sum(square(w));
    if (plan.used) {
      const auto taken = take(densely || plan.dense ? 1 * W : W, Ids(plan.ids));
      loss = loss + sum(taken * Variable<T>(numbers<T>(taken.shape(), -1, 1, number))) +
             sum(square(take(densely || plan.dense ? 1 * W : W, Ids(plan.ids)))) / 4;
    } else if (densely) {
      loss = loss + sum(W * 0);
    }
    optimizer->step(tape.gradient(loss, {.unreached = zeros}));
  }
};

}  // namespace

TEST_CASE_TEMPLATE("sparse: exact is the dense update, whenever the rows are read", T, float, double) {
  const double tolerance = std::same_as<T, float> ? 2e-4 : 1e-12;
  for (const auto& named : all_optimizers<T>())
    for (const Shape& row : {Shape{}, Shape{5}})
      for (const bool mixed : {false, true}) {
        CAPTURE(named.name);
        CAPTURE(mixed);
        Run<T> dense(named, row, Sparse::exact), unread(named, row, Sparse::exact),
            read(named, row, Sparse::exact);
        for (std::uint32_t step = 0; step < 200; ++step) {
          const Plan plan(step, mixed);
          dense.step(plan, step, true);
          unread.step(plan, step, false);
          read.step(plan, step, false);
          if (step % 3 == 1) (void)take(read.W, Ids({2, 2}, {3, 29, 25, 3}));
          if (step % 10 == 9) CHECK(distance(read.W.value(), dense.W.value()) <= tolerance);
        }
        CHECK(distance(unread.W.value(), dense.W.value()) <= tolerance);
        CHECK(distance(read.W.value(), dense.W.value()) <= tolerance);
        CHECK(identical(unread.w.value(), dense.w.value()));
      }
}

TEST_CASE_TEMPLATE("sparse: lazy changes the rows of the gradient alone", T, float, double) {
  for (const auto& named : all_optimizers<T>()) {
    CAPTURE(named.name);
    Run<T> run(named, {5}, Sparse::lazy);
    for (std::uint32_t step = 0; step < 40; ++step) {
      const Plan plan(step, false);
      const auto before = run.W.value().copy();
      run.step(plan, step, false);
      CHECK(run.W.parameter()->deferred() == nullptr);
      std::size_t changed = 0;
      for (std::size_t row = 0; row < rows; ++row) {
        const bool in_gradient = std::find(plan.ids.begin(), plan.ids.end(), row) != plan.ids.end();
        const bool same = identical(run.W.value().row(row), before.row(row));
        changed += same ? 0 : 1;
        if (!in_gradient) CHECK(same);
      }
      if (named.name != "rprop, classical")  // which leaves out updates whose signs change
        CHECK(changed == std::set(plan.ids.begin(), plan.ids.end()).size());
    }
  }
}

TEST_CASE("sparse: only what a gradient of zeros would move is deferred, until it is read") {
  for (const auto& named : all_optimizers<double>()) {
    CAPTURE(named.name);
    Run<double> run(named, {5}, Sparse::exact);
    run.step(Plan(3, false), 0, false);
    run.step(Plan(4, false), 1, false);
    CHECK((run.W.parameter()->deferred() != nullptr) == named.moves_idle_rows);
    const auto version = run.W.parameter()->value.version();
    const auto kept = run.W.parameter()->value.copy();
    (void)take(run.W, {3});
    CHECK((run.W.parameter()->deferred() != nullptr) == named.moves_idle_rows);
    (void)run.W.value();
    CHECK(run.W.parameter()->deferred() == nullptr);
    CHECK(identical(run.W.value(), kept) != named.moves_idle_rows);
    CHECK(run.W.parameter()->value.version() == version);  // reading is no change
  }
}

TEST_CASE("sparse: two reads of a table on one tape, by rows and as a whole, agree with each other") {
  const Parameters<double> p(1);
  const auto W = p.weight("W", {rows, 4});
  Sgd sgd(p, 0.1, {.momentum = 0.9});
  for (int step = 0; step < 5; ++step) {
    Tape<double> tape;
    const auto first = take(W, {1, 2}), second = take(W, {2, 7});
    const auto whole = sum(W);
    CHECK(identical(first.value().row(1), second.value().row(0)));
    CHECK(identical(first.value().row(0), W.value().row(1)));
    sgd.step(
        tape.gradient(step % 2 == 0 ? sum(square(first)) + sum(second) : sum(square(second)) + sum(first)));
  }
}

TEST_CASE("sparse: a step still counts as a change for a tape that used the parameter") {
  const Parameters<double> p(1);
  const auto W = p.weight("W", {rows, 4});
  Sgd sgd(p, 0.1, {.momentum = 0.9});
  Tape<double> tape;
  const auto loss = sum(square(take(W, {1})));
  const auto gradients = tape.gradient(loss, {.keep = true});
  sgd.step(gradients);
  checks::check_error([&] { (void)tape.gradient(loss); }, {"'W' was changed after this tape used it"});
}

TEST_CASE("sparse: files, assignments, moves, ends and other optimizers find the rows up to date") {
  const auto named = all_optimizers<double>()[3];
  Run<double> dense(named, {5}, Sparse::exact);
  const auto steps = [](Run<double>& run, bool densely) {
    for (std::uint32_t step = 0; step < 9; ++step) run.step(Plan(step, false), step, densely);
  };
  steps(dense, true);
  const auto expected = dense.W.value().copy();
  const auto check = [&](const Array<double>& got) { CHECK(distance(got, expected) <= 1e-12); };
  {
    Run<double> run(named, {5}, Sparse::exact);
    steps(run, false);
    check(run.p.values().at("W"));
  }
  {
    const testing::Folder folder;
    Run<double> run(named, {5}, Sparse::exact), other(named, {5}, Sparse::exact);
    steps(run, false), steps(other, false);
    run.p.save(folder / "model.safetensors");
    other.p.load(folder / "model.safetensors");
    CHECK(identical(other.W.value(), run.W.value()));
    check(other.W.value());
    steps(run, false);
    run.p.assign("W", expected);
    check(run.W.value());
  }
  {
    Run<double> run(named, {5}, Sparse::exact);
    steps(run, false);
    run.optimizer.reset();
    CHECK(run.W.parameter()->deferred() == nullptr);
    check(run.W.value());
  }
  {
    Parameters<double> p(1);
    const auto W = p.weight("W", {rows, 5});
    Sgd first(p, 0.02, {.momentum = 0.8, .weight_decay = 0.05});
    const auto gradients = [&] {
      Tape<double> tape;
      return tape.gradient(sum(square(take(W, {1, 2}))));
    };
    first.step(gradients());
    Sgd second = std::move(first);
    second.step(gradients());
    const auto moved = W.value().copy();
    first = Sgd(p, 1);
    second.step(gradients());
    first = std::move(second);  // whose own rows are all there
    first.step(gradients());
    CHECK(first.steps() == 4);
    CHECK(!identical(W.value().row(9), moved.row(9)));
  }
}

TEST_CASE("sparse: two optimizers in turn on the same table are exact") {
  const auto train = [](bool densely) {
    const Parameters<double> p(1);
    const auto W = p.weight("W", {rows, 3});
    Adam adam(p, 0.01);
    Sgd sgd(p, 0.05, {.momentum = 0.7, .weight_decay = 0.1});
    for (std::uint32_t step = 0; step < 100; ++step) {
      Tape<double> tape;
      const auto taken = take(densely ? 1 * W : W, Ids(Plan(step, false).ids));
      const auto gradients = tape.gradient(sum(square(taken)) + sum(taken));
      if (step % 3 == 0)
        adam.step(gradients);
      else
        sgd.step(gradients);
    }
    return W.value().copy();
  };
  CHECK(distance(train(false), train(true)) <= 1e-12);
}

TEST_CASE("sparse: thousands of missed steps are made up for, and their record does not grow") {
  for (const auto& named : all_optimizers<double>()) {
    CAPTURE(named.name);
    Run<double> dense(named, {2}, Sparse::exact), sparse(named, {2}, Sparse::exact);
    const auto step = [&](std::vector<Ids::value_type> ids, std::uint32_t number) {
      Plan plan(number, false);
      plan.ids = std::move(ids);
      dense.step(plan, number, true);
      sparse.step(plan, number, false);
    };
    step({1, 2, 3, 29}, 0);
    for (std::uint32_t i = 1; i < 2500; ++i) step({static_cast<Ids::value_type>(i % 2)}, i);
    step({3, 4}, 2500);
    CHECK(distance(sparse.W.value(), dense.W.value()) <= 1e-11);
  }
}

TEST_CASE("sparse: threads that read in inference see the same numbers") {
  const auto named = all_optimizers<double>()[13];
  Run<double> dense(named, {5}, Sparse::exact), run(named, {5}, Sparse::exact);
  for (std::uint32_t step = 0; step < 30; ++step) {
    dense.step(Plan(step, false), step, true);
    run.step(Plan(step, false), step, false);
  }
  const auto expected = dense.W.value().copy();
  std::vector<double> worst(4, 1);
  std::vector<std::thread> threads;
  for (std::size_t k = 0; k < worst.size(); ++k)
    threads.emplace_back([&, k] {
      double far = 0;
      for (std::size_t row = 0; row < rows; ++row) {
        const std::size_t mine = (row + 7 * k) % rows;
        if (k == 3 && row == 15) (void)run.W.value();
        far = std::max(far, distance(take(run.W, {static_cast<Ids::value_type>(mine)}).value().row(0),
                                     expected.row(mine)));
      }
      worst[k] = far;
    });
  for (auto& thread : threads) thread.join();
  for (const double far : worst) CHECK(far <= 1e-12);
}
