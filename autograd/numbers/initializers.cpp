// How new parameters are drawn; see random.hpp. Every sum has a fixed order, so that a seed gives the same
// bits everywhere.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include <fmt/format.h>

#include <xgrad/autograd/error.hpp>
#include <xgrad/autograd/random.hpp>

namespace xgrad {

namespace {

void check_deviation(const char* what, double deviation) {
  if (!(deviation >= 0) || std::isinf(deviation))
    throw Error(what, fmt::format("needs a finite deviation >= 0, got {}", deviation));
}

void check_gain(const char* what, double gain) {
  if (!(gain >= 0) || std::isinf(gain))
    throw Error(what, fmt::format("needs a finite gain >= 0, got {}", gain));
}

// (K, M), to which a shape is flattened.
struct Fans {
  std::size_t in, out;
};

Fans fans_of(const char* what, const Shape& shape) {
  if (shape.rank() < 2)
    throw Error(
        what,
        fmt::format("fills a matrix, whose outputs sum the inputs along the first axis; got the shape {}",
                    to_string(shape)));
  return {shape[0], shape.stride(0)};
}

void fill_uniform(Random& random, std::span<double> numbers, double low, double high) {
  for (double& x : numbers) x = low + (high - low) * random.uniform();
}

void fill_normal(Random& random, std::span<double> numbers, double deviation) {
  for (double& x : numbers) x = deviation * random.normal();
}

// An initializer whose spread, a bound or a deviation, depends on the fans.
template <class Spread>
Initializer uniform_by_fans(const char* what, Spread spread) {
  return [=](Random& random, std::span<double> numbers, const Shape& shape) {
    const double bound = spread(fans_of(what, shape));
    fill_uniform(random, numbers, -bound, bound);
  };
}

template <class Spread>
Initializer normal_by_fans(const char* what, Spread spread) {
  return [=](Random& random, std::span<double> numbers, const Shape& shape) {
    fill_normal(random, numbers, spread(fans_of(what, shape)));
  };
}

// The scalar product, summed in eight lanes, which is a loop of vector registers on every processor.
double dot(const double* a, const double* b, std::size_t n) {
  constexpr std::size_t lanes = 8;
  double sums[lanes] = {};
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes)
    for (std::size_t lane = 0; lane < lanes; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  for (std::size_t lane = 0; i < n; ++i, ++lane) sums[lane] += a[i] * b[i];
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

// Makes the rows orthonormal (Gram-Schmidt, each row twice: Giraud et al. 2005, "Rounding error analysis of
// the classical Gram-Schmidt orthogonalization process"). A row that is all but a sum of those above is drawn
// again.
//     rows: (count, n), count <= n
void orthonormalize(Random& random, double* rows, std::size_t count, std::size_t n) {
  for (std::size_t i = 0; i < count; ++i) {
    double* const row = rows + i * n;
    for (;;) {
      const double before = std::sqrt(dot(row, row, n));
      for (int pass = 0; pass < 2; ++pass)
        for (std::size_t j = 0; j < i; ++j) {
          const double* const above = rows + j * n;
          const double part = dot(above, row, n);
          for (std::size_t k = 0; k < n; ++k) row[k] -= part * above[k];
        }
      const double length = std::sqrt(dot(row, row, n));
      if (length > 1e-8 * before) {
        for (std::size_t k = 0; k < n; ++k) row[k] /= length;
        break;
      }
      fill_normal(random, {row, n}, 1);
    }
  }
}

void transpose(const double* from, double* to, std::size_t rows, std::size_t columns) {
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < columns; ++j) to[j * rows + i] = from[i * columns + j];
}

}  // namespace

void Initializer::operator()(Random& random, std::span<double> numbers, const Shape& shape) const {
  if (!fill_) throw Error("Initializer", "is empty and cannot fill a parameter");
  if (shape.size() != numbers.size())
    throw Error("Initializer",
                fmt::format("got {} numbers to fill for the shape {}", numbers.size(), to_string(shape)));
  fill_(random, numbers, shape);
}

Initializer uniform(double low, double high) {
  if (!(low <= high) || !std::isfinite(high - low))
    throw Error("uniform",
                fmt::format("needs low <= high and a finite high - low, got {} and {}", low, high));
  return [=](Random& random, std::span<double> numbers) { fill_uniform(random, numbers, low, high); };
}

Initializer normal(double deviation) {
  check_deviation("normal", deviation);
  return [=](Random& random, std::span<double> numbers) { fill_normal(random, numbers, deviation); };
}

Initializer truncated_normal(double deviation) {
  check_deviation("truncated_normal", deviation);
  return [=](Random& random, std::span<double> numbers) {
    for (double& x : numbers) {
      double z;
      do z = random.normal();
      while (std::abs(z) > 2);
      x = deviation * z;
    }
  };
}

Initializer constant(double value) {
  return [=](Random&, std::span<double> numbers) { std::fill(numbers.begin(), numbers.end(), value); };
}

Initializer glorot_uniform(double gain) {
  check_gain("glorot_uniform", gain);
  return uniform_by_fans("glorot_uniform", [=](Fans fans) {
    return gain * std::sqrt(6.0 / static_cast<double>(fans.in + fans.out));
  });
}

Initializer glorot_normal(double gain) {
  check_gain("glorot_normal", gain);
  return normal_by_fans("glorot_normal", [=](Fans fans) {
    return gain * std::sqrt(2.0 / static_cast<double>(fans.in + fans.out));
  });
}

Initializer he_uniform() {
  return uniform_by_fans("he_uniform",
                         [](Fans fans) { return std::sqrt(6.0 / static_cast<double>(fans.in)); });
}

Initializer he_normal() {
  return normal_by_fans("he_normal", [](Fans fans) { return std::sqrt(2.0 / static_cast<double>(fans.in)); });
}

Initializer orthogonal(double gain) {
  if (!std::isfinite(gain)) throw Error("orthogonal", fmt::format("needs a finite gain, got {}", gain));
  return [=](Random& random, std::span<double> numbers, const Shape& shape) {
    const auto [K, M] = fans_of("orthogonal", shape);
    fill_normal(random, numbers, 1);
    if (K <= M) {
      orthonormalize(random, numbers.data(), K, M);
    } else {
      std::vector<double> columns(numbers.size());
      transpose(numbers.data(), columns.data(), K, M);
      orthonormalize(random, columns.data(), M, K);
      transpose(columns.data(), numbers.data(), M, K);
    }
    for (double& x : numbers) x *= gain;
  };
}

Initializer identity(double scale) {
  if (!std::isfinite(scale)) throw Error("identity", fmt::format("needs a finite scale, got {}", scale));
  return [=](Random&, std::span<double> numbers, const Shape& shape) {
    if (shape.rank() != 2)
      throw Error("identity", fmt::format("fills a matrix, of rank 2; got the shape {}", to_string(shape)));
    const std::size_t M = shape[1];
    std::fill(numbers.begin(), numbers.end(), 0.0);
    for (std::size_t i = 0; i < std::min(shape[0], M); ++i) numbers[i * M + i] = scale;
  };
}

Initializer blocks(std::size_t n, const Initializer& initializer) {
  if (n == 0) throw Error("blocks", "needs at least one block");
  if (!initializer) throw Error("blocks", "needs an initializer, got an empty one");
  return [=](Random& random, std::span<double> numbers, const Shape& shape) {
    if (shape.rank() == 0 || shape.back() % n != 0)
      throw Error("blocks",
                  fmt::format("cannot part the last axis of {} into {} equal blocks", to_string(shape), n));
    const std::size_t width = shape.back() / n;
    Shape part = shape;
    part.set(shape.rank() - 1, width);
    std::vector<double> block(part.size());
    for (std::size_t b = 0; b < n; ++b) {
      initializer(random, block, part);
      for (std::size_t i = 0; i < block.size(); ++i)
        numbers[(i / width * n + b) * width + i % width] = block[i];
    }
  };
}

}  // namespace xgrad
