// Blocking and packing; see product.hpp. The tiles are in compiled/kernels.hpp. Start with `product`.
#include <xgrad/autograd/kernels/product.hpp>

#include <algorithm>
#include <cmath>
#include <deque>
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
      storage::leave_uncounted(copy.packed);
      copy.kernels->pack(copy.trans == Trans::yes, copy.depth, copy.columns, copy.data, copy.row,
                         static_cast<T*>(copy.packed->bytes()));
    }
    return static_cast<const T*>(copy.packed->bytes());
  }

  std::vector<Copy> copies_;
};

// Part of the product, of m rows of a and `columns` columns of b, whose panels `panel(j)` gives: a place and
// a row length. The first `side_by_side` columns are whole panels, tile.b_panel apart.
template <class T, class Panel>
void multiply_block(const Table<T>& kernels, Tile<T> tile, std::size_t m, std::size_t columns, Panel panel,
                    std::size_t side_by_side) {
  const T *const a = tile.a, *const base = tile.base;
  T* const c = tile.c;
  std::size_t done = 0;
  if (m <= kernels.panels.size()) {
    const std::size_t step = kernels.panels[m - 1] * kernels.tile_columns;
    tile.rows = m;
    for (; done + step <= side_by_side; done += step) {
      std::tie(tile.b, tile.b_row) = panel(done);
      tile.base = base == nullptr ? nullptr : base + done;
      tile.c = c + done;
      kernels.tiles(tile);
    }
  }
  const std::size_t strips = (m + kernels.tile_rows - 1) / kernels.tile_rows;  // of rows, evenly high
  for (std::size_t j = done; j < columns; j += kernels.tile_columns) {
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

  const auto whole_panels = [&](std::size_t columns) { return columns - columns % kernels.tile_columns; };
  if (whole_packed != nullptr) {
    tile.b_panel = k * kernels.tile_columns;
    return multiply_block(kernels, tile, m, n, packed_panels(kernels, whole_packed + first * k, k),
                          whole_panels(n));
  }
  if (m <= some_rows && k <= block_depth && !turned) {  // as it lies, but for a last panel that is not full
    const std::size_t full = whole_panels(n);
    tile.b_panel = kernels.tile_columns;
    T* const tail = scratch<T>(k * kernels.tile_columns);
    if (full < n) kernels.pack(false, k, n - full, b.data + full, b.row, tail);
    const auto panel = [&](std::size_t j) {
      return j < full ? std::pair(b.data + j, b.row)
                      : std::pair<const T*, std::size_t>(tail, kernels.tile_columns);
    };
    return multiply_block(kernels, tile, m, n, panel, full);
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
      tile.b_panel = tile.depth * kernels.tile_columns;
      for (std::size_t i = 0; i < m; i += block_rows) {
        tile.a = a.from(i, p).data;
        tile.base = so_far.from(i, j).data;
        tile.c = c + i * c_row + j;
        multiply_block(kernels, tile, std::min(block_rows, m - i), columns,
                       packed_panels<T>(kernels, packed, tile.depth), whole_panels(columns));
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

// The real and the imaginary parts of a complex matrix, a plane each, one after the other in a block.
class Planes {
 public:
  Planes() = default;
  explicit Planes(std::size_t rows, std::size_t columns)
      : block_(storage::allocate(2 * rows * columns * sizeof(double))), rows_(rows), columns_(columns) {}
  Planes(const Matrix<Complex>& x, std::size_t rows, std::size_t columns)
      : Planes(x.trans == Trans::no ? rows : columns, x.trans == Trans::no ? columns : rows) {
    size_ = table<Complex>().split(rows_, columns_, x.data, x.row, re(), im());
  }
  Planes(Planes&& other) noexcept { *this = std::move(other); }
  Planes& operator=(Planes&& other) noexcept {
    std::swap(block_, other.block_);
    std::tie(rows_, columns_, size_) = std::tie(other.rows_, other.columns_, other.size_);
    return *this;
  }
  ~Planes() {
    if (block_ != nullptr) storage::recycle(block_);
  }

  double* re() const { return static_cast<double*>(block_->bytes()); }
  double* im() const { return re() + rows_ * columns_; }
  /// The plane as a factor, of which packed copies are kept with the block if it is `kept`.
  Matrix<double> factor(const double* plane, Trans trans, bool kept = false) const {
    return {plane, columns_, trans, kept ? block_ : nullptr};
  }
  /// True if all is real.
  bool real() const { return size_ == 0; }
  /// True if the imaginary parts are as small, and as small beside the real ones, as those that carry a
  /// derivative. Looks at few elements, mostly.
  bool nearly_real() const {
    if (real() || !(size_ <= 0x1p-250)) return real();
    double sum = 0;
    return std::any_of(re(), im(), [&](double x) { return (sum += std::abs(x)) >= 0x1p100 * size_; });
  }

 private:
  storage::Block* block_ = nullptr;
  std::size_t rows_ = 0, columns_ = 0;
  double size_ = 0;  // the sum of the magnitudes of the imaginary parts; NaN if one is
};

// Those of a block's elements, which stay with it like packed copies.
class KeptPlanes final : public storage::Attachment {
 public:
  static const Planes& of(const Matrix<Complex>& b, std::size_t k, std::size_t n) {
    static std::mutex mutex;
    const std::lock_guard lock(mutex);
    auto& attached = b.reused->attached;
    if (attached == nullptr) attached = std::make_unique<KeptPlanes>();
    auto& all = static_cast<KeptPlanes&>(*attached).all_;
    if (b.trans == Trans::yes) std::swap(k, n);
    for (const auto& kept : all)
      if (std::tie(kept.data, kept.row, kept.rows, kept.columns) == std::tie(b.data, b.row, k, n))
        return kept.planes;
    const Matrix<Complex> stored{b.data, b.row};
    all.push_back({b.data, b.row, k, n, Planes(stored, k, n)});
    return all.back().planes;
  }

 private:
  struct Kept {
    const Complex* data;
    std::size_t row, rows, columns;
    Planes planes;
  };
  std::deque<Kept> all_;  // whose elements stay where they are
};

// Three real products, of real parts and of a real and an imaginary one, and a fourth, of imaginary parts,
// unless it vanishes: those that carry a derivative are some 1e-100 of the real ones.
void multiply(std::size_t m, std::size_t n, std::size_t k, const Matrix<Complex>& a, const Matrix<Complex>& b,
              Addend<Complex> base, Complex* c, std::size_t c_row) {
  const bool keep = m <= few_rows && b.reused != nullptr;
  const Planes a_planes(a, m, k), b_own = keep ? Planes() : Planes(b, k, n);
  const Planes& b_planes = keep ? KeptPlanes::of(b, k, n) : b_own;
  const auto factor = [&](const Planes& x, const double* plane, Trans trans) {
    return x.factor(plane, trans, keep && &x == &b_planes);
  };
  const Matrix<double> a_re = factor(a_planes, a_planes.re(), a.trans),
                       a_im = factor(a_planes, a_planes.im(), a.trans),
                       b_re = factor(b_planes, b_planes.re(), b.trans),
                       b_im = factor(b_planes, b_planes.im(), b.trans);
  const Planes sum(m, n);
  Addend<double> re, im;
  Planes start;
  if (base.data != nullptr) {
    start = Planes({base.data, base.row}, base.row == 0 ? 1 : m, n);
    re = {start.re(), base.row == 0 ? 0 : n};
    im = {start.im(), base.row == 0 ? 0 : n};
  }
  multiply(m, n, k, a_re, b_re, re, sum.re(), n);
  multiply(m, n, k, a_re, b_im, im, sum.im(), n);
  if (!a_planes.real()) multiply(m, n, k, a_im, b_re, Addend<double>{sum.im(), n}, sum.im(), n);
  if (!a_planes.nearly_real() || !b_planes.nearly_real()) {
    for (std::size_t i = 0; i < m * k; ++i) a_planes.im()[i] = -a_planes.im()[i];
    multiply(m, n, k, a_im, b_im, Addend<double>{sum.re(), n}, sum.re(), n);
  }
  table<Complex>().join(m, n, sum.re(), sum.im(), c, c_row);
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
  if (fast_paths().own_products) return multiply(m, n, k, a, b, base, c, c_row);
  if (base.data != nullptr) copy_base(m, n, base, c, c_row);
  gemm(m, n, k, a, b, base.data == nullptr ? T(0) : T(1), c, c_row);
}

std::uint64_t flops() { return flops_so_far; }

template decltype(product<float>) product<float>;
template decltype(product<double>) product<double>;
template decltype(product<Complex>) product<Complex>;

}  // namespace xgrad::kernels
