// Storage: alignment, recycling by size class and its cap, and blocks that are released on other threads,
// while a thread exits, and after its cache is gone. Under AddressSanitizer nothing is recycled, by design.
#include <xgrad/autograd/kernels/storage.hpp>

#include <doctest/doctest.h>

#include <malloc.h>

#include <atomic>
#include <new>
#include <optional>
#include <thread>
#include <vector>

#include <xgrad/autograd/fast_paths.hpp>

#include "autograd/errors.hpp"

namespace storage = xgrad::storage;
using xgrad::Array;
using xgrad::testing::address_sanitizer;
using xgrad::testing::any_sanitizer;

TEST_CASE("Storage: the bytes of a block start on a 64-byte boundary") {
  std::vector<storage::Block*> blocks;
  for (const std::size_t bytes : {0, 1, 63, 64, 65, 100, 1000, 4097, 1 << 20}) {
    blocks.push_back(storage::allocate(bytes));
    CHECK(reinterpret_cast<std::uintptr_t>(blocks.back()->bytes()) % 64 == 0);
    CHECK(blocks.back()->references.load() == 1);
  }
  for (storage::Block* block : blocks) storage::recycle(block);
  CHECK(reinterpret_cast<std::uintptr_t>(Array<double>::zeros({3}).data()) % 64 == 0);
}

TEST_CASE("Storage: a block as large as a large page starts on one") {
  for (const std::size_t bytes : {storage::huge_page, 3 * storage::huge_page + 1}) {
    storage::Block* const block = storage::allocate(bytes);
    CHECK(reinterpret_cast<std::uintptr_t>(block) % storage::huge_page == 0);
    auto* const last = static_cast<unsigned char*>(block->bytes()) + bytes - 1;
    *last = 7;
    CHECK(*last == 7);
    storage::recycle(block);
  }
}

TEST_CASE("Storage: a released block is handed out again as new for its size class" *
          doctest::skip(address_sanitizer)) {
  storage::release_cache();
  storage::Block* const block = storage::allocate(100);  // the class of 97 to 112 bytes
  block->version = 3;
  block->parameter = true;
  storage::recycle(block);
  storage::Block* const smaller = storage::allocate(96);
  CHECK(smaller != block);
  storage::Block* const same = storage::allocate(112);
  CHECK(same == block);
  CHECK(same->version == 0);
  CHECK_FALSE(same->parameter);
  CHECK(same->references.load() == 1);
  storage::recycle(smaller);
  storage::recycle(same);
}

TEST_CASE("Storage: a block that was taken while recycling was off has room for all of its class" *
          doctest::skip(address_sanitizer)) {
  storage::Block* block = nullptr;
  {
    const xgrad::SwitchedOff off({&xgrad::FastPaths::recycled_storage});
    block = storage::allocate(65537);  // the class of up to 81920 bytes
  }
  CHECK(malloc_usable_size(block) >= sizeof(storage::Block) + 81920);
  storage::recycle(block);
}

TEST_CASE("Storage: a size class wastes at most a quarter of what was asked" *
          doctest::skip(address_sanitizer)) {
  const auto usable = [](std::size_t bytes) {
    storage::release_cache();
    storage::recycle(storage::allocate(bytes));
    return storage::cached_bytes();
  };
  const auto check = [&](std::size_t bytes) {
    const std::size_t got = usable(bytes);
    if (got < bytes || got > (bytes <= 64 ? 64 : bytes + bytes / 4)) FAIL_CHECK(bytes, " bytes got ", got);
  };
  for (std::size_t bytes = 1; bytes < 3000; ++bytes) check(bytes);
  for (std::size_t power = 4096; power <= (std::size_t{1} << 28); power *= 2)
    for (const std::size_t bytes : {power - 1, power, power + 1, power / 4 * 5, power / 2 * 3 + 1})
      check(bytes);
}

TEST_CASE("Storage: a thread keeps no more than the limit" * doctest::skip(any_sanitizer)) {
  storage::release_cache();
  constexpr std::size_t bytes = storage::cache_limit / 4;
  std::vector<storage::Block*> blocks;  // never touched, so they cost address space only
  for (int i = 0; i < 6; ++i) blocks.push_back(storage::allocate(bytes));
  std::size_t kept = 0;
  for (storage::Block* block : blocks) {
    storage::recycle(block);
    CHECK(storage::cached_bytes() <= storage::cache_limit);
    kept = std::max(kept, storage::cached_bytes());
  }
  CHECK(kept == storage::cache_limit);
  storage::recycle(storage::allocate(bytes));
  CHECK(storage::cached_bytes() == storage::cache_limit);
  storage::release_cache();
  CHECK(storage::cached_bytes() == 0);
}

TEST_CASE("Storage: a block that another thread releases is that thread's to keep") {
  storage::release_cache();
  storage::Block* const block = storage::allocate(4000);
  std::size_t there = 0;
  std::thread([&] {
    storage::recycle(block);
    there = storage::cached_bytes();
  }).join();
  CHECK(there == (address_sanitizer ? 0 : 4096));
  CHECK(storage::cached_bytes() == 0);

  std::optional<Array<float>> outlives;  // its thread is gone when it is released
  std::thread([&] { outlives = Array<float>::full({1000}, 7); }).join();
  CHECK(outlives->data()[999] == 7);
  outlives.reset();
  CHECK(storage::cached_bytes() == (address_sanitizer ? 0 : 4096));
  storage::release_cache();
}

namespace {

std::atomic<int> released{0};
std::atomic<std::size_t> kept_after{12345};

// Holds an array until its thread exits, and makes one more then.
struct Holder {
  Array<double> array;
  ~Holder() {
    array = Array<double>::full({64}, 2);
    released += array.data()[63] == 2;
    array = Array<double>();
    kept_after = storage::cached_bytes();
  }
};

}  // namespace

TEST_CASE("Storage: blocks may be released while a thread exits before and after its cache is gone") {
  released = 0;
  std::thread([] {
    thread_local Holder early;  // constructed before the thread's cache, hence destroyed after it
    early.array = Array<double>::zeros({64});
  }).join();
  CHECK(released == 1);
  CHECK(kept_after == 0);
  std::thread([] {
    const auto warm = Array<double>::zeros({64});
    thread_local Holder late;  // constructed after the cache, hence destroyed before it
    late.array = warm;
  }).join();
  CHECK(released == 2);
}

TEST_CASE("Storage: memory that the system does not have is bad_alloc" * doctest::skip(any_sanitizer)) {
  CHECK_THROWS_AS(storage::allocate(std::size_t{1} << 62), std::bad_alloc);
  CHECK_THROWS_AS(Array<double>::uninitialized({1 << 30, 1 << 28}), std::bad_alloc);
  CHECK_THROWS(
      Array<double>::uninitialized({std::size_t{1} << 31, 1 << 30}));  // 2^64 bytes, which wraps to 0
}
