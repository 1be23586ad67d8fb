// AVX-512 F, BW, DQ and VL. It multiplies no bytes, so int8 is computed with int16.
#include "../kernels/avx512.h"

#include "../kernels/encoder.h"

const Kernels* avx512_kernels(Precision precision) {
  using Floats = Float32Arithmetic<Avx512>;
  switch (precision) {
    case Precision::float32: return make_kernels<Floats, Floats>();
    case Precision::bfloat16: return nullptr;
    case Precision::int8: return make_kernels<Int16Arithmetic<Avx512>, Floats>();
  }
  return nullptr;
}
