from itertools import pairwise
from pathlib import Path

import numpy as np

from albertkit.pretraining.shards import Shard, pieces_by, write_shard
from albertkit.tokenization import AlbertTokenizer

from .conftest import number_words

TINY = Path(__file__).parents[1] / "fixtures" / "tiny_sp1000.model"


def test_a_shard_gives_back_documents_and_sentences(tmp_path: Path) -> None:
    write_shard(tmp_path / "s", [["5 6. 7 8 9.", "10."], ["11 12."]], number_words, vocab_size=100)
    shard = Shard.open(tmp_path / "s")
    assert len(shard) == 2
    assert shard[0].ids.tolist() == [5, 6, 7, 8, 9, 10]
    assert shard[0].starts.tolist() == [0, 2, 5, 6]
    assert shard[1].ids.tolist() == [11, 12]


def test_the_batch_of_documents_changes_nothing(tmp_path: Path) -> None:
    corpus = [[f"{n} {n + 1}."] for n in range(5, 30)]
    one = write_shard(tmp_path / "one", corpus, number_words, vocab_size=100, batch=1)
    many = write_shard(tmp_path / "many", corpus, number_words, vocab_size=100, batch=10)
    assert np.array_equal(one.ids, many.ids)
    assert np.array_equal(one.sentence_starts, many.sentence_starts)
    assert np.array_equal(one.document_starts, many.document_starts)


def test_ids_take_two_bytes_where_the_vocabulary_allows(tmp_path: Path) -> None:
    small = write_shard(tmp_path / "s", [["5 6."]], number_words, vocab_size=65536)
    large = write_shard(tmp_path / "l", [["5 6."]], number_words, vocab_size=65537)
    assert (small.ids.dtype, large.ids.dtype) == (np.uint16, np.int32)


def test_a_tokenizer_gives_pieces_without_specials() -> None:
    tokenizer = AlbertTokenizer.from_pretrained(TINY)
    texts = ["Some words.", "", "And (more) of them, in 2001, here."]
    ids, starts = pieces_by(tokenizer)(texts)
    each = [ids[a:b].tolist() for a, b in pairwise(starts)]
    assert each == [tokenizer.convert_tokens_to_ids(tokenizer.tokenize(text)) for text in texts]
