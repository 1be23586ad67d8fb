// Which instruction sets this processor and its operating system support.
#pragma once
#include "kernels.h"

struct InstructionSet {
  const char* name;
  bool (*is_supported)();
  const Kernels* (*kernels)(Precision);
};

// The set of this name, or null.
const InstructionSet* find_instruction_set(const char* name);
