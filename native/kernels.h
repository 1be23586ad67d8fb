// What an instruction set provides: the layout of its matrices, and the way through all layers.
#pragma once
#include "model.h"
#include "threads.h"
#include "tiles.h"

// Memory for the activations of a tile, and for each thread of the team that computes it.
class TileScratch {
 public:
  virtual ~TileScratch() = default;
  // Make room for a tile. Called before threads start, since it may throw std::bad_alloc.
  virtual void reserve(const Model& model, const Tile& tile, int team) = 0;
};

struct Kernels {
  Layout layout;
  TileScratch* (*make_scratch)();
  // Compute a tile as one member of a team; all members call it with the same arguments.
  void (*encode)(const Model& model, const Request& request, const Tile& tile, TileScratch& scratch, Team& team);
};

// The kernels of each instruction set; null for a precision that it does not compute.
const Kernels* avx2_kernels(Precision precision);
const Kernels* avx_vnni_kernels(Precision precision);
const Kernels* avx512_kernels(Precision precision);
const Kernels* avx512_vnni_kernels(Precision precision);
const Kernels* avx512_bf16_kernels(Precision precision);
