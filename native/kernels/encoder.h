// A tile's way through embeddings and layers.
//
// Many rows are divided into blocks, which a member of the team takes from one attention to the next: they stay in
// its cache, and members wait for each other twice a layer. Few rows are one block of the whole team: its members
// share the panels of each product and the rows of each norm. In both cases they share the heads of attention.
#pragma once
#include "../kernels.h"
#include "attention.h"
#include "rows.h"

namespace {

// Rows of a block, at most: a tile of short texts is one block of one thread.
constexpr int kBlockRows = 128;
// A team of members with fewer rows each divides the columns of each product, not the rows.
constexpr int kLeastRows = 12;

// Into how many blocks the rows of a tile are divided, each computed by one member of the team; one block is
// computed by the whole team.
int count_blocks(int rows, int team) {
  if (rows < kLeastRows * team) return 1;
  const int most = kBlockRows * team;
  return (rows + most - 1) / most * team;
}

// Wide vectors of a block, which live from one product to the next.
struct WideScratch {
  Buffer<float> values, scales, zeros;
  Buffer<Word> words;
};

// A is the arithmetic of the layers' products, B that of attention.
template <class A, class B>
class EncoderScratch final : public TileScratch {
 public:
  using V = typename A::Vectors;

  void reserve(const Model& model, const Tile& tile, int team) override {
    const Widths& w = model.width;
    const size_t rows = static_cast<size_t>(tile.tokens) + V::lanes;  // keys are packed in squares
    narrow_ = std::max({w.embedding, w.hidden, w.context});
    hidden_.reserve(rows * narrow_);
    context_.reserve(rows * narrow_);
    query_key_value.reserve(rows * 3 * w.context / word_depth(B::kind));
    if (A::kind != WordKind::float32) words_.reserve(rows * narrow_ / word_depth(A::kind));
    scales_.reserve(rows);
    zeros_.reserve(rows);
    if (heads.size() < static_cast<size_t>(team)) heads.resize(team);
    if (wide_.size() < static_cast<size_t>(team)) wide_.resize(team);
    const size_t block = std::min(tile.tokens, std::max(kBlockRows, kLeastRows * team));
    for (int member = 0; member < team; member++) {
      heads[member].reserve(tile.longest, w.head);
      WideScratch& wide = wide_[member];
      if (A::kind != WordKind::bfloat16) wide.values.reserve(block * w.intermediate);
      if (A::kind != WordKind::float32) wide.words.reserve(block * w.intermediate / word_depth(A::kind));
      wide.scales.reserve(block);
      wide.zeros.reserve(block);
    }
  }

  // The words and scales of the hidden vectors and of the context are the same memory: only one of both
  // enters the next product. All rows are equally far apart, so that no block touches another's.
  Activations hidden() { return make(hidden_, words_, scales_, zeros_, narrow_); }
  Activations context() { return make(context_, words_, scales_, zeros_, narrow_); }
  // Of the block that a member computes.
  Activations wide(int member, int width) {
    WideScratch& wide = wide_[member];
    return make(wide.values, wide.words, wide.scales, wide.zeros, width);
  }

  Buffer<Word> query_key_value;    // in the words of attention
  std::vector<HeadScratch> heads;  // of each member

 private:
  static Activations make(Buffer<float>& values, Buffer<Word>& words, Buffer<float>& scales, Buffer<float>& zeros,
                          int width) {
    const size_t size = width;
    if (A::kind == WordKind::float32) {
      return {values.data(), size, reinterpret_cast<Word*>(values.data()), size, scales.data(), zeros.data()};
    }
    return {values.data(), size, words.data(), size / word_depth(A::kind), scales.data(), zeros.data()};
  }

  int narrow_ = 0;  // floats from row to row of the hidden vectors and the context
  Buffer<float> hidden_, context_, scales_, zeros_;
  Buffer<Word> words_;
  std::vector<WideScratch> wide_;  // of each member
};

template <class A, class B>
class Encoder {
 public:
  using V = typename A::Vectors;
  static constexpr int panel = V::lanes * V::panel_vectors;

  Encoder(const Model& model, const Request& request, const Tile& tile, EncoderScratch<A, B>& scratch, Team& team)
      : model_(model), request_(request), tile_(tile), scratch_(scratch), team_(team), rows_(tile.tokens) {}

  void run() {
    for_blocks([&](const Block& block) {
      embed(block);
      multiply_query_key_value(model_.layers[model_.order[0]], block);
    });
    for (size_t step = 0; step < model_.order.size(); step++) {
      const Layer& layer = model_.layers[model_.order[step]];
      const bool is_last = step + 1 == model_.order.size();
      attend_within_texts(is_last && request_.read != nullptr);
      for_blocks([&](const Block& block) {
        add_attention(layer, block);
        feed_forward(layer, block);
        if (!is_last) multiply_query_key_value(model_.layers[model_.order[step + 1]], block);
      });
    }
    write_vectors();
  }

 private:
  // Neighbouring rows that go together from one attention to the next.
  struct Block {
    int first, rows;
    Team& team;    // that computes it
    int member;    // whose memory holds the wide vectors
    Activations hidden, context, wide;  // of its rows
  };

  // Call compute(block) for blocks that hold all rows.
  template <class Compute>
  void for_blocks(Compute compute) {
    const auto make_block = [&](int first, int last, Team& team, int member) {
      const Widths& w = model_.width;
      return Block{first, last - first, team, member, scratch_.hidden().from(first),
                   scratch_.context().from(first), scratch_.wide(member, w.intermediate)};
    };
    const int64_t blocks = count_blocks(rows_, team_.size());
    if (blocks == 1) return compute(make_block(0, rows_, team_, 0));
    team_.share(static_cast<int>(blocks), [&](int number) {
      Team alone;
      compute(make_block(static_cast<int>(rows_ * number / blocks), static_cast<int>(rows_ * (number + 1) / blocks),
                         alone, team_.rank()));
    });
  }

  // word + type + position, the norm, and the projection to H.
  void embed(const Block& block) {
    const int E = model_.config.embedding_size, width = model_.width.embedding;
    const Activations x = scratch_.context().from(block.first);
    block.team.share(block.rows, [&](int row) {
      const TileText& text = text_of(block.first + row, &TileText::first);
      const int64_t token = text.token + block.first + row - text.first;
      const float* word = model_.words + static_cast<size_t>(request_.ids[token]) * E;
      const float* type = model_.types + static_cast<size_t>(request_.types[token]) * E;
      const float* position = model_.positions + static_cast<size_t>(request_.positions[token]) * E;
      float* sum = x.row(row);
      for (int e = 0; e < E; e++) sum[e] = word[e] + type[e] + position[e];
      for (int e = E; e < width; e++) sum[e] = 0;
      normalize<V>(sum, E, width, model_.embedding_norm, model_.config.eps);
      encode_row<A>(x, row, width);
    });
    multiply_by(model_.projection, x, block, [&](int row, int count, int column, const float* product) {
      for_vectors(count, [&](int r, int i) {
        V::store(block.hidden.row(row + r) + column + i, V::load(product + r * panel + i));
      });
    });
    encode_rows(block.hidden, model_.width.hidden, block);
  }

  // The queries, keys and values of the next attention.
  void multiply_query_key_value(const Layer& layer, const Block& block) {
    const int width = model_.width.context;
    const size_t stride = 3 * width / word_depth(B::kind);
    Word* first = scratch_.query_key_value.data() + block.first * stride;
    multiply_by(layer.query_key_value, block.hidden, block, [&](int row, int count, int column, const float* product) {
      if (column >= 3 * width) return;
      for_vectors(count, [&](int r, int i) {
        B::store_words(first + (row + r) * stride, column + i, V::load(product + r * panel + i));
      });
    });
  }

  // The context of each token. If only some tokens are read, the rows are theirs from here on.
  void attend_within_texts(bool reads_some) {
    const int depth = word_depth(B::kind), width = model_.width.context;
    const size_t stride = 3 * width / depth;
    const Activations context = scratch_.context();
    const int heads = model_.config.heads, D = model_.width.head;
    team_.share(static_cast<int>(tile_.texts.size()) * heads, [&](int part) {
      const TileText& text = tile_.texts[part / heads];
      const int head = part % heads, column = head * D;
      const int first_row = reads_some ? text.first_read : text.first;
      const Word* query = scratch_.query_key_value.data() + text.first * stride + column / depth;
      const HeadInput input{query, query + width / depth, query + 2 * width / depth, stride,
                            text.tokens, D, model_.attention_scale, reads_some ? text.read : nullptr, text.token};
      // the last head fills the padding of the last panel too
      const int end = head + 1 < heads ? column + D : width;
      attend<B>(input, reads_some ? text.reads : text.tokens, scratch_.heads[team_.rank()],
                [&](int number, const float* result) {
                  const int row = first_row + number;
                  for (int i = 0; i < D; i += V::lanes) {
                    store_unless_scaled(context, row, column + i, V::load(result + i));
                  }
                  for (int i = column + D; i < end; i += V::lanes) store_unless_scaled(context, row, i, V::zero());
                });
    });
    if (!reads_some) return;
    team_.share(1, [&](int) { keep_read_rows(scratch_.hidden()); });
    rows_ = tile_.reads;
  }

  // x + attention(x), and the norm.
  void add_attention(const Layer& layer, const Block& block) {
    if constexpr (A::has_scales) encode_rows(block.context, model_.width.context, block);
    add_product(layer.attention_output, block.context, block);
    normalize_rows(layer.attention_norm, block);
  }

  // x + down(activation(up(x))), and the norm.
  void feed_forward(const Layer& layer, const Block& block) {
    multiply_by(layer.up, block.hidden, block, [&](int row, int count, int column, float* product) {
      activate<V>(model_.activation, product, count * panel);
      for_vectors(count, [&](int r, int i) {
        store_unless_scaled(block.wide, row + r, column + i, V::load(product + r * panel + i));
      });
    });
    if constexpr (A::has_scales) encode_rows(block.wide, model_.width.intermediate, block);
    add_product(layer.down, block.wide, block);
    normalize_rows(layer.output_norm, block);
  }

  void write_vectors() {
    const int H = model_.config.hidden_size;
    const Activations hidden = scratch_.hidden();
    team_.share(rows_, [&](int row) {
      const TileText& text = text_of(row, &TileText::first_read);
      const int64_t output = text.output + row - text.first_read;
      std::memcpy(request_.vectors + static_cast<size_t>(output) * H, hidden.row(row), H * sizeof(float));
    });
  }

  // The text to which a row belongs, by the rows where texts begin.
  const TileText& text_of(int row, int TileText::*begin) const {
    const auto is_before = [&](int number, const TileText& text) { return number < text.*begin; };
    return *std::prev(std::upper_bound(tile_.texts.begin(), tile_.texts.end(), row, is_before));
  }

  // Move the rows that are read to the front: each goes to an earlier row or stays.
  void keep_read_rows(const Activations& x) {
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

  // Convert rows to the words of the next product, if they are not the same.
  void encode_rows(const Activations& x, int width, const Block& block) {
    if constexpr (A::kind != WordKind::float32) {
      block.team.share(block.rows, [&](int row) { encode_row<A>(x, row, width); });
    }
  }

  // hidden += input · matrix
  void add_product(const Matrix& matrix, const Activations& input, const Block& block) {
    multiply_by(matrix, input, block, [&](int row, int count, int column, const float* product) {
      for_vectors(count, [&](int r, int i) {
        float* to = block.hidden.row(row + r) + column + i;
        V::store(to, V::add(V::load(to), V::load(product + r * panel + i)));
      });
    });
  }

  void normalize_rows(const Norm& norm, const Block& block) {
    block.team.share(block.rows, [&](int row) {
      normalize<V>(block.hidden.row(row), model_.config.hidden_size, model_.width.hidden, norm, model_.config.eps);
      encode_row<A>(block.hidden, row, model_.width.hidden);
    });
  }

  template <class Finish>
  void multiply_by(const Matrix& matrix, const Activations& x, const Block& block, Finish finish) {
    block.team.share(matrix.panels, [&](int panel) { multiply<A>(x.rows(), block.rows, matrix, panel, finish); });
  }

  // Each vector of a register block: its row and its first column.
  template <class Visit>
  static void for_vectors(int rows, Visit visit) {
    for (int r = 0; r < rows; r++) {
      for (int i = 0; i < panel; i += V::lanes) visit(r, i);
    }
  }

  const Model& model_;
  const Request& request_;
  const Tile& tile_;
  EncoderScratch<A, B>& scratch_;
  Team& team_;
  int rows_;  // of the tile that are still computed
};

// The kernels of an instruction set for one precision.
template <class A, class B>
const Kernels* make_kernels() {
  using V = typename A::Vectors;
  static const Kernels kernels = {
      {V::lanes, V::lanes * V::panel_vectors, A::kind},
      []() -> TileScratch* { return new EncoderScratch<A, B>(); },
      [](const Model& model, const Request& request, const Tile& tile, TileScratch& scratch, Team& team) {
        Encoder<A, B>(model, request, tile, static_cast<EncoderScratch<A, B>&>(scratch), team).run();
      }};
  return &kernels;
}

}  // namespace
