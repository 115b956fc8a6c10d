// Blocking and packing; see product.hpp. The tiles are in compiled/kernels.hpp. Start with `product`.
#include <xgrad/autograd/kernels/product.hpp>

#include <unistd.h>

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

// A block of b, depth x columns, takes half of the second-level cache, and all rows of a go through it. The
// depth is the same on every processor, as what is added up in which order hangs on it.
constexpr std::size_t block_depth = 384;

// Bytes of a block of b. Where the system does not say how large the cache is, as on arm64, it is taken for
// one of 1 MiB.
std::size_t block_bytes() {
  static const std::size_t bytes = [] {
#if defined(_SC_LEVEL2_CACHE_SIZE)
    if (const long cache = ::sysconf(_SC_LEVEL2_CACHE_SIZE); cache > 0)
      return std::clamp(static_cast<std::size_t>(cache) / 2, std::size_t{128} << 10, std::size_t{1} << 20);
#endif
    return std::size_t{512} << 10;
  }();
  return bytes;
}

// At most how many rows of a there are where ... Measured for 32 to 10,000 rows and columns of b:
// ./run bench --benchmark_filter=Products
constexpr std::size_t kept_rows = 64,  // ... a copy of b is kept
    unpacked_rows = 128,               // ... b is read as it lies, no deeper than a block
    far_rows = 24,                     // ... and where it is deeper, or does not fit the second-level cache
    far_rows_of_16 = 4,                // ... the same with 16 registers, where sums go to and fro more often
    few_dots = 3,                      // ... sums go along the rows of a transposed b
    many_dots = 24;                    // ... and where these rows are long
constexpr std::size_t long_row = 512;  // in bytes

// A transposed a is turned where so many columns of b read it, if it has no more bytes than that.
constexpr std::size_t many_columns = 512, most_bytes = std::size_t{16} << 20;

// Of a block of b: whole panels, at least one.
template <class T>
std::size_t block_columns(const Table<T>& kernels, std::size_t depth) {
  const std::size_t panel = depth * kernels.tile_columns * sizeof(T);
  return std::max(block_bytes() / panel, std::size_t{1}) * kernels.tile_columns;
}

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

// The last columns, up to half a register's, of a product whose a is transposed. They would leave most of the
// registers empty; as rows of the transposed product, which has the same sums, they fill them. There are
// tile_columns rows of a or more, and the last of their panels may begin within the one before it.
template <class T>
void last_columns(const Table<T>& kernels, const Tile<T>& tile, std::size_t m) {
  alignas(64) T turned[256];  // half a register's columns of a panel
  Tile<T> t{};
  t.rows = tile.columns;
  t.columns = t.c_row = kernels.tile_columns;
  t.depth = tile.depth;
  t.a = tile.b;
  t.a_row = 1;
  t.a_column = tile.b_row;
  t.b_row = tile.a_column;
  t.c = turned;
  for (std::size_t done = 0; done < m; done += t.columns) {
    const std::size_t first = std::min(done, m - t.columns);
    t.b = tile.a + first;
    kernels.tile(t);
    for (std::size_t i = done; i < first + t.columns; ++i)
      for (std::size_t j = 0; j < tile.columns; ++j) {
        const T sum = turned[j * t.columns + i - first];
        tile.c[i * tile.c_row + j] = tile.base == nullptr ? sum : sum + tile.base[i * tile.base_row + j];
      }
  }
}

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
  // A strip of rows stays in the first-level cache while the panels of a block, which stays in the second,
  // pass by: they are read, and rows of c written, from end to end.
  const std::size_t width = kernels.tile_columns;
  const std::size_t few = columns % kernels.register_columns.back(), half = kernels.register_columns[1];
  const bool turned = few > 0 && few <= half && tile.a_row == 1 && m >= width;
  if (turned) columns -= few;
  const std::size_t strips = (m + kernels.tile_rows - 1) / kernels.tile_rows;  // of rows, evenly high
  for (std::size_t end; done < columns; done = end) {
    end = std::min(columns, done + block_columns(kernels, tile.depth));
    for (std::size_t strip = 0, i = 0; strip < strips; ++strip, i += tile.rows) {
      tile.rows = m * (strip + 1) / strips - i;
      tile.a = a + i * tile.a_row;
      for (std::size_t j = done; j < end; j += width) {
        std::tie(tile.b, tile.b_row) = panel(j);
        tile.columns = std::min(width, columns - j);
        tile.base = base == nullptr ? nullptr : base + i * tile.base_row + j;
        tile.c = c + i * tile.c_row + j;
        kernels.tile(tile);
      }
    }
  }
  if (!turned) return;
  const std::size_t in_panel = columns % width;
  std::tie(tile.b, tile.b_row) = panel(columns - in_panel);
  tile.b += in_panel;
  tile.columns = few;
  tile.a = a;
  tile.base = base == nullptr ? nullptr : base + columns;
  tile.c = c + columns;
  last_columns(kernels, tile, m);
}

// Panels of a packed b.
template <class T>
auto packed_panels(const Table<T>& kernels, const T* packed, std::size_t depth) {
  return [=, width = kernels.tile_columns](std::size_t j) { return std::pair(packed + j * depth, width); };
}

// Memory for copies of b, or of a, of this thread: as large a block as lies in large pages. Scattered over
// small ones, a block of b could not stay in the second-level cache, which finds an element by its physical
// address.
enum class Factor { a, b };
template <class T>
T* scratch(Factor factor, std::size_t size) {
  struct Memory {
    storage::Block* block = nullptr;
    ~Memory() { give_back(); }
    void give_back() {
      if (block != nullptr) storage::recycle(std::exchange(block, nullptr));
    }
  };
  thread_local Memory of_a, of_b;
  Memory& memory = factor == Factor::a ? of_a : of_b;
  const std::size_t bytes = std::max(size * sizeof(T), storage::huge_page);
  if (memory.block == nullptr || memory.block->size < bytes) {
    memory.give_back();
    memory.block = storage::allocate(bytes);
    storage::leave_uncounted(memory.block);
  }
  return static_cast<T*>(memory.block->bytes());
}

// How b is read. Panels of it are columns side by side that fill registers; the product goes through one of
// them after the other. All but `along_rows` add up in the same order.
enum class Reading {
  copy,        // panels of a packed copy of all of it, which is kept
  blocks,      // panels of packed blocks, made on the way
  as_it_lies,  // panels of b itself
  row_by_row,  // a row as long as it is, then the next
  along_rows   // b being given transposed, sums along its rows
};

// The product, or some of its rows and columns: C = base + A B with A: (m, k) and B: (k, n).
template <class T>
class Part {
 public:
  Part(std::size_t m, std::size_t n, std::size_t k, const Matrix<T>& a, const Matrix<T>& b, Addend<T> base,
       T* c, std::size_t c_row)
      : m_(m), n_(n), k_(k), b_(b), base_(base), c_(c), c_row_(c_row) {
    tile_.rows = m;
    tile_.columns = n;
    tile_.b_row = b.row;
    tile_.c_row = c_row;
    set_a(a);
  }

  void compute(Reading reading, const T* copy) {
    if (reading == Reading::copy) return from_copy(copy);
    if (reading == Reading::along_rows) return along_rows();
    if (reading == Reading::row_by_row && n_ >= kernels_.tile_columns) return row_by_row();
    if (reading != Reading::blocks) return as_it_lies();
    by_blocks();
  }

 private:
  void set_a(const Matrix<T>& a) {
    a_ = a;
    tile_.a_row = a.trans == Trans::no ? a.row : 1;
    tile_.a_column = a.trans == Trans::no ? 1 : a.row;
  }

  // Lays the rows of a transposed a out in one piece each.
  void turn_a() {
    T* const rows = scratch<T>(Factor::a, m_ * k_);
    kernels_.transpose(k_, m_, a_.data, a_.row, rows, k_);
    set_a({rows, k_});
  }

  // Rows from i and columns from j on, and the terms [p, p + depth) of the sums, or as many as there are.
  void go_to(std::size_t i, std::size_t j, std::size_t p, std::size_t depth) {
    const Addend<T> so_far = p == 0 ? base_.from(i, j) : Addend<T>{c_ + i * c_row_ + j, c_row_};
    tile_.depth = std::min(depth, k_ - p);
    tile_.a = a_.from(i, p).data;
    tile_.b = b_.from(p, j).data;
    tile_.base = so_far.data;
    tile_.base_row = so_far.row;
    tile_.c = c_ + i * c_row_ + j;
  }

  std::size_t whole_panels(std::size_t columns) const { return columns - columns % kernels_.tile_columns; }

  // In equal blocks of terms.
  std::size_t depth() const {
    const std::size_t blocks = (k_ + block_depth - 1) / block_depth;
    return (k_ + blocks - 1) / blocks;
  }
  std::size_t block_columns() const { return kernels::block_columns(kernels_, depth()); }

  void from_copy(const T* copy) {
    go_to(0, 0, 0, k_);
    tile_.b_panel = k_ * kernels_.tile_columns;
    multiply_block(kernels_, tile_, m_, n_, packed_panels(kernels_, copy, k_), whole_panels(n_));
  }

  void along_rows() {
    constexpr std::size_t depth = 4096 / sizeof(T);  // four rows of b in the first-level cache
    if (a_.trans == Trans::yes) turn_a();
    for (std::size_t p = 0; p < k_; p += depth) {
      go_to(0, 0, p, depth);
      kernels_.dots(tile_);
    }
  }

  // Up to four rows of a at a time; where that is not all of them, b is read again, in blocks that stay near.
  void row_by_row() {
    const std::size_t groups = (m_ + 3) / 4, pieces = groups == 1 ? 1 : (n_ - 1) / block_columns() + 1;
    for (std::size_t piece = 0, j = 0; piece < pieces; ++piece, j += tile_.columns) {
      tile_.columns = n_ * (piece + 1) / pieces - j;
      for (std::size_t p = 0; p < k_; p += depth())
        for (std::size_t group = 0, i = 0; group < groups; ++group, i += tile_.rows) {
          tile_.rows = m_ * (group + 1) / groups - i;
          go_to(i, j, p, depth());
          kernels_.few_rows(tile_);
        }
    }
  }

  void as_it_lies() {
    const std::size_t width = kernels_.tile_columns, full = whole_panels(n_);
    const auto& holds = kernels_.register_columns;
    const std::size_t last = n_ % holds.back();
    const bool beyond = last > 0 && std::find(holds.begin(), holds.end(), last) == holds.end();
    tile_.b_panel = width;
    for (std::size_t p = 0; p < k_; p += depth()) {
      go_to(0, 0, p, depth());
      T* tail = nullptr;  // the last panel, if a tile would read beyond it
      if (beyond) {
        tail = scratch<T>(Factor::b, tile_.depth * width);
        kernels_.pack(false, tile_.depth, n_ - full, tile_.b + full, b_.row, tail);
      }
      const auto panel = [&, b = tile_.b](std::size_t j) {
        return j < full || !beyond ? std::pair(b + j, b_.row) : std::pair<const T*, std::size_t>(tail, width);
      };
      multiply_block(kernels_, tile_, m_, n_, panel, full);
    }
  }

  void by_blocks() {
    const bool turned = b_.trans == Trans::yes;
    if (a_.trans == Trans::yes && n_ >= many_columns && m_ * k_ * sizeof(T) <= most_bytes) turn_a();
    for (std::size_t j = 0; j < n_; j += block_columns()) {
      const std::size_t columns = std::min(block_columns(), n_ - j);
      for (std::size_t p = 0; p < k_; p += depth()) {
        go_to(0, j, p, depth());
        T* const packed = scratch<T>(Factor::b, packed_size(kernels_, tile_.depth, columns));
        kernels_.pack(turned, tile_.depth, columns, tile_.b, b_.row, packed);
        tile_.b_panel = tile_.depth * kernels_.tile_columns;
        multiply_block(kernels_, tile_, m_, columns, packed_panels<T>(kernels_, packed, tile_.depth),
                       whole_panels(columns));
      }
    }
  }

  const Table<T>& kernels_ = table<T>();
  std::size_t m_, n_, k_;
  Matrix<T> a_{}, b_;
  Addend<T> base_;
  T* c_;
  std::size_t c_row_;
  Tile<T> tile_{};
};

// How b is read, for all threads. `copy` is set to a copy that is kept.
template <class T>
Reading reading_of(std::size_t m, std::size_t n, std::size_t k, const Matrix<T>& b, const T*& copy) {
  const bool turned = b.trans == Trans::yes;
  if (m <= kept_rows && b.reused != nullptr) {
    copy = PackedCopies<T>::of(table<T>(), b, k, n);
    if (copy != nullptr) return Reading::copy;
  }
  if (turned)
    return m <= (k * sizeof(T) >= long_row ? many_dots : few_dots) ? Reading::along_rows : Reading::blocks;
  const bool wide = n >= 2 * table<T>().tile_columns, near = k * n * sizeof(T) <= 2 * block_bytes();
  const std::size_t far = table<T>().tile_rows < 12 ? far_rows_of_16 : far_rows;
  if (wide && m <= (near ? 4 : far)) return Reading::row_by_row;
  return m <= (k <= block_depth ? unpacked_rows : far) ? Reading::as_it_lies : Reading::blocks;
}

// On several threads if it is large: each has some of the columns, or some of the rows where there are more
// of them. A number is the same sum in the same order, whoever computes it.
template <class T>
void multiply(std::size_t m, std::size_t n, std::size_t k, const Matrix<T>& a, const Matrix<T>& b,
              Addend<T> base, T* c, std::size_t c_row) {
  const T* copy = nullptr;
  const Reading reading = reading_of(m, n, k, b, copy);
  constexpr std::size_t large = std::size_t{1} << 22;  // multiplications: some tens of microseconds
  const std::size_t width = table<T>().tile_columns;
  if (n >= m) {
    parallel_ranges((n + width - 1) / width, 1 + large / (m * k * width),
                    [&](std::size_t begin, std::size_t end) {
                      const std::size_t j = begin * width, columns = std::min(n, end * width) - j;
                      Part<T>(m, columns, k, a, b.from(0, j), base.from(0, j), c + j, c_row)
                          .compute(reading, copy == nullptr ? nullptr : copy + j * k);
                    });
    return;
  }
  parallel_ranges(m, 1 + large / (n * k), [&](std::size_t first, std::size_t last) {
    Part<T>(last - first, n, k, a.from(first, 0), b, base.from(first, 0), c + first * c_row, c_row)
        .compute(reading, copy);
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
  const bool keep = m <= kept_rows && b.reused != nullptr;
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
