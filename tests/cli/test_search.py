"""`search`, `duplicates`, `cluster`, and the rows of `similarity`: what the library computes."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.tiny_models import save_tiny_vectors

from albertkit import Search, TextEmbedder, community_detection
from albertkit.cli.main import run
from albertkit.cli.search_output import draw_first_rows, draw_hits
from albertkit.spec.pooling_config import PoolingConfig
from albertkit.tables import Table

TEXTS = [
    "The library opens at nine.",
    "Tickets for children are free.",
    "Dogs must be kept on a lead.",
    "Tickets for children are free!",
    "The pool closes at eight.",
]
ROWS = [{"body": text, "lang": "en" if n % 2 else "de", "n": n} for n, text in enumerate(TEXTS)]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("models") / "vectors"
    return str(save_tiny_vectors(path, PoolingConfig(max_length=20)))


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("texts.txt").write_text("".join(text + "\n" for text in TEXTS))
    with Path("texts.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["body", "lang", "n"])
        writer.writeheader()
        writer.writerows(ROWS)


def rows_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    status = run(arguments)
    shown = capsys.readouterr()
    assert status == 0, shown.err
    return [json.loads(line) for line in shown.out.splitlines()]


def error_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(arguments) == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    return error


def test_search_prints_what_the_library_finds(
    capsys: pytest.CaptureFixture[str], model: str
) -> None:
    queries = ["children pay nothing", "opening hours"]
    rows = rows_of(capsys, "search", *queries, "--in", "texts.txt", "-k", "3", "-m", model)
    expected = Search(TEXTS, model)(queries, k=3)
    assert [(row["query"], row["rank"]) for row in rows] == [
        (query, rank) for query in queries for rank in (1, 2, 3)
    ]
    hits = [hit for query_hits in expected for hit in query_hits]
    assert [(row["row"], row["text"]) for row in rows] == [
        (hit["corpus_id"] + 1, hit["text"]) for hit in hits
    ]
    np.testing.assert_allclose([r["score"] for r in rows], [h["score"] for h in hits], atol=1e-6)


def test_queries_come_from_a_file_too(capsys: pytest.CaptureFixture[str], model: str) -> None:
    Path("queries.txt").write_text("one\ntwo\n")
    arguments = ["--queries", "queries.txt", "--in", "texts.txt", "-k", "1", "-m", model]
    rows = rows_of(capsys, "search", "zero", *arguments)
    assert [row["query"] for row in rows] == ["zero", "one", "two"]


def test_columns_are_kept_and_conditions_followed(
    capsys: pytest.CaptureFixture[str], model: str
) -> None:
    table = ["--in", "texts.csv", "--column", "body", "--keep", "lang,n", "-m", model]
    rows = rows_of(capsys, "search", "a", *table, "--where", "lang=en", "--where", "n>=2")
    assert [(row["lang"], row["n"], row["row"]) for row in rows] == [("en", "3", 4)]
    best = rows_of(capsys, "search", "a", *table, "--group-by", "lang")
    assert sorted(row["lang"] for row in best) == ["de", "en"]


@pytest.mark.parametrize("kept", [[], ["--index", "out"], ["--cache", "out"]])
def test_columns_that_conditions_and_groups_name_are_read(
    kept: list[str], capsys: pytest.CaptureFixture[str], model: str
) -> None:
    table = ["--in", "texts.csv", "--column", "body", "-m", model, *kept]
    asked = ["--where", "n>=2", "--group-by", "lang"]
    rows = rows_of(capsys, "search", "a", *table, *asked)
    assert sorted(row["lang"] for row in rows) == ["de", "en"]
    assert all(int(row["n"]) >= 2 for row in rows)
    again = rows_of(capsys, "search", "a", *table)
    assert len(again) == len(TEXTS)


@pytest.mark.parametrize("kept", [[], ["--index", "out"]])
@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (["--where", "lang"], "condition-invalid"),
        (["--where", "none=1"], "column-missing"),
        (["--group-by", "none"], "column-missing"),
        (["--where", "part=1"], "column-missing"),
    ],
)
def test_conditions_are_refused_before_texts_are_embedded(
    asked: list[str], code: str, kept: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    table = ["--in", "texts.csv", "--column", "body", "-m", "no-such-model"]
    assert f"[{code}]" in error_of(capsys, "search", "a", *table, *kept, *asked)
    assert not Path("out").exists()


def test_several_files_have_their_names_and_row_numbers(
    capsys: pytest.CaptureFixture[str], model: str
) -> None:
    Path("more.txt").write_text("Tickets are sold here.\n")
    rows = rows_of(capsys, "search", "a", "--in", "texts.txt", "more.txt", "-m", model)
    places = {(row["file"], row["row"]) for row in rows}
    assert places == {("more.txt", 1), *(("texts.txt", n) for n in range(1, 6))}


@pytest.mark.parametrize("options", [[], ["--index", "kept"]])
def test_documents_have_the_names_of_their_files(
    options: list[str], capsys: pytest.CaptureFixture[str], model: str
) -> None:
    Path("docs").mkdir()
    for name in ("a.md", "b.md"):
        Path("docs", name).write_text(f"# {name}\n\nTickets.\n")
    command = ["search", "Tickets", "--in", "docs", "--files", "-m", model, *options, "-q"]
    rows = rows_of(capsys, *command)
    assert {row["file"]: row["text"] for row in rows} == {
        f"docs/{name}": f"# {name}\n\nTickets.\n" for name in ("a.md", "b.md")
    }


def test_the_best_part_of_a_document_is_shown(
    capsys: pytest.CaptureFixture[str], model: str
) -> None:
    Path("docs").mkdir()
    Path("docs/a.md").write_text(" ".join(TEXTS))
    Path("docs/b.md").write_text("Tickets are sold here.")
    embed = ["embed", "-i", "docs", "--files", "--chunk", "12", "-o", "parts/", "-m", model]
    assert run([*embed, "--format", "jsonl", "-q"]) == 0
    rows = rows_of(capsys, "search", "Tickets", "--in", "parts")
    assert sorted(row["file"] for row in rows) == ["docs/a.md", "docs/b.md"]
    assert all(row["text"] in Path(row["file"]).read_text() for row in rows)


@pytest.mark.parametrize("kept", [[], ["--index", "parts"], ["--cache", "parts"]])
def test_documents_are_cut_and_searched_in_one_command(
    kept: list[str], capsys: pytest.CaptureFixture[str], model: str
) -> None:
    Path("docs").mkdir()
    Path("docs/a.md").write_text("# Prices\n\n" + " ".join(f"**{text}**" for text in TEXTS))
    Path("docs/b.md").write_text("Tickets are sold here.")
    Path("docs/c.md").write_text(" \n")
    cut = ["--files", "--markdown", "--chunk", "12", "--overlap", "2"]
    rows = rows_of(capsys, "search", "Tickets", "--in", "docs", *cut, *kept, "-m", model)
    texts = [Path(f"docs/{name}.md").read_text() for name in "abc"]
    search = Search(texts, model, chunk=12, overlap=2, markdown=True)
    expected = search("Tickets", group_by="row")
    assert [(row["file"], row["text"], row["start"], row["end"]) for row in rows] == [
        (f"docs/{'abc'[hit['row'] - 1]}.md", hit["text"], hit["start"], hit["end"])
        for hit in expected
    ]
    assert len(rows) == 2  # the third is empty
    spans = {row["file"]: Path(row["file"]).read_text()[row["start"] : row["end"]] for row in rows}
    assert all(row["text"][:5] in spans[row["file"]] for row in rows)


@pytest.mark.parametrize("kept", [[], ["--index", "parts"]])
def test_parts_of_a_table_keep_its_columns(
    kept: list[str], capsys: pytest.CaptureFixture[str], model: str
) -> None:
    cut = ["--column", "body", "--keep", "n", "--chunk", "8", *kept, "-m", model]
    rows = rows_of(capsys, "search", "Tickets", "--in", "texts.csv", *cut)
    assert sorted(row["row"] for row in rows) == [1, 2, 3, 4, 5]
    for row in rows:
        assert row["text"] == TEXTS[row["row"] - 1][row["start"] : row["end"]]
        assert row["n"] == str(row["row"] - 1)
    assert any(row["part"] > 0 for row in rows)


def test_documents_of_several_files_are_their_rows(
    capsys: pytest.CaptureFixture[str], model: str
) -> None:
    Path("more.txt").write_text("Tickets are sold here.\nThe other line.\n")
    files = ["--in", "texts.txt", "more.txt", "--chunk", "8"]
    rows = rows_of(capsys, "search", "a", *files, "-k", "20", "-m", model)
    places = [(row["file"], row["row"]) for row in rows]
    assert sorted(places) == [
        ("more.txt", 1),
        ("more.txt", 2),
        *(("texts.txt", n) for n in range(1, 6)),
    ]


@pytest.mark.parametrize(
    "asked",
    [["--chunk", "16"], ["--overlap", "1"], ["--overlap", "0"], ["--vectors", "int8"]],
)
def test_an_index_that_was_made_with_other_options_is_refused(
    asked: list[str], capsys: pytest.CaptureFixture[str], model: str
) -> None:
    command = ["search", "a", "--in", "texts.txt", "--index", "out", "-m", model]
    assert run([*command, "--chunk", "12", "--overlap", "2", "-q"]) == 0
    assert run([*command, "-q"]) == 0  # as it was made
    assert run([*command, "--overlap", "2", "-q"]) == 0
    capsys.readouterr()
    name, value = asked[0].strip("-"), asked[1]
    chunk = ["--chunk", "12"] if name == "overlap" else []
    error = error_of(capsys, *command, *chunk, *asked)
    assert f"made with {name} " in error
    assert f", not {value}" in error
    assert "[index-differs]" in error


@pytest.mark.parametrize("command", [("search", "sea"), ("duplicates",), ("cluster",)])
def test_rows_without_a_text_are_skipped_if_asked(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str], model: str
) -> None:
    lines = ['{"text": "The sea is blue."}', '{"text": null}', '{"text": "The sea is blue"}']
    Path("rows.jsonl").write_text("\n".join(lines) + "\n")
    arguments = [*command, "--in", "rows.jsonl", "-m", model]
    assert "leave out invalid rows with --skip-invalid. [row-malformed]" in error_of(
        capsys, *arguments
    )
    more = ["--min-size", "2"] if command == ("cluster",) else []
    assert run([*arguments, *more, "--skip-invalid"]) == 0
    shown = capsys.readouterr()
    assert "rows.jsonl: row 2 holds null instead of a text" in shown.err
    assert {json.loads(line)["row"] for line in shown.out.splitlines()} == {1, 3}


@pytest.mark.parametrize(
    "command", [("fill-mask",), ("tokens",), ("similarity",), ("similarity", "--pairs", "text,b")]
)
def test_an_error_names_no_option_that_the_command_lacks(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("rows.jsonl").write_text('{"text": "a", "b": "c"}\n{"text": null, "b": "c"}\n')
    error = error_of(capsys, *command, "--input", "rows.jsonl")
    assert "row 2 holds null instead of a text" in error
    assert "Correct the row. [row-malformed]" in error


@pytest.mark.parametrize("kept", [[], ["--index", "out"]])
@pytest.mark.parametrize("command", ["search", "duplicates", "cluster"])
def test_empty_texts_are_left_out(
    command: str, kept: list[str], capsys: pytest.CaptureFixture[str], model: str
) -> None:
    Path("blank.txt").write_text("Tickets\n\n  \nTickets\n\nThe sea\n")
    options = ["sea"] if command == "search" else ["--threshold", "-1"]
    options += ["--min-size", "2"] if command == "cluster" else []
    arguments = [command, *options, "--in", "blank.txt", *kept, "-m", model]
    assert run([*arguments, "--format", "jsonl"]) == 0
    shown = capsys.readouterr()
    rows = sorted(json.loads(line)["row"] for line in shown.out.splitlines())
    assert rows == [1, 4, 6]
    assert shown.err.count("[text-empty]") == 1
    assert "3 of 6 texts are empty, the first is number 2" in shown.err
    assert "search never shows them" in shown.err


@pytest.mark.parametrize("against", [True, False])
def test_empty_texts_are_near_to_nothing(
    against: bool, capsys: pytest.CaptureFixture[str], model: str
) -> None:
    Path("blank.txt").write_text("Tickets\n\nThe sea\n")
    compared = ["--against", "texts.txt"] if against else []
    arguments = ["-i", "blank.txt", *compared, "--top-k", "1", "-m", model]
    rows = rows_of(capsys, "similarity", *arguments)
    assert [row["row"] for row in rows] == [1, 3]
    if not against:
        assert [row["nearest"] for row in rows] == [3, 1]


@pytest.mark.parametrize("option", ["--index", "--cache"])
def test_vectors_are_made_once(option: str, capsys: pytest.CaptureFixture[str], model: str) -> None:
    table = ["--in", "texts.csv", "--column", "body", "--keep", "n", option, "kept"]
    command = ["search", "Tickets", *table, "-k", "2", "-m", model]
    assert run(command) == 0
    first = capsys.readouterr()
    assert "5 texts embedded in " in first.err
    assert run(command) == 0
    second = capsys.readouterr()
    assert (second.out, second.err) == (first.out, "")
    assert [json.loads(line)["n"] for line in first.out.splitlines()]


def test_a_cache_sees_another_content_of_the_same_size(
    capsys: pytest.CaptureFixture[str], model: str
) -> None:
    command = ["search", "a", "--in", "texts.txt", "--cache", "kept", "-k", "1", "-m", model]
    for text in (TEXTS[0], TEXTS[0].upper(), TEXTS[0]):
        Path("texts.txt").write_text(text)
        assert [row["text"] for row in rows_of(capsys, *command)] == [text]
    assert len(list(Path("kept").iterdir())) == 2


def test_an_index_that_was_stopped_is_finished(
    capsys: pytest.CaptureFixture[str], model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("albertkit.cli.search_input.SHARD_ROWS", 2)
    command = ["search", "a", "--in", "texts.txt", "--index", "out", "-m", model]
    assert run(command) == 0
    first = capsys.readouterr()
    last, middle = sorted(Path("out").glob("part-*"), reverse=True)[:2]
    for lost in ([last], [last, middle]):
        for path in lost:
            path.unlink()
        assert run(command) == 0
        again = capsys.readouterr()
        assert again.out == first.out
        assert f"{2 * len(lost) - 1} text" in again.err
    middle.unlink()
    assert run(["search", "a", "--index", "out"]) == 2
    assert "file 1 is missing" in capsys.readouterr().err


@pytest.mark.parametrize("options", [[], ["--chunk", "8"]])
def test_an_index_whose_last_file_is_full_is_no_news(
    options: list[str],
    capsys: pytest.CaptureFixture[str],
    model: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("albertkit.cli.search_input.SHARD_ROWS", len(TEXTS))
    command = ["search", "a", "--in", "texts.txt", "--index", "out", "-m", model, *options]
    assert run(command) == 0
    assert f"{'parts' if options else 'texts'} embedded in" in (first := capsys.readouterr()).err
    assert run(command) == 0
    assert capsys.readouterr() == (first.out, "")


@pytest.mark.parametrize("options", [("--chunk", "8"), ("--skip-invalid",)])
def test_a_stopped_index_whose_files_have_other_numbers_of_rows_is_finished(
    options: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
    model: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("albertkit.cli.search_input.SHARD_ROWS", 3)
    lines = [json.dumps({"text": text}) for text in ("", *TEXTS)]
    if "--skip-invalid" in options:
        lines[1] = '{"text": null}'
    Path("texts.jsonl").write_text("\n".join(lines) + "\n\n")
    command = ["search", "a", "--in", "texts.jsonl", "--index", "out", "-m", model, *options]
    expected = rows_of(capsys, *command)
    sorted(Path("out").glob("part-*"))[-1].unlink()
    assert rows_of(capsys, *command) == expected


def test_an_index_of_other_texts_is_refused(capsys: pytest.CaptureFixture[str], model: str) -> None:
    command = ["search", "a", "--in", "texts.txt", "--index", "out", "-k", "1", "-m", model]
    assert run(command) == 0
    assert run(["search", "a", "--in", "out", "-k", "1"]) == 0
    Path("other.txt").write_text("a\n")
    capsys.readouterr()
    command[3] = "other.txt"
    assert "made of texts.txt, not of other.txt" in error_of(capsys, *command)
    several = [*command[:4], "texts.txt", *command[4:]]
    assert "made of texts.txt, not of other.txt, texts.txt" in error_of(capsys, *several)
    Path("texts.txt").write_text("a text\n")
    command[3] = "texts.txt"
    assert "had 144 bytes, and has 7 now" in error_of(capsys, *command)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (["--column", "lang"], "it was made with --column body, not lang"),
        (["--keep", "n,lang"], "its columns are n, text, and --keep names 'lang'"),
        (["--truncation", "error"], "it was made with --truncation warn, not error"),
        (["--files"], "it was made without --files"),
        (["--delimiter", ";"], "it was made without --delimiter"),
    ],
)
def test_an_index_whose_texts_were_read_in_another_way_is_refused(
    asked: list[str], why: str, capsys: pytest.CaptureFixture[str], model: str
) -> None:
    command = ["search", "a", "--in", "texts.csv", "--index", "out", "-m", model, "-q"]
    assert run([*command, "--column", "body", "--keep", "n"]) == 0
    assert run(command) == 0  # what is left out is as it was made
    capsys.readouterr()
    for given in (command, [*command[:2], *command[4:]], ["search", "a", "--in", "out"]):
        error = error_of(capsys, *given, *asked)
        assert why in error
        assert "[index-differs]" in error


def test_the_only_column_need_not_be_named(capsys: pytest.CaptureFixture[str], model: str) -> None:
    Path("one.csv").write_text("body\nTickets\nThe sea\n")
    command = ["search", "a", "--in", "one.csv", "--index", "out", "-m", model]
    first = rows_of(capsys, *command)
    assert rows_of(capsys, *command, "--column", "body") == first


def change_texts(edit: Callable[[str], str]) -> None:
    """Write the texts again, a second after the index was begun."""
    texts = Path("texts.txt")
    texts.write_text(edit(texts.read_text()))
    later = Path("out/_job.json").stat().st_mtime_ns + 10**9
    os.utime(texts, ns=(later, later))


def test_an_index_is_refused_if_a_text_changed_and_its_size_did_not(
    capsys: pytest.CaptureFixture[str], model: str
) -> None:
    command = ["search", "a", "--in", "texts.txt", "--index", "out", "-m", model]
    first = rows_of(capsys, *command)
    change_texts(str)  # as a copy does
    assert rows_of(capsys, *command) == first
    change_texts(str.upper)
    error = error_of(capsys, *command)
    assert "texts.txt has the same size as before, but other contents" in error
    assert "[index-differs]" in error
    assert rows_of(capsys, "search", "a", "--index", "out") == first


def test_an_index_that_embed_wrote_is_refused_if_a_text_was_written_later(
    capsys: pytest.CaptureFixture[str], model: str
) -> None:
    assert run(["embed", "-i", "texts.txt", "-o", "out/", "-m", model, "-q"]) == 0
    command = ["search", "a", "--in", "texts.txt", "--index", "out"]
    assert len(rows_of(capsys, *command)) == len(TEXTS)
    change_texts(str)
    error = error_of(capsys, *command)
    assert "texts.txt was written after the index was begun" in error
    assert "[index-differs]" in error


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["search", "a"], "usage"),
        (["search", "a", "--in", "none.txt"], "file-not-found"),
        (["search", "--in", "texts.txt", "--queries", "empty.txt"], "texts-missing"),
        (["search", "a", "--in", "empty.txt"], "texts-missing"),
        (["search", "a", "--in", "binaries"], "texts-missing"),
        (["search", "a", "--in", "blank.txt"], "texts-missing"),
        (["search", "a", "--in", "texts.txt", "--overlap", "3"], "option-invalid"),
        (["search", "a", "--in", "texts.txt", "--chunk", "2"], "chunk-too-small"),
        (["search", "a", "--in", "texts.txt", "--chunk", "999"], "chunk-too-large"),
        (["search", "a", "--in", "v.npy", "--chunk", "12"], "option-invalid"),
        (["search", "a", "--index", "binaries"], "index-invalid"),
        (["search", "a", "--in", "texts.txt", "--index", "b", "--cache", "c"], "usage"),
        (["search", "a", "--in", "-", "--index", "b"], "usage"),
        (["search", "a", "--index", "none"], "file-not-found"),
        (["search", "a", "--in", "texts.txt", "--index", "texts.txt"], "usage"),
        (["search", "a", "--in", "texts.txt", "--cache", "texts.csv"], "usage"),
        (["search", "a", "--in", "texts.csv", "--where", "lang=en"], "column-missing"),
        (["duplicates"], "usage"),
        (["duplicates", "-i", "texts.txt", "--threshold", "nan"], "option-invalid"),
        (["cluster", "-i", "texts.txt", "--threshold", "nan"], "option-invalid"),
        (["cluster", "--in", "empty.txt"], "texts-missing"),
        (["duplicates", "-i", "texts.csv", "-o", "texts.csv"], "output-taken"),
        (["cluster", "-i", "*.csv", "-o", "texts.csv"], "output-taken"),
        (["search", "a", "-i", ".", "-o", "hits.csv"], "output-taken"),
        (["search", "--queries", "a.csv", "-i", "b.csv", "-o", "a.csv"], "output-taken"),
        (["similarity", "a", "--against", "texts.csv", "-o", "texts.csv"], "output-taken"),
        (["fill-mask", "-i", "texts.csv", "-o", "texts.csv"], "output-taken"),
        (["duplicates", "-i", "texts.txt", "-o", "a.npy"], "output-format-unknown"),
        (["similarity", "a", "b", "--top-k", "1", "-o", "a.npy"], "output-format-unknown"),
        (["similarity", "a", "b", "--pairs", "a,b"], "usage"),
        (["similarity", "--pairs", "a", "-i", "texts.csv"], "usage"),
        (["similarity", "a", "b", "--top-k", "2", "--plot", "a.png"], "usage"),
        (["similarity", "--pairs", "body,none", "-i", "texts.csv"], "column-missing"),
    ],
)
def test_wrong_input_is_one_line(
    arguments: list[str], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("empty.txt").touch()
    Path("blank.txt").write_text("\n \n")
    np.save("v.npy", np.ones((3, 8), np.float32))
    Path("binaries").mkdir()
    Path("binaries/a.bin").write_bytes(bytes(range(256)))
    assert f"[{code}]" in error_of(capsys, *arguments).splitlines()[-1]


@pytest.mark.parametrize(
    ("dtype", "options", "fix"),
    [
        (np.float32, [], "Give --model, the one that made the vectors"),
        (np.int8, [], "Say which: --vectors int8, uint8, binary or ubinary"),
        (np.int8, ["--vectors", "int8"], "Search the directory that albertkit embed writes"),
        (np.float16, ["--vectors", "int8"], "Leave --vectors out"),
    ],
)
def test_a_remedy_is_in_words_of_the_command(
    dtype: type, options: list[str], fix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save("v.npy", np.ones((3, 8), dtype))
    assert fix in error_of(capsys, "search", "a", "--in", "v.npy", *options)


def test_a_missing_query_leads_to_its_option(capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty.txt").touch()
    error = error_of(capsys, "search", "--in", "texts.txt", "--queries", "empty.txt")
    assert error.startswith("error: there is no query; the input is empty. Give queries in quotes")


def test_duplicates_are_grouped(capsys: pytest.CaptureFixture[str]) -> None:
    rows = rows_of(capsys, "duplicates", "-i", "texts.csv", "--column", "body", "--keep", "n")
    assert [(r["group"], r["row"], r["duplicate_of"], r["n"]) for r in rows] == [
        (1, 2, None, "1"),
        (1, 4, 2, "3"),
    ]
    vectors = TextEmbedder().encode([TEXTS[1], TEXTS[3]], normalize_embeddings=True)
    assert rows[1]["score"] == pytest.approx(float(vectors[0] @ vectors[1]), abs=1e-5)
    assert rows_of(capsys, "duplicates", "-i", "texts.txt", "--threshold", "1") == []


def test_clusters_are_those_of_the_library(capsys: pytest.CaptureFixture[str], model: str) -> None:
    options = ["--threshold", "0.5", "--min-size", "2"]
    rows = rows_of(capsys, "cluster", "-i", "texts.txt", "-m", model, *options)
    expected = community_detection(TextEmbedder(model).encode(TEXTS), 0.5, 2)
    assert expected
    clusters = [[r["row"] - 1 for r in rows if r["cluster"] == n + 1] for n in range(len(expected))]
    assert clusters == expected
    assert {r["size"] for r in rows} == {len(ids) for ids in expected}


@pytest.mark.parametrize(
    ("command", "names"),
    [
        (["search", "a"], {"query", "rank", "score"}),
        (["duplicates", "--threshold", "-1"], {"group", "duplicate_of", "score"}),
        (["cluster", "--threshold", "-1", "--min-size", "2"], {"cluster", "size"}),
    ],
)
def test_a_kept_column_replaces_none_of_the_results(
    command: list[str], names: set[str], capsys: pytest.CaptureFixture[str], model: str
) -> None:
    rows = ({"text": text, **dict.fromkeys(names, f"x {text}")} for text in TEXTS)
    Path("named.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    inputs = ["--in", "named.jsonl", "-m", model]
    for plain, row in zip(
        rows_of(capsys, *command, *inputs),
        rows_of(capsys, *command, *inputs, "--keep", ",".join(names)),
        strict=True,
    ):
        assert {**row, **plain} == row
        assert {row[f"{name}_"] for name in names} == {f"x {row['text']}"}


def test_similarity_of_columns_row_by_row(capsys: pytest.CaptureFixture[str], model: str) -> None:
    arguments = ["--pairs", "body, lang", "-i", "texts.csv", "-m", model]
    rows = rows_of(capsys, "similarity", *arguments)
    embedder = TextEmbedder(model)
    left, right = embedder.encode(TEXTS), embedder.encode([str(row["lang"]) for row in ROWS])
    expected = embedder.similarity_pairwise(left, right)
    np.testing.assert_allclose([row["score"] for row in rows], expected, atol=1e-5)
    assert [(row["row"], row["lang"]) for row in rows][3] == (4, "en")


@pytest.mark.parametrize("against", [True, False])
def test_similarity_shows_the_nearest_texts(
    against: bool, capsys: pytest.CaptureFixture[str], model: str
) -> None:
    others = ["Tickets cost nothing.", "Nine o'clock", "A dog"]
    Path("others.txt").write_text("\n".join(others))
    arguments = ["--against", "others.txt"] if against else []
    rows = rows_of(capsys, "similarity", *TEXTS, *arguments, "--top-k", "2", "-m", model)
    embedder = TextEmbedder(model)
    scores = embedder.similarity(
        embedder.encode(TEXTS), embedder.encode(others if against else TEXTS)
    )
    if not against:
        np.fill_diagonal(scores, -9)
    expected = np.argsort(-scores, axis=1)[:, :2] + 1
    assert [[r["nearest"] for r in rows if r["row"] == n] for n in range(1, 6)] == expected.tolist()


def test_too_many_texts_for_a_matrix_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    Path("many.txt").write_text("a text\n" * 5001)
    assert "5,001 texts" in error_of(capsys, "similarity", "-i", "many.txt")


def test_a_terminal_gets_a_table_for_each_query(capsys: pytest.CaptureFixture[str]) -> None:
    hits = [{"corpus_id": 4, "score": 0.5, "text": "a\nb"}]
    assert draw_hits(["one"], [hits]).splitlines() == ["score   row  text", "0.5000    5  a b"]
    drawn = draw_hits(["one", "two"], [hits, []])
    assert drawn.splitlines()[0] == "one"
    assert drawn.splitlines()[-2:] == ["two", "no row fulfils the conditions"]


def test_a_part_is_shown_with_its_characters_and_the_end_of_its_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = {"file": "a/long/path/to/the/folder/of/documents/page.md", "part": 3}
    hit = {"corpus_id": 4, "score": 0.5, **place, "text": "words " * 30, "start": 10, "end": 190}
    assert draw_hits(["one"], [[hit]]).splitlines()[0].split() == [
        *("score", "file", "characters", "text")
    ]
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    line = draw_hits(["one"], [[hit]]).splitlines()[1]
    assert len(line) == 80
    assert "documents/page.md  10-190      words words" in line


def test_a_terminal_is_not_flooded(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = Table({"row": list(range(250)), "score": np.ones(250, np.float32)})
    assert len(draw_first_rows(table).splitlines()) == 251
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setattr("albertkit.cli.search_output.sys.stdout.isatty", lambda: True)
    assert len(draw_first_rows(table).splitlines()) == 101
    assert "150 more rows are not shown" in capsys.readouterr().err
