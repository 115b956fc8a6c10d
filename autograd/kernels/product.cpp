// Blocking and packing; see product.hpp. The tiles are in compiled/kernels.hpp. Start with `product`.
#include <xgrad/autograd/kernels/product.hpp>

#include <algorithm>
#include <memory>
#include <mutex>
#include <tuple>
#include <utility>
#include <vector>

#include <xgrad/autograd/fast_paths.hpp>
#include <xgrad/autograd/kernels/parallel.hpp>
#include <xgrad/autograd/kernels/row.hpp>

namespace xgrad::kernels {

namespace {

constinit thread_local std::uint64_t flops_so_far = 0;

// Blocks of the factors: one of b, depth x columns, fits the second-level cache beside rows x depth of a; a
// panel of it is as large as the first. A copy of b that is thrown away is worth its while for more than
// some_rows rows of a; one that is kept, for few rows.
constexpr std::size_t block_depth = 384, block_rows = 240, block_bytes = std::size_t{512} << 10,
                      few_rows = 64, some_rows = 128;

template <class T>
std::size_t packed_size(const Table<T>& kernels, std::size_t depth, std::size_t columns) {
  return depth * ((columns + kernels.tile_columns - 1) / kernels.tile_columns) * kernels.tile_columns;
}

// The packed copies of a block's elements, or of parts of them; see storage.hpp. A copy lies in a block, too,
// so that its memory is used again after the next update.
template <class T>
class PackedCopies final : public storage::Attachment {
 public:
  PackedCopies() = default;
  PackedCopies(const PackedCopies&) = delete;
  PackedCopies& operator=(const PackedCopies&) = delete;
  ~PackedCopies() override {
    for (const Copy& copy : copies_)
      if (copy.packed != nullptr) storage::recycle(copy.packed);
  }

  /// The copy of b: (depth, columns). It is made when b is used for the second time, so that null is returned
  /// for the first; or at once, if b is transposed and has to be copied anyway.
  static const T* of(const Table<T>& kernels, const Matrix<T>& b, std::size_t depth, std::size_t columns) {
    static std::mutex mutex;  // two threads may use a parameter for the first time together
    const std::lock_guard lock(mutex);
    auto& attached = b.reused->attached;
    if (attached == nullptr) attached = std::make_unique<PackedCopies>();
    return static_cast<PackedCopies&>(*attached).find(kernels, b, depth, columns);
  }

 private:
  struct Copy {
    const Table<T>* kernels;
    const T* data;
    std::size_t row, depth, columns;
    Trans trans;
    storage::Block* packed = nullptr;  // until it is needed
  };

  const T* find(const Table<T>& kernels, const Matrix<T>& b, std::size_t depth, std::size_t columns) {
    for (Copy& copy : copies_)
      if (copy.data == b.data && copy.trans == b.trans && copy.row == b.row && copy.depth == depth &&
          copy.columns == columns && copy.kernels == &kernels)
        return pack(copy);
    copies_.push_back({&kernels, b.data, b.row, depth, columns, b.trans});
    return b.trans == Trans::no ? nullptr : pack(copies_.back());
  }

  static const T* pack(Copy& copy) {
    if (copy.packed == nullptr) {
      copy.packed = storage::allocate(packed_size(*copy.kernels, copy.depth, copy.columns) * sizeof(T));
      copy.kernels->pack(copy.trans == Trans::yes, copy.depth, copy.columns, copy.data, copy.row,
                         static_cast<T*>(copy.packed->bytes()));
    }
    return static_cast<const T*>(copy.packed->bytes());
  }

  std::vector<Copy> copies_;
};

// Part of the product, of m rows of a and `columns` columns of b, whose panels `panel(j)` gives: a place and
// a row length.
template <class T, class Panel>
void multiply_block(const Table<T>& kernels, Tile<T> tile, std::size_t m, std::size_t columns, Panel panel) {
  const T *const a = tile.a, *const base = tile.base;
  T* const c = tile.c;
  const std::size_t strips = (m + kernels.tile_rows - 1) / kernels.tile_rows;  // of rows, evenly high
  for (std::size_t j = 0; j < columns; j += kernels.tile_columns) {
    std::tie(tile.b, tile.b_row) = panel(j);
    tile.columns = std::min(kernels.tile_columns, columns - j);
    for (std::size_t strip = 0, i = 0; strip < strips; ++strip, i += tile.rows) {
      tile.rows = m * (strip + 1) / strips - i;
      tile.a = a + i * tile.a_row;
      tile.base = base == nullptr ? nullptr : base + i * tile.base_row + j;
      tile.c = c + i * tile.c_row + j;
      kernels.tile(tile);
    }
  }
}

// Panels of a packed b.
template <class T>
auto packed_panels(const Table<T>& kernels, const T* packed, std::size_t depth) {
  return [=, width = kernels.tile_columns](std::size_t j) { return std::pair(packed + j * depth, width); };
}

// Memory for packed blocks, of this thread.
template <class T>
T* scratch(std::size_t size) {
  thread_local std::vector<T> numbers;
  if (numbers.size() < size) numbers.resize(size);
  return numbers.data();
}

// Columns [first, last) of the product. `whole_packed` is a packed copy of all of b, or null.
template <class T>
void multiply_columns(std::size_t m, std::size_t first, std::size_t last, std::size_t k, const Matrix<T>& a,
                      const Matrix<T>& whole_b, Addend<T> base, T* c, std::size_t c_row,
                      const T* whole_packed) {
  const Table<T>& kernels = table<T>();
  const bool turned = whole_b.trans == Trans::yes;
  const Matrix<T> b = whole_b.from(0, first);
  const std::size_t n = last - first;
  base = base.from(0, first);
  c += first;
  Tile<T> tile{};
  tile.a_row = a.trans == Trans::no ? a.row : 1;
  tile.a_column = a.trans == Trans::no ? 1 : a.row;
  tile.c_row = c_row;
  tile.depth = k;
  tile.a = a.data;
  tile.base = base.data;
  tile.base_row = base.row;
  tile.c = c;

  if (whole_packed != nullptr)
    return multiply_block(kernels, tile, m, n, packed_panels(kernels, whole_packed + first * k, k));
  if (m <= some_rows && k <= block_depth && !turned) {  // as it lies, but for a last panel that is not full
    const std::size_t full = n - n % kernels.tile_columns;
    T* const tail = scratch<T>(k * kernels.tile_columns);
    if (full < n) kernels.pack(false, k, n - full, b.data + full, b.row, tail);
    return multiply_block(kernels, tile, m, n, [&](std::size_t j) {
      return j < full ? std::pair(b.data + j, b.row)
                      : std::pair<const T*, std::size_t>(tail, kernels.tile_columns);
    });
  }

  const std::size_t blocks = (k + block_depth - 1) / block_depth, depth = (k + blocks - 1) / blocks;
  const std::size_t block_columns =
      block_bytes / sizeof(T) / depth / kernels.tile_columns * kernels.tile_columns;
  for (std::size_t j = 0; j < n; j += block_columns) {
    const std::size_t columns = std::min(block_columns, n - j);
    for (std::size_t p = 0; p < k; p += depth) {
      tile.depth = std::min(depth, k - p);
      T* const packed = scratch<T>(packed_size(kernels, tile.depth, columns));
      kernels.pack(turned, tile.depth, columns, b.from(p, j).data, b.row, packed);
      const Addend<T> so_far = p == 0 ? base : Addend<T>{c, c_row};
      tile.base_row = so_far.row;
      for (std::size_t i = 0; i < m; i += block_rows) {
        tile.a = a.from(i, p).data;
        tile.base = so_far.from(i, j).data;
        tile.c = c + i * c_row + j;
        multiply_block(kernels, tile, std::min(block_rows, m - i), columns,
                       packed_panels<T>(kernels, packed, tile.depth));
      }
    }
  }
}

// On several threads if it is large: each has some of the columns, or some of the rows where there are more
// of them. A number is the same sum in the same order, whoever computes it.
template <class T>
void multiply(std::size_t m, std::size_t n, std::size_t k, const Matrix<T>& a, const Matrix<T>& b,
              Addend<T> base, T* c, std::size_t c_row) {
  const Table<T>& kernels = table<T>();
  const T* const copy =
      m <= few_rows && b.reused != nullptr ? PackedCopies<T>::of(kernels, b, k, n) : nullptr;
  constexpr std::size_t large = std::size_t{1} << 22;  // multiplications: some tens of microseconds
  const std::size_t width = kernels.tile_columns;
  if (n >= m) {
    parallel_ranges(
        (n + width - 1) / width, 1 + large / (m * k * width), [&](std::size_t first, std::size_t last) {
          multiply_columns(m, first * width, std::min(n, last * width), k, a, b, base, c, c_row, copy);
        });
    return;
  }
  parallel_ranges(m, 1 + large / (n * k), [&](std::size_t first, std::size_t last) {
    multiply_columns(last - first, 0, n, k, a.from(first, 0), b, base.from(first, 0), c + first * c_row,
                     c_row, copy);
  });
}

template <class T>
void copy_base(std::size_t m, std::size_t n, Addend<T> base, T* c, std::size_t c_row) {
  if (base.data == c) return;
  for (std::size_t i = 0; i < m; ++i) {
    if (base.data == nullptr)
      std::fill_n(c + i * c_row, n, T(0));
    else
      std::copy_n(base.data + i * base.row, n, c + i * c_row);
  }
}

}  // namespace

template <class T>
void product(std::size_t m, std::size_t n, std::size_t k, const Matrix<T>& a, const Matrix<T>& b,
             Addend<T> base, T* c, std::size_t c_row) {
  if (m == 0 || n == 0) return;
  if (k == 0) return copy_base(m, n, base, c, c_row);
  flops_so_far += 2 * static_cast<std::uint64_t>(m) * n * k;
  if constexpr (Vectorized<T>)
    if (fast_paths().own_products) return multiply(m, n, k, a, b, base, c, c_row);
  if (base.data != nullptr) copy_base(m, n, base, c, c_row);
  gemm(m, n, k, a, b, base.data == nullptr ? T(0) : T(1), c, c_row);
}

std::uint64_t flops() { return flops_so_far; }

template decltype(product<float>) product<float>;
template decltype(product<double>) product<double>;
template decltype(product<Complex>) product<Complex>;

}  // namespace xgrad::kernels
