"""A small job, and one run of it without Ray, with which all tests here are compared."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from tests.support.tiny_models import save_tiny_vectors

from albertkit.spec.pooling_config import PoolingConfig
from albertkit.tasks.embed_job import EmbedJob
from albertkit.tasks.jobs.run_job import run_job, start_job

WORDS = ("a", "row", "of", "many", "words", "becomes", "one", "vector", "if", "one", "dies")
ROWS, SHARD_ROWS = 2_450, 200  # 13 shards, the last of them short


@dataclass(frozen=True, slots=True)
class Alone:
    """What one process made of the job: file name → bytes."""

    job: EmbedJob
    files: dict[str, bytes]


@pytest.fixture(scope="session")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Alone:
    path = tmp_path_factory.mktemp("alone")
    rng = random.Random(0)
    texts = [" ".join(rng.choices(WORDS, k=rng.randint(3, 90))) for _ in range(ROWS)]
    (path / "texts").mkdir()
    for number, (begin, end) in enumerate([(0, 1_111), (1_111, 1_112), (1_112, ROWS)]):
        table = pyarrow.table({"id": list(range(begin, end)), "text": texts[begin:end]})
        pyarrow.parquet.write_table(table, path / "texts" / f"{number}.parquet")
    job = EmbedJob(
        (str(path / "texts"),),
        keep=("id",),
        shard_rows=SHARD_ROWS,
        model=str(save_tiny_vectors(path / "model", PoolingConfig())),
        truncation="off",
    )
    with start_job(job, path / "output") as open_job:
        run_job(open_job)
    return Alone(job, files_in(path / "output"))


def files_in(output: Path) -> dict[str, bytes]:
    """All files of a job's directory, but for its lock."""
    return {path.name: path.read_bytes() for path in output.iterdir() if path.name != ".lock"}
