"""Tables are written completely, and are read back unchanged."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from albertkit.errors import InputError, ResourceError
from albertkit.tables import Table, write_table

VECTORS = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
TEXTS = ["a, b", 'say "é"\nnow', ""]
TABLE = Table({"text": TEXTS, "count": [1, 2, 3], "vector": VECTORS})


def test_json_lines_keep_every_bit_of_a_float32(tmp_path: Path) -> None:
    write_table(TABLE, tmp_path / "out.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    assert [row["text"] for row in rows] == TEXTS
    assert [row["count"] for row in rows] == [1, 2, 3]
    back = np.array([row["vector"] for row in rows], np.float32)
    np.testing.assert_array_equal(back, VECTORS)
    assert rows[0]["vector"][0] == float(str(VECTORS[0, 0])), "and have no more digits"


@pytest.mark.parametrize(("name", "separator"), [("out.csv", ","), ("out.tsv", "\t")])
def test_separated_values_have_a_column_for_each_number(
    tmp_path: Path, name: str, separator: str
) -> None:
    write_table(TABLE, tmp_path / name)
    with (tmp_path / name).open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file, delimiter=separator)
    assert header == ["text", "count", *(f"vector_{number}" for number in range(5))]
    assert [row[0] for row in rows] == TEXTS
    np.testing.assert_array_equal(np.array([row[2:] for row in rows], np.float32), VECTORS)


def test_npy_holds_the_vectors_alone(tmp_path: Path) -> None:
    write_table(TABLE, tmp_path / "out.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), VECTORS)
    with pytest.raises(InputError, match=r"no vectors.*\[output-format-unknown\]"):
        write_table(Table({"text": TEXTS}), tmp_path / "none.npy")
    assert not (tmp_path / "none.npy").exists()


def test_parquet_has_typed_columns(tmp_path: Path) -> None:
    from pyarrow import parquet

    write_table(TABLE, tmp_path / "out.parquet")
    back = parquet.read_table(tmp_path / "out.parquet")
    assert str(back.schema.field("vector").type) == "fixed_size_list<element: float>[5]"
    assert back["text"].to_pylist() == TEXTS
    np.testing.assert_array_equal(np.array(back["vector"].to_pylist(), np.float32), VECTORS)


def test_parquet_without_pyarrow_names_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ResourceError, match=r"pip install .*\[extra-missing\]"):
        write_table(TABLE, tmp_path / "out.parquet")


@pytest.mark.parametrize("name", ["out", "out.txt", "out.json"])
def test_an_unknown_format_is_refused_with_the_known_ones(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"\.jsonl, \.csv.*\[output-format-unknown\]"):
        write_table(TABLE, tmp_path / name)


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere.*\[file-not-found\]"):
        write_table(TABLE, tmp_path / "nowhere" / "out.csv")


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text("old\n")
    unwritable = Table({"text": ["fine", "half a character: \ud800"]})
    with pytest.raises(UnicodeEncodeError):
        write_table(unwritable, path)
    assert path.read_text() == "old\n"
    assert list(tmp_path.iterdir()) == [path]


def test_an_empty_table_is_a_header(tmp_path: Path) -> None:
    write_table(Table({"text": [], "score": []}), tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "text,score\n"


def test_json_lines_hold_null_instead_of_nan(tmp_path: Path) -> None:
    """JSON has no NaN and no infinity; a reader may refuse the whole file."""
    vectors = np.array([[1.5, np.nan], [np.inf, -2.0]], np.float32)
    write_table(Table({"x": [0.5, float("nan")], "vector": vectors}), tmp_path / "out.jsonl")
    rows = [
        json.loads(line, parse_constant=pytest.fail)
        for line in (tmp_path / "out.jsonl").read_text().splitlines()
    ]
    assert rows == [{"x": 0.5, "vector": [1.5, None]}, {"x": None, "vector": [None, -2.0]}]
