"""What is refused before a cluster is asked, and by a worker before it opens the model."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("pyarrow")

from albertkit.errors import AlbertKitError, InputError, SurroundingsError
from albertkit.rows import find_inputs
from albertkit.rows.shards import Shards
from albertkit.scale.embed_on_ray import EmbedWork, embed_on_ray
from albertkit.tasks.embed_job import EmbedJob


def test_inputs_that_tell_no_rows_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a text\n")
    with pytest.raises(InputError) as refused:
        embed_on_ray(EmbedJob((str(tmp_path / "a.txt"),)), tmp_path / "output")
    assert refused.value.finding.code == "inputs-without-borders"
    assert f"'{tmp_path / 'a.txt'}' does not say how many rows it has" in str(refused.value)
    assert not (tmp_path / "output").exists()


def test_a_broken_file_is_told_before_a_model_is_opened(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and no more")
    job = EmbedJob((str(tmp_path / "a.parquet"),), model=str(tmp_path / "no model"))
    with pytest.raises(AlbertKitError) as refused:
        embed_on_ray(job, tmp_path / "output")
    assert refused.value.finding.code == "file-malformed"


def test_a_worker_that_does_not_see_the_output_says_so(tmp_path: Path) -> None:
    work = EmbedWork(EmbedJob(()), find_inputs(()), Shards(tmp_path / "elsewhere"))
    with pytest.raises(SurroundingsError) as refused:
        work.opened()
    assert refused.value.finding.code == "output-elsewhere"
    assert str(tmp_path / "elsewhere") in str(refused.value)


def test_int8_is_not_fitted_by_each_worker_to_its_own_texts(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        embed_on_ray(EmbedJob((str(tmp_path),), precision="int8"), tmp_path / "output")
    assert refused.value.finding.code == "calibration-missing"
