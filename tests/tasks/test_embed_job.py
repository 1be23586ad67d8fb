"""Jobs: shards hold the vectors of their rows, whoever makes them and however they were read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from albertkit.rows.shards import Shards
from albertkit.spec.vector_plan import VectorPlan
from albertkit.tasks import stream
from albertkit.tasks.embed_job import EmbedJob, ShardTask, embed_shard
from tiny_models import save_tiny_vectors

TEXTS = [
    f"the {number} of {number * 7} waters" + " and more" * (number % 5) for number in range(23)
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    where = tmp_path_factory.mktemp("models") / "vectors"
    return str(save_tiny_vectors(where, VectorPlan(max_length=20)))


@pytest.fixture(autouse=True)
def windows_of_five(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "WINDOW_TEXTS", 5)


def test_a_shard_holds_the_vectors_of_its_own_rows(model: str, tmp_path: Path) -> None:
    lines = tmp_path / "lines.txt"
    lines.write_text("\n".join(TEXTS) + "\n")
    job = EmbedJob((str(lines),), model=model, engine="numpy", shard_rows=8)
    embedder = job.embedder()
    shards = Shards(tmp_path, "npy")
    done = [embed_shard(embedder, ShardTask(job, shards, number)) for number in (2, 0, 1, 3)]
    assert [(each.number, each.rows, each.bad) for each in done] == [
        (2, 7, 0), (0, 8, 0), (1, 8, 0), (3, 0, 0),
    ]  # fmt: skip
    assert shards.finished() == {0, 1, 2}
    for number in range(3):
        own = np.load(shards.place(number))
        np.testing.assert_array_equal(own, embedder.encode(TEXTS[number * 8 : number * 8 + 8]))
