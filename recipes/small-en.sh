#!/bin/bash
# Train small-en from the corpus with one command, which also goes on after an interruption:
#   recipes/small-en.sh CORPUS [--threads N]
# CORPUS: a directory with textbooks, books, wikipedia and valid (.txt.zst; one paragraph a line, an
# empty line after each document). Everything is written to runs/; the model to runs/small-en-model.
set -euo pipefail
corpus=$(realpath "${1:?the directory of the corpus}")
shift
cd "$(dirname "$0")/.."
if [ ! -d runs/data/train ]; then
  albertkit shards "$corpus"/{textbooks,books,wikipedia}.txt.zst -t small-en -o runs/data/train
fi
if [ ! -d runs/data/valid ]; then
  albertkit shards "$corpus/valid.txt.zst" -t small-en -o runs/data/valid
fi
albertkit pretrain recipes/small-en.toml --run runs/small-en -o runs/small-en-model "$@"
