"""`albertkit embed` on tables, streams and directories."""

from __future__ import annotations

import gzip
import io
import json
import signal
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from tests.support.interrupts import start_command
from tests.support.tiny_models import save_tiny_vectors

from albertkit.cli.main import run
from albertkit.spec.pooling_config import PoolingConfig
from albertkit.tasks import TextEmbedder, quantize_embeddings

TEXTS = [f"the {number} waters of {number % 7}" for number in range(30)]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    where = tmp_path_factory.mktemp("models") / "vectors"
    return str(save_tiny_vectors(where, PoolingConfig(max_length=20)))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "in.jsonl"
    rows = [
        {"id": number, "title": f"t{number}", "body": text} for number, text in enumerate(TEXTS)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def status_of(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Standard error of a command that ends well."""
    status = run(["embed", *map(str, arguments)])
    shown = capsys.readouterr()
    assert status == 0, shown.err
    return shown.err


def error_line(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line of a command that ends badly."""
    assert run(["embed", *map(str, arguments)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_columns_travel_along_instead_of_the_text(
    capsys: pytest.CaptureFixture[str], model: str, table: Path
) -> None:
    assert (
        run(["embed", "-i", str(table), "--column", "body", "--keep", "id,title", "-m", model]) == 0
    )
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [list(row) for row in rows] == [["id", "title", "vector"]] * 30
    vectors = np.array([row["vector"] for row in rows], np.float32)
    expected = list(TextEmbedder(model).encode(iter(TEXTS)))  # in the same windows
    np.testing.assert_array_equal(vectors, expected)


def test_a_directory_gets_shards_and_can_be_taken_up(
    capsys: pytest.CaptureFixture[str], model: str, table: Path, tmp_path: Path
) -> None:
    job = [
        "-i",
        table,
        "--column",
        "body",
        "-m",
        model,
        "--engine",
        "numpy",
        "-o",
        f"{tmp_path}/out/",
    ]
    job += ["--shard-rows", 12, "--format", "npy"]
    assert "30 rows in 3 files" in status_of(capsys, *job)
    assert "[output-exists]" in error_line(capsys, *job)
    (tmp_path / "out" / "part-00001.npy").unlink()
    assert "12 rows in 1 file written" in status_of(capsys, *job, "--resume")
    other = error_line(capsys, *job, "--resume", "--vectors", "float16")
    assert "vectors" in other
    assert other.endswith("[output-taken]")
    parts = [np.load(tmp_path / "out" / f"part-0000{number}.npy") for number in range(3)]
    wanted = TextEmbedder(model, engine="numpy").encode(TEXTS)
    np.testing.assert_allclose(np.concatenate(parts), wanted, atol=1e-5)


def test_a_file_of_8_bit_vectors_comes_with_a_file_of_ranges(
    capsys: pytest.CaptureFixture[str], model: str, table: Path, tmp_path: Path
) -> None:
    path = tmp_path / "v.npy"
    status_of(capsys, "-i", table, "--column", "body", "-m", model, "--vectors", "int8", "-o", path)
    ranges = np.load(tmp_path / "v.npy.ranges.npy")
    wanted = quantize_embeddings(TextEmbedder(model).encode(TEXTS), "int8", ranges)
    np.testing.assert_array_equal(np.load(path), wanted)


def test_invalid_rows_are_skipped_and_listed(
    capsys: pytest.CaptureFixture[str], model: str, tmp_path: Path
) -> None:
    table = tmp_path / "in.jsonl"
    table.write_text('"one"\nnull\n"three"\n')
    assert "[row-malformed]" in error_line(capsys, "-i", table, "-m", model)
    assert run(["embed", "-i", str(table), "-m", model, "--skip-invalid"]) == 0
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == 2
    assert "in.jsonl: row 2 holds null" in shown.err
    status_of(capsys, "-i", table, "-m", model, "--skip-invalid", "-o", tmp_path / "v.jsonl")
    (listed,) = (tmp_path / "v.jsonl.invalid.jsonl").read_text().splitlines()
    assert json.loads(listed)["row"] == 2


@pytest.mark.parametrize("output", [[], ["-o", "v.npy"]], ids=str)
def test_invalid_rows_are_printed_at_once_and_not_kept_in_memory(
    capfd: pytest.CaptureFixture[str],
    model: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    output: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    job = ["embed", "-i", "in.jsonl", "-m", model, "--engine", "numpy", "--skip-invalid", *output]
    most = []
    for bad in (3_000, 60_000):
        null = '{"text": null, "why": "' + "it was left out " * 10 + '"}\n'
        Path("in.jsonl").write_text('{"text": "one"}\n' + null * bad + '{"text": "two"}\n')
        tracemalloc.start()
        assert run(job) == 0
        most.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        lines = capfd.readouterr().err.splitlines()
        if output:
            lines[:-2] = Path("v.npy.invalid.jsonl").read_text().splitlines()
            assert lines[-2] == f"{bad:,} invalid rows listed in v.npy.invalid.jsonl"
        assert len(lines) == bad + (2 if output else 0)
    assert most[1] < most[0] + 2_000_000


def test_a_list_of_invalid_rows_is_removed_by_a_run_without_them(
    capsys: pytest.CaptureFixture[str], model: str, tmp_path: Path
) -> None:
    table = tmp_path / "in.jsonl"
    output = ["-m", model, "--skip-invalid", "-o", tmp_path / "v.jsonl"]
    for rows, listed in (('"one"\nnull\n', True), ('"one"\n"two"\n', False)):
        table.write_text(rows)
        status_of(capsys, "-i", table, *output)
        assert (tmp_path / "v.jsonl.invalid.jsonl").exists() == listed


def test_a_list_of_invalid_rows_that_would_be_read_is_refused(
    capsys: pytest.CaptureFixture[str], model: str, table: Path
) -> None:
    folder = table.parent
    inputs = ["-i", folder, "--column", "body", "-m", model, "-o", folder / "v.npy"]
    line = error_line(capsys, *inputs, "--skip-invalid")
    assert "v.npy.invalid.jsonl' is in the input directory" in line
    assert line.endswith("[output-taken]")
    status_of(capsys, *inputs)  # no row may be invalid, so there is no list


def test_a_table_of_invalid_rows_only_is_listed_and_gives_no_file(
    capsys: pytest.CaptureFixture[str], model: str, tmp_path: Path
) -> None:
    table = tmp_path / "in.jsonl"
    table.write_text("null\nnull\n")
    status = run(
        ["embed", "-i", str(table), "-m", model, "--skip-invalid", "-o", f"{tmp_path}/v.npy"]
    )
    listed, line = capsys.readouterr().err.splitlines()
    assert status == 2
    assert listed.startswith("2 invalid rows listed in ")
    assert line.endswith("[texts-missing]")
    assert not (tmp_path / "v.npy").exists()


def test_texts_have_their_numbers_through_all_that_is_named(
    capsys: pytest.CaptureFixture[str], model: str, tmp_path: Path
) -> None:
    (tmp_path / "in.txt").write_text("three\n" + "water " * 50 + "\n")
    named = ["one", "two", "-i", tmp_path / "in.txt", "-m", model]
    assert "text 4" in error_line(capsys, *named, "--truncation", "error")


@pytest.mark.parametrize(("kind", "separator"), [("csv", ","), ("csv", ";"), ("csv", "\t")])
def test_cells_through_a_pipe_are_read(
    capsys: pytest.CaptureFixture[str],
    model: str,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    separator: str,
) -> None:
    piped = f'id{separator}body\n1{separator}"a\nb"\n2{separator}c\n'.encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(piped)))
    asked = ["--input-format", kind, "--column", "body", "--keep", "id", "-m", model]
    assert run(["embed", *asked]) == 0
    printed = capsys.readouterr().out
    assert [json.loads(line)["id"] for line in printed.splitlines()] == ["1", "2"]


def test_cells_through_a_pipe_can_be_a_job(
    capsys: pytest.CaptureFixture[str], model: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"id,text\n1,a\n2,b\n")))
    job = ["--input-format", "csv", "-m", model, "-o", f"{tmp_path}/out/", "-f", "jsonl"]
    assert "2 rows in 1 file written" in status_of(capsys, *job)


def test_windows_are_printed_as_they_are_answered(
    capsys: pytest.CaptureFixture[str], model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("albertkit.tasks.inputs.WINDOW_TEXTS", 4)
    for form in ("csv", "jsonl"):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("\n".join(TEXTS).encode())))
        assert run(["embed", "-m", model, "-f", form]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == len(TEXTS) + (form == "csv")


def test_a_reader_that_has_enough_ends_the_work(model: str, tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text("some more water\n" * 200_000)
    program = "from albertkit.cli.start import main; main()"
    command = f"'{sys.executable}' -c '{program}' embed --engine numpy"
    command += f" -i '{tmp_path}/lines.txt' -m '{model}'"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} | head -1"],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""


def test_ctrl_c_in_a_job_says_how_to_go_on(model: str, tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text("some more water\n" * 200_000)
    program = "from albertkit.cli.start import main; main()"
    job = ["embed", "-i", tmp_path / "lines.txt", "-m", model, "--engine", "numpy"]
    job += ["-o", f"{tmp_path}/out/", "-f", "npy", "--shard-rows", "100"]
    process = start_command([sys.executable, "-c", program, *job])
    while not list(tmp_path.glob("out/part-*")):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, lines = process.communicate(timeout=60)
    assert process.returncode == 130
    assert lines.decode().startswith("stopped: ")
    assert "--resume" in lines.decode()
    assert not list(tmp_path.glob("out/.part-*"))


def test_what_ends_a_job_says_how_to_go_on(
    capsys: pytest.CaptureFixture[str], model: str, tmp_path: Path
) -> None:
    table = tmp_path / "in.jsonl"
    table.write_text('"one"\nnull\n"three"\n')
    job = ["-i", table, "-m", model, "-o", f"{tmp_path}/out/", "-f", "npy", "--shard-rows", 1]
    assert run(["embed", *map(str, job)]) == 2
    stopped, line = capsys.readouterr().err.splitlines()
    assert stopped == f"stopped: {tmp_path}/out/ holds 1 file, --resume makes the others"
    assert line.endswith("[row-malformed]")
    assert status_of(capsys, *job, "--resume", "--skip-invalid").startswith(
        f"1 row in 2 files written to {tmp_path}/out/, 1 file of an earlier run kept, 1 invalid row"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["hi", "-o", "out/"], "texts are given as arguments"),
        (["hi", "--resume"], "--resume is given without a directory"),
        (["hi", "--shard-rows", "5"], "--shard-rows is given without a directory"),
        (["hi", "-f", "npy"], "--format is npy; printed results are table, json, jsonl, csv"),
        (["-f", "csv", "-o", "out/"], "--format is csv; the files of a directory are parquet"),
        (["-f", "csv", "-o", "v.csv"], "both --format and --output"),
        (["hi", "--keep", "id"], "--keep is given, and a text as argument"),
        (["-i", ""], "there is no file ''"),
        (["-i", "x*.csv"], "no file matches the pattern 'x*.csv'. Check the pattern"),
        (["hi", "-o", ""], "--output has no name"),
        (["-", "-i", "-"], "standard input is named twice"),
        (["hi", "-o", "s3://bucket/v.npy"], "on remote file systems only directories are"),
        (["-i", "v.jsonl", "-o", "./v.jsonl"], "the output 'v.jsonl' is an input"),
        (["-i", "x.txt", "--keep", "vector"], "the kept columns include 'vector'"),
        (["-i", "x.txt", "-o", "out/", "--shard-rows", "0"], "shard_rows is 0"),
    ],
    ids=" ".join,
)
def test_options_that_do_not_fit_are_refused_before_anything_is_read(
    capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert message in error_line(capsys, *options, "-m", "no-such-model")


def test_a_kept_column_that_begins_with_nothing_has_its_type_in_a_file(
    capsys: pytest.CaptureFixture[str], model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyarrow import parquet

    monkeypatch.setattr("albertkit.tasks.inputs.WINDOW_TEXTS", 4)
    numbers = [None] * 9 + [1, 2]
    table = tmp_path / "in.jsonl"
    table.write_text("".join(json.dumps({"text": "a", "n": n}) + "\n" for n in numbers))
    status_of(capsys, "-i", table, "--keep", "n", "-m", model, "-o", tmp_path / "v.parquet")
    assert parquet.read_table(tmp_path / "v.parquet")["n"].to_pylist() == numbers


def test_compressed_lines_are_shards_too(
    capsys: pytest.CaptureFixture[str], model: str, table: Path, tmp_path: Path
) -> None:
    job = ["-i", table, "--column", "body", "-m", model, "-o", f"{tmp_path}/out/"]
    status_of(capsys, *job, "-f", "jsonl.gz")
    lines = gzip.decompress((tmp_path / "out" / "part-00000.jsonl.gz").read_bytes()).splitlines()
    assert [json.loads(line)["text"] for line in lines] == TEXTS


@pytest.mark.parametrize("output", [[], ["-o", "out/"]], ids=str)
def test_a_column_of_piped_lines_is_refused(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    output: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"one text\n")))
    line = error_line(capsys, "--column", "body", *output)
    assert "standard input: there is no column 'body'" in line
    assert "Name its format (--input-format csv), or leave the column out" in line
    assert line.endswith("[column-missing]")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("keep", [["--keep", "id", "--keep", "title"], ["--keep", "id, title"]])
def test_kept_columns_are_named_together_or_one_by_one(
    capsys: pytest.CaptureFixture[str], model: str, table: Path, keep: list[str]
) -> None:
    assert run(["embed", "-i", str(table), "--column", "body", *keep, "-m", model]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [list(row) for row in rows] == [["id", "title", "vector"]] * 30


def test_one_input_option_takes_several_files(
    capsys: pytest.CaptureFixture[str], model: str, tmp_path: Path
) -> None:
    files = [tmp_path / f"{name}.txt" for name in "abc"]
    for file in files:
        file.write_text(f"from {file.name}\n")
    assert run(["embed", "-m", model, "-i", *map(str, files), "--normalize"]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    texts = [json.loads(line)["text"] for line in shown.out.splitlines()]
    assert texts == ["from a.txt", "from b.txt", "from c.txt"]


@pytest.mark.parametrize("command", ["embed", "similarity", "tokens"])
def test_a_text_that_is_the_name_of_a_file_gets_a_warning(
    capsys: pytest.CaptureFixture[str],
    model: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("comma.csv").write_text("text\na\n")
    assert run([command, "comma.csv", "a text", "x" * 5000, "-m", model]) == 0
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "[text-is-path]" in line]
    assert line.startswith("warning: the text 'comma.csv' is the name of a file; ")
    assert "give --input comma.csv" in line


def test_a_text_that_is_the_path_of_a_directory_gets_a_warning(
    capsys: pytest.CaptureFixture[str],
    model: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("texts").mkdir()
    assert run(["tokens", "texts/", "-m", model]) == 0
    assert "the text 'texts/' is the name of a directory; " in capsys.readouterr().err
    assert run(["tokens", "texts", "-m", model]) == 0  # a word, more probably
    assert "[text-is-path]" not in capsys.readouterr().err


def test_ctrl_c_says_that_the_file_is_not_written(
    capsys: pytest.CaptureFixture[str],
    model: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("albertkit.tasks.embed_job.VectorCast.of", interrupt)
    output = tmp_path / "v.jsonl"
    assert run(["embed", "a text", "-m", model, "-o", str(output)]) == 130
    assert capsys.readouterr().err == f"stopped: nothing was written to {output}\n"
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("command", ["embed", "tokens"])
def test_an_empty_file_is_named(
    capsys: pytest.CaptureFixture[str], model: str, tmp_path: Path, command: str
) -> None:
    (tmp_path / "empty.txt").touch()
    assert run([command, "-i", str(tmp_path / "empty.txt"), "-m", model]) == 2
    assert "empty.txt; the input is empty. " in capsys.readouterr().err


def test_json_is_one_array_of_all_windows(
    capsys: pytest.CaptureFixture[str], model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("albertkit.tasks.inputs.WINDOW_TEXTS", 4)
    (tmp_path / "lines.txt").write_text("\n".join(TEXTS))
    assert run(["embed", "-i", str(tmp_path / "lines.txt"), "-m", model, "-f", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["text"] for row in rows] == TEXTS
    assert run(["tokens", "a text", "-m", model, "-f", "json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["piece"] == "[CLS]"
