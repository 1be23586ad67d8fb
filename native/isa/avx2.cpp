// AVX2 and FMA. It multiplies no bytes, so int8 is computed with int16.
#include "../kernels/avx2.h"

#include "../kernels/encoder.h"

const Kernels* avx2_kernels(Precision precision) {
  using Floats = Float32Arithmetic<Avx2>;
  switch (precision) {
    case Precision::float32: return make_kernels<Floats, Floats>();
    case Precision::bfloat16: return nullptr;
    case Precision::int8: return make_kernels<Int16Arithmetic<Avx2>, Floats>();
  }
  return nullptr;
}
