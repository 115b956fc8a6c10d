// Recording and the sweep; see tape.hpp. Compiled here once per scalar.
#include <xgrad/autograd/tape.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory_resource>
#include <mutex>
#include <thread>
#include <unordered_map>

#include <xgrad/autograd/kernels/product.hpp>
#include <xgrad/autograd/time_step.hpp>

namespace xgrad {

void (*detail::on_record)(const char* op) = nullptr;

namespace {

// Which tapes are alive, and on which thread: asked only for a variable that is not of the recording tape.
class LiveTapes {
 public:
  void insert(std::uint64_t serial) {
    const std::lock_guard lock(mutex_);
    thread_of_.emplace(serial, std::this_thread::get_id());
  }
  void erase(std::uint64_t serial) {
    const std::lock_guard lock(mutex_);
    thread_of_.erase(serial);
  }
  enum class State { ended, this_thread, other_thread };
  State state(std::uint64_t serial) {
    const std::lock_guard lock(mutex_);
    const auto it = thread_of_.find(serial);
    if (it == thread_of_.end()) return State::ended;
    return it->second == std::this_thread::get_id() ? State::this_thread : State::other_thread;
  }

 private:
  std::mutex mutex_;
  std::unordered_map<std::uint64_t, std::thread::id> thread_of_;
};

LiveTapes& live_tapes() {
  static LiveTapes tapes;
  return tapes;
}

std::uint64_t next_serial() {
  static std::atomic<std::uint64_t> serial{0};
  return ++serial;  // 0 stays "no tape"
}

// Removes the innermost scope equal to `scope`.
template <class Scope>
void leave(std::vector<Scope*>& scopes, const Scope* scope) {
  const auto it = std::find(scopes.rbegin(), scopes.rend(), scope);
  if (it != scopes.rend()) scopes.erase(std::next(it).base());
}

std::string argument_name(std::size_t argument) { return "argument " + std::to_string(argument); }

}  // namespace

template <class T>
std::vector<Tape<T>*>& Tape<T>::scopes() {
  thread_local std::vector<Tape*> scopes;
  return scopes;
}

template <class T>
Tape<T>* Tape<T>::current() {
  const auto& open = scopes();
  return open.empty() ? nullptr : open.back();
}

template <class T>
struct Tape<T>::Closures {
  std::pmr::monotonic_buffer_resource memory;
  std::size_t bytes = 0;
};

template <class T>
void* Tape<T>::allocate(std::size_t bytes, std::size_t alignment) {
  closures_->bytes += bytes;
  return closures_->memory.allocate(bytes, alignment);
}

template <class T>
std::size_t Tape<T>::closure_bytes() const {
  return closures_->bytes;
}

template <class T>
Tape<T>::Tape()
    : serial_(next_serial()),
      thread_(&scopes()),
      closures_(std::make_unique<Closures>()),
      flops_seen_(kernels::flops()) {
  live_tapes().insert(serial_);
  scopes().push_back(this);
}

template <class T>
Tape<T>::Tape(Timing timing) : Tape() {
  timed_ = timing == Timing::on;
  time_seen_ = clock();
}

template <class T>
Tape<T>::~Tape() {
  if (thread_ != &scopes()) {
    std::fputs("xgrad: a tape was destroyed on another thread than the one it was opened on\n", stderr);
    std::abort();  // that thread would go on recording on it
  }
  for (auto edge = edges_.rbegin(); edge != edges_.rend(); ++edge)
    if (edge->vjp != nullptr) edge->vjp->~Vjp<T>();
  leave(scopes(), this);
  live_tapes().erase(serial_);
}

template <class T>
Variable<T> Tape<T>::leaf(Array<T> value) {
  check_thread("leaf");
  if (value.in_parameter()) value = value.copy();  // which training will write to
  const std::uint32_t node = add_node("leaf", value.shape(), time_step_now());
  return taped(std::move(value), node);
}

template <class T>
std::uint32_t Tape<T>::time_step_now() {
  const auto step = TimeStep::current();
  return step && *step < no_time_step ? static_cast<std::uint32_t>(*step) : no_time_step;
}

template <class T>
std::uint32_t Tape<T>::add_node(const char* op, const Shape& shape, std::uint32_t time_step) {
  if (nodes_.size() == no_node) throw Error(op, "the tape is full: 2^32 - 1 values are recorded");
  nodes_.push_back({op, shape, time_step});
  return static_cast<std::uint32_t>(nodes_.size() - 1);
}

// The node of an op's result. The work since the last one was done for it: by its op, which computes the value before it
// records it.
template <class T>
std::uint32_t Tape<T>::add_result(const char* op, const Shape& shape) {
  const std::uint32_t node = add_node(op, shape, time_step_now());
  if (std::exchange(adds_ended_, false)) ended_sums_.push_back(node);
  note_work(forward_work_, node);
  return node;
}

template <class T>
double Tape<T>::clock() const {
  if (!timed_) return 0;
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// What was done since the last call was done for `node`.
template <class T>
void Tape<T>::note_work(std::vector<Work>& of, std::uint32_t node) {
  const std::uint64_t flops = kernels::flops();
  const double time = clock();
  if (flops != flops_seen_ || timed_) of.push_back({node, flops - flops_seen_, time - time_seen_});
  flops_seen_ = flops;
  time_seen_ = time;
}

template <class T>
Variable<T> Tape<T>::taped(Array<T> value, std::uint32_t node) const {
  Variable<T> result(std::move(value));
  result.kind_ = Kind::taped;
  result.tape_ = serial_;
  result.node_ = node;
  return result;
}

template <class T>
std::uint32_t Tape<T>::constant_place(const Variable<T>& x) {
  // Numbers that a parameter's update would change under the sweep's feet are watched like the parameter
  // itself.
  if (x.value_.in_parameter()) views_.push_back({x.value_, x.value_.version()});
  return no_node;
}

// The node of input x, or no_node for a constant. Refuses what could lose a gradient silently.
template <class T>
std::uint32_t Tape<T>::place(const char* op, std::size_t argument, const Variable<T>& x) {
  switch (x.kind_) {
    case Kind::constant:
      return constant_place(x);
    case Kind::parameter: {
      const auto known = use_of_.find(x.parameter_.get());
      if (known != use_of_.end()) return uses_[known->second].node;
      const std::uint32_t node = add_node("parameter", x.shape(), no_time_step);
      use_of_.emplace(x.parameter_.get(), uses_.size());
      uses_.push_back({x.parameter_, node, x.value_.version()});
      return node;
    }
    case Kind::untaped:
      throw Error(
          op,
          argument_name(argument) + " of shape " + to_string(x.shape()) + " was computed from " +
              (x.parameter_ ? "the parameter '" + x.parameter_->path + "'" : "a recorded variable") +
              " while nothing recorded, so its gradient would be lost; compute it in the tape's scope, or "
              "pass detach(x) if a constant is meant");
    case Kind::taped:
      break;
  }
  if (x.tape_ == serial_) return x.node_;
  switch (live_tapes().state(x.tape_)) {
    case LiveTapes::State::ended:
      if (x.tape_ > serial_)
        throw Error(
            op, argument_name(argument) + " of shape " + to_string(x.shape()) +
                    " was recorded on a tape that was opened after this one and has ended, so its gradient "
                    "would be lost; compute it without that tape, or pass detach(x)");
      adds_ended_ = adds_ended_ || (x.rank() == 0 && op == std::string_view("add"));
      return constant_place(x);
    case LiveTapes::State::this_thread:
      throw Error(
          op, argument_name(argument) + " of shape " + to_string(x.shape()) +
                  " is recorded on an outer tape that this one suspends; variables of two tapes cannot be "
                  "mixed: end one tape first, or pass detach(x)");
    case LiveTapes::State::other_thread:
      throw Error(
          op, argument_name(argument) + " of shape " + to_string(x.shape()) +
                  " is recorded on a tape of another thread, still open there; pass detach(x), or end that "
                  "tape first");
  }
  return no_node;
}

// Remembers that y was computed, while nothing recorded, from something that has a gradient.
template <class T>
void Tape<T>::mark_untaped(Variable<T>& y, const Variable<T>& x) {
  if (x.kind_ == Kind::constant || y.kind_ == Kind::untaped) return;
  if (x.kind_ == Kind::taped && live_tapes().state(x.tape_) == LiveTapes::State::ended) return;
  y.kind_ = Kind::untaped;
  y.parameter_ = x.parameter_;
}

template <class T>
void Tape<T>::check_thread(const char* op) const {
  if (thread_ != &scopes())
    throw Error(op, "this tape belongs to another thread; a tape is used on the thread that opened it");
}

template <class T>
void Tape<T>::check_parameters() const {
  for (const Use& use : uses_)
    if (use.parameter->value.version() != use.version)
      throw Error("gradient",
                  "the parameter '" + use.parameter->path +
                      "' was changed after this tape used it, so the gradient would mix old and new "
                      "values; call gradient() before the optimizer's step");
  for (const View& view : views_)
    if (view.value.version() != view.version)
      throw Error("gradient",
                  "a constant of shape " + to_string(view.value.shape()) +
                      " shares the numbers of a parameter that was changed after this tape used it; pass "
                      "detach(x), which copies them");
}

template <class T>
Gradients<T> Tape<T>::gradient(const Variable<T>& y, const GradientOptions<T>& options) {
  check_thread("gradient");
  const std::string shape = to_string(y.shape());
  if (swept_)
    throw Error("gradient",
                "the saved values of this tape were freed by an earlier gradient(); pass {.keep = true} to "
                "that call to sweep again");
  if (y.kind_ == Kind::untaped) place("gradient", 0, y);  // throws, with the reason
  const bool here = y.kind_ == Kind::taped && y.tape_ == serial_;
  if (y.kind_ == Kind::taped && !here && live_tapes().state(y.tape_) == LiveTapes::State::ended)
    throw Error(
        "gradient",
        "the value of shape " + shape +
            " was recorded on a tape that has ended, and is a constant here; call gradient() before that "
            "tape's brace, and to train on several windows at once record them on one tape");
  if (here && std::find(ended_sums_.begin(), ended_sums_.end(), y.node_) != ended_sums_.end())
    throw Error(
        "gradient",
        "the value is the sum of a number of this tape and one of a tape that has ended, whose gradient "
        "would be "
        "missing; take the gradient of each window's own loss, and add up numbers, total += loss.item(), or "
        "pass detach(x) if a constant is meant");
  if (!here && !y.parameter())
    throw Error(
        "gradient",
        "the value of shape " + shape +
            " is not recorded on this tape: it is a constant here, computed from constants only, "
            "before the tape, or on another one; compute it in the tape's scope from parameters or from "
            "tape.leaf(array)");
  if (!options.seed && y.size() != 1)
    throw Error("gradient",
                "a value of shape " + shape +
                    " has no single gradient; reduce it with sum() or mean(), or pass {.seed = dy}");
  if (options.seed && options.seed->shape() != y.shape())
    throw Error("gradient", "the seed has shape " + to_string(options.seed->shape()) +
                                ", expected that of the value, " + shape);
  check_parameters();

  std::vector<bool> wanted(nodes_.size() + 1,
                           false);  // one more: y itself may be a parameter not used before
  for (const Variable<T>& x : options.of)
    if (const auto node = place("gradient", 0, x); node != no_node)
      wanted.resize(nodes_.size() + 1), wanted[node] = true;

  Gradients<T> result;
  result.tape_ = serial_;
  result.unreached_ = options.unreached;

  const Inference pause;  // a vjp may use recorded ops; they are not part of this tape
  const std::uint32_t start = place("gradient", 0, y);
  wanted.resize(nodes_.size(), false);
  std::vector<GradientSum<T>> sums(start + 1);
  sums[start].add(options.seed.value_or(Array<T>::full(y.shape(), T(1))));

  if (!options.keep) swept_ = true;
  backward_work_.clear();  // of an earlier sweep
  flops_seen_ = kernels::flops();
  time_seen_ = clock();
  const auto free = [&](Edge& edge) {
    if (options.keep || edge.vjp == nullptr) return;
    edge.vjp->~Vjp<T>();
    edge.vjp = nullptr;
  };
  const auto run = [this](const Edge& edge, const Array<T>& dy, GradientSum<T>& sum) {
    edge.vjp->run(
        dy, VjpTarget<T>(sum, nodes_[edge.output].op, edge.argument, nodes_[edge.input].shape, dy.shape()));
  };
  auto edge = edges_.rbegin();
  for (auto node = static_cast<std::uint32_t>(nodes_.size()); node-- > 0;) {
    const bool is_leaf = edge == edges_.rend() || edge->output != node;
    if (is_leaf || wanted[node]) result.wanted_.insert(node);
    if (node > start || sums[node].empty()) {
      for (; edge != edges_.rend() && edge->output == node; ++edge) free(*edge);
      continue;
    }
    if (is_leaf) {
      const auto place = result.by_node_.emplace(node, sums[node].take(nodes_[node].shape)).first;
      if (observer_ != nullptr) observer_->see_gradient(node, place->second, true);
      note_work(backward_work_, node);
      continue;
    }
    const Array<T> dy = sums[node].take_dense(nodes_[node].shape);
    if (observer_ != nullptr) observer_->see_gradient(node, dy, false);
    if (wanted[node]) {
      const auto [place, fresh] = result.by_node_.emplace(node, dy);
      if (!fresh) place->second = std::get<Array<T>>(place->second) + dy;  // after add_hoisted
    }
    if (!options.of.empty()) add_hoisted(result, wanted, node, dy);
    for (; edge != edges_.rend() && edge->output == node; ++edge) {
      if (observer_ == nullptr) {
        run(*edge, dy, sums[edge->input]);
      } else {
        GradientSum<T> dx;  // of its own, so that it can be seen apart from what was there
        run(*edge, dy, dx);
        dx.multiply_outer();
        observer_->see_contribution(node, edge->input, edge->argument, dy, dx);
        sums[edge->input].add(std::move(dx));
      }
      free(*edge);
    }
    note_work(backward_work_, node);
  }
  for (const Use& use : uses_)
    result.parameters_.emplace(use.parameter.get(), typename Gradients<T>::Place{use.parameter, use.node});
  return result;
}

// Where a row x of a sequence was multiplied with all others at once, its own gradient, if it is wanted, lacks what flows
// back from its product z; that goes to the sequence at once.
template <class T>
void Tape<T>::add_hoisted(Gradients<T>& result, const std::vector<bool>& wanted, std::uint32_t node,
                          const Array<T>& dz) const {
  const auto* const use = hoisting_.use(node);
  if (use == nullptr || !wanted[use->row]) return;
  const Array<T>& W = hoisting_.product(*use).W.value();
  const std::size_t K = W.shape()[0], M = W.shape()[1];
  auto dx = Array<T>::uninitialized(nodes_[use->row].shape);
  kernels::product<T>(dx.size() / std::max<std::size_t>(1, K), K, M, {dz.data(), M},
                      {W.data(), M, kernels::Op::transpose}, {}, dx.mutable_data(), K);
  const auto [place, fresh] = result.by_node_.emplace(use->row, dx);
  if (!fresh) place->second = std::get<Array<T>>(place->second) + dx;
}

Inference::Inference() {
  Tape<float>::scopes().push_back(nullptr);
  Tape<double>::scopes().push_back(nullptr);
  Tape<Complex>::scopes().push_back(nullptr);
}

Inference::~Inference() {
  leave<Tape<float>>(Tape<float>::scopes(), nullptr);
  leave<Tape<double>>(Tape<double>::scopes(), nullptr);
  leave<Tape<Complex>>(Tape<Complex>::scopes(), nullptr);
}

template class Tape<float>;
template class Tape<double>;
template class Tape<Complex>;

}  // namespace xgrad
