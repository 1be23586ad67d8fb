// Products: rows of words times panels of a packed matrix.
//
// A register block is up to V::block_rows rows by up to V::panel_vectors vectors of columns. At each step
// one vector of columns is loaded for each register column, one word is broadcast for each row, and all
// sums of the block are updated. Each sum is computed step by step in the same order, whatever the block:
// so a row's numbers do not depend on the rows with it.
#pragma once
#include "arithmetic.h"

namespace {

// The sums of one register block, not yet converted to float32.
template <class A, int rows, int vectors>
void multiply_block(const Word* row_words, size_t stride, const Word* columns, size_t column_stride, int steps,
                    Word* sums, size_t sums_stride) {
  using V = typename A::Vectors;
  typename A::Sum c[rows][vectors];
#pragma GCC unroll 8
  for (int r = 0; r < rows; r++) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) c[r][v] = A::zero();
  }
  for (int step = 0; step < steps; step++) {
    typename V::Int b[vectors];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) b[v] = V::load_words(columns + v * V::lanes);
    columns += column_stride;
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) {
      const typename V::Int word = V::broadcast(row_words + r * stride + step);
#pragma GCC unroll 4
      for (int v = 0; v < vectors; v++) c[r][v] = A::multiply_add(c[r][v], word, b[v]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < rows; r++) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) A::store(sums + r * sums_stride + v * V::lanes, c[r][v]);
  }
}

// The same for a number of rows that is known at run time, 1 to V::block_rows.
template <class A, int vectors>
void multiply_rows(int rows, const Word* row_words, size_t stride, const Word* columns, size_t column_stride,
                   int steps, Word* sums, size_t sums_stride) {
  switch (rows) {
    case 1: return multiply_block<A, 1, vectors>(row_words, stride, columns, column_stride, steps, sums, sums_stride);
    case 2: return multiply_block<A, 2, vectors>(row_words, stride, columns, column_stride, steps, sums, sums_stride);
    case 3: return multiply_block<A, 3, vectors>(row_words, stride, columns, column_stride, steps, sums, sums_stride);
    case 4: return multiply_block<A, 4, vectors>(row_words, stride, columns, column_stride, steps, sums, sums_stride);
    case 5: return multiply_block<A, 5, vectors>(row_words, stride, columns, column_stride, steps, sums, sums_stride);
    default: return multiply_block<A, 6, vectors>(row_words, stride, columns, column_stride, steps, sums, sums_stride);
  }
}

// The same for a number of vectors of columns that is known at run time, 1 to V::panel_vectors.
template <class A>
void multiply_columns(int vectors, int rows, const Word* row_words, size_t stride, const Word* columns,
                      size_t column_stride, int steps, Word* sums, size_t sums_stride) {
  static_assert(A::Vectors::block_rows == 6 && A::Vectors::panel_vectors <= 4, "the switches end there");
  switch (vectors) {
    case 1: return multiply_rows<A, 1>(rows, row_words, stride, columns, column_stride, steps, sums, sums_stride);
    case 2: return multiply_rows<A, 2>(rows, row_words, stride, columns, column_stride, steps, sums, sums_stride);
    case 3:
      if constexpr (A::Vectors::panel_vectors >= 3) {
        return multiply_rows<A, 3>(rows, row_words, stride, columns, column_stride, steps, sums, sums_stride);
      }
      [[fallthrough]];
    default:
      if constexpr (A::Vectors::panel_vectors >= 4) {
        return multiply_rows<A, 4>(rows, row_words, stride, columns, column_stride, steps, sums, sums_stride);
      }
  }
}

// Call `block(first, count)` for blocks of rows of nearly the same height: 8 rows are 4 and 4, not 6 and 2,
// which would load the matrix for two rows.
template <class V, class Block>
void for_row_blocks(int rows, Block block) {
  const int blocks = (rows + V::block_rows - 1) / V::block_rows;
  for (int number = 0, first = 0; number < blocks; number++) {
    const int count = (rows - first + blocks - number - 1) / (blocks - number);
    block(first, count);
    first += count;
  }
}

// Multiply `count` rows by a panel. For each register block `finish` gets (row, rows, column, x): the first row,
// how many, the first column, and float32 results with bias, row after row.
template <class A, class Finish>
void multiply(const Rows& rows, int count, const Matrix& matrix, int number, Finish finish) {
  using V = typename A::Vectors;
  constexpr int panel = V::lanes * V::panel_vectors;
  alignas(64) Word sums[V::block_rows * panel];
  for_row_blocks<V>(count, [&](int first, int block) {
    multiply_rows<A, V::panel_vectors>(block, rows.words + first * rows.stride, rows.stride,
                                       matrix.panel_words(number), panel, matrix.steps, sums, panel);
    float* x = reinterpret_cast<float*>(sums);
    for (int r = 0; r < block; r++) {
#pragma GCC unroll 4
      for (int v = 0; v < V::panel_vectors; v++) {
        const int place = r * panel + v * V::lanes, column = number * panel + v * V::lanes;
        const typename V::Float product = A::to_floats(A::load(sums + place), rows, first + r, matrix, column);
        V::store(x + place, V::add(product, V::load(matrix.bias.data() + column)));
      }
    }
    finish(first, block, number * panel, x);
  });
}

}  // namespace
