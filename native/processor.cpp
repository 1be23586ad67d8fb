#include "processor.h"

#include <cstring>

namespace {

#ifdef ALBERTKIT_EMULATED
bool has_avx2() { return true; }
bool has_avx_vnni() { return true; }
bool has_avx512() { return true; }
bool has_avx512_vnni() { return true; }
bool has_avx512_bf16() { return true; }
#else
// __builtin_cpu_supports asks cpuid, and xgetbv whether the system saves the registers.
bool has_avx2() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

#ifdef ALBERTKIT_HAS_AVX_VNNI
bool has_avx_vnni() { return has_avx2() && __builtin_cpu_supports("avxvnni"); }
#endif

bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

bool has_avx512_vnni() { return has_avx512() && __builtin_cpu_supports("avx512vnni"); }

bool has_avx512_bf16() { return has_avx512_vnni() && __builtin_cpu_supports("avx512bf16"); }
#endif

constexpr InstructionSet kSets[] = {
    {"avx512_bf16", has_avx512_bf16, avx512_bf16_kernels},
    {"avx512_vnni", has_avx512_vnni, avx512_vnni_kernels},
    {"avx512", has_avx512, avx512_kernels},
#ifdef ALBERTKIT_HAS_AVX_VNNI
    {"avx_vnni", has_avx_vnni, avx_vnni_kernels},
#endif
    {"avx2", has_avx2, avx2_kernels},
};

}  // namespace

const InstructionSet* find_instruction_set(const char* name) {
  for (const InstructionSet& set : kSets) {
    if (std::strcmp(set.name, name) == 0) return &set;
  }
  return nullptr;
}
