// Random models and texts through the C interface, to be built with sanitizers (make native-sanitizers).
//
// Memory errors and races end the program. Besides, a text must have the same bits alone and in a batch, on
// one thread and on several, and whether all or some of its vectors are read. Right numbers are tested in
// Python, against the numpy engine.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include "../albertkit.h"

namespace {

using Random = std::mt19937;

constexpr int kVocabulary = 50, kTypes = 2, kPositions = 300;

int number(Random& random, int first, int last) { return std::uniform_int_distribution<int>(first, last)(random); }

std::vector<float> normal(Random& random, size_t count, float spread, float middle) {
  std::normal_distribution<float> distribution(middle, spread);
  std::vector<float> values(count);
  for (float& value : values) value = distribution(random);
  return values;
}

struct RandomModel {
  AlbertkitConfig config;
  std::vector<int32_t> order;
  std::vector<std::vector<float>> arrays;

  RandomModel(Random& random, int precision) {
    const int heads = number(random, 1, 4), head = number(random, 1, 24);
    config = {number(random, 1, 40), heads * head, heads, number(random, 1, 80), number(random, 1, 2),
              number(random, 1, 4), number(random, 0, 6), precision, 1e-12f, 1};
    for (int step = 0; step < config.steps; step++) order.push_back(step % config.layers);
    const int E = config.embedding_size, H = config.hidden_size, F = config.intermediate_size;
    for (const int rows : {kVocabulary, kPositions, kTypes}) arrays.push_back(normal(random, rows * E, 0.5f, 0));
    add_norm(random, E);
    add_linear(random, H, E);
    for (int layer = 0; layer < config.layers; layer++) {
      for (int product = 0; product < 4; product++) add_linear(random, H, H);
      add_norm(random, H);
      add_linear(random, F, H);
      add_linear(random, H, F);
      add_norm(random, H);
    }
  }

  AlbertkitEngine* make(const char* isa, int threads) const {
    AlbertkitConfig copy = config;
    copy.threads = threads;
    std::vector<const float*> pointers;
    for (const auto& array : arrays) pointers.push_back(array.data());
    return albertkit_create(isa, &copy, order.data(), pointers.data());
  }

 private:
  void add_linear(Random& random, int outputs, int inputs) {
    arrays.push_back(normal(random, static_cast<size_t>(outputs) * inputs, 1 / std::sqrt(static_cast<float>(inputs)), 0));
    arrays.push_back(normal(random, outputs, 0.2f, 0));
  }
  void add_norm(Random& random, int size) {
    arrays.push_back(normal(random, size, 0.2f, 1));
    arrays.push_back(normal(random, size, 0.2f, 0));
  }
};

struct Texts {
  std::vector<int64_t> offsets{0};
  std::vector<int32_t> ids, types, positions;

  void add(Random& random, int length) {
    for (int i = 0; i < length; i++) {
      ids.push_back(number(random, 0, kVocabulary - 1));
      types.push_back(number(random, 0, kTypes - 1));
      positions.push_back(i);
    }
    offsets.push_back(static_cast<int64_t>(ids.size()));
  }

  std::vector<float> run(AlbertkitEngine* engine, int H, const std::vector<int64_t>* read = nullptr) const {
    std::vector<float> vectors((read ? read->size() : ids.size()) * H);
    if (albertkit_run(engine, static_cast<int64_t>(offsets.size()) - 1, offsets.data(), ids.data(), types.data(),
                      positions.data(), read ? read->data() : nullptr, read ? static_cast<int64_t>(read->size()) : 0,
                      vectors.data()) != 0) {
      std::abort();
    }
    return vectors;
  }

  // Text `number` by itself.
  Texts only(size_t number) const {
    Texts text;
    const int64_t first = offsets[number], last = offsets[number + 1];
    text.ids.assign(ids.begin() + first, ids.begin() + last);
    text.types.assign(types.begin() + first, types.begin() + last);
    text.positions.assign(positions.begin() + first, positions.begin() + last);
    text.offsets.push_back(last - first);
    return text;
  }
};

void require_same_bits(const float* a, const float* b, size_t count, const char* what) {
  if (std::memcmp(a, b, count * sizeof(float)) == 0) return;
  std::fprintf(stderr, "other bits: %s\n", what);
  std::exit(1);
}

void test_model(Random& random, const char* isa, int precision) {
  const RandomModel model(random, precision);
  const int H = model.config.hidden_size;
  Texts texts;
  const int count = number(random, 1, 12);
  for (int text = 0; text < count; text++) texts.add(random, number(random, 1, number(random, 0, 3) ? 20 : kPositions));
  AlbertkitEngine* one = model.make(isa, 1);
  AlbertkitEngine* several = model.make(isa, number(random, 2, 4));
  const std::vector<float> vectors = texts.run(one, H);
  require_same_bits(vectors.data(), texts.run(several, H).data(), vectors.size(), "several threads");
  for (int text = 0; text < count; text++) {
    const std::vector<float> alone = texts.only(text).run(several, H);
    require_same_bits(vectors.data() + texts.offsets[text] * H, alone.data(), alone.size(), "a text alone");
  }
  std::vector<int64_t> read;
  for (size_t token = 0; token < texts.ids.size(); token++) {
    if (number(random, 0, 4) == 0) read.push_back(static_cast<int64_t>(token));
  }
  const std::vector<float> some = texts.run(several, H, &read);
  for (size_t row = 0; row < read.size(); row++) {
    require_same_bits(vectors.data() + read[row] * H, some.data() + row * H, H, "some tokens read");
  }
  albertkit_destroy(one);
  albertkit_destroy(several);
}

}  // namespace

int main(int count, char** arguments) {
  const int models = count > 1 ? std::atoi(arguments[1]) : 20;
  for (const char* isa : {"avx2", "avx_vnni", "avx512", "avx512_vnni", "avx512_bf16"}) {
    for (int precision = 0; precision < 3; precision++) {
      if (!albertkit_supports(isa) || !albertkit_computes(isa, precision)) continue;
      Random random(static_cast<unsigned>(precision));
      for (int model = 0; model < models; model++) test_model(random, isa, precision);
      std::printf("%s, precision %d: %d models\n", isa, precision, models);
    }
  }
}
