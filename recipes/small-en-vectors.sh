#!/bin/bash
# Train small-en-vectors with one command, which also goes on after an interruption:
#   recipes/small-en-vectors.sh DATA TEACHER [--threads N]
# DATA: a directory as benchmarks/distillation_texts.py reads it. TEACHER: all-MiniLM-L6-v2, by
# directory or name. Everything is written to runs/; the model to runs/small-en-vectors-model.
set -euo pipefail
data=$(realpath "${1:?the directory of texts}")
teacher=${2:?the name or directory of the teacher}
shift 2
cd "$(dirname "$0")/.."
mkdir -p runs/vectors
cd runs/vectors
if [ ! -f triplets.jsonl ]; then
  python ../../benchmarks/distillation_texts.py "$data" texts.txt --triplets triplets.jsonl
fi
if [ ! -f pieces.npy ]; then # the teacher's vector of each piece of the vocabulary alone
  python -c "
from albertkit.tokenization import AlbertTokenizer
tokenizer = AlbertTokenizer.from_pretrained('small-en-vectors')
pieces = tokenizer.convert_ids_to_tokens(range(tokenizer.vocab_size))
print('\n'.join(piece.replace('▁', ' ').strip() or '.' for piece in pieces))" > pieces.txt
  albertkit embed -m "$teacher" -i pieces.txt -o pieces.npy
fi
if [ ! -d dataset ]; then
  resume=$([ -f teacher/_job.json ] && echo --resume || true)
  albertkit embed -m "$teacher" -i texts.txt --precision bfloat16 --vectors float16 \
    --truncation off --shard-rows 10000 -f npy -o teacher/ $resume
  albertkit prepare-distillation texts.txt --vectors teacher/ --triplets triplets.jsonl \
    -t small-en-vectors -o dataset
fi
cd ../..
albertkit distil recipes/small-en-vectors.toml --run runs/vectors/run \
  -o runs/small-en-vectors-model "$@"
