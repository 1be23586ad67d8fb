// The C interface: a model, its threads and their memory.
#include <atomic>
#include <memory>
#include <new>

#include "albertkit.h"
#include "kernels.h"
#include "processor.h"

namespace {

// Tokens of a tile of short texts. 64 are as fast; 256 are as fast in float32 and bfloat16, and lose 2 to 6 %
// in int8 (docs/measurements.md).
constexpr int kTileTokens = 128;
#ifdef ALBERTKIT_SHARE_SMALL_WORK
constexpr double kWorkOfAThread = 1, kSmallWork = 0;
#else
// A thread is worth waking for this many multiplications: some 100 µs of float32.
constexpr double kWorkOfAThread = 5e6;
// A text of so few multiplications a thread takes up to some milliseconds: no longer than the system lets another
// program use a core. If that happens, the next such texts are computed by one thread.
constexpr double kSmallWork = 1e8;
#endif
constexpr int kFewestAlone = 16, kMostAlone = 4096;

double multiplications(const Model& model, int64_t tokens) {
  const double H = model.config.hidden_size, F = model.config.intermediate_size;
  return static_cast<double>(tokens) * model.config.steps * (4 * H * H + 2 * H * F);
}

}  // namespace

struct AlbertkitEngine {
  const Kernels* kernels;
  Model model;
  std::unique_ptr<Pool> pool;
  std::vector<std::unique_ptr<TileScratch>> scratch;
  int alone_left = 0;              // small texts that are still computed by one thread
  int alone_next = kFewestAlone;   // how many they will be, if a member of a team is held up again

  AlbertkitEngine(const Kernels* kernels_, Model model_) : kernels(kernels_), model(std::move(model_)) {
    pool = std::make_unique<Pool>(model.config.threads);
  }

  void run(const Request& request) {
    const int64_t tokens = request.offsets[request.texts];
    const int threads = static_cast<int>(
        std::clamp(multiplications(model, tokens) / kWorkOfAThread, 1.0, static_cast<double>(pool->threads())));
    Plan plan = plan_tiles(request, threads, kTileTokens);
    const bool is_small = plan.is_shared && multiplications(model, tokens) < kSmallWork * threads;
    if (is_small && alone_left > 0) {
      alone_left--;
      plan = plan_tiles(request, 1, kTileTokens);
    }
    reserve(plan, threads);
    if (plan.is_shared) {
      Steps steps(threads);
      pool->run(threads, [&](int rank) {
        Team team(rank, threads, &steps);
        for (const Tile& tile : plan.tiles) kernels->encode(model, request, tile, *scratch[0], team);
      });
      if (is_small) {
        alone_next = steps.was_held_up() ? std::min(2 * alone_next, kMostAlone) : kFewestAlone;
        alone_left = steps.was_held_up() ? alone_next : 0;
      }
      return;
    }
    std::atomic<size_t> next{0};
    pool->run(std::min<int>(threads, static_cast<int>(plan.tiles.size())), [&](int rank) {
      Team alone;
      for (size_t number = next++; number < plan.tiles.size(); number = next++) {
        kernels->encode(model, request, plan.tiles[number], *scratch[rank], alone);
      }
    });
  }

 private:
  // Make all memory before a thread starts.
  void reserve(const Plan& plan, int threads) {
    const int count = plan.is_shared ? 1 : threads;
    while (static_cast<int>(scratch.size()) < count) scratch.emplace_back(kernels->make_scratch());
    for (int number = 0; number < count; number++) {
      for (const Tile& tile : plan.tiles) scratch[number]->reserve(model, tile, plan.is_shared ? threads : 1);
    }
  }
};

int32_t albertkit_version() { return 1; }

int32_t albertkit_supports(const char* isa) {
  const InstructionSet* set = find_instruction_set(isa);
  return set != nullptr && set->is_supported();
}

int32_t albertkit_computes(const char* isa, int32_t precision) {
  const InstructionSet* set = find_instruction_set(isa);
  return set != nullptr && set->kernels(static_cast<Precision>(precision)) != nullptr;
}

AlbertkitEngine* albertkit_create(const char* isa, const AlbertkitConfig* config, const int32_t* order,
                                  const float* const* arrays) {
  try {
    const Kernels* kernels = find_instruction_set(isa)->kernels(static_cast<Precision>(config->precision));
    return new AlbertkitEngine(kernels, pack_model(*config, order, arrays, kernels->layout));
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

int32_t albertkit_run(AlbertkitEngine* engine, int64_t texts, const int64_t* offsets, const int32_t* ids,
                      const int32_t* types, const int32_t* positions, const int64_t* read, int64_t reads,
                      float* vectors) {
  try {
    engine->run({texts, offsets, ids, types, positions, read, reads, vectors});
    return 0;
  } catch (const std::bad_alloc&) {
    return 1;
  }
}

void albertkit_reset_after_fork(AlbertkitEngine* engine) {
  // The parent's threads do not exist here, and a destructor would wait for them; a call of the parent may
  // have been using the memory.
  engine->pool.release();
  for (auto& scratch : engine->scratch) scratch.release();
  engine->scratch.clear();
  engine->pool = std::make_unique<Pool>(engine->model.config.threads);
}

void albertkit_destroy(AlbertkitEngine* engine) { delete engine; }
