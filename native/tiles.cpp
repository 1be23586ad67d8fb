#include "tiles.h"

#include <algorithm>
#include <numeric>

namespace {

// A list whose largest share is this much above the mean is computed by all threads together.
constexpr double kUneven = 1.15;

int64_t length(const Request& request, int64_t text) {
  return request.offsets[text + 1] - request.offsets[text];
}

void add_text(const Request& request, int64_t text, Tile& tile) {
  TileText entry;
  entry.first = tile.tokens;
  entry.tokens = static_cast<int>(length(request, text));
  entry.token = request.offsets[text];
  entry.first_read = tile.reads;
  if (request.read) {
    const int64_t* end = request.read + request.reads;
    entry.read = std::lower_bound(request.read, end, request.offsets[text]);
    entry.reads = static_cast<int>(std::lower_bound(entry.read, end, request.offsets[text + 1]) - entry.read);
    entry.output = entry.read - request.read;
  } else {
    entry.read = nullptr;
    entry.reads = entry.tokens;
    entry.output = entry.token;
  }
  tile.texts.push_back(entry);
  tile.tokens += entry.tokens;
  tile.reads += entry.reads;
  tile.longest = std::max(tile.longest, entry.tokens);
}

// The longest text first, each into the tile with the fewest tokens.
std::vector<Tile> fill_tiles(const Request& request, const std::vector<int64_t>& longest_first, int64_t count) {
  std::vector<Tile> tiles(count);
  const auto is_fuller = [&](int64_t a, int64_t b) {
    return tiles[a].tokens != tiles[b].tokens ? tiles[a].tokens > tiles[b].tokens : a > b;
  };
  std::vector<int64_t> heap(count);  // its front is the emptiest tile
  std::iota(heap.begin(), heap.end(), 0);
  for (const int64_t text : longest_first) {
    std::pop_heap(heap.begin(), heap.end(), is_fuller);
    add_text(request, text, tiles[heap.back()]);
    std::push_heap(heap.begin(), heap.end(), is_fuller);
  }
  std::sort(tiles.begin(), tiles.end(), [](const Tile& a, const Tile& b) { return a.tokens > b.tokens; });
  return tiles;
}

// How much longer the busiest thread computes than the mean, if each takes the next tile when it is free.
double unevenness(const std::vector<Tile>& tiles, int threads, int64_t tokens) {
  std::vector<int64_t> work(threads, 0);
  for (const Tile& tile : tiles) *std::min_element(work.begin(), work.end()) += tile.tokens;
  return static_cast<double>(*std::max_element(work.begin(), work.end())) * threads / tokens;
}

}  // namespace

Plan plan_tiles(const Request& request, int threads, int most) {
  std::vector<int64_t> longest_first(request.texts);
  std::iota(longest_first.begin(), longest_first.end(), 0);
  std::stable_sort(longest_first.begin(), longest_first.end(),
                   [&](int64_t a, int64_t b) { return length(request, a) > length(request, b); });
  const int64_t tokens = request.offsets[request.texts];
  // a multiple of the threads, so that all end together
  const int64_t rounds = (tokens + static_cast<int64_t>(most) * threads - 1) / (static_cast<int64_t>(most) * threads);
  const int64_t count = std::min<int64_t>(request.texts, rounds * threads);
  Plan plan{fill_tiles(request, longest_first, count), false};
  if (threads > 1 && unevenness(plan.tiles, threads, tokens) > kUneven) {
    plan.is_shared = true;
    const int64_t shared = static_cast<int64_t>(most) * threads;
    plan.tiles = fill_tiles(request, longest_first, std::min<int64_t>(request.texts, (tokens + shared - 1) / shared));
  }
  return plan;
}
