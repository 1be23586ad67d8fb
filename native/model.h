// A model in the form that the kernels read: matrices in panels, vectors padded to whole panels.
//
// A *word* is 32 bits of one row along the axis that a product sums over: one float32, two bfloat16,
// two int16 or four int8. Every product multiplies one word of a row by one word of each column at a
// step, so all precisions share one layout and one loop.
#pragma once
#include <cstdint>
#include <vector>

#include "albertkit.h"
#include "memory.h"

using Word = uint32_t;

enum class Precision : int32_t { float32 = 0, bfloat16 = 1, int8 = 2 };

enum class Activation : int32_t { gelu_tanh, gelu_erf, quick_gelu, relu, silu, tanh, identity };

// What a word of a product holds.
enum class WordKind { float32, bfloat16, int8, int16 };

inline int round_up(int size, int step) { return (size + step - 1) / step * step; }

// How many values along the summed axis are in a word.
inline int word_depth(WordKind kind) {
  return kind == WordKind::float32 ? 1 : kind == WordKind::int8 ? 4 : 2;
}

// A matrix for products x · Wᵀ + bias, its columns (outputs) in panels of a few vector registers:
// words[panel][step][column of the panel]. Padded columns and steps are zeros.
struct Matrix {
  int steps = 0;   // words of an input row
  int panels = 0;
  int panel = 0;   // columns of a panel
  Buffer<Word> words;
  Buffer<float> bias;    // [panels * panel]
  Buffer<float> scales;  // int8: value of a column's unit
  Buffer<float> sums;    // int8: sum of a column's units, for inputs with a zero point

  int columns() const { return panels * panel; }
  const Word* panel_words(int number) const {
    return words.data() + static_cast<size_t>(number) * steps * panel;
  }
};

struct Norm {
  Buffer<float> weight, bias;  // [width], zeros in the padding
};

struct Layer {
  Matrix query_key_value;  // [H → 3·A·D], the heads of the queries, then of the keys, then of the values
  Matrix attention_output;
  Norm attention_norm;
  Matrix up, down;
  Norm output_norm;
};

// Widths are padded to whole panels; heads to whole vectors, so that no kernel has a remainder.
struct Widths {
  int embedding, hidden, intermediate;
  int head;      // D
  int context;   // A·D, padded: columns of the queries, of the keys, of the values
};

struct Model {
  AlbertkitConfig config;
  Precision precision;
  Activation activation;
  Widths width;
  const float *words, *positions, *types;  // the caller's tables, rows of E
  Norm embedding_norm;
  Matrix projection;
  std::vector<Layer> layers;
  std::vector<int> order;
  float attention_scale;  // 1 / √D of the head without padding
};

// How a set of kernels wants its matrices.
struct Layout {
  int lanes;       // floats of a vector register
  int panel;       // columns of a panel
  WordKind kind;   // of the layers' matrices
};

// Pack a model; `arrays` as of albertkit_create.
Model pack_model(const AlbertkitConfig& config, const int32_t* order, const float* const* arrays,
                 const Layout& layout);
