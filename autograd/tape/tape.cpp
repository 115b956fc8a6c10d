// Opening, recording, sweeping and ending a tape; see tape.hpp.
#include <xgrad/autograd/tape.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

#include <xgrad/autograd/numbers/instantiate.hpp>
#include <xgrad/autograd/tape/live_tapes.hpp>
#include <xgrad/autograd/time_step.hpp>

namespace xgrad {

void* detail::ClosureMemory::allocate_chunk(std::size_t bytes, std::size_t alignment) {
  constexpr std::size_t least = std::size_t{4} << 10, most = std::size_t{1} << 20;
  full_ += used_;
  if (size_ > 0) ++chunk_;
  if (chunk_ == chunks_.size() || chunks_[chunk_].size < bytes + alignment) {
    const std::size_t size = std::max(bytes + alignment, std::clamp(2 * size_, least, most));
    chunks_.insert(chunks_.begin() + static_cast<std::ptrdiff_t>(chunk_),
                   {std::unique_ptr<std::byte[]>(new std::byte[size]), size});
  }
  size_ = chunks_[chunk_].size;
  const auto address = reinterpret_cast<std::uintptr_t>(chunks_[chunk_].memory.get());
  const std::size_t begin = (address + alignment - 1) / alignment * alignment - address;
  used_ = begin + bytes;
  return chunks_[chunk_].memory.get() + begin;
}

void detail::ClosureMemory::reset() {
  chunk_ = used_ = full_ = 0;
  size_ = chunks_.empty() ? 0 : chunks_.front().size;
}

namespace {

template <class T>
std::uint32_t time_step_now() {
  const auto step = TimeStep::current();
  return step && *step < Graph<T>::no_time_step ? static_cast<std::uint32_t>(*step) : Graph<T>::no_time_step;
}

// The lists of the tape that ended last on this thread, for the next one: a window as long as the one before
// asks the system for no memory.
template <class T>
std::optional<Graph<T>>& spare() {
  thread_local std::optional<Graph<T>> graph;
  return graph;
}

}  // namespace

template <class T>
std::vector<Tape<T>*>& Tape<T>::scopes() {
  thread_local std::vector<Tape*> scopes;
  return scopes;
}

template <class T>
void Tape<T>::open(Tape* scope) {
  scopes().push_back(scope);
  current_ = scope;
}

// Removes the innermost scope equal to `scope`.
template <class T>
void Tape<T>::close(Tape* scope) {
  auto& all = scopes();
  const auto it = std::find(all.rbegin(), all.rend(), scope);
  if (it != all.rend()) all.erase(std::next(it).base());
  current_ = all.empty() ? nullptr : all.back();
}

template <class T>
Tape<T>::Tape()
    : graph_(spare<T>() ? std::move(*spare<T>()) : Graph<T>()),
      serial_(live_tapes().open()),
      mark_(static_cast<std::uint32_t>(serial_ % ~std::uint32_t{0}) + 1),
      thread_(&scopes()) {
  spare<T>().reset();
  open(this);
}

template <class T>
Tape<T>::~Tape() {
  if (thread_ != &scopes()) {
    std::fputs("xgrad: a tape was destroyed on another thread than the one it was opened on\n", stderr);
    std::abort();  // that thread would go on recording on it
  }
  close(this);
  live_tapes().close(serial_);
  graph_.clear();
  if (graph_.capacity_bytes() <= std::size_t{64} << 20) spare<T>().emplace(std::move(graph_));
}

template <class T>
Variable<T> Tape<T>::leaf(Array<T> value) {
  check_thread("leaf");
  if (value.in_parameter() || value.exposed()) value = value.copy();  // which somebody will write to
  const std::uint32_t node = add_node("leaf", value.shape(), time_step_now<T>());
  return variable(std::move(value), node);
}

template <class T>
std::uint32_t Tape<T>::add_node(const Op& op, const Shape& shape, std::uint32_t time_step) {
  if (graph_.nodes.size() == no_node)
    throw Error(op.name(), "the tape is full: 2^32 - 1 values are recorded");
  graph_.nodes.push_back({op, shape, time_step});
  return static_cast<std::uint32_t>(graph_.nodes.size() - 1);
}

// The node of an op's result; `ended` if it is a sum with a number of a tape that has ended.
template <class T>
std::uint32_t Tape<T>::add_result(const Op& op, const Shape& shape, bool ended) {
  const std::uint32_t node = add_node(op, shape, time_step_now<T>());
  if (ended) graph_.ended_sums.push_back(node);
  return node;
}

// Shows the op whose result was recorded last, or which no node stands for, to the watcher.
template <class T>
Array<T> Tape<T>::show(const Op& op, std::uint32_t output, const Array<T>& y,
                       std::span<WatchedInput<T>> inputs) {
  if (output != no_node)
    for (const auto& edge : graph_.edges_before(graph_.edges.size(), output))
      inputs[edge.argument].vjp = edge.vjp;
  const Inference pause;  // a vjp may use recorded ops; they are not part of this tape
  Array<T> shown = watcher_->value(op, output, y, inputs);
  if (shown.shape() != y.shape())
    throw Error(op.name(),
                fmt::format("the watcher returned a value of shape {}, expected that of the op's, {}",
                            to_string(shown.shape()), to_string(y.shape())));
  return shown;
}

template <class T>
Gradients<T> Tape<T>::gradient(const Variable<T>& y, const GradientOptions<T>& options) {
  check_gradient(y, options);
  std::vector<std::uint32_t> wanted;
  for (const Variable<T>& x : options.of)
    if (const std::uint32_t node = enter(x); node != no_node) wanted.push_back(node);
  const std::uint32_t start = enter(y);  // may be a parameter that was not used before
  const Inference pause;                 // see `show`
  Gradients<T> result =
      sweep(start, options.seed.value_or(Array<T>::full(y.shape(), T(1))), options.keep, wanted);
  result.tape_ = serial_;
  result.nodes_ = graph_.nodes.size();
  result.unreached_ = options.unreached;
  result.mark(mark_);
  return result;
}

Inference::Inference() {
  Tape<float>::open(nullptr);
  Tape<double>::open(nullptr);
  Tape<Complex>::open(nullptr);
}

Inference::~Inference() {
  Tape<float>::close(nullptr);
  Tape<double>::close(nullptr);
  Tape<Complex>::close(nullptr);
}

XGRAD_INSTANTIATE_CLASS(Tape);

}  // namespace xgrad
