#!/bin/bash
# The teacher's vector of each piece of the vocabulary alone, with which both small models begin:
#   recipes/piece_vectors.sh TEACHER OUTPUT.npy
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$(dirname "$2")"
[ -f "$2" ] && exit
python - "$here/../src/albertkit/builtin/small-en/spiece.model" > "$2.txt" << 'END'
import sys
from albertkit.tokenization import AlbertTokenizer
tokenizer = AlbertTokenizer.from_pretrained(sys.argv[1])
for piece in tokenizer.convert_ids_to_tokens(range(tokenizer.vocab_size)):
    print(piece.replace("▁", " ").strip() or ".")
END
albertkit embed -m "$1" -i "$2.txt" -o "$2"
