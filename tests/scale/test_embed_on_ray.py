"""What is refused before a cluster is asked, and by a worker before it opens the model."""

from __future__ import annotations

from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from albertkit.errors import AlbertKitError, InputError, SurroundingsError
from albertkit.rows import find_inputs
from albertkit.rows.shards import Shards
from albertkit.scale import inputs_with_borders
from albertkit.scale.embed_on_ray import EmbedWork
from albertkit.tasks.embed_job import EmbedJob


def test_inputs_that_tell_no_rows_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a text\n")
    with pytest.raises(InputError) as refused:
        inputs_with_borders(EmbedJob((str(tmp_path / "a.txt"),)))
    assert refused.value.finding.code == "inputs-without-borders"
    assert f"'{tmp_path / 'a.txt'}' does not say how many rows it has" in str(refused.value)


def test_standard_input_is_refused_unread() -> None:
    with pytest.raises(InputError, match="'standard input' does not say how many rows it has"):
        inputs_with_borders(EmbedJob(("-",)))


def test_inputs_without_rows_are_refused(tmp_path: Path) -> None:
    pyarrow.parquet.write_table(
        pyarrow.table({"text": pyarrow.array([], "string")}), tmp_path / "a"
    )
    with pytest.raises(InputError) as refused:
        inputs_with_borders(EmbedJob((str(tmp_path / "a"),)))
    assert refused.value.finding.code == "texts-missing"


def test_a_broken_file_is_told_before_a_model_is_opened(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and no more")
    job = EmbedJob((str(tmp_path / "a.parquet"),), model=str(tmp_path / "no model"))
    with pytest.raises(AlbertKitError) as refused:
        inputs_with_borders(job)
    assert refused.value.finding.code == "file-malformed"


def test_a_worker_that_does_not_see_the_output_says_so(tmp_path: Path) -> None:
    work = EmbedWork(EmbedJob(()), find_inputs(()), Shards(tmp_path / "elsewhere"))
    with pytest.raises(SurroundingsError) as refused:
        work.opened()
    assert refused.value.finding.code == "output-elsewhere"
    assert str(tmp_path / "elsewhere") in str(refused.value)
