// AVX-512 with VNNI and BF16: products of bytes and of bfloat16. Attention is in bfloat16 for both.
#include "../kernels/avx512.h"

#include "../kernels/encoder.h"

namespace {

struct Avx512Bf16 : Avx512 {
  // Four uint8 times four int8 a lane, added to the lane without saturation.
  static Int add_int8_products(Int sum, Int a, Int b) { return _mm512_dpbusd_epi32(sum, a, b); }
  // Two bfloat16 a lane: both products, added to the lane in float32.
  static Float add_bfloat16_products(Float sum, Int a, Int b) {
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
  }
  static void store_bfloat16(Word* p, Float x) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x)));
  }
  // 16 words of (first[i], second[i]) from two rows of 16 bfloat16; a row that is null is zeros.
  static void interleave_bfloat16(const Word* first, const Word* second, Word* to) {
    const __m512i low = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(first)));
    if (second == nullptr) return _mm512_storeu_si512(to, low);
    const __m512i high = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(second)));
    _mm512_storeu_si512(to, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
  }
};

}  // namespace

const Kernels* avx512_bf16_kernels(Precision precision) {
  using Bfloats = Bfloat16Arithmetic<Avx512Bf16>;
  switch (precision) {
    case Precision::float32: return avx512_kernels(precision);
    case Precision::bfloat16: return make_kernels<Bfloats, Bfloats>();
    case Precision::int8: return make_kernels<Int8Arithmetic<Avx512Bf16>, Bfloats>();
  }
  return nullptr;
}
