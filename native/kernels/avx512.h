// AVX-512: 16 floats a register, 32 registers.
#pragma once
#include <immintrin.h>

#include "../model.h"

namespace {

struct Avx512 {
  using Float = __m512;
  using Int = __m512i;
  static constexpr int lanes = 16;
  // A register block is 6 rows by 4 vectors: 24 sums, 4 vectors of the matrix and one word of a row fill
  // 29 of 32 registers. 24 multiplications at a step need 10 loads.
  static constexpr int block_rows = 6;
  static constexpr int panel_vectors = 4;

  static Float zero() { return _mm512_setzero_ps(); }
  static Float all(float x) { return _mm512_set1_ps(x); }
  static Float load(const float* p) { return _mm512_loadu_ps(p); }
  static void store(float* p, Float x) { _mm512_storeu_ps(p, x); }
  static Float add(Float a, Float b) { return _mm512_add_ps(a, b); }
  static Float subtract(Float a, Float b) { return _mm512_sub_ps(a, b); }
  static Float multiply(Float a, Float b) { return _mm512_mul_ps(a, b); }
  static Float multiply_add(Float a, Float b, Float c) { return _mm512_fmadd_ps(a, b, c); }
  static Float minimum(Float a, Float b) { return _mm512_min_ps(a, b); }
  static Float maximum(Float a, Float b) { return _mm512_max_ps(a, b); }
  static Float absolute(Float a) { return _mm512_abs_ps(a); }
  static Float round(Float a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT); }
  static float sum(Float a) { return _mm512_reduce_add_ps(a); }
  static float largest(Float a) { return _mm512_reduce_max_ps(a); }
  static float smallest(Float a) { return _mm512_reduce_min_ps(a); }
  // 1 / a: an estimate of 14 bits, and one step of Newton's.
  static Float reciprocal(Float a) {
    const Float y = _mm512_rcp14_ps(a);
    return _mm512_mul_ps(y, _mm512_fnmadd_ps(a, y, _mm512_set1_ps(2)));
  }
  static Float copy_sign(Float size, Float sign) {
    const __m512i mask = _mm512_set1_epi32(static_cast<int>(0x80000000));
    return _mm512_castsi512_ps(_mm512_or_si512(_mm512_castps_si512(size),
                                               _mm512_and_si512(_mm512_castps_si512(sign), mask)));
  }
  // a · 2^n for whole n.
  static Float scale_by_power(Float a, Float n) { return _mm512_scalef_ps(a, n); }
  // The first `count` lanes of a, and `other` in the rest.
  static Float first(int count, Float a, Float other) {
    return _mm512_mask_mov_ps(other, static_cast<__mmask16>((1u << count) - 1), a);
  }

  static Int load_words(const Word* p) { return _mm512_loadu_si512(p); }
  static void store_words(Word* p, Int x) { _mm512_storeu_si512(p, x); }
  static Int broadcast(const Word* p) { return _mm512_set1_epi32(static_cast<int>(*p)); }
  static Int zero_words() { return _mm512_setzero_si512(); }
  static Float as_floats(Int x) { return _mm512_castsi512_ps(x); }
  static Int as_words(Float x) { return _mm512_castps_si512(x); }
  static Float to_floats(Int x) { return _mm512_cvtepi32_ps(x); }
  static Int add_words(Int a, Int b) { return _mm512_add_epi32(a, b); }

  // Two int16 a lane: the sum of both products, added to the lane.
  static Int add_int16_products(Int sum, Int a, Int b) {
    return _mm512_add_epi32(sum, _mm512_madd_epi16(a, b));
  }
  // Round to whole numbers and store 16 of a smaller type.
  static void store_uint8(Word* p, Float x) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtusepi32_epi8(_mm512_cvtps_epi32(x)));
  }
  static void store_int16(Word* p, Float x) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(x)));
  }

  // A square of 16 rows of 16 words, `stride` words from row to row, to its transpose.
  static void transpose(const Word* from, size_t stride, Word* to, size_t to_stride) {
    __m512i r[16], t[16];
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++) r[i] = _mm512_loadu_si512(from + i * stride);
    // pairs of rows, word by word
#pragma GCC unroll 8
    for (int i = 0; i < 16; i += 2) {
      t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
      t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
    // fours of rows: r[4·i + j] has column 4·lane + j of rows 4·i to 4·i + 3 in each quarter
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += 4) {
      r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
      r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
      r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
      r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    // quarters 0 and 2, then 1 and 3, of rows 0–7 and of rows 8–15
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
      t[j] = _mm512_shuffle_i32x4(r[j], r[j + 4], 0x88);
      t[j + 4] = _mm512_shuffle_i32x4(r[j], r[j + 4], 0xdd);
      t[j + 8] = _mm512_shuffle_i32x4(r[j + 8], r[j + 12], 0x88);
      t[j + 12] = _mm512_shuffle_i32x4(r[j + 8], r[j + 12], 0xdd);
    }
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
      _mm512_storeu_si512(to + j * to_stride, _mm512_shuffle_i32x4(t[j], t[j + 8], 0x88));
      _mm512_storeu_si512(to + (j + 8) * to_stride, _mm512_shuffle_i32x4(t[j], t[j + 8], 0xdd));
      _mm512_storeu_si512(to + (j + 4) * to_stride, _mm512_shuffle_i32x4(t[j + 4], t[j + 12], 0x88));
      _mm512_storeu_si512(to + (j + 12) * to_stride, _mm512_shuffle_i32x4(t[j + 4], t[j + 12], 0xdd));
    }
  }
};

}  // namespace
