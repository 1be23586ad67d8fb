#!/bin/bash
# Train small-en-vectors with one command, which also goes on after an interruption:
#   recipes/small-en-vectors.sh DATA TEACHER [--threads N]
# DATA: a directory as benchmarks/distillation_texts.py reads it. TEACHER: all-MiniLM-L6-v2, by
# directory or name. Everything is written to runs/; the model to runs/small-en-vectors-model.
set -euo pipefail
data=$(realpath "${1:?the directory of texts}")
teacher=${2:?the name or directory of the teacher}
shift 2
recipes=$(cd "$(dirname "$0")" && pwd)
vocabulary=$recipes/../src/albertkit/builtin/small-en/spiece.model
if [ -d "$teacher" ]; then teacher=$(realpath "$teacher"); fi
mkdir -p "$recipes/../runs/small-en-vectors"
cd "$recipes/../runs/small-en-vectors"
"$recipes/piece_vectors.sh" "$teacher" pieces.npy
if [ ! -f triplets.jsonl ]; then
  python ../../benchmarks/distillation_texts.py "$data" texts.txt --triplets triplets.jsonl
fi
if [ ! -d dataset ]; then
  resume=$([ -f teacher/_job.json ] && echo --resume || true)
  albertkit embed -m "$teacher" -i texts.txt --precision bfloat16 --vectors float16 \
    --truncation off --shard-rows 10000 -f npy -o teacher/ $resume
  albertkit prepare-distillation texts.txt --vectors teacher/ --triplets triplets.jsonl \
    -t "$vocabulary" -o dataset
fi
cd ../..
albertkit distil recipes/small-en-vectors.toml --run runs/small-en-vectors/run \
  -o runs/small-en-vectors-model "$@"
