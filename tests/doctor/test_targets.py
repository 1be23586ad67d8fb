"""Tables as targets, and what is no target at all: one line, no crash."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import tempfile
from pathlib import Path
from typing import Any, get_args

import pyarrow
import pyarrow.parquet
import pytest

from albertkit.cli.doctor import Task
from albertkit.cli.main import run
from albertkit.doctor import diagnose, examine
from albertkit.doctor.checks.labelled_data import TASK_NAMES
from albertkit.doctor.reading import read_own_texts, read_some_texts
from albertkit.doctor.render import render
from albertkit.errors import FormatError, InputError, ResourceError
from albertkit.finetuning import FinetuneOptions, FinetuneSession
from tests.support.other_user import as_other_user
from tests.support.tiny_models import PIECES

FIXTURES = Path(__file__).parents[1] / "fixtures"
WORDS = "the a cat dog house tree river good bad fine awful nice car red blue green"


def make_rows() -> list[dict[str, str]]:
    """120 examples; rows 5 and 6 have one text and two labels."""
    rng = random.Random(0)
    rows = [
        {"text": " ".join(rng.choices(WORDS.split(), k=8)), "label": rng.choice(["good", "bad"])}
        for _ in range(120)
    ]
    rows[5] = {"text": rows[4]["text"], "label": "bad" if rows[4]["label"] == "good" else "good"}
    return rows


def write_table(path: Path, rows: list[dict[str, str]]) -> Path:
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        text = io.StringIO()
        writer = csv.DictWriter(text, ["text", "label"], delimiter=",\t"[path.suffix == ".tsv"])
        writer.writeheader()
        writer.writerows(rows)
        path.write_text(text.getvalue())
    return path


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_a_table_is_checked_as_before_a_finetuning(suffix: str, tmp_path: Path) -> None:
    path = write_table(tmp_path / f"data{suffix}", make_rows())
    session = FinetuneSession.open(str(path), None, FinetuneOptions(task="classification"))
    examination = examine(path, task="classification")
    assert examination.kind == "data"
    assert list(examination.diagnostics) == session.check(suspects=True)
    contradiction = next(d for d in examination.diagnostics if d.code == "labels-contradict")
    assert "rows 5, 6" in contradiction.what
    assert examination.facts["rows"] == "120 examples"


def test_a_table_with_a_mistake_fails_by_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = write_table(tmp_path / "few.csv", make_rows()[:50])
    assert run(["doctor", str(few), "--task", "classify"]) == 1
    assert "[rows-few]" in capsys.readouterr().out
    many = write_table(tmp_path / "many.csv", make_rows())
    assert run(["doctor", str(many), "--task", "classify"]) == 0
    assert run(["doctor", str(many), "--task", "classification", "--fail-on", "warning"]) == 1


def test_the_command_takes_the_tasks_that_are_checked() -> None:
    assert set(get_args(Task)) == set(TASK_NAMES)
    with pytest.raises(InputError, match=r"task is 'sing'.*\[option-invalid\]"):
        diagnose(__file__, task="sing")


def test_columns_that_cannot_be_seen_lead_to_the_command_that_takes_them(tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    path.write_text("a,b\n1,2\n3,4\n")
    [diagnostic] = diagnose(path)
    assert diagnostic.code == "column-undecided"
    assert f"albertkit finetune {path} --check --text" in diagnostic.fix


def test_an_option_of_another_command_is_named_with_its_command(tmp_path: Path) -> None:
    path = tmp_path / "numbers.csv"
    path.write_text("text,label\n" + "a word,same\n" * 120)
    [diagnostic] = diagnose(path, task="classify")
    assert diagnostic.code == "label-single"
    assert diagnostic.fix.endswith(f"options of: albertkit finetune {path} --check")


ROWS = """text,label

"a text
of two lines",good
another,bad

third,
fourth,good
third one,bad
fourth,bad
"""


def test_the_rows_of_a_table_have_their_lines_in_reports(tmp_path: Path) -> None:
    """Row 3 has no label; rows 4 and 6 have one text and two labels."""
    (tmp_path / "rows.csv").write_text(ROWS)
    examination = examine(tmp_path / "rows.csv", task="classify")
    lines = {d.code: examination.lines_of(d) for d in examination.diagnostics}
    assert lines["examples-incomplete"] == [7]
    assert lines["labels-contradict"] == [8, 10]
    assert lines["rows-few"] == []
    assert ",line=7,title=albertkit examples-incomplete::" in render(examination, "github")
    results = json.loads(render(examination, "sarif"))["runs"][0]["results"]
    [result] = [result for result in results if result["ruleId"] == "labels-contradict"]
    [first] = result["locations"]
    [second] = result["relatedLocations"]
    regions = [place["physicalLocation"]["region"] for place in (first, second)]
    assert regions == [{"startLine": 8}, {"startLine": 10}]


def test_a_row_that_cannot_be_read_has_its_line(tmp_path: Path) -> None:
    rows = [json.dumps({"text": "a", "label": "b"}), "", "{"]
    (tmp_path / "rows.jsonl").write_text("\n".join(rows))
    examination = examine(tmp_path / "rows.jsonl", task="classify")
    assert [examination.lines_of(d) for d in examination.diagnostics] == [[3]]


def test_rows_that_are_no_lines_have_none(tmp_path: Path) -> None:
    path = write_table(tmp_path / "data.parquet", make_rows())
    examination = examine(path, task="classify")
    assert {tuple(examination.lines_of(d)) for d in examination.diagnostics} == {()}


@pytest.mark.parametrize("target", ["", "  ", "\n\n"])
def test_an_empty_target_is_refused(target: str) -> None:
    with pytest.raises(InputError, match=r"empty.*\[texts-missing\]"):
        diagnose(target)


def test_an_empty_pipe_or_log_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "empty.log"
    empty.touch()
    with pytest.raises(InputError, match=r"empty.log: there is no text.*\[texts-missing\]"):
        diagnose(empty)
    monkeypatch.setattr("sys.stdin", empty.open())
    assert run(["doctor", "-"]) == 2
    assert run(["doctor", "small-en", "--text", str(empty)]) == 2
    assert capsys.readouterr().err.count("[texts-missing]") == 2


CODE = "import torch\nmodel = AlbertModel(config)\n"
UNUSED: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("a model or a table", CODE, {"tokenizer": "small-en"}),
    ("a model", CODE, {"texts": ["a"]}),
    ("a model", CODE, {"num_attention_heads": 3}),
    ("a model", "OddError: a\nb", {"against": "small-en"}),
    ("a table", "small-en", {"task": "classify"}),
    ("a model", str(PIECES), {"texts": ["a"]}),
    ("a model", str(PIECES), {"against": "small-en"}),
    ("a model", str(PIECES), {"policy": "tfhub"}),
)


@pytest.mark.parametrize(("kinds", "target", "arguments"), UNUSED)
def test_an_argument_without_a_use_is_refused(
    kinds: str, target: str, arguments: dict[str, Any]
) -> None:
    with pytest.raises(InputError, match=rf"use for {kinds} only.*\[option-invalid\]"):
        diagnose(target, **arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ["-", "--with", "small-en"],
        ["--env", "--against", "small-en"],
        [__file__, "--text", __file__],
        ["--explain", "left-padding", "small-en"],
    ],
)
def test_an_option_without_a_use_is_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["doctor", *arguments]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_long_file_of_texts_is_cut_with_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "texts.txt").write_text("a text\n" * 10_005)
    assert len(read_some_texts(tmp_path / "texts.txt")) == 10_000
    assert "the first 10000 of 10005 texts" in caplog.text


def test_own_texts_are_lines_or_the_texts_of_a_table(tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text('{"text": "a b"}\n')
    (tmp_path / "texts.jsonl").write_text('{"text": "a b", "id": 1}\n{"text": "c", "id": 2}\n')
    (tmp_path / "texts.csv").write_text("id,text\n1,a b\n2,c\n")
    assert read_own_texts(tmp_path / "texts.txt") == ['{"text": "a b"}']
    assert read_own_texts(tmp_path / "texts.jsonl") == ["a b", "c"]
    assert read_own_texts(tmp_path / "texts.csv") == ["a b", "c"]
    (tmp_path / "others.csv").write_text("id,body\n1,a b\n")
    with pytest.raises(InputError, match=r"\[column-missing\]|\[column-undecided\]"):
        read_own_texts(tmp_path / "others.csv")


def test_a_log_in_utf_16_is_read(tmp_path: Path) -> None:
    """Windows PowerShell writes one with `python script.py > error.log`."""
    message = "TypeError: 'AutoTrackable' object is not callable"
    (tmp_path / "error.log").write_text(message, encoding="utf-16")
    assert [d.code for d in diagnose(tmp_path / "error.log")] == ["tf1-module-called"]


def test_a_binary_file_is_no_message(tmp_path: Path) -> None:
    for name in ("error.log", "script.py", "book.ipynb"):
        (tmp_path / name).write_bytes(b"\0\1\2" * 100)
        with pytest.raises(FormatError, match=r"binary.*\[file-wrong-format\]"):
            diagnose(tmp_path / name)


@pytest.mark.parametrize("name", ["big", "big.bin", "big.onnx", "big.model", "big.csv", "big.h5"])
def test_a_file_of_two_gigabytes_that_is_no_model_is_one_line(name: str, tmp_path: Path) -> None:
    with (tmp_path / name).open("wb") as file:
        file.truncate(2_000_000_000)  # a sparse file of zeros
    examination = examine(tmp_path / name)
    assert [d.severity for d in examination.diagnostics] == ["error"]
    assert examination.healthy == ()


def test_a_log_of_two_gigabytes_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "big.log").open("wb") as file:
        file.truncate(2_000_000_000)
    with pytest.raises(FormatError, match=r"2,000 MB.*\[file-wrong-format\]"):
        diagnose(tmp_path / "big.log")


def test_a_notebook_with_large_outputs_is_read(tmp_path: Path) -> None:
    cell = {"cell_type": "code", "source": ["AlbertConfig()"], "outputs": ["x" * 50_000_000]}
    (tmp_path / "book.ipynb").write_text(json.dumps({"cells": [cell]}))
    assert [d.code for d in diagnose(tmp_path / "book.ipynb")] == ["config-of-xxlarge"]


def test_a_pipe_and_a_link_to_nothing_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    (tmp_path / "self").symlink_to(tmp_path / "self")
    for name, words in (("pipe.py", "no file"), ("link", "to nothing"), ("self", "to nothing")):
        with pytest.raises(InputError, match=rf"{words}.*\[file-wrong-format\]"):
            diagnose(tmp_path / name)


def test_a_directory_that_holds_itself_and_a_pipe_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "inside").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "config.json")
    assert [d.code for d in diagnose(tmp_path)] == ["checkpoint-unrecognised"]


def test_what_may_not_be_read_is_said_in_one_line() -> None:
    with tempfile.TemporaryDirectory() as name:
        closed = Path(name)
        (closed / "error.log").write_text("OddError: a\n")
        closed.chmod(0)
        with as_other_user():
            with pytest.raises(ResourceError, match=r"denied.*\[file-unreadable\]"):
                diagnose(closed / "error.log")
            assert [d.code for d in diagnose(closed)] == ["file-unreadable"]
        closed.chmod(0o755)
        (closed / "error.log").chmod(0)
        with as_other_user(), pytest.raises(ResourceError, match=r"denied.*\[file-unreadable\]"):
            diagnose(closed / "error.log")


def test_a_message_of_one_line_is_no_name() -> None:
    message = "TypeError: 'AutoTrackable' object is not callable"
    assert [d.code for d in diagnose(message)] == ["tf1-module-called"]


@pytest.mark.parametrize(
    ("name", "needs"), [("bert_preprocess_tiny", True), ("bert_tiny_v3", False)]
)
def test_a_preprocessor_needs_tensorflow_text(name: str, needs: bool) -> None:
    examination = examine(str(FIXTURES / f"{name}.tar.gz"))
    notes = [d for d in examination.diagnostics if d.code == "tensorflow-text-not-imported"]
    assert [d.severity for d in notes] == ["note"] * needs
    assert all("RegexSplitWithOffsets" in d.evidence for d in notes)
    assert ("the SavedModel needs no other library" in examination.healthy) is not needs
