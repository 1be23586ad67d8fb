"""`albertkit shard`: tokenize a corpus for pretraining."""

import sys

from albertkit.cli.corpus import Corpus, NewDirectory, Tokenizer, read_lines


def shard(corpus: Corpus, *, tokenizer: Tokenizer, output: NewDirectory) -> None:
    """Tokenize a corpus for pretraining."""
    from albertkit.pretraining.documents import documents
    from albertkit.pretraining.shards import pieces_by, write_shard
    from albertkit.tokenization import AlbertTokenizer

    pieces = AlbertTokenizer.from_pretrained(tokenizer)
    written = write_shard(
        output, documents(read_lines(corpus)), pieces_by(pieces), vocab_size=pieces.vocab_size
    )
    print(
        f"{len(written):,} documents, {len(written.ids):,} pieces written to {output}",
        file=sys.stderr,
    )
