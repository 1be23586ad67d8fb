// A tile's way through embeddings and layers.
//
// One member of a team computes its share of the panels of each product, of the heads of each attention and
// of the rows of each norm; alone it computes all. What the next step reads of others is behind a sync.
#pragma once
#include "../kernels.h"
#include "attention.h"
#include "rows.h"

namespace {

// A is the arithmetic of the layers' products, B that of attention.
template <class A, class B>
class EncoderScratch final : public TileScratch {
 public:
  using V = typename A::Vectors;

  void reserve(const Model& model, const Tile& tile, int team) override {
    const Widths& w = model.width;
    const size_t rows = static_cast<size_t>(tile.tokens) + V::lanes;  // keys are packed in squares
    const size_t narrow = std::max({w.embedding, w.hidden, w.context});
    hidden_.reserve(rows * w.hidden);
    context_.reserve(rows * narrow);
    query_key_value.reserve(rows * 3 * w.context / word_depth(B::kind));
    if (A::kind != WordKind::bfloat16) wide_.reserve(rows * w.intermediate);
    if (A::kind != WordKind::float32) {
      words_.reserve(rows * narrow / word_depth(A::kind));
      wide_words_.reserve(rows * w.intermediate / word_depth(A::kind));
    }
    scales_.reserve(rows);
    zeros_.reserve(rows);
    if (heads.size() < static_cast<size_t>(team)) heads.resize(team);
    for (int member = 0; member < team; member++) heads[member].reserve(tile.longest, w.head);
  }

  // The words and scales of the hidden vectors and of the context are the same memory: only one of both
  // enters the next product.
  Activations hidden(int width) { return make(hidden_, words_, width); }
  Activations context(int width) { return make(context_, words_, width); }
  Activations wide(int width) { return make(wide_, wide_words_, width); }

  Buffer<Word> query_key_value;    // in the words of attention
  std::vector<HeadScratch> heads;  // of each member

 private:
  Activations make(Buffer<float>& values, Buffer<Word>& words, int width) {
    const size_t size = width;
    if (A::kind == WordKind::float32) {
      return {values.data(), size, reinterpret_cast<Word*>(values.data()), size, nullptr, nullptr};
    }
    return {values.data(), size, words.data(), size / word_depth(A::kind), scales_.data(), zeros_.data()};
  }

  Buffer<float> hidden_, context_, wide_, scales_, zeros_;
  Buffer<Word> words_, wide_words_;
};

template <class A, class B>
class Encoder {
 public:
  using V = typename A::Vectors;
  static constexpr int panel = V::lanes * V::panel_vectors;

  Encoder(const Model& model, const Request& request, const Tile& tile, EncoderScratch<A, B>& scratch, const Team& team)
      : model_(model), request_(request), tile_(tile), scratch_(scratch), team_(team), rows_(tile.tokens) {}

  void run() {
    embed();
    for (size_t step = 0; step < model_.order.size(); step++) {
      const Layer& layer = model_.layers[model_.order[step]];
      const bool reads_some = step + 1 == model_.order.size() && request_.read != nullptr;
      attend_within_texts(layer, reads_some);
      feed_forward(layer);
    }
    write_vectors();
  }

 private:
  // word + type + position, the norm, and the projection to H.
  void embed() {
    const int E = model_.config.embedding_size, width = model_.width.embedding;
    const Activations x = scratch_.context(width);
    for (const TileText& text : tile_.texts) {
      const int first = std::max(team_.first(rows_), text.first);
      const int last = std::min(team_.last(rows_), text.first + text.tokens);
      for (int row = first; row < last; row++) {
        const int64_t token = text.token + row - text.first;
        const float* word = model_.words + static_cast<size_t>(request_.ids[token]) * E;
        const float* type = model_.types + static_cast<size_t>(request_.types[token]) * E;
        const float* position = model_.positions + static_cast<size_t>(request_.positions[token]) * E;
        float* sum = x.row(row);
        for (int e = 0; e < E; e++) sum[e] = word[e] + type[e] + position[e];
        for (int e = E; e < width; e++) sum[e] = 0;
        normalize<V>(sum, E, width, model_.embedding_norm, model_.config.eps);
        encode_row<A>(x, row, width);
      }
    }
    team_.sync();
    const Activations hidden = scratch_.hidden(model_.width.hidden);
    multiply_by(model_.projection, x, [&](int row, int count, int column, const float* product) {
      for_vectors(count, [&](int r, int i) {
        V::store(hidden.row(row + r) + column + i, V::load(product + r * panel + i));
      });
    });
    team_.sync();
    for_own_rows([&](int row) { encode_row<A>(hidden, row, model_.width.hidden); });
    team_.sync();
  }

  // x + attention(x), and the norm. If only some tokens are read, the rows are theirs from here on.
  void attend_within_texts(const Layer& layer, bool reads_some) {
    const int depth = word_depth(B::kind), width = model_.width.context;
    const size_t stride = 3 * width / depth;
    const Activations hidden = scratch_.hidden(model_.width.hidden);
    const Activations context = scratch_.context(width);
    multiply_by(layer.query_key_value, hidden, [&](int row, int count, int column, const float* product) {
      if (column >= 3 * width) return;
      for_vectors(count, [&](int r, int i) {
        B::store_words(scratch_.query_key_value.data() + (row + r) * stride, column + i, V::load(product + r * panel + i));
      });
    });
    team_.sync();
    if (reads_some) keep_read_rows(hidden);
    for (const TileText& text : tile_.texts) {
      const int first_row = reads_some ? text.first_read : text.first;
      const Word* token = scratch_.query_key_value.data() + text.first * stride;
      for (int head = team_.first(model_.config.heads); head < team_.last(model_.config.heads); head++) {
        const int column = head * model_.width.head;
        const Word* query = token + column / depth;
        const HeadInput input{query, query + width / depth, query + 2 * width / depth, stride,
                              text.tokens, model_.width.head, model_.attention_scale,
                              reads_some ? text.read : nullptr, text.token};
        attend<B>(input, reads_some ? text.reads : text.tokens, scratch_.heads[team_.rank], [&](int number, const float* result) {
                    const int row = first_row + number;
                    for (int i = 0; i < model_.width.head; i += V::lanes) {
                      store_unless_scaled(context, row, column + i, V::load(result + i));
                    }
                  });
      }
    }
    if (reads_some) rows_ = tile_.reads;
    for_own_rows([&](int row) {  // the padding of the last panel, which belongs to no head
      for (int i = model_.config.heads * model_.width.head; i < width; i += V::lanes) {
        store_unless_scaled(context, row, i, V::zero());
      }
    });
    team_.sync();
    encode_scaled(context, width);
    add_product(layer.attention_output, context, hidden);
    normalize_rows(hidden, layer.attention_norm);
  }

  // x + down(activation(up(x))), and the norm.
  void feed_forward(const Layer& layer) {
    const Activations hidden = scratch_.hidden(model_.width.hidden);
    const Activations wide = scratch_.wide(model_.width.intermediate);
    multiply_by(layer.up, hidden, [&](int row, int count, int column, float* product) {
      activate<V>(model_.activation, product, count * panel);
      for_vectors(count, [&](int r, int i) {
        store_unless_scaled(wide, row + r, column + i, V::load(product + r * panel + i));
      });
    });
    team_.sync();
    encode_scaled(wide, model_.width.intermediate);
    add_product(layer.down, wide, hidden);
    normalize_rows(hidden, layer.output_norm);
  }

  void write_vectors() {
    const int H = model_.config.hidden_size;
    const Activations hidden = scratch_.hidden(model_.width.hidden);
    for (const TileText& text : tile_.texts) {
      for (int i = 0; i < text.reads; i++) {
        const int row = text.first_read + i;
        if (row < team_.first(rows_) || row >= team_.last(rows_)) continue;
        std::memcpy(request_.vectors + static_cast<size_t>(text.output + i) * H, hidden.row(row), H * sizeof(float));
      }
    }
    team_.sync();  // the next tile of the team overwrites the rows
  }

  // Move the rows that are read to the front: each goes to an earlier row or stays.
  void keep_read_rows(const Activations& x) {
    if (team_.rank != 0) return;
    for (const TileText& text : tile_.texts) {
      for (int i = 0; i < text.reads; i++) {
        const int row = text.first + static_cast<int>(text.read[i] - text.token);
        std::memmove(x.row(text.first_read + i), x.row(row), x.width * sizeof(float));
      }
    }
  }

  // Store a vector of the next product's input: in words, or in float32 if its row's scale is not yet known.
  void store_unless_scaled(const Activations& x, int row, int column, typename V::Float values) {
    if constexpr (A::has_scales) {
      V::store(x.row(row) + column, values);
    } else {
      A::store_words(x.row_words(row), column, values);
    }
  }

  void encode_scaled(const Activations& x, int width) {
    if constexpr (A::has_scales) {
      for_own_rows([&](int row) { encode_row<A>(x, row, width); });
      team_.sync();
    }
  }

  // sum += input · matrix
  void add_product(const Matrix& matrix, const Activations& input, const Activations& sum) {
    multiply_by(matrix, input, [&](int row, int count, int column, const float* product) {
      for_vectors(count, [&](int r, int i) {
        float* to = sum.row(row + r) + column + i;
        V::store(to, V::add(V::load(to), V::load(product + r * panel + i)));
      });
    });
    team_.sync();
  }

  void normalize_rows(const Activations& x, const Norm& norm) {
    for_own_rows([&](int row) {
      normalize<V>(x.row(row), model_.config.hidden_size, model_.width.hidden, norm, model_.config.eps);
      encode_row<A>(x, row, model_.width.hidden);
    });
    team_.sync();
  }

  // This member's panels of a product.
  template <class Finish>
  void multiply_by(const Matrix& matrix, const Activations& x, Finish finish) {
    multiply<A>(x.rows(), rows_, matrix, team_.first(matrix.panels), team_.last(matrix.panels), finish);
  }

  // Each vector of a register block: its row and its first column.
  template <class Visit>
  static void for_vectors(int rows, Visit visit) {
    for (int r = 0; r < rows; r++) {
      for (int i = 0; i < panel; i += V::lanes) visit(r, i);
    }
  }

  template <class Visit>
  void for_own_rows(Visit visit) {
    for (int row = team_.first(rows_); row < team_.last(rows_); row++) visit(row);
  }

  const Model& model_;
  const Request& request_;
  const Tile& tile_;
  EncoderScratch<A, B>& scratch_;
  const Team& team_;
  int rows_;  // of the tile that are still computed
};

// The kernels of an instruction set for one precision.
template <class A, class B>
const Kernels* make_kernels() {
  using V = typename A::Vectors;
  static const Kernels kernels = {
      {V::lanes, V::lanes * V::panel_vectors, A::kind},
      []() -> TileScratch* { return new EncoderScratch<A, B>(); },
      [](const Model& model, const Request& request, const Tile& tile, TileScratch& scratch, const Team& team) {
        Encoder<A, B>(model, request, tile, static_cast<EncoderScratch<A, B>&>(scratch), team).run();
      }};
  return &kernels;
}

}  // namespace
