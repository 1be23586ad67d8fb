#!/bin/bash
# Train small-en from the corpus with one command, which also goes on after an interruption:
#   recipes/small-en.sh CORPUS TEACHER [--threads N]
# CORPUS: a directory with textbooks, books, wikipedia and valid (.txt.zst; one paragraph a line, an
# empty line after each document). TEACHER: all-MiniLM-L6-v2, by directory or name; its vectors of
# single pieces are the first word embeddings. Everything is written to
# runs/small-en; the model is its model-3.
set -euo pipefail
corpus=$(realpath "${1:?the directory of the corpus}")
teacher=${2:?the name or directory of the teacher}
shift 2
recipes=$(cd "$(dirname "$0")" && pwd)
vocabulary=$recipes/../src/albertkit/builtin/small-en/spiece.model
if [ -d "$teacher" ]; then teacher=$(realpath "$teacher"); fi
mkdir -p "$recipes/../runs/small-en"
cd "$recipes/../runs/small-en"
"$recipes/piece_vectors.sh" "$teacher" pieces.npy
if [ ! -d train ]; then # the textbooks, which explain most, are read twice
  albertkit shards "$corpus"/{textbooks,textbooks,books,wikipedia}.txt.zst -t "$vocabulary" -o train
fi
if [ ! -d valid ]; then
  albertkit shards "$corpus/valid.txt.zst" -t "$vocabulary" -o valid
fi
cd ../..
if [ ! -d runs/small-en/model ]; then
  albertkit pretrain recipes/small-en.toml --run runs/small-en/run -o runs/small-en/model "$@"
fi
if [ ! -d runs/small-en/model-2 ]; then
  albertkit pretrain recipes/small-en-2.toml --run runs/small-en/run-2 -o runs/small-en/model-2 "$@"
fi
albertkit pretrain recipes/small-en-3.toml --run runs/small-en/run-3 -o runs/small-en/model-3 "$@"
