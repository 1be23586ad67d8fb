#!/bin/bash
# Train small-en from the corpus with one command, which also goes on after an interruption:
#   recipes/small-en.sh CORPUS TEACHER [--threads N]
# CORPUS: a directory with textbooks, books, wikipedia and valid (.txt.zst; one paragraph a line, an
# empty line after each document). TEACHER: all-MiniLM-L6-v2, by directory or name; its vectors of
# single pieces are the first word embeddings. Everything is written to
# runs/small-en; the model is runs/small-en/model-3.
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
for part in small-en small-en-2 small-en-3; do # each begins with the model of the part before it
  model=runs/small-en/model${part#small-en}
  if [ ! -d "$model" ]; then
    albertkit pretrain "recipes/$part.toml" --run "runs/small-en/run${part#small-en}" -o "$model" "$@"
  fi
done
