// What one core can do at most: multiplications in each precision, and reading memory.
//
//   g++ -O3 -mavx512f -mavx512vnni -mavx512bf16 benchmarks/processor_bounds.cpp -o bounds && ./bounds
//
// docs/measurements.md compares the native engine with these. Seconds are those of the thread, so other programs
// change only what they leave of the shared cache. A multiplication with its addition counts as two operations.
#include <immintrin.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include <sys/mman.h>

namespace {

constexpr long kSteps = 3000000;
constexpr int kSums = 16;  // independent sums: more than the latency of an instruction
constexpr size_t kLargePage = 2 << 20;
volatile int zero = 0;  // unknown to the compiler
volatile int sink;

double now() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return time.tv_sec + time.tv_nsec * 1e-9;
}

// Seconds of the fastest of some calls.
template <class Work>
double fastest(Work work) {
  double best = 1e9;
  for (int round = 0; round < 12; round++) {
    const double begin = now();
    work();
    best = std::min(best, now() - begin);
  }
  return best;
}

// Operations of an instruction a second, in 10^9; `operations` of each.
template <class Instruction>
void multiply(const char* name, int operations, Instruction instruction) {
  const double seconds = fastest([&] {
    const __m512i word = _mm512_set1_epi32(zero);
    __m512i sums[kSums];
    for (__m512i& sum : sums) sum = word;
    for (long step = 0; step < kSteps; step++) {
#pragma GCC unroll 16
      for (int i = 0; i < kSums; i++) {
        sums[i] = instruction(sums[i], word);
        asm volatile("" ::"v"(sums[i]));  // else all would be computed as one
      }
    }
    for (const __m512i& sum : sums) sink = _mm512_reduce_add_epi32(sum);
  });
  std::printf("%s: %.0f\n", name, kSteps * kSums * static_cast<double>(operations) / seconds / 1e9);
}

// Gigabytes a second of reading the same memory again and again.
void read(double megabytes) {
  const size_t size = static_cast<size_t>(megabytes * 1e6) / 256 * 256;
  void* memory = nullptr;
  if (posix_memalign(&memory, kLargePage, size) != 0) std::abort();
  madvise(memory, size, MADV_HUGEPAGE);
  std::memset(memory, 1, size);
  const int times = std::max(1, static_cast<int>(60 / megabytes));
  const double seconds = fastest([&] {
    __m512i sums[4] = {};
    for (int time = 0; time < times; time++) {
      for (const char* at = static_cast<const char*>(memory), *end = at + size; at < end; at += 256) {
        for (int i = 0; i < 4; i++) sums[i] = _mm512_add_epi32(sums[i], _mm512_load_si512(at + 64 * i));
      }
    }
    for (const __m512i& sum : sums) sink = _mm512_reduce_add_epi32(sum);
  });
  std::printf("%.1f MB: %.0f GB/s\n", megabytes, static_cast<double>(size) * times / seconds / 1e9);
  std::free(memory);
}

}  // namespace

int main() {
  std::puts("10^9 operations a second");
  multiply("float32", 32, [](__m512i sum, __m512i word) {
    return _mm512_castps_si512(
        _mm512_fmadd_ps(_mm512_castsi512_ps(word), _mm512_castsi512_ps(word), _mm512_castsi512_ps(sum)));
  });
  multiply("bfloat16", 64, [](__m512i sum, __m512i word) {
    const __m512bh pair = reinterpret_cast<__m512bh>(word);
    return _mm512_castps_si512(_mm512_dpbf16_ps(_mm512_castsi512_ps(sum), pair, pair));
  });
  multiply("int8", 128, [](__m512i sum, __m512i word) { return _mm512_dpbusd_epi32(sum, word, word); });
  for (const double megabytes : {0.5, 1.8, 3.1, 7.1, 14.2, 28.3, 60.0}) read(megabytes);
}
