// Packing: row-major float32 matrices → panels of words. Runs once a model.
#include "model.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace {

constexpr float kLargestInt8 = 127;

// A matrix [out, in] of a checkpoint and where its rows and columns go in the padded one: a head of 26
// columns, say, has places 0–25 of 32.
struct Source {
  const float* weight;
  const float* bias;
  int outputs, inputs;
  int first_output;               // place of the first output
  int output_group, output_step;  // outputs in groups of `output_group`, one group every `output_step`
  int input_group, input_step;

  int output_place(int output) const {
    return first_output + output / output_group * output_step + output % output_group;
  }
};

Source plain(const float* const* pair, int outputs, int inputs) {
  return {pair[0], pair[1], outputs, inputs, 0, outputs, outputs, inputs, inputs};
}

uint16_t to_bfloat16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);  // to nearest, ties to even
}

Matrix make_matrix(int outputs, int inputs, const Layout& layout) {
  Matrix matrix;
  matrix.panel = layout.panel;
  matrix.panels = (outputs + layout.panel - 1) / layout.panel;
  matrix.steps = inputs / word_depth(layout.kind);
  matrix.words = Buffer<Word>(static_cast<size_t>(matrix.columns()) * matrix.steps);
  matrix.bias = Buffer<float>(matrix.columns());
  if (layout.kind == WordKind::int8 || layout.kind == WordKind::int16) {
    matrix.scales = Buffer<float>(matrix.columns());
    matrix.sums = Buffer<float>(matrix.columns());
  }
  return matrix;
}

// Put one row of a source, already rounded, into the words of its column.
template <class Value, class Round>
float pack_column(const Source& source, int output, Matrix& matrix, Round round) {
  const int depth = static_cast<int>(sizeof(Word) / sizeof(Value));
  const int place = source.output_place(output);
  const float* row = source.weight + static_cast<size_t>(output) * source.inputs;
  Word* column = matrix.words.data() +
                 static_cast<size_t>(place / matrix.panel) * matrix.steps * matrix.panel +
                 place % matrix.panel;
  float sum = 0;
  for (int group = 0, step = 0; group < source.inputs; group += source.input_group, step += source.input_step) {
    for (int i = 0; i < source.input_group; i++) {
      const Value value = round(row[group + i]);
      Word* word = column + static_cast<size_t>((step + i) / depth) * matrix.panel;
      std::memcpy(reinterpret_cast<Value*>(word) + (step + i) % depth, &value, sizeof(Value));
      sum += static_cast<float>(value);
    }
  }
  return sum;
}

void pack(const Source& source, Matrix& matrix, WordKind kind) {
  for (int output = 0; output < source.outputs; output++) {
    const int place = source.output_place(output);
    matrix.bias[place] = source.bias[output];
    if (kind == WordKind::float32) {
      pack_column<float>(source, output, matrix, [](float value) { return value; });
      continue;
    }
    if (kind == WordKind::bfloat16) {
      pack_column<uint16_t>(source, output, matrix, to_bfloat16);
      continue;
    }
    const float* row = source.weight + static_cast<size_t>(output) * source.inputs;
    float largest = 0;
    for (int input = 0; input < source.inputs; input++) largest = std::max(largest, std::fabs(row[input]));
    const float unit = largest > 0 ? largest / kLargestInt8 : 1;
    const auto round = [unit](float value) { return std::lrint(value / unit); };
    matrix.scales[place] = unit;
    matrix.sums[place] =
        kind == WordKind::int8
            ? pack_column<int8_t>(source, output, matrix, [&](float v) { return static_cast<int8_t>(round(v)); })
            : pack_column<int16_t>(source, output, matrix, [&](float v) { return static_cast<int16_t>(round(v)); });
  }
}

Matrix pack_plain(const float* const* pair, int outputs, int inputs, int padded_inputs, const Layout& layout) {
  Matrix matrix = make_matrix(outputs, padded_inputs, layout);
  pack(plain(pair, outputs, inputs), matrix, layout.kind);
  return matrix;
}

Norm pack_norm(const float* const* pair, int size, int width) {
  Norm norm{Buffer<float>(width), Buffer<float>(width)};
  std::copy(pair[0], pair[0] + size, norm.weight.data());
  std::copy(pair[1], pair[1] + size, norm.bias.data());
  return norm;
}

Layer pack_layer(const Model& model, const float* const* arrays, const Layout& layout) {
  const AlbertkitConfig& c = model.config;
  const Widths& w = model.width;
  const int H = c.hidden_size, D = H / c.heads;
  Layer layer;
  layer.query_key_value = make_matrix(3 * w.context, w.hidden, layout);
  for (int part = 0; part < 3; part++) {
    Source source = plain(arrays + 2 * part, H, H);
    source.first_output = part * w.context;
    source.output_group = D;
    source.output_step = w.head;
    pack(source, layer.query_key_value, layout.kind);
  }
  layer.attention_output = make_matrix(H, w.context, layout);
  Source output = plain(arrays + 6, H, H);
  output.input_group = D;
  output.input_step = w.head;
  pack(output, layer.attention_output, layout.kind);
  layer.attention_norm = pack_norm(arrays + 8, H, w.hidden);
  layer.up = pack_plain(arrays + 10, c.intermediate_size, H, w.hidden, layout);
  layer.down = pack_plain(arrays + 12, H, c.intermediate_size, w.intermediate, layout);
  layer.output_norm = pack_norm(arrays + 14, H, w.hidden);
  return layer;
}

}  // namespace

Model pack_model(const AlbertkitConfig& c, const int32_t* order, const float* const* arrays,
                 const Layout& layout) {
  Model model;
  model.config = c;
  model.precision = static_cast<Precision>(c.precision);
  model.activation = static_cast<Activation>(c.activation);
  const int head = round_up(c.hidden_size / c.heads, layout.lanes);
  model.width = {round_up(c.embedding_size, layout.panel), round_up(c.hidden_size, layout.panel),
                 round_up(c.intermediate_size, layout.panel), head,
                 round_up(c.heads * head, layout.panel)};
  model.words = arrays[0];
  model.positions = arrays[1];
  model.types = arrays[2];
  model.embedding_norm = pack_norm(arrays + 3, c.embedding_size, model.width.embedding);
  model.projection =
      pack_plain(arrays + 5, c.hidden_size, c.embedding_size, model.width.embedding, layout);
  for (int layer = 0; layer < c.layers; layer++) {
    model.layers.push_back(pack_layer(model, arrays + 7 + 16 * layer, layout));
  }
  model.order.assign(order, order + c.steps);
  model.attention_scale = 1 / std::sqrt(static_cast<float>(c.hidden_size / c.heads));
  return model;
}
