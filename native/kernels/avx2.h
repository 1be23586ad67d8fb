// AVX2 and FMA: 8 floats a register, 16 registers.
#pragma once
#include <immintrin.h>

#include "../model.h"

namespace {

struct Avx2 {
  using Float = __m256;
  using Int = __m256i;
  static constexpr int lanes = 8;
  // A register block is 6 rows by 2 vectors: 12 sums, 2 vectors of the matrix and one word of a row fill
  // 15 of 16 registers.
  static constexpr int block_rows = 6;
  static constexpr int panel_vectors = 2;

  static Float zero() { return _mm256_setzero_ps(); }
  static Float all(float x) { return _mm256_set1_ps(x); }
  static Float load(const float* p) { return _mm256_loadu_ps(p); }
  static void store(float* p, Float x) { _mm256_storeu_ps(p, x); }
  static Float add(Float a, Float b) { return _mm256_add_ps(a, b); }
  static Float subtract(Float a, Float b) { return _mm256_sub_ps(a, b); }
  static Float multiply(Float a, Float b) { return _mm256_mul_ps(a, b); }
  static Float multiply_add(Float a, Float b, Float c) { return _mm256_fmadd_ps(a, b, c); }
  static Float minimum(Float a, Float b) { return _mm256_min_ps(a, b); }
  static Float maximum(Float a, Float b) { return _mm256_max_ps(a, b); }
  static Float absolute(Float a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
  static Float round(Float a) {
    return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  }
  static float sum(Float a) {
    __m128 x = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    x = _mm_add_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_add_ss(x, _mm_movehdup_ps(x)));
  }
  static float largest(Float a) {
    __m128 x = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    x = _mm_max_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_max_ss(x, _mm_movehdup_ps(x)));
  }
  static float smallest(Float a) { return -largest(subtract(zero(), a)); }
  static Float reciprocal(Float a) { return _mm256_div_ps(all(1), a); }
  static Float copy_sign(Float size, Float sign) {
    return _mm256_or_ps(size, _mm256_and_ps(sign, _mm256_set1_ps(-0.0f)));
  }
  // a · 2^n for whole n: n is added to the exponent, which stays within its range (see exp2).
  static Float scale_by_power(Float a, Float n) {
    const __m256i shifted = _mm256_slli_epi32(_mm256_cvtps_epi32(n), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(a), shifted));
  }
  // The first `count` lanes of a, and `other` in the rest.
  static Float first(int count, Float a, Float other) {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i is_kept = _mm256_cmpgt_epi32(_mm256_set1_epi32(count), lane);
    return _mm256_blendv_ps(other, a, _mm256_castsi256_ps(is_kept));
  }

  static Int load_words(const Word* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  static void store_words(Word* p, Int x) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), x); }
  static Int broadcast(const Word* p) { return _mm256_set1_epi32(static_cast<int>(*p)); }
  static Int zero_words() { return _mm256_setzero_si256(); }
  static Float as_floats(Int x) { return _mm256_castsi256_ps(x); }
  static Int as_words(Float x) { return _mm256_castps_si256(x); }
  static Float to_floats(Int x) { return _mm256_cvtepi32_ps(x); }
  static Int add_words(Int a, Int b) { return _mm256_add_epi32(a, b); }

  // Two int16 a lane: the sum of both products, added to the lane.
  static Int add_int16_products(Int sum, Int a, Int b) {
    return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
  }
  // Round to whole numbers and store 8 of a smaller type.
  static void store_int16(Word* p, Float x) { store_packed(p, _mm256_cvtps_epi32(x)); }
  static void store_uint8(Word* p, Float x) {
    const __m256i whole = _mm256_cvtps_epi32(x);
    const __m128i half = _mm_packus_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packus_epi16(half, half));
  }

  // A square of 8 rows of 8 words, `stride` words from row to row, to its transpose.
  static void transpose(const Word* from, size_t stride, Word* to, size_t to_stride) {
    __m256i r[8], t[8];
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) r[i] = load_words(from + i * stride);
    // pairs of rows, word by word
#pragma GCC unroll 4
    for (int i = 0; i < 8; i += 2) {
      t[i] = _mm256_unpacklo_epi32(r[i], r[i + 1]);
      t[i + 1] = _mm256_unpackhi_epi32(r[i], r[i + 1]);
    }
    // fours of rows: r[4·i + j] has column 4·half + j of rows 4·i to 4·i + 3 in each half
#pragma GCC unroll 2
    for (int i = 0; i < 8; i += 4) {
      r[i] = _mm256_unpacklo_epi64(t[i], t[i + 2]);
      r[i + 1] = _mm256_unpackhi_epi64(t[i], t[i + 2]);
      r[i + 2] = _mm256_unpacklo_epi64(t[i + 1], t[i + 3]);
      r[i + 3] = _mm256_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
      store_words(to + j * to_stride, _mm256_permute2x128_si256(r[j], r[j + 4], 0x20));
      store_words(to + (j + 4) * to_stride, _mm256_permute2x128_si256(r[j], r[j + 4], 0x31));
    }
  }

 private:
  static void store_packed(Word* p, __m256i whole) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p),
                     _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1)));
  }
};

}  // namespace
