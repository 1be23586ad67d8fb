"""The race's texts have the lengths that its descriptions name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from albertkit.tokenization import AlbertTokenizer
from mix import MIX, draw_lengths
from race.jobs import BATCH, LISTED, QUICK_SIZES, SIZES, Size, in_calls, jobs_of, thin_batches
from race.names import JOBS, SINGLES
from race.texts import Words

TOKENIZER = AlbertTokenizer.from_pretrained("small-en-vectors")


@pytest.fixture(scope="module")
def words() -> Words:
    return Words.invent(TOKENIZER)


@pytest.mark.parametrize("kind", MIX)
def test_lengths_have_the_deciles_of_their_kind(kind: str) -> None:
    lengths = draw_lengths(20_000, seed=3, kinds=[kind])
    values = np.percentile(lengths, range(0, 101, 10))
    np.testing.assert_allclose(values, MIX[kind].deciles, rtol=0.05, atol=1)


def test_a_text_has_as_many_ids_as_it_is_to_have(words: Words) -> None:
    lengths = [3, 8, 9, 47, 512]
    values = TOKENIZER.encode_batch(words.texts(lengths, seed=1)).lengths
    assert values.tolist() == lengths


def test_words_of_a_file_run_on_in_its_order(tmp_path: Path) -> None:
    file = tmp_path / "text.txt"
    file.write_text("the river\nflows into the sea ", encoding="utf-8")
    words = Words.of_file(file, TOKENIZER)
    text = words.texts([8], seed=0)[0]
    assert text in " ".join(["the river flows into the sea"] * 3)
    assert len(TOKENIZER.tokenize(text)) == 6  # and [CLS], [SEP]


def test_a_thinned_list_sorted_again_has_the_batches_of_the_long_one() -> None:
    lengths = draw_lengths(LISTED, seed=5)
    batches = in_calls(sorted(lengths, reverse=True), BATCH)
    assert in_calls(sorted(thin_batches(lengths, 25), reverse=True), BATCH) == batches[12::25]


def test_a_job_counts_its_tokens(words: Words) -> None:
    jobs = jobs_of(words, TOKENIZER, Size(every=60, requests=2, ids=64), 512)
    assert set(jobs) == set(JOBS)
    assert [len(call) for call in jobs["requests"].calls] == [16, 16]
    for name, length in SINGLES.items():
        assert jobs[name].tokens == length * len(jobs[name].calls)
    own = TOKENIZER.encode_batch(jobs["list"].calls[0]).lengths
    assert jobs["list"].tokens == own.sum()


def test_no_text_is_longer_than_the_model_reads(words: Words) -> None:
    jobs = jobs_of(words, TOKENIZER, Size(every=60, requests=2, ids=64), 128)
    assert "one-512" not in jobs
    for job in jobs.values():
        lengths = TOKENIZER.encode_batch([text for call in job.calls for text in call]).lengths
        assert lengths.max() <= 128


@pytest.mark.parametrize("shape", SIZES)
def test_a_quick_race_has_the_same_jobs_with_fewer_texts(words: Words, shape: str) -> None:
    whole, quick = (jobs_of(words, TOKENIZER, each[shape], 512) for each in (SIZES, QUICK_SIZES))
    assert list(quick) == list(whole)
    assert quick["list"] == whole["list"]
    for name in JOBS:
        assert quick[name].tokens <= whole[name].tokens
