// AVX-512 with VNNI: products of bytes. Attention stays in float32.
#include "../kernels/avx512.h"

#include "../kernels/encoder.h"

namespace {

struct Avx512Vnni : Avx512 {
  // Four uint8 times four int8 a lane, added to the lane without saturation.
  static Int add_int8_products(Int sum, Int a, Int b) { return _mm512_dpbusd_epi32(sum, a, b); }
};

}  // namespace

const Kernels* avx512_vnni_kernels(Precision precision) {
  if (precision != Precision::int8) return avx512_kernels(precision);
  return make_kernels<Int8Arithmetic<Avx512Vnni>, Float32Arithmetic<Avx512Vnni>>();
}
