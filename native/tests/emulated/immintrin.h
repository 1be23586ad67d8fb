// In place of the compiler's header: every intrinsic in portable C++, by SIMDe (0.8.2), for processors that
// do not have them. The functions below are those that SIMDe does not have under the same name.
#pragma once
#define SIMDE_NO_NATIVE
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#include <simde/x86/fma.h>

#include <cstdint>
#include <cstring>

#define _MM_FROUND_NO_EXC SIMDE_MM_FROUND_NO_EXC
#define _mm256_dpbusd_avx_epi32 simde_mm256_dpbusd_epi32

static inline float _mm512_reduce_add_ps(__m512 a) {
  float x[16];
  std::memcpy(x, &a, sizeof x);
  for (int count = 8; count > 0; count /= 2) {
    for (int i = 0; i < count; i++) x[i] += x[i + count];
  }
  return x[0];
}

static inline __m128i _mm512_cvtusepi32_epi8(__m512i a) {
  uint32_t x[16];
  uint8_t y[16];
  std::memcpy(x, &a, sizeof x);
  for (int i = 0; i < 16; i++) y[i] = static_cast<uint8_t>(x[i] < 255 ? x[i] : 255);
  __m128i b;
  std::memcpy(&b, y, sizeof b);
  return b;
}

// To the nearest bfloat16, and to the even one of two.
static inline __m256i _mm512_cvtneps_pbh(__m512 a) {
  uint32_t x[16];
  uint16_t y[16];
  std::memcpy(x, &a, sizeof x);
  for (int i = 0; i < 16; i++) y[i] = static_cast<uint16_t>((x[i] + 0x7fff + (x[i] >> 16 & 1)) >> 16);
  __m256i b;
  std::memcpy(&b, y, sizeof b);
  return b;
}
