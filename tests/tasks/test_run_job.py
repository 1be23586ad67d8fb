"""Whole jobs: broken off and taken up again they write what an unbroken run writes."""

from __future__ import annotations

import io
import json
import logging
import re
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from tests.support.tiny_jobs import TEXTS, model, windows_of_five

import albertkit
from albertkit.engine.cpu_engine import choose_cpu_engine
from albertkit.errors import FormatError, InputError
from albertkit.runtime import LoadOptions
from albertkit.tables.writers.job_directory import RANGES
from albertkit.tasks import quantize_embeddings
from albertkit.tasks.embed_job import EmbedJob
from albertkit.tasks.jobs.run_job import JobReport, run_job, start_job
from albertkit.tasks.jobs.shard import make_shard, write_shard
from albertkit.tasks.options import EncodeOptions

__all__ = ["model", "windows_of_five"]
NUMPY = LoadOptions(engine="numpy")


@pytest.fixture
def job(model: str, tmp_path: Path) -> EmbedJob:
    path = tmp_path / "in.jsonl"
    rows = (json.dumps({"id": number, "text": text}) for number, text in enumerate(TEXTS))
    path.write_text("\n".join(rows) + "\n")
    return EmbedJob((str(path),), model=model, load=NUMPY, shard_rows=8, keep=("id",))


def run(job: EmbedJob, path: Path, *, kind: str = "jsonl", resume: bool = False) -> JobReport:
    with start_job(job, path, shard_format=kind, resume=resume) as open_job:
        return run_job(open_job)


def bytes_in(path: Path) -> dict[str, bytes]:
    return {entry.name: entry.read_bytes() for entry in sorted(path.iterdir())}


def rows_in(path: Path) -> list[dict[str, object]]:
    parts = sorted(path.glob("part-*.jsonl"))
    return [json.loads(line) for part in parts for line in part.read_text().splitlines()]


def test_a_job_writes_the_kept_columns_and_the_vectors_of_encode(
    job: EmbedJob, tmp_path: Path
) -> None:
    done = run(job, tmp_path / "out")
    assert (done.shards, done.rows, done.invalid) == (3, 23, 0)
    rows = rows_in(tmp_path / "out")
    assert [row["id"] for row in rows] == list(range(23))
    assert rows[0].keys() == {"id", "vector"}
    vectors = np.array([row["vector"] for row in rows], np.float32)
    np.testing.assert_allclose(vectors, job.open().encode(TEXTS), atol=1e-5)


@pytest.mark.parametrize("kind", ["parquet", "arrow", "npy", "jsonl"])
def test_a_resumed_job_ends_with_the_same_bytes(
    job: EmbedJob, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind in ("parquet", "arrow"):
        import pyarrow  # noqa: F401
    run(job, tmp_path / "whole", kind=kind)

    def breaking(*given: object, **named: object) -> object:
        if given[1].number == 1:  # type: ignore[attr-defined]  # a task
            raise KeyboardInterrupt
        return write_shard(*given, **named)  # type: ignore[arg-type]

    with monkeypatch.context() as broken:
        broken.setattr("albertkit.tasks.jobs.run_job.write_shard", breaking)
        with pytest.raises(KeyboardInterrupt):
            run(job, tmp_path / "out", kind=kind)
    assert len(list((tmp_path / "out").glob("part-*"))) == 1
    done = run(job, tmp_path / "out", kind=kind, resume=True)
    assert done.shards == 2
    assert bytes_in(tmp_path / "out") == bytes_in(tmp_path / "whole")


def test_any_process_makes_the_shard_that_the_whole_run_makes(
    job: EmbedJob, tmp_path: Path
) -> None:
    run(job, tmp_path / "whole")
    with start_job(job, tmp_path / "out", shard_format="jsonl") as open_job:
        for number in (2, 1, 0):
            make_shard(open_job.opened, open_job.task(number))
    assert bytes_in(tmp_path / "out") == bytes_in(tmp_path / "whole")


def test_finished_shards_in_the_middle_are_kept(job: EmbedJob, tmp_path: Path) -> None:
    run(job, tmp_path / "out")
    before = bytes_in(tmp_path / "out")
    (tmp_path / "out" / "part-00000.jsonl").unlink()
    (tmp_path / "out" / "part-00002.jsonl").unlink()
    done = run(job, tmp_path / "out", resume=True)
    assert (done.shards, done.rows) == (2, 15)
    assert bytes_in(tmp_path / "out") == before
    assert run(job, tmp_path / "out", resume=True).shards == 0


def test_the_same_output_twice_is_refused_and_so_are_other_options(
    job: EmbedJob, tmp_path: Path
) -> None:
    run(job, tmp_path / "out")
    before = bytes_in(tmp_path / "out")
    with pytest.raises(InputError, match=r"--resume.*\[output-exists\]"):
        run(job, tmp_path / "out")
    for change, message in (
        (
            {"encode": EncodeOptions(precision="float16")},
            'vectors was "float32" there, and is "float16" now',
        ),
        (
            {"encode": EncodeOptions(normalize_embeddings=True)},
            "normalize was false there, and is true now",
        ),
        ({"keep": ()}, r'keep was \["id"\] there, and is \[\] now'),
        ({"shard_rows": 9}, "shard_rows was 8 there, and is 9 now"),
    ):
        with pytest.raises(InputError, match=rf"(?s){message}.*\[output-taken\]"):
            run(replace(job, **change), tmp_path / "out", resume=True)
    assert bytes_in(tmp_path / "out") == before


def test_8_bit_vectors_have_the_saved_ranges_of_the_first_window(
    job: EmbedJob, tmp_path: Path
) -> None:
    run(replace(job, encode=EncodeOptions(precision="int8")), tmp_path / "out", kind="npy")
    ranges = np.load(tmp_path / "out" / RANGES)
    plain = job.open().encode(TEXTS)
    np.testing.assert_allclose(ranges, [plain[:5].min(0), plain[:5].max(0)], atol=1e-6)
    run(job, tmp_path / "plain", kind="npy")
    parts = [np.load(path) for path in sorted((tmp_path / "out").glob("part-*"))]
    wholes = [np.load(path) for path in sorted((tmp_path / "plain").glob("part-*"))]
    wanted = quantize_embeddings(np.concatenate(wholes), "int8", ranges)
    np.testing.assert_array_equal(np.concatenate(parts), wanted)
    before = bytes_in(tmp_path / "out")
    (tmp_path / "out" / "part-00001.npy").unlink()
    run(
        replace(job, encode=EncodeOptions(precision="int8")),
        tmp_path / "out",
        kind="npy",
        resume=True,
    )
    assert bytes_in(tmp_path / "out") == before


CUT_OFF = b"\x93NUMPY\x01\x00\x09\x00{'descr':"
NAMED_BY_BYTES = b"\x93NUMPY\x01\x00\x2c\x00{b'escr': 0, 'fortran_order': 0, 'shape': 0}"


@pytest.mark.parametrize(
    "damage", [b"", b"\x93NUMPY\x01\x00", CUT_OFF, NAMED_BY_BYTES, b"no array"]
)
def test_damaged_ranges_are_refused(job: EmbedJob, tmp_path: Path, damage: bytes) -> None:
    run(replace(job, encode=EncodeOptions(precision="int8")), tmp_path / "out", kind="npy")
    (tmp_path / "out" / "part-00001.npy").unlink()
    (tmp_path / "out" / RANGES).write_bytes(damage)
    with pytest.raises(
        FormatError, match=rf"{RANGES}: the array cannot be read.*\[file-malformed\]"
    ):
        run(
            replace(job, encode=EncodeOptions(precision="int8")),
            tmp_path / "out",
            kind="npy",
            resume=True,
        )


@pytest.mark.parametrize("kind", ["npy", "jsonl"])
def test_invalid_rows_are_listed_and_shards_of_only_them_exist(
    job: EmbedJob, tmp_path: Path, kind: str
) -> None:
    rows = Path(job.locations[0]).read_text().splitlines()
    rows[8:16] = ["null"] * 8
    Path(job.locations[0]).write_text("\n".join(rows) + "\n")
    with pytest.raises(ValueError, match=r"row 9 .*\[row-malformed\]"):
        run(job, tmp_path / "out", kind=kind)
    done = run(replace(job, skip_invalid=True), tmp_path / "out", kind=kind, resume=True)
    assert (done.shards, done.rows, done.invalid) == (2, 7, 8), "the shard before stayed"
    listed = (tmp_path / "out" / "_invalid-00001.jsonl").read_text().splitlines()
    assert [json.loads(line)["row"] for line in listed] == list(range(9, 17))
    assert (tmp_path / "out" / f"part-00001.{kind}").exists()
    assert (
        run(replace(job, skip_invalid=True), tmp_path / "out", kind=kind, resume=True).shards == 0
    )


def test_another_job_may_use_a_directory_without_shards(job: EmbedJob, tmp_path: Path) -> None:
    Path(job.locations[0]).write_text('null\n{"id": 1, "text": "a"}\n{"id": 2, "text": "b"}\n')
    with pytest.raises(ValueError, match=r"\[row-malformed\]"):
        run(replace(job, encode=EncodeOptions(precision="int8")), tmp_path / "out")
    assert run(replace(job, skip_invalid=True, column="text"), tmp_path / "out").rows == 2
    assert sorted(bytes_in(tmp_path / "out")) == [
        ".lock", "_invalid-00000.jsonl", "_job.json", "part-00000.jsonl",
    ]  # fmt: skip


def test_standard_input_can_be_a_job_and_gives_ranges(
    job: EmbedJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = replace(job, locations=("-",), keep=(), encode=EncodeOptions(precision="uint8"))
    for resume in (False, True):
        piped = io.TextIOWrapper(io.BytesIO("".join(f"{t}\n" for t in TEXTS).encode()))
        monkeypatch.setattr("sys.stdin", piped)
        done = run(asked, tmp_path / "out", resume=resume)
        assert done.shards == (0 if resume else 3)
    assert [row["text"] for row in rows_in(tmp_path / "out")] == TEXTS


def test_warnings_about_texts_are_logged_once_for_all_shards(
    job: EmbedJob, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = tmp_path / "lines.txt"
    lines.write_text("\n".join([*TEXTS[:9], "", *TEXTS[:9], "water " * 50, ""]) + "\n")
    with caplog.at_level(logging.WARNING, "albertkit.tasks"):
        run(replace(job, locations=(str(lines),), keep=()), tmp_path / "out")
    empty, cut = (record.getMessage() for record in caplog.records)
    assert empty.startswith("2 of 21 texts are empty, the first is number 10")
    assert cut.startswith("1 of 21 texts was cut to 20 ids")


def test_a_job_without_rows_is_refused(job: EmbedJob, tmp_path: Path) -> None:
    (tmp_path / "none.txt").write_text("")
    for vectors in ("float32", "int8"):
        asked = replace(
            job,
            locations=(str(tmp_path / "none.txt"),),
            keep=(),
            encode=EncodeOptions(precision=vectors),
        )
        with pytest.raises(InputError, match=r"\[texts-missing\]"):
            run(asked, tmp_path / f"out-{vectors}")


def test_a_kept_column_cannot_have_the_name_of_the_vectors(job: EmbedJob) -> None:
    with pytest.raises(InputError, match=r"'vector'.*\[option-invalid\]"):
        replace(job, keep=("vector",))


def test_a_job_names_its_engine_and_its_model(job: EmbedJob, tmp_path: Path) -> None:
    auto = replace(job, load=LoadOptions())
    with start_job(auto, tmp_path / "out", shard_format="jsonl") as open_job:
        assert open_job.job.load.engine == choose_cpu_engine("float32")
    message = json.loads((tmp_path / "out" / "_job.json").read_text())["job"]
    assert message["engine"] == choose_cpu_engine("float32")
    assert len(message["fingerprint"]) == 16


def test_wrong_files_or_columns_start_no_directory(job: EmbedJob, tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_bytes(b"\xff\xfet")
    for change, message in (
        ({"column": "titel"}, "column-missing"),
        ({"keep": ("titel",)}, "column-missing"),
        (
            {"locations": (*job.locations, str(tmp_path / "bad.txt")), "keep": ()},
            "encoding-mismatch",
        ),
    ):
        with pytest.raises(ValueError, match=rf"\[{message}\]"):
            run(replace(job, **change), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_shards_are_not_written_among_the_texts(job: EmbedJob, tmp_path: Path) -> None:
    asked = replace(job, locations=(str(tmp_path),))
    with pytest.raises(InputError, match=r"in the input directory.*\[output-taken\]"):
        run(asked, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert run(asked, tmp_path / "_out").rows == len(TEXTS)
    assert run(asked, tmp_path / "_out", resume=True).shards == 0


def test_auto_is_fixed_for_every_process(job: EmbedJob, tmp_path: Path) -> None:
    auto = replace(job, load=LoadOptions(device="auto", precision="auto"))
    with start_job(auto, tmp_path / "out", shard_format="jsonl") as open_job:
        load = open_job.job.load
    assert "auto" not in (load.engine, load.device, load.precision)
    assert load.precision == open_job.opened.model.engines.precision


def test_shards_of_two_versions_are_not_mixed(
    job: EmbedJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(job, tmp_path / "out")
    monkeypatch.setattr(albertkit, "__version__", "9.9")
    with pytest.raises(InputError, match=r"albertkit.*is \"9\.9\" now.*\[output-taken\]"):
        run(job, tmp_path / "out", resume=True)


def test_progress_ends_with_all_rows_of_a_file_of_unknown_length(
    job: EmbedJob, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for done in (0, 2):  # the second time two shards of three are there
        with start_job(job, tmp_path / "out", shard_format="jsonl", resume=True) as open_job:
            assert len(open_job.finished) == done
            run_job(open_job, shows_progress=True)
        last = capsys.readouterr().err.split("\r")[-1]
        assert "23/23 " in last
        (tmp_path / "out" / "part-00002.jsonl").unlink()


def test_progress_counts_the_rows_of_a_short_finished_shard(
    job: EmbedJob, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(job, tmp_path / "out")
    (tmp_path / "out" / "part-00001.jsonl").unlink()
    with start_job(job, tmp_path / "out", shard_format="jsonl", resume=True) as open_job:
        assert open_job.finished == {0, 2}
        run_job(open_job, shows_progress=True)
    assert "23/23 " in capsys.readouterr().err.split("\r")[-1]


def test_progress_of_a_finished_job_never_counts_more_rows_than_there_are(
    job: EmbedJob, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(job, tmp_path / "out")
    with start_job(job, tmp_path / "out", shard_format="jsonl", resume=True) as open_job:
        run_job(open_job, shows_progress=True)
    counts = [int(number) for number in re.findall(r"(\d+) texts", capsys.readouterr().err)]
    assert counts == [16, 23]  # the last shard counts when the end of the file was read


def test_a_job_writes_a_row_for_each_part(job: EmbedJob, tmp_path: Path) -> None:
    job = replace(job, encode=EncodeOptions(chunk=9, overlap=2))
    run(job, tmp_path / "out")
    rows = rows_in(tmp_path / "out")
    assert rows[0].keys() == {"id", "row", "part", "start", "end", "vector"}
    embedder = job.open()
    expected = [
        (number, number + 1, index, part.start, part.end)
        for number, parts in enumerate(embedder.chunk(TEXTS, 9, overlap=2))
        for index, part in enumerate(parts)
    ]
    assert len(expected) > len(TEXTS)
    assert [tuple(row.values())[:-1] for row in rows] == expected
    vectors = np.array([row["vector"] for row in rows], np.float32)
    arrays = embedder.encode(TEXTS, chunk=9, overlap=2)
    np.testing.assert_allclose(vectors, np.concatenate(arrays), atol=1e-5)


@pytest.mark.parametrize("parts", ["rows", "mean"])
def test_a_resumed_job_of_parts_ends_with_the_same_bytes(
    job: EmbedJob, tmp_path: Path, parts: Literal["rows", "mean"]
) -> None:
    encode = EncodeOptions(chunk=9, overlap=2, parts=parts, precision="int8")
    job = replace(job, encode=encode, keep=())
    run(job, tmp_path / "whole")
    run(job, tmp_path / "out")
    (tmp_path / "out" / "part-00001.jsonl").unlink()
    assert run(job, tmp_path / "out", resume=True).shards == 1
    assert bytes_in(tmp_path / "out") == bytes_in(tmp_path / "whole")
    another = replace(job, encode=replace(encode, overlap=1))
    with pytest.raises(InputError, match=r"overlap was 2 there, and is 1 now.*\[output-taken\]"):
        run(another, tmp_path / "out", resume=True)


def test_a_kept_column_may_not_have_the_name_of_a_part_s_number(job: EmbedJob) -> None:
    with pytest.raises(InputError, match=r"include 'part'; .*\[option-invalid\]"):
        replace(job, keep=("part",), encode=EncodeOptions(chunk=9))
    replace(job, keep=("part",), encode=EncodeOptions(chunk=9, parts="mean"))
