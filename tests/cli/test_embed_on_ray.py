"""`embed --on ray` where no cluster is: one line, and no directory is begun."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

COMMAND = (sys.executable, "-c", "from albertkit.cli.start import main; main()")


def embed(*arguments: str | Path) -> tuple[int, str]:
    """The exit status and the last line on standard error."""
    run = subprocess.run(
        [*COMMAND, "embed", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stdout == ""
    return run.returncode, run.stderr.strip().removeprefix("error: ")


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "texts.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"text": ["a text"]}), path)
    return path


def test_an_address_where_no_cluster_is_begins_no_directory(texts: Path, tmp_path: Path) -> None:
    output = tmp_path / "vectors"
    status, line = embed(
        "--input", texts, "--output", output, "--on", "ray", "--address", "127.0.0.1:1"
    )
    assert (status, line.partition(":")[0]) == (3, "there is no Ray cluster at 127.0.0.1")
    assert line.endswith("[cluster-unreachable]")
    assert not output.exists()


def test_lines_are_refused_before_a_cluster_is_asked(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a text\n")
    output = tmp_path / "vectors"
    status, line = embed("--input", tmp_path / "a.txt", "--output", output, "--on", "ray")
    assert status == 2
    assert line.endswith("[row-count-unknown]")
    assert not output.exists()


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (("--address", "auto"), "--address is given without --on"),
        (("--workers", "2"), "--workers is given without --on"),
        (("--cores", "2"), "--cores is given without --on"),
        (("--on", "ray"), "--on ray is given without a directory"),
    ],
)
def test_options_that_don_t_go_together_are_named(given: tuple[str, ...], named: str) -> None:
    status, line = embed("a text", *given)
    assert status == 2
    assert line.startswith(named)
    assert line.endswith("[usage]")
