// Storage: where the numbers of every Array live. A Block is a reference count, a version and 64-byte aligned
// bytes. Released blocks are kept by the releasing thread, by size class, and handed out again: after the
// first training step no memory for numbers is requested any more (a 56 MB block costs 25 ms fresh and 5 ms
// recycled). Blocks may be released on any thread, also while it exits. Under AddressSanitizer every block
// comes from and returns to the system, so that reading past one is seen.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_set>
#include <vector>

namespace xgrad::storage {

inline constexpr std::size_t alignment = 64;

/// What somebody keeps with a block until its numbers change or it is released: a copy of them in another
/// layout.
struct Attachment {
  virtual ~Attachment() = default;
};

/// The header in front of a block's bytes.
struct alignas(alignment) Block {
  std::atomic<std::uint32_t> references{1};
  std::uint16_t size_class = 0;
  bool parameter = false;     ///< holds a parameter: written in place between training steps
  bool exposed = false;       ///< a pointer for writing was handed out, and may still be used
  bool uncounted = false;     ///< not in taken_bytes
  std::uint64_t version = 0;  ///< counts the writes that other handles can see (parameters, in place)
  std::size_t size = 0;       ///< bytes that were asked for; the size class may hold more
  std::unique_ptr<Attachment> attached{};

  void* bytes() { return this + 1; }
};

/// Blocks of as many bytes and more ask the system for pages of this size: rows of a large matrix are each on
/// a page of their own, and a processor remembers where some dozens of pages are.
inline constexpr std::size_t huge_page = std::size_t{2} << 20;

/// A block of at least `bytes` bytes, uninitialised, with one reference. Throws std::bad_alloc.
Block* allocate(std::size_t bytes);

/// Gives back a block whose last reference is gone.
void recycle(Block* block) noexcept;

/// Bytes of the blocks that this thread has taken less those it has given back. To know what a piece of work
/// keeps, subtract.
std::ptrdiff_t taken_bytes() noexcept;
/// Takes a block, just allocated, out of that sum: it is kept for speed alone.
void leave_uncounted(Block* block) noexcept;

/// While it lives, knows the blocks that its thread has taken since, and that are still in use: for
/// statistics of what a tape keeps.
class BlockWatch {
 public:
  BlockWatch();
  ~BlockWatch();
  BlockWatch(const BlockWatch&) = delete;
  BlockWatch& operator=(const BlockWatch&) = delete;

  std::vector<Block*> blocks() const;
  /// Does not name this one any more.
  void drop(Block* block);

 private:
  friend Block* allocate(std::size_t bytes);
  friend void recycle(Block* block) noexcept;
  static void note(Block* block);
  static void forget(Block* block) noexcept;

  const void* thread_;  // something that lies elsewhere on each thread
  std::unordered_set<Block*> blocks_;
};

/// Bytes that this thread keeps for reuse; at most `cache_limit`.
std::size_t cached_bytes() noexcept;
inline constexpr std::size_t cache_limit = std::size_t{512} << 20;

/// Returns this thread's kept blocks to the system.
void release_cache() noexcept;

}  // namespace xgrad::storage
