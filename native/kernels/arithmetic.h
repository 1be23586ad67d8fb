// The arithmetic of a product: what a word holds, and how two vectors of words are multiplied.
//
// An Arithmetic<V> has
//   kind          of its words
//   Sum           a register of sums
//   multiply_add  sum + word · column words
//   encode_row    float32 row → words, with the row's scale if it has one
//   to_floats     sums → float32, without the bias
#pragma once
#include "../model.h"

namespace {

// Rows that enter a product.
struct Rows {
  const Word* words;
  size_t stride;         // words from row to row
  const float* scales;   // int8: value of a row's unit
  const float* zeros;    // int8: the unsigned number that means 0
};

template <class V>
struct Float32Arithmetic {
  using Vectors = V;
  using Sum = typename V::Float;
  static constexpr WordKind kind = WordKind::float32;
  static constexpr bool has_scales = false;

  static Sum zero() { return V::zero(); }
  static Sum multiply_add(Sum sum, typename V::Int word, typename V::Int columns) {
    return V::multiply_add(V::as_floats(word), V::as_floats(columns), sum);
  }
  static Sum load(const Word* p) { return V::load(reinterpret_cast<const float*>(p)); }
  static void store(Word* p, Sum sum) { V::store(reinterpret_cast<float*>(p), sum); }
  static typename V::Float to_floats(Sum sum, const Rows&, int, const Matrix&, int) { return sum; }
  static void store_words(Word* row, int column, typename V::Float x) {
    V::store(reinterpret_cast<float*>(row) + column, x);
  }
};

// Needs V::add_bfloat16_products and V::store_bfloat16.
template <class V>
struct Bfloat16Arithmetic {
  using Vectors = V;
  using Sum = typename V::Float;
  static constexpr WordKind kind = WordKind::bfloat16;
  static constexpr bool has_scales = false;

  static Sum zero() { return V::zero(); }
  static Sum multiply_add(Sum sum, typename V::Int word, typename V::Int columns) {
    return V::add_bfloat16_products(sum, word, columns);
  }
  static Sum load(const Word* p) { return V::load(reinterpret_cast<const float*>(p)); }
  static void store(Word* p, Sum sum) { V::store(reinterpret_cast<float*>(p), sum); }
  static typename V::Float to_floats(Sum sum, const Rows&, int, const Matrix&, int) { return sum; }
  static void store_words(Word* row, int column, typename V::Float x) {
    V::store_bfloat16(row + column / 2, x);
  }
};

// A row's least and largest value become 0 and 255, and 0 is one of the numbers between: half of the
// outputs of a gelu are next to it. A symmetric range would waste half of its numbers on them.
template <class V>
struct RowRange {
  float scale, zero;

  RowRange(const float* row, int width) {
    typename V::Float low = V::zero(), high = V::zero();
    for (int i = 0; i < width; i += V::lanes) {
      low = V::minimum(low, V::load(row + i));
      high = V::maximum(high, V::load(row + i));
    }
    const float least = V::smallest(low), most = V::largest(high);
    scale = most > least ? (most - least) / 255 : 1;
    zero = __builtin_rintf(-least / scale);
  }
};

// uint8 rows with a zero point, int8 columns. Needs V::add_int8_products.
template <class V>
struct Int8Arithmetic {
  using Vectors = V;
  using Sum = typename V::Int;
  static constexpr WordKind kind = WordKind::int8;
  static constexpr bool has_scales = true;

  static Sum zero() { return V::zero_words(); }
  static Sum multiply_add(Sum sum, Sum word, Sum columns) { return V::add_int8_products(sum, word, columns); }
  static Sum load(const Word* p) { return V::load_words(p); }
  static void store(Word* p, Sum sum) { V::store_words(p, sum); }
  static typename V::Float to_floats(Sum sum, const Rows& rows, int row, const Matrix& matrix, int column) {
    const typename V::Float offset = V::multiply(V::all(-rows.zeros[row]), V::load(matrix.sums.data() + column));
    const typename V::Float scale = V::multiply(V::all(rows.scales[row]), V::load(matrix.scales.data() + column));
    return V::multiply(V::add(V::to_floats(sum), offset), scale);
  }
  static void encode_row(const float* row, int width, Word* words, float& scale, float& zero) {
    const RowRange<V> range(row, width);
    scale = range.scale;
    zero = range.zero;
    const typename V::Float inverse = V::all(1 / scale), middle = V::all(zero);
    const typename V::Float low = V::zero(), high = V::all(255);
    for (int i = 0; i < width; i += V::lanes) {
      const typename V::Float x = V::multiply_add(V::load(row + i), inverse, middle);
      V::store_uint8(words + i / 4, V::minimum(V::maximum(x, low), high));
    }
  }
};

// The same numbers where a processor multiplies no bytes: int16 rows without a zero point, int16 columns.
// The sum of two products stays far below 2^31, so nothing saturates.
template <class V>
struct Int16Arithmetic {
  using Vectors = V;
  using Sum = typename V::Int;
  static constexpr WordKind kind = WordKind::int16;
  static constexpr bool has_scales = true;

  static Sum zero() { return V::zero_words(); }
  static Sum multiply_add(Sum sum, Sum word, Sum columns) { return V::add_int16_products(sum, word, columns); }
  static Sum load(const Word* p) { return V::load_words(p); }
  static void store(Word* p, Sum sum) { V::store_words(p, sum); }
  static typename V::Float to_floats(Sum sum, const Rows& rows, int row, const Matrix& matrix, int column) {
    const typename V::Float scale = V::multiply(V::all(rows.scales[row]), V::load(matrix.scales.data() + column));
    return V::multiply(V::to_floats(sum), scale);
  }
  static void encode_row(const float* row, int width, Word* words, float& scale, float& zero) {
    const RowRange<V> range(row, width);
    scale = range.scale;
    zero = 0;
    const typename V::Float inverse = V::all(1 / scale), middle = V::all(range.zero);
    const typename V::Float low = V::zero(), high = V::all(255);
    for (int i = 0; i < width; i += V::lanes) {
      const typename V::Float x = V::multiply_add(V::load(row + i), inverse, middle);
      const typename V::Float number = V::round(V::minimum(V::maximum(x, low), high));
      V::store_int16(words + i / 2, V::subtract(number, middle));
    }
  }
};

}  // namespace
