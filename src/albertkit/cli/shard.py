"""`albertkit shard`: tokenize a corpus for pretraining."""

import sys

from albertkit.cli.corpus import Corpus, NewDirectory, Tokenizer, read_lines


def shard(corpus: Corpus, *, tokenizer: Tokenizer, output: NewDirectory) -> None:
    """Tokenize a corpus for pretraining."""
    from albertkit.errors.exceptions import count_noun
    from albertkit.pretraining.documents import documents
    from albertkit.pretraining.shards import SHORTEST, write_shard
    from albertkit.tokenization import AlbertTokenizer

    written = write_shard(
        output, documents(read_lines(corpus)), AlbertTokenizer.from_pretrained(tokenizer)
    )
    counts = (
        count_noun(len(written), "document"),
        count_noun(len(written.sentence_offsets) - 1, "sentence"),
        count_noun(len(written.ids), "piece"),
    )
    print(f"{', '.join(counts)} written to {output}", file=sys.stderr)
    if short := written.metadata.short_documents:
        print(f"{count_noun(short, 'document')} left out: below {SHORTEST} pieces", file=sys.stderr)
