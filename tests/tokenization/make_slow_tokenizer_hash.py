"""Record the hash of the ids that transformers' slow AlbertTokenizer gives to corpus lines.

Run in an environment of its own (the slow tokenizer is gone since transformers 5):
    pip install transformers==4.57.6 sentencepiece==0.2.3 protobuf zstandard
    python tests/tokenization/make_slow_tokenizer_hash.py ../shared > hash.json
Copy it to slow_tokenizer_hash.json: `test_oracles.py` compares our huggingface policy with it.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

CORPUS_FILES = ("corpus/wikipedia.txt.zst", "corpus/books.txt.zst")
LINES_OF_EACH = 5_000


def corpus_lines(shared: Path) -> Iterator[str]:
    """The first lines with text of each file: 10,000 in all."""
    import zstandard

    for name in CORPUS_FILES:
        with (shared / "data" / name).open("rb") as raw:
            reader = zstandard.ZstdDecompressor(max_window_size=2**27).stream_reader(raw)
            lines = (line.rstrip("\n") for line in io.TextIOWrapper(reader, "utf-8", newline="\n"))
            yield from itertools.islice(filter(None, lines), LINES_OF_EACH)


def hash_of(id_lists: Iterable[Iterable[int]]) -> str:
    """SHA-256 of all ids in decimal, a space after each and a line feed after each list."""
    result = hashlib.sha256()
    for ids in id_lists:
        result.update("".join(f"{number} " for number in ids).encode() + b"\n")
    return result.hexdigest()


def main(shared: Path) -> None:
    import sentencepiece
    import transformers

    tokenizer = transformers.AlbertTokenizer(str(shared / "fixtures" / "spiece.model"))
    lines = corpus_lines(shared)
    result = hash_of(tokenizer(line, add_special_tokens=False)["input_ids"] for line in lines)
    record = {
        "transformers": transformers.__version__,
        "sentencepiece": sentencepiece.__version__,
        "tokenizer": "AlbertTokenizer (slow), add_special_tokens=False",
        "lines": LINES_OF_EACH * len(CORPUS_FILES),
        "sha256": result,
    }
    sys.stdout.write(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
