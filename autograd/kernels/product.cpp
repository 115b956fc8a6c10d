// Blocking and packing; see product.hpp. The tiles are in compiled/kernels.hpp. Start with `product`.
#include <xgrad/autograd/kernels/product.hpp>

#include <algorithm>
#include <memory>
#include <mutex>
#include <vector>

#include <xgrad/autograd/fast_paths.hpp>
#include <xgrad/autograd/kernels/row.hpp>

namespace xgrad::kernels {

namespace {

constinit thread_local std::uint64_t flops_so_far = 0;

// Blocks of the factors: one of b, depth x columns, fits the second-level cache beside rows x depth of a; a panel of it
// fits the first. More rows than few_rows are worth a copy of b that is thrown away.
constexpr std::size_t block_depth = 256, block_rows = 240, block_bytes = std::size_t{512} << 10,
                      few_rows = 64;

template <class T>
std::size_t packed_size(const Table<T>& kernels, std::size_t depth, std::size_t columns) {
  return depth * ((columns + kernels.tile_columns - 1) / kernels.tile_columns) * kernels.tile_columns;
}

// The packed copies of an array's numbers, or of parts of them; see storage.hpp.
template <class T>
class PackedCopies final : public storage::Attachment {
 public:
  /// The copy of b: (depth, columns), made if it is not there yet.
  static Array<T> of(const Table<T>& kernels, const Matrix<T>& b, std::size_t depth, std::size_t columns) {
    static std::mutex mutex;  // two threads may use a parameter for the first time together
    const std::lock_guard lock(mutex);
    auto& attached = b.reused->block()->attached;
    if (attached == nullptr) attached = std::make_unique<PackedCopies>();
    return static_cast<PackedCopies&>(*attached).find(kernels, b, depth, columns);
  }

 private:
  struct Copy {
    const Table<T>* kernels;
    const T* data;
    std::size_t row, depth, columns;
    Op op;
    Array<T> numbers;
  };

  Array<T> find(const Table<T>& kernels, const Matrix<T>& b, std::size_t depth, std::size_t columns) {
    for (const Copy& copy : copies_)
      if (copy.data == b.data && copy.op == b.op && copy.row == b.row && copy.depth == depth &&
          copy.columns == columns && copy.kernels == &kernels)
        return copy.numbers;
    auto numbers = Array<T>::uninitialized({packed_size(kernels, depth, columns)});
    kernels.pack(b.op == Op::transpose, depth, columns, b.data, b.row, numbers.mutable_data());
    copies_.push_back({&kernels, b.data, b.row, depth, columns, b.op, numbers});
    return numbers;
  }

  std::vector<Copy> copies_;
};

// A block of the product, with b packed: m rows of a, `columns` columns of b.
template <class T>
void multiply_block(const Table<T>& kernels, Tile<T> tile, std::size_t m, std::size_t columns,
                    const T* packed) {
  const T *const a = tile.a, *const base = tile.base;
  T* const c = tile.c;
  const std::size_t strips = (m + kernels.tile_rows - 1) / kernels.tile_rows;  // of rows, evenly high
  for (std::size_t j = 0; j < columns; j += kernels.tile_columns) {
    tile.b = packed + j * tile.depth;
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

template <class T>
void multiply(std::size_t m, std::size_t n, std::size_t k, const Matrix<T>& a, const Matrix<T>& b,
              Base<T> base, T* c, std::size_t c_row) {
  const Table<T>& kernels = table<T>();
  Tile<T> tile{};
  tile.a_row = a.op == Op::none ? a.row : 1;
  tile.a_column = a.op == Op::none ? 1 : a.row;
  tile.c_row = c_row;

  if (m <= few_rows && b.reused != nullptr && b.reused->block() != nullptr) {
    const Array<T> packed = PackedCopies<T>::of(kernels, b, k, n);
    tile.depth = k;
    tile.a = a.data;
    tile.base = base.data;
    tile.base_row = base.row;
    tile.c = c;
    multiply_block(kernels, tile, m, n, packed.data());
    return;
  }

  const std::size_t block_columns = block_bytes / sizeof(T) / block_depth;
  thread_local std::vector<T> scratch;  // grows to one block
  for (std::size_t j = 0; j < n; j += block_columns) {
    const std::size_t columns = std::min(block_columns, n - j);
    for (std::size_t p = 0; p < k; p += block_depth) {
      tile.depth = std::min(block_depth, k - p);
      scratch.resize(std::max(scratch.size(), packed_size(kernels, tile.depth, columns)));
      const bool turned = b.op == Op::transpose;
      kernels.pack(turned, tile.depth, columns, b.data + (turned ? j * b.row + p : p * b.row + j), b.row,
                   scratch.data());
      const Base<T> so_far = p == 0 ? base : Base<T>{c, c_row};
      for (std::size_t i = 0; i < m; i += block_rows) {
        tile.a = a.data + i * tile.a_row + p * tile.a_column;
        tile.base = so_far.data == nullptr ? nullptr : so_far.data + i * so_far.row + j;
        tile.base_row = so_far.row;
        tile.c = c + i * c_row + j;
        multiply_block(kernels, tile, std::min(block_rows, m - i), columns, scratch.data());
      }
    }
  }
}

template <class T>
void copy_base(std::size_t m, std::size_t n, Base<T> base, T* c, std::size_t c_row) {
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
             Base<T> base, T* c, std::size_t c_row) {
  if (m == 0 || n == 0) return;
  if (k == 0) return copy_base(m, n, base, c, c_row);
  flops_so_far += 2 * static_cast<std::uint64_t>(m) * n * k;
  if constexpr (Vectorized<T>)
    if (fast_paths().own_products) return multiply(m, n, k, a, b, base, c, c_row);
  if (base.data != nullptr) copy_base(m, n, base, c, c_row);
  gemm(a.op, b.op, m, n, k, T(1), a.data, a.row, b.data, b.row, base.data == nullptr ? T(0) : T(1), c, c_row);
}

std::uint64_t flops() { return flops_so_far; }

void shift_flops(std::int64_t count) { flops_so_far += static_cast<std::uint64_t>(count); }

template void product(std::size_t, std::size_t, std::size_t, const Matrix<float>&, const Matrix<float>&,
                      Base<float>, float*, std::size_t);
template void product(std::size_t, std::size_t, std::size_t, const Matrix<double>&, const Matrix<double>&,
                      Base<double>, double*, std::size_t);
template void product(std::size_t, std::size_t, std::size_t, const Matrix<Complex>&, const Matrix<Complex>&,
                      Base<Complex>, Complex*, std::size_t);

}  // namespace xgrad::kernels
