// Attention of one head within one text.
//
// A block of queries meets all keys of the text before its softmax: its scores take block_rows · S numbers,
// which fit the first cache for all texts up to some 1,000 tokens. So no softmax has to be corrected while
// it runs, and memory grows with S, not with its square.
#pragma once
#include "functions.h"
#include "product.h"

namespace {

// Memory of one thread for the longest text.
struct HeadScratch {
  Buffer<Word> keys;      // [S / panel][words of D][panel]: the keys' columns in panels
  Buffer<Word> values;    // [words of S][D]
  Buffer<float> scores;   // [block_rows][S]
  Buffer<Word> weights;   // [block_rows][words of S]: the scores' exp in the words of a product
  Buffer<float> context;  // [block_rows][D]

  // S: tokens of the longest text. D: padded size of a head. Panels have at most 64 columns.
  void reserve(int S, int D) {
    const size_t padded = round_up(S, 64);
    keys.reserve(padded * D);
    values.reserve(padded * D);
    scores.reserve(padded * 8);
    weights.reserve(padded * 8);
    context.reserve(static_cast<size_t>(D) * 8);
  }
};

// The queries, keys and values of a text's first token, one after another as words.
struct HeadInput {
  const Word* query;
  const Word* key;
  const Word* value;
  size_t stride;  // words from token to token
  int tokens;     // S
  int head;       // D, a multiple of the lanes
  float scale;    // 1 / √D
  const int64_t* queries;  // numbers of the tokens that ask, counted as `first` is; null: all S
  int64_t first;           // number of the text's first token
};

// The keys become the columns of a matrix, their sizes its steps.
template <class A>
void pack_keys(const HeadInput& in, HeadScratch& scratch) {
  using V = typename A::Vectors;
  constexpr int panel = V::lanes * V::panel_vectors;
  const int steps = in.head / word_depth(A::kind);
  for (int first = 0; first < in.tokens; first += V::lanes) {
    Word* to = scratch.keys.data() + static_cast<size_t>(first / panel) * steps * panel + first % panel;
    int step = 0;
    for (; step + V::lanes <= steps; step += V::lanes) {
      V::transpose(in.key + first * in.stride + step, in.stride, to + static_cast<size_t>(step) * panel, panel);
    }
    for (; step < steps; step++) {  // in bfloat16 a head of 16 has 8 words, half a square
      for (int i = 0; i < V::lanes; i++) to[step * panel + i] = in.key[(first + i) * in.stride + step];
    }
  }
}

// The values become a matrix of D columns, its steps the tokens (two a word in bfloat16).
template <class A>
void pack_values(const HeadInput& in, HeadScratch& scratch) {
  using V = typename A::Vectors;
  if constexpr (A::kind == WordKind::float32) {
    for (int token = 0; token < in.tokens; token++) {
      for (int i = 0; i < in.head; i += V::lanes) {
        V::store_words(scratch.values.data() + token * in.head + i, V::load_words(in.value + token * in.stride + i));
      }
    }
  } else {
    for (int token = 0; token < in.tokens; token += 2) {
      const Word* first = in.value + token * in.stride;
      const Word* second = token + 1 < in.tokens ? first + in.stride : nullptr;
      for (int i = 0; i < in.head; i += V::lanes) {
        V::interleave_bfloat16(first + i / 2, second ? second + i / 2 : nullptr,
                               scratch.values.data() + token / 2 * in.head + i);
      }
    }
  }
}

// exp of a row of scores minus its largest, in words. Returns 1 / sum.
template <class A>
float softmax_row(float* scores, int tokens, float scale, Word* weights) {
  using V = typename A::Vectors;
  using F = typename V::Float;
  const int whole = tokens / V::lanes * V::lanes, rest = tokens - whole;
  if (rest) V::store(scores + whole, V::first(rest, V::load(scores + whole), V::all(-3e38f)));
  F most = V::all(-3e38f);
  for (int i = 0; i < tokens; i += V::lanes) most = V::maximum(most, V::load(scores + i));
  const F largest = V::all(V::largest(most)), factor = V::all(scale * kLog2E);
  F sum = V::zero();
  for (int i = 0; i < tokens; i += V::lanes) {
    F e = exp2<V>(V::multiply(V::subtract(V::load(scores + i), largest), factor));
    if (i == whole) e = V::first(rest, e, V::zero());
    sum = V::add(sum, e);
    A::store_words(weights, i, e);
  }
  return 1 / V::sum(sum);
}

// Compute the context of `count` queries: `store(number, context)` gets the D numbers of query `number`.
template <class A, class Store>
void attend(const HeadInput& in, int count, HeadScratch& scratch, Store store) {
  using V = typename A::Vectors;
  constexpr int panel = V::lanes * V::panel_vectors;
  const int steps = in.head / word_depth(A::kind);
  const size_t padded = round_up(in.tokens, V::lanes);
  pack_keys<A>(in, scratch);
  pack_values<A>(in, scratch);
  for_row_blocks<V>(count, [&](int first, int rows) {
    // queries that are not neighbours are computed one by one
    const int together = in.queries ? 1 : rows;
    for (int done = 0; done < rows; done += together) {
      const int number = first + done;
      const Word* query = in.query + (in.queries ? in.queries[number] - in.first : number) * in.stride;
      for (int key = 0; key < in.tokens; key += panel) {
        const int left = in.tokens - key;
        const int vectors = left >= panel ? V::panel_vectors : (left + V::lanes - 1) / V::lanes;
        multiply_columns<A>(vectors, together, query, in.stride,
                            scratch.keys.data() + static_cast<size_t>(key) * steps, panel, steps,
                            reinterpret_cast<Word*>(scratch.scores.data()) + key, padded);
      }
      float inverse[V::block_rows];
      Word* weights = scratch.weights.data();
      if constexpr (A::kind == WordKind::float32) weights = reinterpret_cast<Word*>(scratch.scores.data());
      const size_t weights_stride = padded / word_depth(A::kind);
      for (int r = 0; r < together; r++) {
        inverse[r] = softmax_row<A>(scratch.scores.data() + r * padded, in.tokens, in.scale, weights + r * weights_stride);
      }
      const int depth = word_depth(A::kind), value_steps = (in.tokens + depth - 1) / depth;
      for (int column = 0; column < in.head; column += panel) {
        const int left = in.head - column;
        multiply_columns<A>(left >= panel ? V::panel_vectors : left / V::lanes, together, weights, weights_stride,
                            scratch.values.data() + column, in.head, value_steps,
                            reinterpret_cast<Word*>(scratch.context.data()) + column, in.head);
      }
      for (int r = 0; r < together; r++) {
        float* context = scratch.context.data() + static_cast<size_t>(r) * in.head;
        for (int i = 0; i < in.head; i += V::lanes) {
          V::store(context + i, V::multiply(V::load(context + i), V::all(inverse[r])));
        }
        store(number + r, context);
      }
    }
  });
}

}  // namespace
