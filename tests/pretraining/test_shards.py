from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from albertkit.errors import FormatError, InputError
from albertkit.pretraining.metadata import choose_id_dtype
from albertkit.pretraining.shards import CorpusShard, ShardCounts, write_shard
from albertkit.tokenization import AlbertTokenizer
from tests.support.training_data import FOREIGN, number_documents, number_shard, number_tokenizer

TINY = Path(__file__).parents[1] / "fixtures" / "tiny_sp1000.model"
LONG = " ".join(str(n) for n in range(20, 40))


def test_a_shard_gives_back_documents_and_sentences(tmp_path: Path) -> None:
    corpus = [[LONG, "5 6"], ["11 12 13", LONG, "14"]]
    write_shard(tmp_path / "s", corpus, number_tokenizer(tmp_path))
    shard = CorpusShard.open(tmp_path / "s")
    assert len(shard) == 2
    assert shard[0].ids.tolist() == [*range(20, 40), 5, 6]
    assert shard[0].offsets.tolist() == [0, 20, 22]
    assert shard[1].ids.tolist() == [11, 12, 13, *range(20, 40), 14]
    assert shard[1].offsets.tolist() == [0, 3, 23, 24]


def test_the_batch_of_documents_changes_nothing(tmp_path: Path) -> None:
    tokenizer = number_tokenizer(tmp_path)
    corpus = [[f"{n} {n + 1}", LONG] for n in range(5, 30)]
    write_shard(tmp_path / "one", corpus, tokenizer, batch_characters=1)
    write_shard(tmp_path / "many", corpus, tokenizer, batch_characters=10 * len(LONG))
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "many" / file.name).read_bytes()


def test_ids_take_two_bytes_if_the_vocabulary_allows(tmp_path: Path) -> None:
    assert [choose_id_dtype(size).name for size in (65536, 65537)] == ["uint16", "int32"]
    assert number_shard(tmp_path).ids.dtype == np.uint16


def test_the_pieces_are_the_tokenizers_without_special_pieces(tmp_path: Path) -> None:
    tokenizer = AlbertTokenizer.from_pretrained(TINY)
    texts = ["Some words, and some more.", "And (more) of them, in 2001, here and there."]
    shard = write_shard(tmp_path / "s", [texts], tokenizer)
    pieces = [tokenizer.convert_tokens_to_ids(tokenizer.tokenize(text)) for text in texts]
    assert shard.ids.tolist() == [*pieces[0], *pieces[1]]
    assert shard.sentence_offsets.tolist() == [0, len(pieces[0]), len(shard.ids)]


def test_short_documents_are_counted_and_left_out(tmp_path: Path) -> None:
    shard = write_shard(tmp_path / "s", [["5 6"], [LONG], ["7"]], number_tokenizer(tmp_path))
    assert len(shard) == 1
    assert shard.metadata.short_documents == 2


def test_a_corpus_of_short_documents_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"2 shorter documents.*corpus-empty"):
        write_shard(tmp_path / "s", [["5 6"], ["7"]], number_tokenizer(tmp_path))
    assert not (tmp_path / "s").exists()


def test_a_shard_is_not_overwritten(tmp_path: Path) -> None:
    number_shard(tmp_path)
    with pytest.raises(InputError, match="shard-exists"):
        number_shard(tmp_path)


def test_another_vocabulary_is_refused(tmp_path: Path) -> None:
    shard = number_shard(tmp_path)
    shard.metadata.check_tokenizer(number_tokenizer(tmp_path), tmp_path)
    with pytest.raises(InputError, match="shard-vocabulary-differs"):
        shard.metadata.check_tokenizer(number_tokenizer(tmp_path / "f", FOREIGN), tmp_path)


def test_a_truncated_shard_is_refused(tmp_path: Path) -> None:
    number_shard(tmp_path)
    path = tmp_path / "shard" / "ids.bin"
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(FormatError, match=r"ids.bin has .* bytes.*shard-malformed") as raised:
        CorpusShard.open(tmp_path / "shard")
    assert str(raised.value).count("ids.bin") == 1, "one message, not one inside another"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("version", 1),
        ("kind", "distillation"),
        ("arrays", {}),
        ("special_ids", {"pad": 0}),
        ("arrays", {"ids": {"dtype": "object", "shape": [1]}}),
    ],
)
def test_other_metadata_are_refused(tmp_path: Path, key: str, value: object) -> None:
    number_shard(tmp_path)
    path = tmp_path / "shard" / "metadata.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(FormatError, match="shard-malformed"):
        CorpusShard.open(tmp_path / "shard")


def test_a_directory_without_a_shard_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="file-not-found"):
        CorpusShard.open(tmp_path)


def test_what_is_written_is_reported_in_pieces_and_bytes(tmp_path: Path) -> None:
    counts: list[ShardCounts] = []
    documents = number_documents()
    characters = sum(len(text) for document in documents for text in document)
    shard = write_shard(
        tmp_path / "s",
        documents,
        number_tokenizer(tmp_path),
        batch_characters=characters // 3,
        report=counts.append,
    )
    assert len(counts) == 3
    assert counts[-1].pieces == len(shard.ids)
    assert counts[-1].size == sum(path.stat().st_size for path in (tmp_path / "s").glob("*.bin"))


def test_sentences_longer_than_a_length_are_counted(tmp_path: Path) -> None:
    shard = write_shard(tmp_path / "s", [[LONG, "5 6"], [LONG]], number_tokenizer(tmp_path))
    assert [shard.count_longer(n) for n in (1, 2, 19, 20)] == [3, 2, 2, 0]


def test_memory_does_not_grow_with_the_corpus(tmp_path: Path) -> None:
    """A corpus ten times as large, of long documents, takes no more than a batch of it."""
    tokenizer = AlbertTokenizer.from_pretrained(TINY)
    document = [
        "Some words, and some more of them, here and there. " * 40
    ] * 20  # 41,000 characters

    def measure(name: str, count: int) -> int:
        tracemalloc.start()
        documents = (document for _ in range(count))
        write_shard(tmp_path / name, documents, tokenizer, batch_characters=100_000)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    measure("warm", 3)
    assert measure("large", 40) < 1.3 * measure("small", 4)


@pytest.mark.parametrize("document", ["5 6 7 8 9 " * 8, [None], [b"5 6 7"]])
def test_a_document_that_is_no_list_of_texts_is_refused(tmp_path: Path, document: Any) -> None:
    good = ["5 6 7 8 9 " * 8]
    with pytest.raises(InputError, match=r"document 2 is .*\[input-not-texts\]"):
        write_shard(str(tmp_path / "shard"), [good, document], number_tokenizer(tmp_path))
    assert not (tmp_path / "shard").exists()
    write_shard(str(tmp_path / "shard"), [good], number_tokenizer(tmp_path))
    assert len(CorpusShard.open(str(tmp_path / "shard"))) == 1
