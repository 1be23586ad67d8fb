// What happens to a row between products: LayerNorm, and the conversion to words.
#pragma once
#include "arithmetic.h"

namespace {

// Rows of float32 with their words; in float32 both are the same memory.
struct Activations {
  float* values;
  size_t width;  // floats from row to row
  Word* words;
  size_t stride;  // words from row to row
  float* scales;
  float* zeros;

  float* row(int number) const { return values + number * width; }
  Word* row_words(int number) const { return words + number * stride; }
  Rows rows() const { return {words, stride, scales, zeros}; }
  // The rows from `first` on.
  Activations from(int first) const {
    return {row(first), width, row_words(first), stride, scales + first, zeros + first};
  }
};

// Convert one row of float32 to words.
template <class A>
void encode_row(const Activations& x, int row, int width) {
  using V = typename A::Vectors;
  if constexpr (A::has_scales) {
    A::encode_row(x.row(row), width, x.row_words(row), x.scales[row], x.zeros[row]);
  } else if constexpr (A::kind != WordKind::float32) {
    for (int i = 0; i < width; i += V::lanes) A::store_words(x.row_words(row), i, V::load(x.row(row) + i));
  }
}

// LayerNorm of one row of `size` numbers; the padding to `width` becomes 0.
template <class V>
void normalize(float* x, int size, int width, const Norm& norm, float eps) {
  using F = typename V::Float;
  F total = V::zero();
  for (int i = 0; i < width; i += V::lanes) total = V::add(total, V::load(x + i));
  const F mean = V::all(V::sum(total) / size);
  F squares = V::zero();
  for (int i = 0; i < width; i += V::lanes) {
    F difference = V::subtract(V::load(x + i), mean);
    if (size - i < V::lanes) difference = V::first(size > i ? size - i : 0, difference, V::zero());
    squares = V::multiply_add(difference, difference, squares);
  }
  const F scale = V::all(1 / __builtin_sqrtf(V::sum(squares) / size + eps));
  for (int i = 0; i < width; i += V::lanes) {
    const F difference = V::multiply(V::subtract(V::load(x + i), mean), scale);
    V::store(x + i, V::multiply_add(difference, V::load(norm.weight.data() + i), V::load(norm.bias.data() + i)));
  }
}

}  // namespace
