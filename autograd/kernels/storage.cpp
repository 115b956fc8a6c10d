// The recycling allocator: size classes of four steps per power of two, one free list per class and thread.
#include <xgrad/autograd/kernels/storage.hpp>

#include <sys/mman.h>

#include <array>
#include <bit>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

#include <xgrad/autograd/fast_paths.hpp>

#if defined(__SANITIZE_ADDRESS__)
#define XGRAD_PASS_THROUGH 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define XGRAD_PASS_THROUGH 1
#endif
#endif

namespace xgrad::storage {

namespace {

#ifdef XGRAD_PASS_THROUGH
constexpr bool recycling = false;
#else
constexpr bool recycling = true;
#endif

constexpr std::size_t classes = std::size_t{4} * 64;

// Class c = 4 e + s holds blocks of 2^e (1 + s/4) bytes, s = 0..3; at most a fifth of a block is unused.
std::uint16_t class_of(std::size_t bytes) {
  if (bytes <= alignment) return 4 * 6;
  const auto exponent = static_cast<std::size_t>(std::bit_width(bytes - 1)) - 1;
  const std::size_t step = ((bytes - 1) >> (exponent - 2)) & 3U;
  return static_cast<std::uint16_t>(4 * exponent + step + 1);  // step + 1 == 4 is the next power of two
}

std::size_t bytes_of(std::uint16_t size_class) {
  const std::size_t power = std::size_t{1} << (size_class / 4);
  return power + power / 4 * (size_class % 4);
}

std::align_val_t alignment_of(std::size_t bytes) {
  return std::align_val_t{bytes < huge_page ? alignment : huge_page};
}

void* allocate_bytes(std::size_t bytes) {
  void* const memory = ::operator new(bytes, alignment_of(bytes));
#ifdef MADV_HUGEPAGE
  if (bytes >= huge_page) ::madvise(memory, bytes / huge_page * huge_page, MADV_HUGEPAGE);
#endif
  return memory;
}

void destroy(Block* block) noexcept {
  const std::size_t bytes = sizeof(Block) + (recycling ? bytes_of(block->size_class) : block->size);
  block->~Block();
  ::operator delete(block, alignment_of(bytes));
}

struct Cache {
  std::array<std::vector<Block*>, classes> free;
  std::size_t bytes = 0;

  void clear() noexcept {
    for (auto& list : free) {
      for (Block* block : list) destroy(block);
      list.clear();
    }
    bytes = 0;
  }
};

// A block can be released after this thread's cache is gone (by another thread-local's destructor), so the
// cache is reached through a plain pointer that outlives it.
thread_local Cache* cache_pointer = nullptr;
thread_local bool cache_gone = false;

Cache* cache() {
  if (cache_pointer == nullptr && !cache_gone) {
    struct Owner {
      Cache cache;
      Owner() { cache_pointer = &cache; }
      ~Owner() {
        cache_pointer = nullptr;
        cache_gone = true;
        cache.clear();
      }
    };
    thread_local Owner owner;
  }
  return cache_pointer;
}

Block* take(std::size_t size) {
  const std::uint16_t size_class = class_of(size);
  if (recycling && fast_paths().recycled_storage) {
    if (Cache* mine = cache(); mine != nullptr && !mine->free[size_class].empty()) {
      Block* block = mine->free[size_class].back();
      mine->free[size_class].pop_back();
      mine->bytes -= bytes_of(size_class);
      block->references.store(1, std::memory_order_relaxed);
      block->version = 0;
      block->size = size;
      block->parameter = block->exposed = block->uncounted = false;
      return block;
    }
  }
  // As large as its class, even where recycling is switched off: it may be on again when the block is
  // released.
  const std::size_t bytes = recycling ? bytes_of(size_class) : size;
  auto* block = new (allocate_bytes(sizeof(Block) + bytes)) Block;
  block->size_class = size_class;
  block->size = size;
  return block;
}

constinit thread_local std::ptrdiff_t taken = 0;

std::ptrdiff_t signed_size(const Block* block) { return static_cast<std::ptrdiff_t>(block->size); }

std::atomic<std::size_t> watch_count{0};
std::mutex watches_mutex;
std::vector<BlockWatch*>& watches() {
  static std::vector<BlockWatch*> all;
  return all;
}

const void* this_thread() {
  static constinit thread_local char mark = 0;
  return &mark;
}

}  // namespace

Block* allocate(std::size_t bytes) {
  Block* const block = take(bytes);
  taken += signed_size(block);
  if (watch_count.load(std::memory_order_relaxed) > 0) [[unlikely]]
    BlockWatch::note(block);
  return block;
}

void recycle(Block* block) noexcept {
  if (watch_count.load(std::memory_order_relaxed) > 0) [[unlikely]]
    BlockWatch::forget(block);
  block->attached.reset();
  if (!block->uncounted) taken -= signed_size(block);
  if (recycling && fast_paths().recycled_storage) {
    const std::size_t bytes = bytes_of(block->size_class);
    if (Cache* mine = cache(); mine != nullptr && mine->bytes + bytes <= cache_limit) {
      try {
        mine->free[block->size_class].push_back(block);
        mine->bytes += bytes;
        return;
      } catch (const std::bad_alloc&) {  // no room to remember the block: give it back instead
      }
    }
  }
  destroy(block);
}

std::ptrdiff_t taken_bytes() noexcept { return taken; }

void leave_uncounted(Block* block) noexcept {
  block->uncounted = true;
  taken -= signed_size(block);
}

BlockWatch::BlockWatch() : thread_(this_thread()) {
  const std::lock_guard lock(watches_mutex);
  watches().push_back(this);
  ++watch_count;
}

BlockWatch::~BlockWatch() {
  const std::lock_guard lock(watches_mutex);
  std::erase(watches(), this);
  --watch_count;
}

std::vector<Block*> BlockWatch::blocks() const {
  const std::lock_guard lock(watches_mutex);
  return {blocks_.begin(), blocks_.end()};
}

void BlockWatch::drop(Block* block) {
  const std::lock_guard lock(watches_mutex);
  blocks_.erase(block);
}

void BlockWatch::note(Block* block) {
  const std::lock_guard lock(watches_mutex);
  for (BlockWatch* const watch : watches())
    if (watch->thread_ == this_thread()) watch->blocks_.insert(block);
}

// A block may be given back on another thread than the one that took it.
void BlockWatch::forget(Block* block) noexcept {
  const std::lock_guard lock(watches_mutex);
  for (BlockWatch* const watch : watches()) watch->blocks_.erase(block);
}

std::size_t cached_bytes() noexcept { return cache_pointer == nullptr ? 0 : cache_pointer->bytes; }

void release_cache() noexcept {
  if (cache_pointer != nullptr) cache_pointer->clear();
}

}  // namespace xgrad::storage
