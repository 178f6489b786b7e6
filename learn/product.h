// Dense products of float32 matrices, blocked for the caches.
//
// The sums run in one fixed order, so the answer depends neither on the number of threads nor on the
// processor: 256 terms are added in float, those sums in double. About 2e10 multiply-adds a second and core
// with AVX2. Pure functions, safe from any thread.
#pragma once

#include <cstddef>
#include <vector>

#include "learn/matrix.h"

namespace sallyport::learn {

// a (n x k) times b (k x m).
Matrix product(const Matrix& a, const Matrix& b, unsigned threads = 0);
// a times the transpose of b, both of k columns: the scalar product of each row of a with each of b.
Matrix row_products(const Matrix& a, const Matrix& b, unsigned threads = 0);

// The same of the rows [a_begin, a_end) and [b_begin, b_end) alone, on the caller's thread.
Matrix row_products(const Matrix& a, std::size_t a_begin, std::size_t a_end, const Matrix& b,
                    std::size_t b_begin, std::size_t b_end);

// The transpose of a times b over the rows [begin, end), in row-major order: a.columns() x b.columns(). When
// a and b are one matrix, half of the work is saved.
std::vector<double> cross_products(const Matrix& a, const Matrix& b, std::size_t begin, std::size_t end,
                                   unsigned threads = 0);

}  // namespace sallyport::learn
