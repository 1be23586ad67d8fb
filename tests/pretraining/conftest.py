"""A small corpus whose words are numbers, with two vocabularies."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from albertkit.pretraining.masking import MaskingVocabulary
from albertkit.pretraining.shards import CorpusShard
from tests.support.training_data import FOREIGN, USUAL, number_shard, number_tokenizer


@pytest.fixture(scope="session", params=[USUAL, FOREIGN], ids=["usual", "foreign"])
def special(request: pytest.FixtureRequest) -> dict[int, str]:
    """The special ids of published ALBERTs, and others."""
    chosen: dict[int, str] = request.param
    return chosen


@pytest.fixture(scope="session")
def shard(special: dict[int, str], tmp_path_factory: pytest.TempPathFactory) -> CorpusShard:
    """40 documents of numbers."""
    return number_shard(tmp_path_factory.mktemp("corpus"), special)


@pytest.fixture(scope="session")
def vocabulary(
    special: dict[int, str], tmp_path_factory: pytest.TempPathFactory
) -> MaskingVocabulary:
    """What masking knows of the shard's vocabulary."""
    tokenizer = number_tokenizer(tmp_path_factory.mktemp("vocabulary"), special)
    return MaskingVocabulary.from_tokenizer(tokenizer)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Compute on one thread: tiny models need no more, also on a machine that is busy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
