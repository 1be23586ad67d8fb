// The C interface of the engine: plain data in, token vectors out. Python calls it by ctypes.
//
// The caller has checked all values (ids within the tables, offsets that ascend from 0): nothing is
// checked again here. Letters: N texts, T tokens, K tokens read, E embedding, H hidden, F feed-forward.
#pragma once
#include <cstddef>
#include <cstdint>

#define ALBERTKIT_EXPORT extern "C" __attribute__((visibility("default")))

// Sizes and choices of a model. Widths are the checkpoint's, without padding.
struct AlbertkitConfig {
  int32_t embedding_size;     // E
  int32_t hidden_size;        // H
  int32_t heads;              // A, divides H
  int32_t intermediate_size;  // F
  int32_t layers;             // number of layers with parameters of their own
  int32_t steps;              // how often a layer runs: length of `order`
  int32_t activation;         // 0 gelu_tanh, 1 gelu_erf, 2 quick_gelu, 3 relu, 4 silu, 5 tanh, 6 identity
  int32_t precision;          // 0 float32, 1 bfloat16, 2 int8
  float eps;                  // of every LayerNorm
  int32_t threads;            // at least 1
};

struct AlbertkitEngine;

// Number of this interface; Python refuses a library with another one.
ALBERTKIT_EXPORT int32_t albertkit_version();

// Whether this processor can run an instruction set ("avx2", "avx512", …): 1 or 0.
ALBERTKIT_EXPORT int32_t albertkit_supports(const char* isa);

// Whether an instruction set has kernels for a precision: 1 or 0.
ALBERTKIT_EXPORT int32_t albertkit_computes(const char* isa, int32_t precision);

// Pack the weights of a model. Returns null if there is no memory.
//   isa: one that the processor supports and that computes the precision.
//   order: [steps] the number of the layer that runs at each step.
//   arrays: 7 + 16 * layers float32 arrays, each row-major [out, in]:
//     words [V, E], positions [P, E], types [., E], their norm's weight and bias [E],
//     the projection's weight [H, E] and bias [H]; then for each layer weight and bias of query, key,
//     value, attention output, attention norm, feed-forward up, feed-forward down, output norm.
//     The first three are read by every call and must outlive the engine; the rest are copied.
ALBERTKIT_EXPORT AlbertkitEngine* albertkit_create(const char* isa, const AlbertkitConfig* config,
                                                   const int32_t* order, const float* const* arrays);

// Compute token vectors after the last layer. Returns 0, or 1 if there is no memory.
// One call at a time; the caller holds a lock.
//   offsets: [texts + 1], text n has the tokens offsets[n] to offsets[n + 1] - 1, at least one.
//   ids, types, positions: [T].
//   read: [K] ascending numbers of the tokens whose vectors are wanted; null: all T.
//   vectors: [K, H] or [T, H], written.
ALBERTKIT_EXPORT int32_t albertkit_run(AlbertkitEngine* engine, int64_t texts, const int64_t* offsets,
                                       const int32_t* ids, const int32_t* types, const int32_t* positions,
                                       const int64_t* read, int64_t reads, float* vectors);

// To be called in a forked child, which has none of its parent's threads, before any other call.
ALBERTKIT_EXPORT void albertkit_reset_after_fork(AlbertkitEngine* engine);

ALBERTKIT_EXPORT void albertkit_destroy(AlbertkitEngine* engine);
