// How the texts of a call are divided among threads.
//
// A *tile* is a set of whole texts that goes through all layers together. ALBERT's layers have the same
// matrices, so a tile of some hundred tokens keeps its activations and these matrices in the caches of one
// core, and cores never wait for each other. If there are too few texts for that, a team of all threads
// computes each tile together.
#pragma once
#include <cstdint>
#include <vector>

// A text of a tile.
struct TileText {
  int first;   // row of its first token in the tile
  int tokens;  // S
  int64_t token;       // number of its first token in the call
  int first_read;      // row of its first vector among those of the tile that are read
  int reads;           // how many of its vectors are read
  const int64_t* read;  // their numbers in the call; null: all
  int64_t output;      // row of the first of them in the result
};

struct Tile {
  std::vector<TileText> texts;
  int tokens = 0;
  int reads = 0;
  int longest = 0;
};

struct Plan {
  std::vector<Tile> tiles;
  bool is_shared = false;  // all threads compute each tile together
};

// What is wanted of a call: arguments as of albertkit_run.
struct Request {
  int64_t texts;
  const int64_t* offsets;
  const int32_t *ids, *types, *positions;
  const int64_t* read;
  int64_t reads;
  float* vectors;
};

// Divide the texts of a call.
//   most: tokens of a tile of short texts; a longer text is a tile by itself.
Plan plan_tiles(const Request& request, int threads, int most);
