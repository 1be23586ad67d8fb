// AVX2 with AVX-VNNI: products of bytes. Attention stays in float32.
#include "../kernels/avx2.h"

#include "../kernels/encoder.h"

namespace {

struct AvxVnni : Avx2 {
  // Four uint8 times four int8 a lane, added to the lane without saturation.
  static Int add_int8_products(Int sum, Int a, Int b) { return _mm256_dpbusd_avx_epi32(sum, a, b); }
};

}  // namespace

const Kernels* avx_vnni_kernels(Precision precision) {
  if (precision != Precision::int8) return avx2_kernels(precision);
  return make_kernels<Int8Arithmetic<AvxVnni>, Float32Arithmetic<AvxVnni>>();
}
