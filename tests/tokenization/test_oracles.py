"""Ids of the published vocabulary, against files that other programs made."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from albertkit.tokenization import AlbertTokenizer, TokenizerPolicy
from albertkit.tokenization.policy import HUGGINGFACE, REFERENCE, TFHUB

from .make_slow_tokenizer_hash import corpus_lines, hash_of

NO_MASKS = replace(REFERENCE, name="reference, masks as text", mask_rule="text")


@pytest.fixture(scope="module")
def english(shared: Path) -> Path:
    return shared / "fixtures" / "spiece.model"


@pytest.fixture(scope="module")
def probes(shared: Path) -> list[dict[str, Any]]:
    result = json.loads((shared / "fixtures" / "tokenizer_probes.json").read_text())["probes"]
    assert len(result) == 157
    return list(result)


def ids_of(vocabulary: Path, policy: TokenizerPolicy, texts: Sequence[str]) -> list[list[int]]:
    tokenizer = AlbertTokenizer.from_pretrained(vocabulary, policy=policy)
    return [row.ids[1:-1].tolist() for row in tokenizer.encode_batch(texts)]


def read_zipped_json(path: Path) -> Any:
    with gzip.open(path) as file:
        return json.load(file)


def test_every_probe_has_the_reference_ids(english: Path, probes: list[dict[str, Any]]) -> None:
    texts = [probe["text"] for probe in probes]
    assert ids_of(english, NO_MASKS, texts) == [probe["reference"] for probe in probes]


def test_every_probe_has_the_reference_pieces(english: Path, probes: list[dict[str, Any]]) -> None:
    tokenizer = AlbertTokenizer.from_pretrained(english, policy=NO_MASKS)
    result = [tokenizer.tokenize(probe["text"]) for probe in probes]
    assert result == [probe["reference_pieces"] for probe in probes]


def test_every_masked_probe_has_the_exact_ids(english: Path, probes: list[dict[str, Any]]) -> None:
    masked = [probe for probe in probes if "mask_exact" in probe]
    assert len(masked) == 14
    result = ids_of(english, REFERENCE, [probe["text"] for probe in masked])
    assert result == [probe["mask_exact"] for probe in masked]


def test_every_probe_has_the_slow_tokenizers_ids(
    english: Path, probes: list[dict[str, Any]]
) -> None:
    texts = [probe["text"] for probe in probes]
    result = ids_of(english, HUGGINGFACE, texts)
    assert result == [probe["huggingface_slow_4_57"] for probe in probes]


def test_four_thousand_random_texts(shared: Path, english: Path) -> None:
    rows = read_zipped_json(shared / "fixtures" / "tokenizer_fuzz.json.gz")["rows"]
    texts = [row[0] for row in rows]
    assert ids_of(english, NO_MASKS, texts) == [row[1] for row in rows]
    assert ids_of(english, HUGGINGFACE, texts) == [row[2] or row[1] for row in rows]


def test_texts_of_the_tfhub_preprocessor(shared: Path, english: Path) -> None:
    reference = json.loads((shared / "fixtures" / "preprocess_reference.json").read_text())
    assert ids_of(english, TFHUB, reference["texts"]) == reference["tokenize"]


def test_random_texts_of_the_tfhub_preprocessor(shared: Path, english: Path) -> None:
    reference = read_zipped_json(shared / "fixtures" / "preprocess_fuzz_reference.json.gz")
    assert len(reference["texts"]) == 5099
    assert ids_of(english, TFHUB, reference["texts"]) == reference["tokenize"]


@pytest.mark.parametrize("limit", ["3", "4", "5", "8", "12", "32"])
def test_pairs_of_the_tfhub_preprocessor(shared: Path, english: Path, limit: str) -> None:
    reference = json.loads((shared / "fixtures" / "preprocess_reference.json").read_text())
    packed = reference["pack_pairs"][limit]
    firsts, seconds = zip(*reference["pairs"], strict=True)
    tokenizer = AlbertTokenizer.from_pretrained(english, policy=TFHUB)
    result = tokenizer(
        list(firsts), list(seconds), truncation=True, max_length=int(limit), padding="max_length"
    )
    assert result["input_ids"] == packed["input_word_ids"]
    assert result["attention_mask"] == packed["input_mask"]
    assert result["token_type_ids"] == packed["input_type_ids"]


def test_ten_thousand_corpus_lines_equal_the_slow_tokenizer(shared: Path, english: Path) -> None:
    import zstandard  # noqa: F401

    record = json.loads(Path(__file__).with_name("slow_tokenizer_hash.json").read_text())
    lines = list(corpus_lines(shared))
    assert len(lines) == record["lines"] == 10_000
    assert hash_of(ids_of(english, HUGGINGFACE, lines)) == record["sha256"]


def test_offsets_change_no_id(shared: Path, english: Path) -> None:
    rows = read_zipped_json(shared / "fixtures" / "tokenizer_fuzz.json.gz")["rows"]
    tokenizer = AlbertTokenizer.from_pretrained(english)
    texts = [row[0] for row in rows]
    traced = tokenizer.encode_batch(texts, offset_mapping=True)
    assert np.array_equal(traced.ids, tokenizer.encode_batch(texts).ids)


def test_transformers_gives_the_reference_ids_to_what_we_save(
    shared: Path, english: Path, probes: list[dict[str, Any]], tmp_path: Path
) -> None:
    import transformers

    AlbertTokenizer.from_pretrained(english).save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "albert"}')
    peer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    different = [
        probe["text"]
        for probe in probes
        if peer(probe["text"], add_special_tokens=False)["input_ids"]
        != probe.get("mask_exact", probe["reference"])
    ]
    assert different == ["[CLS]", "[SEP]", "<pad>", "<unk>", "[CLS] hello [SEP]", "a<pad>b"]
    rows = read_zipped_json(shared / "fixtures" / "tokenizer_fuzz.json.gz")["rows"]
    texts = [row[0] for row in rows]
    assert peer(texts, add_special_tokens=False)["input_ids"] == [row[1] for row in rows]
