#include "learn/product.h"

#include <algorithm>
#include <array>

#include "core/parallel.h"
#include "learn/lanes.h"

namespace sallyport::learn {
namespace {

constexpr std::size_t kTall = 4;    // of a tile, in rows of the result
constexpr std::size_t kWide = 16;   // and in columns
constexpr std::size_t kDeep = 256;  // terms that are packed and added in float

using Tile = std::array<float, kTall * kWide>;

// Where the term t of row or column i of an operand stands: data[t * by_term + i * by_item].
struct Operand {
  const float* data = nullptr;
  std::size_t by_term = 0;
  std::size_t by_item = 0;
  std::size_t items = 0;
};

// Terms side by side for items [begin, begin + Width), with zeros beyond the last item.
template <std::size_t Width>
void pack(const Operand& from, std::size_t begin, std::size_t first_term, std::size_t terms, float* out) {
  const std::size_t items = std::min(Width, from.items - begin);
  for (std::size_t t = 0; t < terms; ++t) {
    const float* source = from.data + (first_term + t) * from.by_term + begin * from.by_item;
    for (std::size_t i = 0; i < items; ++i) out[t * Width + i] = source[i * from.by_item];
    for (std::size_t i = items; i < Width; ++i) out[t * Width + i] = 0;
  }
}

// Two registers of each of four rows stay in the processor. AVX2 halves the instructions and changes no bit:
// it has no fused multiply-add.
__attribute__((target_clones("avx2", "default"))) void multiply_tile(const float* a, const float* b,
                                                                     std::size_t terms, float* out) {
  Lanes sums[kTall][2] = {};
  for (std::size_t t = 0; t < terms; ++t) {
    Lanes left;
    Lanes right;
    __builtin_memcpy(&left, b + t * kWide, sizeof left);
    __builtin_memcpy(&right, b + t * kWide + kWide / 2, sizeof right);
    for (std::size_t i = 0; i < kTall; ++i) {
      sums[i][0] += a[t * kTall + i] * left;
      sums[i][1] += a[t * kTall + i] * right;
    }
  }
  __builtin_memcpy(out, sums, sizeof sums);
}

enum class Part : std::uint8_t { kAll, kUpper };

// Adds the products of terms [first, last) to `out`, an array of a.items x b.items in which the tile at (row,
// column) is added by add(row, column, tile).
template <class Add>
void multiply(const Operand& a, const Operand& b, std::size_t first, std::size_t last, Part part,
              unsigned threads, const Add& add) {
  const std::size_t tall = (a.items + kTall - 1) / kTall;
  const std::size_t wide = (b.items + kWide - 1) / kWide;
  std::vector<float> packed(tall * kTall * kDeep);
  for (std::size_t begin = first; begin < last; begin += kDeep) {
    const std::size_t terms = std::min(kDeep, last - begin);
    for (std::size_t i = 0; i < tall; ++i)
      pack<kTall>(a, i * kTall, begin, terms, packed.data() + i * kTall * kDeep);
    parallel_for(
        wide,
        [&](std::size_t j) {
          alignas(32) float panel[kDeep * kWide];
          pack<kWide>(b, j * kWide, begin, terms, panel);
          const std::size_t rows = part == Part::kAll ? tall : std::min(tall, (j + 1) * kWide / kTall);
          Tile tile;
          for (std::size_t i = 0; i < rows; ++i) {
            multiply_tile(packed.data() + i * kTall * kDeep, panel, terms, tile.data());
            add(i * kTall, j * kWide, tile);
          }
        },
        threads);
  }
}

// Rows of the result that are computed together, so that the packed operand stays in cache.
constexpr std::size_t kRowsTogether = 512;

Matrix product_of(const Matrix& a, std::size_t a_begin, std::size_t a_end, const Operand& b,
                  std::size_t terms, unsigned threads) {
  Matrix out(a_end - a_begin, b.items);
  for (std::size_t begin = a_begin; begin < a_end; begin += kRowsTogether) {
    const std::size_t rows = std::min(kRowsTogether, a_end - begin);
    const Operand left{a.row(begin).data(), 1, a.columns(), rows};
    multiply(left, b, 0, terms, Part::kAll, threads,
             [&](std::size_t row, std::size_t column, const Tile& tile) {
               for (std::size_t i = 0; i < std::min(kTall, rows - row); ++i) {
                 const std::span<float> to = out.row(begin - a_begin + row + i);
                 for (std::size_t j = 0; j < std::min(kWide, b.items - column); ++j)
                   to[column + j] += tile[i * kWide + j];
               }
             });
  }
  return out;
}

}  // namespace

Matrix product(const Matrix& a, const Matrix& b, unsigned threads) {
  SP_CHECK(a.columns() == b.rows());
  if (a.rows() == 0 || b.rows() == 0) return Matrix(a.rows(), b.columns());
  return product_of(a, 0, a.rows(), {b.row(0).data(), b.columns(), 1, b.columns()}, b.rows(), threads);
}

Matrix row_products(const Matrix& a, const Matrix& b, unsigned threads) {
  SP_CHECK(a.columns() == b.columns());
  if (a.rows() == 0 || b.rows() == 0) return Matrix(a.rows(), b.rows());
  return product_of(a, 0, a.rows(), {b.row(0).data(), 1, b.columns(), b.rows()}, b.columns(), threads);
}

Matrix row_products(const Matrix& a, std::size_t a_begin, std::size_t a_end, const Matrix& b,
                    std::size_t b_begin, std::size_t b_end) {
  SP_CHECK(a.columns() == b.columns() && a_begin <= a_end && a_end <= a.rows());
  SP_CHECK(b_begin <= b_end && b_end <= b.rows());
  if (a_begin == a_end || b_begin == b_end) return Matrix(a_end - a_begin, b_end - b_begin);
  const Operand right{b.row(b_begin).data(), 1, b.columns(), b_end - b_begin};
  return product_of(a, a_begin, a_end, right, b.columns(), 1);
}

std::vector<double> cross_products(const Matrix& a, const Matrix& b, std::size_t begin, std::size_t end,
                                   unsigned threads) {
  SP_CHECK(a.rows() == b.rows() && begin <= end && end <= a.rows());
  std::vector<double> out(a.columns() * b.columns());
  if (begin == end || out.empty()) return out;
  const std::size_t wide = b.columns();
  const bool symmetric = &a == &b;
  multiply({a.row(0).data(), a.columns(), 1, a.columns()}, {b.row(0).data(), wide, 1, wide}, begin, end,
           symmetric ? Part::kUpper : Part::kAll, threads,
           [&](std::size_t row, std::size_t column, const Tile& tile) {
             for (std::size_t i = 0; i < std::min(kTall, a.columns() - row); ++i) {
               for (std::size_t j = 0; j < std::min(kWide, wide - column); ++j)
                 out[(row + i) * wide + column + j] += static_cast<double>(tile[i * kWide + j]);
             }
           });
  for (std::size_t i = 0; symmetric && i < wide; ++i) {
    for (std::size_t j = 0; j < i; ++j) out[i * wide + j] = out[j * wide + i];
  }
  return out;
}

}  // namespace sallyport::learn
